/// `transaction.split`
enum TransactionSplit {
    static let event = EventType(
        "transaction.split",
        "What was one transaction was ruled by the API to be two.",
        isRefresh: true,
        okra: EventType.Okra(["REFRESH_TRANSACTIONS"], ["TRANSACTIONS_SPLIT"]),
        leadsTo: .transactions,
        data: EventMembers.pairs("split"), resource: .list(of: EventMembers.row),
        example: EventType.Example(EventMembers.examplePairs("split"), resource: [EventMembers.exampleRow]))
}
