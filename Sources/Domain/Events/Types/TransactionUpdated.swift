/// `transaction.updated`
enum TransactionUpdated {
    static let event = EventType(
        "transaction.updated",
        "Transactions changed, as when a pending one is posted; ids stay.",
        isRefresh: true,
        okra: EventType.Okra(
            ["TRANSACTIONS", "PERIODIC_TRANSACTIONS", "REFRESH_TRANSACTIONS"], ["PERIODIC_TRANSACTIONS"]),
        leadsTo: .transactions,
        data: EventMembers.changed,
        resource: .list(of: EventMembers.row),
        top: [EventMembers.newTransactions],
        example: EventType.Example(
            EventMembers.exampleChanged, resource: [EventMembers.exampleRow], top: ["new_transactions": 1]))
}
