/// `institution.down`
enum InstitutionDown {
    static let event = EventType(
        "institution.down",
        "A bank does not answer any more; refreshes wait for it.",
        of: .environment,
        isError: true,
        okra: EventType.Okra(["INSTITUTION"], ["INSTITUTION_DOWN"]),
        leadsTo: .institution,
        data: EventMembers.health("down"),
        example: EventType.Example(EventMembers.exampleHealth("down", was: "healthy")))
}
