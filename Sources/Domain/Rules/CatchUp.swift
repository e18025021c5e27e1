/// A connection that was not looked at when it should have been.
public struct OverdueConnection: Sendable, Equatable {
    public var id: String
    /// When it was to be looked at.
    public var dueAt: Instant
    /// The first of its products' own due times; nil when none is fetched by itself.
    public var productDueAt: Instant?
    /// The shortest effective interval of the products that are due, in milliseconds.
    public var periodMs: Int64

    public init(id: String, dueAt: Instant, productDueAt: Instant?, periodMs: Int64) {
        self.id = id
        self.dueAt = dueAt
        self.productDueAt = productDueAt
        self.periodMs = periodMs
    }
}

/// What becomes of connections that are overdue together, after an outage or because a scheduler is late: each is done
/// once more, spread over a window, instead of all of them at once. Slow rhythms give way to fast ones.
public struct CatchUp: Sendable {
    /// A lane is late when its oldest connection has waited longer than this.
    public static let lateMs: Int64 = 2000
    /// So few are no herd: they are done at once.
    public static let countMin = 8
    private static let windowMsMin: Int64 = 5 * 60_000
    private static let windowMsMax: Int64 = 60 * 60_000
    private static let fastMs: Int64 = 60_000

    private let now: Instant
    private let windowMs: Int64

    /// - Parameter oldest: the due time of the lane's longest waiting connection.
    public init(now: Instant, oldest: Instant) {
        self.now = now
        // What an outage left is twice the steady rate over half its length; with the steady rate itself that is three.
        windowMs = min(Self.windowMsMax, max(Self.windowMsMin, (now - oldest) / 100 * 55))
    }

    /// - Returns: when the connection is done instead; nil when it is to be done now.
    public func slot(_ overdue: OverdueConnection) -> Instant? {
        guard let own = overdue.productDueAt, own <= overdue.dueAt, mayWait(overdue, own) else { return nil }
        let phase = Spread.phase(overdue.id)
        let next = Spread.next(after: now, periodMs: overdue.periodMs, phase: phase)
        // Its own turn comes within the window: that one does for both.
        if next - now <= windowMs { return next }
        return now + (1 + Int64(Spread.mixed(phase) % UInt64(windowMs)))
    }

    /// A connection waits once for its turn to catch up. A slow one may be put off again while the scheduler is late,
    /// for half its interval at most; one of a minute never.
    private func mayWait(_ overdue: OverdueConnection, _ own: Instant) -> Bool {
        let isFirst = overdue.dueAt == own
        guard overdue.periodMs > Self.fastMs else { return isFirst && now - own >= overdue.periodMs }
        return isFirst || now - own < overdue.periodMs / 2
    }
}
