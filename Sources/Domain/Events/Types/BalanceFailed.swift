/// `balance.failed`
enum BalanceFailed {
    static let event = EventType(
        "balance.failed",
        "A refresh that was asked for could not fetch the balance.",
        isRefresh: true,
        isError: true,
        okra: EventType.Okra(["BALANCE", "PERIODIC_BALANCE", "CHECK_BALANCE"], ["BALANCE_ERROR"]),
        leadsTo: .refresh,
        data: [EventMembers.someAccount, EventMembers.reason],
        example: EventType.Example(["reason": "rate_limited"]))
}
