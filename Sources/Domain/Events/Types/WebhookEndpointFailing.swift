/// `webhook_endpoint.failing`
enum WebhookEndpointFailing {
    static let event = EventType(
        "webhook_endpoint.failing",
        "An endpoint has taken nothing for `hours` hours; the environment's other endpoints and the feed tell of it.",
        of: .environment,
        isError: true,
        okra: EventType.Okra(["WEBHOOK_ENDPOINT"], ["WEBHOOK_ENDPOINT_FAILING"]),
        leadsTo: .endpoint,
        data: [
            EventMember("endpoint", .id, "The endpoint."),
            EventMember("hours", .count, "For how long; it is told after 24 and after 72."),
            EventMember("failing_since", .instant, "When the first of them failed."),
            EventMember("failures", .count, "How many attempts in a row failed."),
            EventMember("last_error", .text.orNull, "The class of the last one's error, or its status."),
        ],
        example: EventType.Example([
            "endpoint": .string(EventExample.endpoint), "hours": 24, "failing_since": "2024-01-14T09:00:00.000Z",
            "failures": 37, "last_error": "timeout",
        ]))
}
