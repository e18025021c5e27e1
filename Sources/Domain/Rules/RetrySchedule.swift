/// When a failed webhook is tried again: the schedule of Standard Webhooks, published in the documents.
public enum RetrySchedule {
    /// Seconds after each failed attempt; after the last one the delivery is dead.
    public static let delaySeconds: [Int64] = [
        5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600,
    ]
    public static let jitterPercent: Int64 = 20
    public static let retryAfterSecondsMax: Int64 = 24 * 3600
    /// No retry is further off than this: what is comes from a clock that was wrong.
    public static let delayMsMax = (24 * 3600 * (100 + jitterPercent) / 100) * 1000

    /// - Parameters:
    ///   - attempts: attempts made so far, at least 1.
    ///   - delays: the endpoint's own schedule, in seconds; empty is the standard one.
    ///   - chance: 0..<10_000, from `Runtime`.
    /// - Returns: nil when no attempt is left.
    public static func next(
        after attempts: Int, delays: [Int] = [], at now: Instant, retryAfterSeconds: Int?, chance: Int64
    ) -> Instant? {
        let delays = delays.isEmpty ? delaySeconds : delays.map { Int64($0) }
        guard attempts >= 1, attempts <= delays.count else { return nil }
        let asked = min(Int64(max(0, retryAfterSeconds ?? 0)), retryAfterSecondsMax) * 1000
        return now + max(jittered(delays[attempts - 1] * 1000, chance: chance), asked)
    }

    /// A time and up to a fifth of it.
    static func jittered(_ milliseconds: Int64, chance: Int64) -> Int64 {
        milliseconds + milliseconds * jitterPercent * chance / (100 * 10_000)
    }
}
