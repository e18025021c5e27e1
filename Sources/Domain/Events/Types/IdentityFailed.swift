/// `identity.failed`
enum IdentityFailed {
    static let event = EventType(
        "identity.failed",
        "The identity that a link or a refresh asked for could not be fetched.",
        isError: true,
        okra: EventType.Okra(["IDENTITY"], ["IDENTITY_ERROR"]),
        leadsTo: .refresh,
        data: [EventMembers.reason],
        example: EventType.Example(["reason": "provider_unavailable"]))
}
