/// `institution.recovered`
enum InstitutionRecovered {
    static let event = EventType(
        "institution.recovered",
        "A bank that was degraded or down answers as it should again.",
        of: .environment,
        okra: EventType.Okra(["INSTITUTION"], ["INSTITUTION_RECOVERED"]),
        leadsTo: .institution,
        data: EventMembers.health("healthy"),
        example: EventType.Example(EventMembers.exampleHealth("healthy", was: "down")))
}
