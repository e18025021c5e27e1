/// `institution.degraded`
enum InstitutionDegraded {
    static let event = EventType(
        "institution.degraded",
        "A bank answers worse than it should: a fifth of its calls fail or more.",
        of: .environment,
        isError: true,
        okra: EventType.Okra(["INSTITUTION"], ["INSTITUTION_DEGRADED"]),
        leadsTo: .institution,
        data: EventMembers.health("degraded"),
        example: EventType.Example(EventMembers.exampleHealth("degraded", was: "healthy")))
}
