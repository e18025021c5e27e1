/// `accounts.success`
enum AccountsSuccess {
    static let event = EventType(
        "accounts.success",
        "An account of the record can be read, or the bank renamed, closed or opened it again.",
        okra: EventType.Okra(["ACCOUNTS"], ["ACCOUNTS_SUCCESS"]),
        leadsTo: .account,
        data: [EventMembers.account],
        resource: EventMembers.summary(hasNumber: true),
        top: [EventMember("account", EventMembers.summary(hasNumber: false))],
        completeTop: [EventMember("account", EventMembers.summary(hasNumber: true))],
        example: EventType.Example(
            ["account": .string(EventExample.account)], resource: EventMembers.exampleSummary(hasNumber: true),
            top: ["account": EventMembers.exampleSummary(hasNumber: false)],
            completeTop: ["account": EventMembers.exampleSummary(hasNumber: true)]))
}
