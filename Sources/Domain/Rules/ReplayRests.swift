/// When the jobs that stand still are looked at again. Receivers that take what is sent are followed closely, and one
/// that is away, or disabled, costs little: so it holds up no other job, however many of its own there are.
public struct ReplayRests: Sendable {
    static let pauseMs: Int64 = 50
    static let pauseMsMax: Int64 = 5000

    private struct Rest {
        var until: Instant
        var pauseMs: Int64
        /// Deliveries of the job that were over at that look.
        var over: Int64
        var round: Int
    }

    /// By the number of the job: of those that are worked on alone.
    private var rests: [Int64: Rest] = [:]
    private var round = 0

    public init() {}

    /// A round through all jobs begins.
    public mutating func begin() { round += 1 }

    /// Whether the job is to be looked at now; then it rests for a while, unless it moves.
    /// - Parameter over: how many of its deliveries are over: when there are more than at the last look, it may go on.
    public mutating func mayGoOn(_ job: Int64, over: Int64, at now: Instant) -> Bool {
        guard var rest = rests[job] else {
            rests[job] = Rest(until: now + Self.pauseMs, pauseMs: Self.pauseMs, over: over, round: round)
            return true
        }
        defer { rests[job] = rest }
        rest.round = round
        // A clock that was set back lets nobody rest for longer than the longest pause.
        let hasRested = now >= rest.until || rest.until - now > Self.pauseMsMax
        guard hasRested || rest.over != over else { return false }
        rest.pauseMs = rest.over == over ? min(rest.pauseMs * 2, Self.pauseMsMax) : Self.pauseMs
        rest.over = over
        rest.until = now + rest.pauseMs
        return true
    }

    /// The job came further, so it is looked at in the next round.
    public mutating func move(_ job: Int64) { rests[job] = nil }

    /// The round is over: what was not met in it is no longer worked on.
    /// - Returns: milliseconds until the first job has rested; nil when none rests.
    public mutating func end(at now: Instant) -> Int64? {
        rests = rests.filter { $0.value.round == round }
        return rests.values.map(\.until).min().map { min(max($0 - now, 1), Self.pauseMsMax) }
    }
}
