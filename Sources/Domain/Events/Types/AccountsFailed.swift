/// `accounts.failed`
enum AccountsFailed {
    static let event = EventType(
        "accounts.failed",
        "A refresh that was asked for could not fetch the list of accounts.",
        isRefresh: true,
        isError: true,
        okra: EventType.Okra(["ACCOUNTS"], ["ACCOUNTS_ERROR"]),
        leadsTo: .refresh,
        data: [EventMembers.reason],
        example: EventType.Example(["reason": "provider_unavailable"]))
}
