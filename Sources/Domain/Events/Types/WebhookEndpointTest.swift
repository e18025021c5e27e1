/// `webhook_endpoint.test`
enum WebhookEndpointTest {
    static let event = EventType(
        "webhook_endpoint.test",
        "A test of one endpoint, which alone gets it.",
        of: .environment,
        okra: EventType.Okra(["WEBHOOK_ENDPOINT"], ["WEBHOOK_ENDPOINT_TEST"]),
        leadsTo: .endpoint,
        data: [EventMember("endpoint", .id, "The endpoint.")],
        example: EventType.Example(["endpoint": .string(EventExample.endpoint)]))
}
