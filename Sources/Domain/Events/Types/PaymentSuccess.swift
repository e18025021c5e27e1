/// `payment.success`
enum PaymentSuccess {
    static let event = EventType(
        "payment.success",
        "A payment was made.",
        isPlanned: true,
        okra: EventType.Okra(["PAYMENT"], ["PAYMENT_SUCCESS"]),
        leadsTo: .connection,
        data: [
            EventMember("payment", .id, "The payment."), EventMember("amount_minor", .integer, "In minor units."),
            EventMembers.currency,
        ],
        example: EventType.Example([
            "payment": .string(EventExample.other), "amount_minor": 250_000, "currency": "NGN",
        ]))
}
