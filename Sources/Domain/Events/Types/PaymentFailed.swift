/// `payment.failed`
enum PaymentFailed {
    static let event = EventType(
        "payment.failed",
        "A payment was not made.",
        isPlanned: true,
        isError: true,
        okra: EventType.Okra(["PAYMENT"], ["PAYMENT_ERROR"]),
        leadsTo: .connection,
        data: [
            EventMember("payment", .id, "The payment."), EventMember("amount_minor", .integer, "In minor units."),
            EventMembers.currency, EventMembers.reason,
        ],
        example: EventType.Example([
            "payment": .string(EventExample.other), "amount_minor": 250_000, "currency": "NGN",
            "reason": "provider_unavailable",
        ]))
}
