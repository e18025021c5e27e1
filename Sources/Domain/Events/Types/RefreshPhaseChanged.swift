/// `refresh.phase_changed`
enum RefreshPhaseChanged {
    static let event = EventType(
        "refresh.phase_changed",
        "A new record has come further: `full` when its newest data is there, `periodic` when its history is.",
        isRefresh: true,
        okra: EventType.Okra(["REFRESH"], ["REFRESH_PHASE_CHANGED"]),
        leadsTo: .schedule,
        data: [
            EventMember("phase", .one(of: ScanPhase.allCases.map(\.rawValue)), "How far it is."),
            EventMember("previous_phase", .one(of: ScanPhase.allCases.map(\.rawValue)), "How far it was."),
            EventMember("history_months", .count, "How much history is fetched."),
        ],
        example: EventType.Example(["phase": "full", "previous_phase": "initial", "history_months": 12]))
}
