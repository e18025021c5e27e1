/// `balance.success`
enum BalanceSuccess {
    static let event = EventType(
        "balance.success",
        "A balance was fetched: it has changed, or somebody asked.",
        isRefresh: true,
        okra: EventType.Okra(["BALANCE", "PERIODIC_BALANCE", "CHECK_BALANCE"], ["BALANCE_SUCCESS"]),
        leadsTo: .account,
        data: [EventMembers.account, EventMember("changed", .flag, "Whether it is another than before.")],
        resource: EventMembers.summary(hasNumber: true),
        top: [EventMember("balance", EventMembers.summary(hasNumber: false))],
        completeTop: [EventMember("balance", EventMembers.summary(hasNumber: true))],
        example: EventType.Example(
            ["account": .string(EventExample.account), "changed": true],
            resource: EventMembers.exampleSummary(hasNumber: true),
            top: ["balance": EventMembers.exampleSummary(hasNumber: false)],
            completeTop: ["balance": EventMembers.exampleSummary(hasNumber: true)]))
}
