/// `transaction.failed`
enum TransactionFailed {
    static let event = EventType(
        "transaction.failed",
        "A refresh that was asked for could not fetch the transactions.",
        isRefresh: true,
        isError: true,
        okra: EventType.Okra(
            ["TRANSACTIONS", "PERIODIC_TRANSACTIONS", "REFRESH_TRANSACTIONS"], ["TRANSACTIONS_ERROR"]),
        leadsTo: .refresh,
        data: [EventMembers.someAccount, EventMembers.reason],
        example: EventType.Example(["reason": "provider_unavailable"]))
}
