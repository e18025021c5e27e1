/// `transaction.success`
enum TransactionSuccess {
    static let event = EventType(
        "transaction.success",
        "Transactions of an account came in.",
        isRefresh: true,
        okra: EventType.Okra(
            ["TRANSACTIONS", "PERIODIC_TRANSACTIONS", "REFRESH_TRANSACTIONS"],
            ["INITIAL_TRANSACTIONS", "FULL_TRANSACTIONS", "PERIODIC_TRANSACTIONS"]),
        leadsTo: .transactions,
        data: EventMembers.changed,
        resource: .list(of: EventMembers.row),
        top: [EventMembers.newTransactions],
        example: EventType.Example(
            EventMembers.exampleChanged, resource: [EventMembers.exampleRow], top: ["new_transactions": 1]))
}
