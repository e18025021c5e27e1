/// `transaction.merged`
enum TransactionMerged {
    static let event = EventType(
        "transaction.merged",
        "Rows were found, or ruled by the API, to be one transaction; lineage says why.",
        isRefresh: true,
        okra: EventType.Okra(
            ["TRANSACTIONS", "PERIODIC_TRANSACTIONS", "REFRESH_TRANSACTIONS"], ["TRANSACTIONS_MERGED"]),
        leadsTo: .transactions,
        data: EventMembers.pairs("merged"), resource: .list(of: EventMembers.row),
        example: EventType.Example(EventMembers.examplePairs("merged"), resource: [EventMembers.exampleRow]))
}
