/// `auth.success`
enum AuthSuccess {
    static let event = EventType(
        "auth.success",
        "An account was linked; its record exists.",
        okra: EventType.Okra(["AUTH"], ["AUTH_SUCCESS"]),
        leadsTo: .connection,
        data: [EventMember("merged", .flag, "It was linked before and keeps its ids.", isOptional: true)],
        top: [EventMember("auth", EventMembers.auth)],
        example: EventType.Example([:], top: ["auth": EventMembers.exampleAuth(isRepair: false)]))
}
