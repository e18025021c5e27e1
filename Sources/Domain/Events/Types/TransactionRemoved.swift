/// `transaction.removed`
enum TransactionRemoved {
    static let event = EventType(
        "transaction.removed",
        "Pending transactions were dropped by the bank.",
        isRefresh: true,
        okra: EventType.Okra(
            ["TRANSACTIONS", "PERIODIC_TRANSACTIONS", "REFRESH_TRANSACTIONS"], ["TRANSACTIONS_DELETED"]),
        leadsTo: .transactions,
        data: EventMembers.changed,
        resource: .list(of: EventMembers.row),
        top: [EventMember("removed_transactions", .list(of: .id))],
        example: EventType.Example(
            EventMembers.exampleChanged, resource: [EventMembers.exampleRow],
            top: ["removed_transactions": [.string(EventExample.transaction)]]))
}
