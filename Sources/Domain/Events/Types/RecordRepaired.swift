/// `record.repaired`
enum RecordRepaired {
    static let event = EventType(
        "record.repaired",
        "The record is served again, with its ids and data: `by` says whether its `person` logged in or it healed by "
            + "`itself`.",
        okra: EventType.Okra(["AUTH"], ["RECORD_REPAIRED"]),
        leadsTo: .connection,
        data: [
            EventMember("by", .one(of: ["person", "itself"]), "Who repaired it."),
            EventMember("session", .text, "The link session in which the person logged in.", isOptional: true),
            EventMembers.consentEnd,
        ],
        top: [EventMember("auth", EventMembers.auth, isOptional: true)],
        example: EventType.Example(
            [
                "by": "person", "session": .string(EventExample.session),
                "consent_expires_at": "2024-07-15T09:00:00.000Z",
            ], top: ["auth": EventMembers.exampleAuth(isRepair: true)]))
}
