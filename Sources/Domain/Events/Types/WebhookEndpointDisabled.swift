/// `webhook_endpoint.disabled`
enum WebhookEndpointDisabled {
    static let event = EventType(
        "webhook_endpoint.disabled",
        "An endpoint is sent nothing more, and `reason` says why; events are kept.",
        of: .environment,
        isError: true,
        okra: EventType.Okra(["WEBHOOK_ENDPOINT"], ["WEBHOOK_ENDPOINT_DISABLED"]),
        leadsTo: .endpoint,
        data: [
            EventMember("endpoint", .id, "The endpoint."),
            EventMember("reason", .text, "`gone` (it answered 410), `failing` (for five days) or `manual`."),
            EventMember("failing_since", .instant.orNull, "When failing began; null where nothing failed."),
        ],
        example: EventType.Example([
            "endpoint": .string(EventExample.endpoint), "reason": "failing",
            "failing_since": "2024-01-10T09:00:00.000Z",
        ]))
}
