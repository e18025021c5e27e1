/// So many calls to one institution in any window of time, over all nodes.
///
/// Nodes lease chunks of a window's calls from one row. A lease may be used until it ends, and counts in full for a
/// whole window after that: however its calls fall, no window of that length holds more than the cap. A chunk that its
/// node never uses makes the bank less busy, never busier.
public struct RateCap: Sendable, Equatable {
    public var calls: Int
    public var windowMs: Int64

    public init(calls: Int, windowMs: Int64) {
        self.calls = max(1, calls)
        self.windowMs = max(1, windowMs)
    }

    /// How long a leased chunk may be used.
    public var leaseMs: Int64 { min(max(windowMs / 10, 1), 5000) }
    /// Clocks of nodes differ a little, and so do the ways to the bank.
    public var marginMs: Int64 { min(max(windowMs / 10, 1), 250) }
    /// What one lease takes at most, so that several nodes get some.
    public var chunk: Int { max(1, calls / 8) }

    /// Of each window, what only calls for a person who waits may use.
    public var kept: Int { calls / 8 }

    /// Takes a chunk out of the row.
    /// - Parameters:
    ///   - leased: the row's leases, by the milliseconds at which they end; changed when some are granted.
    ///   - wanted: at most so many; at most `chunk` are given.
    ///   - isUserPresent: a person waits for the call.
    /// - Returns: the calls that may be made until an instant, or none and when to ask again.
    public func lease(
        _ wanted: Int, _ leased: inout RollingCalls, isUserPresent: Bool = false, at now: Instant
    ) -> RateLease {
        let window = windowMs + marginMs
        let limit = isUserPresent ? calls : calls - kept
        let inside = leased.count(at: now.ms, window: window)
        let count = min(wanted, chunk, limit - inside)
        guard count > 0 else {
            let free = leased.free(min(max(1, wanted), chunk), limit: limit, at: now.ms, window: window)
            return RateLease(count: 0, until: Instant(ms: max(free ?? now.ms + window, now.ms + 1)))
        }
        let end = now + leaseMs
        leased.add(count, at: end.ms, now: now.ms, window: window)
        return RateLease(count: count, until: end)
    }
}

/// Calls that a node may make until an instant; with none, the instant is when to ask again.
public struct RateLease: Sendable, Equatable {
    public var count: Int
    public var until: Instant
    public init(count: Int, until: Instant) {
        self.count = count
        self.until = until
    }

    /// Uses one call.
    /// - Returns: whether there was one.
    public mutating func take(at now: Instant) -> Bool {
        guard count > 0, now < until else { return false }
        count -= 1
        return true
    }
}

/// What a bank takes at once and in a time, beside the budget of each connection. Empty is without a limit.
public struct BankLimits: Sendable, Equatable {
    public var rate: RateCap?
    /// Calls at once, over all nodes.
    public var concurrency: Int?
    public init(rate: RateCap? = nil, concurrency: Int? = nil) {
        self.rate = rate
        self.concurrency = concurrency
    }
}
