/// `auth.failed`
enum AuthFailed {
    static let event = EventType(
        "auth.failed",
        "An account could not be linked, or a record not repaired; its user may try again.",
        of: .environment,
        isError: true,
        okra: EventType.Okra(["AUTH"], ["AUTH_ERROR"]),
        leadsTo: .linkSession,
        data: [
            EventMembers.session, EventMembers.reason,
            EventMember("institution", .text, "The bank."),
            EventMember("record", .id.orNull, "The record that was to be repaired."),
            EventMember("customer", .id.orNull, "Whose link it was, where the caller said so."),
        ],
        example: EventType.Example([
            "session": .string(EventExample.session), "reason": "user_locked", "institution": "access-bank",
            "record": nil, "customer": nil,
        ]))
}
