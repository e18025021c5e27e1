/// How the members of a filter are written, in queries, bodies and on the command line.
extension LogFilter {
    /// Instead of a connection: the events that belong to none. It is kept as an empty text.
    public static let none = "none"
    private static let typesMax = 50

    /// - Throws: `invalid_field` for a name that means no event.
    public static func types(_ names: [String]) throws(DomainError) -> [String] {
        guard names.count <= typesMax else { throw .invalid("types", "names more than \(typesMax).") }
        for name in names where !EventCatalog.all.contains(where: { WebhookEndpoint.matches(name, $0.name) }) {
            let shown = name.prefix(40)
            if let near = Spelling.nearest(name, among: EventCatalog.all.map(\.name)) {
                throw .invalid("types", "has `\(shown)`, which is no event. Did you mean `\(near)`?")
            }
            throw .invalid("types", "has `\(shown)`, which is no event. Use names as in webhooks, or `record.*`.")
        }
        return names
    }

    /// - Throws: `invalid_field` for a name that is no state of a delivery.
    public static func states(_ names: [String]) throws(DomainError) -> Set<DeliveryState> {
        var states: Set<DeliveryState> = []
        for name in names {
            guard let state = DeliveryState(rawValue: name) else {
                let known = DeliveryState.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalid("status", "has `\(name.prefix(40))`. Known: \(known).")
            }
            states.insert(state)
        }
        return states
    }

    /// An instant, or a day in the bank's zone: its beginning, or its end. nil for nothing.
    public static func instant(_ text: String?, _ field: String, isEnd: Bool) throws(DomainError) -> Instant? {
        guard let text, !text.isEmpty else { return nil }
        if let instant = Instant(iso: text) { return instant }
        guard let day = LocalDate(text) else {
            throw DomainError(
                .invalidDate, "`\(field)` must be an instant such as 2024-01-31T09:00:00Z, or a day.", field: field)
        }
        let start = Int64(day.dayNumber) * Instant.dayMs - Int64(LocalDate.lagosOffsetMinutes) * 60_000
        return Instant(ms: isEnd ? start + Instant.dayMs - 1 : start)
    }

    /// - Throws: `invalid_date` for a range that ends before it begins.
    public static func check(from: Instant?, to: Instant?) throws(DomainError) {
        guard let from, let to, to < from else { return }
        throw DomainError(.invalidDate, "`from` is after `to`. Both are inclusive.", field: "from")
    }
}
