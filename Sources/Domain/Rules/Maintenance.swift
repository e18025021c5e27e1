/// A time in which a bank is not asked, once or again and again.
public struct MaintenanceWindow: Sendable, Equatable {
    public var startsAt: Instant
    public var endsAt: Instant
    /// It comes again after so many days; nil is once.
    public var everyDays: Int64?
    public var note: String?

    public init(startsAt: Instant, endsAt: Instant, everyDays: Int64? = nil, note: String? = nil) {
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.everyDays = everyDays
        self.note = note
    }

    /// When the window that `now` is in ends; nil outside of it.
    public func end(at now: Instant) -> Instant? {
        guard now >= startsAt else { return nil }
        var shift: Int64 = 0
        if let everyDays, everyDays > 0 {
            let period = everyDays * Instant.dayMs
            shift = (now - startsAt) / period * period
        }
        return now < endsAt + shift ? endsAt + shift : nil
    }

    /// Whether it can never come again.
    public func isOver(at now: Instant) -> Bool { everyDays == nil && endsAt <= now }
}
