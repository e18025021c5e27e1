/// When a failed webhook is tried again: the schedule of Standard Webhooks, published in the documents.
public enum RetrySchedule {
    /// Seconds after each failed attempt; after the last one the delivery is dead.
    public static let delaySeconds: [Int64] = [
        5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600,
    ]
    public static let jitterPercent: Int64 = 20
    public static let retryAfterSecondsMax: Int64 = 24 * 3600

    /// - Parameters:
    ///   - attempts: attempts made so far, at least 1.
    ///   - chance: 0..<10_000, from `Runtime`.
    /// - Returns: nil when no attempt is left.
    public static func next(after attempts: Int, at now: Instant, retryAfterSeconds: Int?, chance: Int64) -> Instant? {
        guard attempts >= 1, attempts <= delaySeconds.count else { return nil }
        let base = delaySeconds[attempts - 1] * 1000
        let jittered = base + base * jitterPercent * chance / (100 * 10_000)
        let asked = min(Int64(retryAfterSeconds ?? 0), retryAfterSecondsMax) * 1000
        return now + max(jittered, asked)
    }
}
