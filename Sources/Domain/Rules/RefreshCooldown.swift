/// How soon somebody may ask a bank again for what was just fetched.
public enum RefreshCooldown {
    /// - Parameters:
    ///   - okAt: when each product that is asked for was last fetched well; nil for never.
    ///   - cooldownMs: 0 is none.
    /// - Returns: when they may be asked for again; nil when they may now. One that is old enough is reason enough to
    ///   ask. What failed may be tried again at once: only success makes it wait.
    public static func nextAllowed(okAt: [Instant?], now: Instant, cooldownMs: Int64) -> Instant? {
        guard cooldownMs > 0, !okAt.isEmpty else { return nil }
        var next: Instant?
        for instant in okAt {
            guard let instant, instant <= now else { return nil }
            let end = instant + cooldownMs
            guard end > now else { return nil }
            next = next.map { min($0, end) } ?? end
        }
        return next
    }
}
