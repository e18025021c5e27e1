/// `refresh.interval_changed`
enum RefreshIntervalChanged {
    static let event = EventType(
        "refresh.interval_changed",
        "A record is refreshed in another rhythm than before: it was asked for, or the bank, its budget or the "
            + "operator bound it.",
        isRefresh: true,
        okra: EventType.Okra(["REFRESH"], ["REFRESH_INTERVAL_CHANGED"]),
        leadsTo: .schedule,
        data: [
            EventMember("paused", .flag, "Whether nothing is refreshed by itself for now."),
            EventMember(
                "balance", rhythm,
                "The rhythm of balances: `interval` as it was asked for (null: only on demand), what it comes to in "
                    + "`effective_seconds` and the `reason` where that is longer, both as they were before, and "
                    + "`next_refresh_at`."), EventMember("transactions", rhythm, "The same, of transactions."),
        ],
        example: EventType.Example(["paused": false, "balance": exampleRhythm, "transactions": exampleRhythm]))

    private static let rhythm = EventSchema.object([
        EventMember("interval", interval, "As it was asked for; null for only on demand."),
        EventMember("effective_seconds", .integer.orNull, "What it comes to."),
        EventMember("reason", .one(of: IntervalReason.allCases.map(\.rawValue)).orNull, "Why that is longer."),
        EventMember("previous_interval", interval, "As it was asked for before."),
        EventMember("previous_effective_seconds", .integer.orNull, "What that came to."),
        EventMember("next_refresh_at", .instant.orNull, "When it is refreshed next; null for only on demand."),
    ])
    private static let interval = EventSchema.one(of: RefreshInterval.allCases.map(\.rawValue)).orNull

    private static let exampleRhythm: JSONValue = [
        "interval": "one_hour", "effective_seconds": 21_600, "reason": "bank_minimum", "previous_interval": "daily",
        "previous_effective_seconds": 86_400, "next_refresh_at": "2024-01-15T15:00:02.000Z",
    ]
}
