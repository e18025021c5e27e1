/// Spreads connections over time, so that many of one interval never arrive together.
public enum Spread {
    /// A connection's own number, the same for good: its id, mixed so well that ids made one after the other land
    /// anywhere.
    public static func phase(_ id: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return mixed(hash)
    }

    /// The first moment after `now` in the connection's own phase of a grid of `periodMs` milliseconds (at least 1).
    public static func next(after now: Instant, periodMs: Int64, phase: UInt64) -> Instant {
        let period = max(1, periodMs)
        let offset = Int64(phase % UInt64(period))
        let (periods, _) = floorDivide(now.ms - offset, period)
        return Instant(ms: (periods + 1) * period + offset)
    }

    static func mixed(_ value: UInt64) -> UInt64 {
        var mix = value &+ 0x9e37_79b9_7f4a_7c15
        mix = (mix ^ (mix >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mix = (mix ^ (mix >> 27)) &* 0x94d0_49bb_1331_11eb
        return mix ^ (mix >> 31)
    }
}
