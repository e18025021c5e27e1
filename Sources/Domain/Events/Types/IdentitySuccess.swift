/// `identity.success`
enum IdentitySuccess {
    static let event = EventType(
        "identity.success",
        "An identity is ready or has changed.",
        okra: EventType.Okra(["IDENTITY"], ["IDENTITY_IS_READY"]),
        leadsTo: .identity,
        data: [EventMember("identity", .id, "The identity.")],
        resource: EventMembers.person,
        top: [EventMember("identity", .object([EventMember("id", .id)]))],
        completeTop: [EventMember("identity", EventMembers.person)],
        example: EventType.Example(
            ["identity": .string(EventExample.identity)], resource: EventMembers.examplePerson,
            top: ["identity": ["id": .string(EventExample.identity)]],
            completeTop: ["identity": EventMembers.examplePerson]))
}
