/// `account.gap_found`
enum AccountGapFound {
    static let event = EventType(
        "account.gap_found",
        "Balances speak of money that no transaction tells of, also after fetching the days again.",
        isRefresh: true,
        isError: true,
        okra: EventType.Okra(["TRANSACTIONS"], ["GAP_FOUND"]),
        leadsTo: .completeness,
        data: [
            EventMembers.account,
            EventMember("from", .day, "The first day of the gap."), EventMember("to", .day, "Its last day."),
            EventMember("amount_minor", .integer, "What the transactions do not tell of, in minor units."),
            EventMembers.currency,
        ],
        example: EventType.Example([
            "account": .string(EventExample.account), "from": "2024-01-14", "to": "2024-01-15",
            "amount_minor": -250_000, "currency": "NGN",
        ]))
}
