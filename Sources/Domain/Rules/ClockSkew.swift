/// How far another machine's clock is from ours, told from one question and its answer.
public enum ClockSkew {
    /// Leases need the clocks of all nodes within this.
    public static let maxMs: Int64 = 1000

    /// What is surely wrong, beyond the time that the question was on its way: positive when theirs is ahead of ours.
    public static func certainMs(asked: Instant, answered: Instant, theirs: Instant) -> Int64 {
        if theirs > answered { return theirs - answered }
        if theirs < asked { return theirs - asked }
        return 0
    }

    /// What to say of it, nil when it is small enough.
    public static func problem(_ ms: Int64) -> String? {
        guard abs(ms) > maxMs else { return nil }
        let seconds = abs(ms) / 1000
        return
            "it is \(ms > 0 ? "ahead of" : "behind") this machine by \(seconds) \(seconds == 1 ? "second" : "seconds")"
            + "; keep both by NTP, since nodes with clocks apart take work from one another"
    }
}
