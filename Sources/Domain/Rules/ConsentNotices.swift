/// When a person's consent is about to end, and when that is told.
public enum ConsentNotices {
    /// Days before the end on which a warning is told; at the end itself it is told that it ended.
    public static let warningDays: [Int64] = [14, 3]

    /// What there is to tell.
    public enum Notice: Sendable, Equatable {
        /// So many whole days are left.
        case expiring(daysLeft: Int64)
        case expired
    }

    /// Every moment at which something is told, the first one first.
    public static func moments(of end: Instant) -> [Instant] {
        warningDays.map { end + -$0 * Instant.dayMs } + [end]
    }

    /// The first moment after `now`; nil when there is no end, or it has passed.
    public static func next(of end: Instant?, after now: Instant) -> Instant? {
        guard let end else { return nil }
        return moments(of: end).first { $0 > now }
    }

    /// - Parameter due: the moment that was kept as the next one.
    /// - Returns: what is told at `now`, and the next moment. Of several that have passed only the last is told: a
    ///   warning of fourteen days is a lie when three are left.
    public static func told(
        due: Instant?, end: Instant?, at now: Instant
    ) -> (notice: Notice?, next: Instant?) {
        guard let end else { return (nil, nil) }
        guard let due, due <= now else { return (nil, due) }
        guard now < end else { return (.expired, nil) }
        return (.expiring(daysLeft: (end - now) / Instant.dayMs), next(of: end, after: now))
    }
}
