/// Decides for one node whether a bank may be asked now: its breaker, what it said of waiting, and the calls that this
/// node has leased of the bank's caps. Times are the environment's.
public struct BankMachine: Sendable {
    /// Why a bank is not asked.
    public enum Reason: String, Sendable, CaseIterable {
        /// The bank said when it may be asked again.
        case throttled
        case breaker
        case maintenance
        case rate
        case concurrency
        /// The connection's own calls of the day are used up.
        case budget
    }

    /// Whether a call may begin, and what must come first.
    public enum Verdict: Sendable, Equatable {
        /// The call is counted as under way; `ended` must follow.
        case go
        case wait(until: Instant, Reason)
        /// Calls must be leased first.
        case needsCalls
        /// A share of the calls at once must be leased first.
        case needsShare
    }

    /// Runs that start at once where nothing holds a bank back.
    public static let runsMax = 64

    public var limits = BankLimits()
    public var maintenance: [MaintenanceWindow] = []
    /// The bank's own word for when it may be asked again.
    public var blockedUntil: Instant?
    /// How it was judged last, here or by another node.
    public var health = InstitutionHealth.healthy
    public private(set) var breaker = CircuitBreaker()
    public private(set) var inFlight = 0
    private var rule = HealthRule()
    private var calls = RateLease(count: 0, until: Instant(ms: 0))
    /// Of the calls at once, what this node may have, and until when a call may begin.
    private var share = RateLease(count: 0, until: Instant(ms: 0))

    public init() {}

    /// Asks for one call, and begins it when it may be made.
    /// - Parameter isUserPresent: a person waits for it, so that a part of the rate is kept for it.
    public mutating func admit(isUserPresent: Bool = false, at now: Instant) -> Verdict {
        if let wait = closed(at: now) { return .wait(until: wait.until, wait.reason) }
        if limits.concurrency != nil {
            guard now < share.until else { return .needsShare }
            if share.count == 0 { return .wait(until: share.until, .concurrency) }
            if inFlight >= share.count { return .wait(until: now + 1000, .concurrency) }
        }
        if limits.rate != nil, !calls.take(at: now) {
            if calls.count == 0, now < calls.until, isDenied, !isUserPresent || isUserDenied {
                return .wait(until: calls.until, .rate)
            }
            return .needsCalls
        }
        breaker.begin(at: now)
        inFlight += 1
        return .go
    }

    /// How many runs may start at the bank now; with none, when to look again.
    public func permits(at now: Instant) -> (count: Int, until: Instant?) {
        if let wait = closed(at: now) { return (0, wait.until) }
        var count = Self.runsMax
        let allowed = breaker.allowed(at: now).count
        if allowed < Int.max { count = min(count, allowed - inFlight) }
        if let concurrency = limits.concurrency {
            let mine = now < share.until ? share.count : concurrency
            if mine == 0 { return (0, share.until) }
            count = min(count, mine - inFlight)
        }
        if let rate = limits.rate {
            if isDenied, now < calls.until { return (0, calls.until) }
            count = min(count, now < calls.until && calls.count > 0 ? calls.count : rate.chunk)
        }
        return count > 0 ? (count, nil) : (0, now + 1000)
    }

    /// Whether the last lease gave nothing.
    private var isDenied = false
    /// Whether not even a person got some.
    private var isUserDenied = false

    /// What holds every call back, whatever was leased.
    private func closed(at now: Instant) -> (until: Instant, reason: Reason)? {
        if let end = maintenance.compactMap({ $0.end(at: now) }).max() { return (end, .maintenance) }
        if let blockedUntil, blockedUntil > now { return (blockedUntil, .throttled) }
        let allowed = breaker.allowed(at: now)
        if allowed.count == 0 { return (allowed.until ?? now + 1000, .breaker) }
        if allowed.count != Int.max, inFlight >= allowed.count { return (now + 1000, .breaker) }
        return nil
    }

    /// Calls that were leased for this node, or that there are none until an instant.
    public mutating func leased(_ lease: RateLease, isUserPresent: Bool = false, at now: Instant) {
        let kept = !isDenied && now < calls.until ? calls.count : 0
        if kept == 0 {
            calls = lease
            isDenied = lease.count == 0
            isUserDenied = isDenied && isUserPresent
        } else if lease.count > 0 {
            // Two were leased at once: each call may be made only while its own lease lasts.
            calls = RateLease(count: kept + lease.count, until: min(calls.until, lease.until))
        }
    }

    /// This node's share of the calls at once; none means to ask again at its end.
    public mutating func shared(_ lease: RateLease) { share = lease }

    /// A call was over, or was not made after all.
    /// - Parameter isGood: whether the bank answered; nil when the call says nothing of that.
    public mutating func ended(isGood: Bool?, at now: Instant) {
        inFlight = max(0, inFlight - 1)
        guard let isGood else { return breaker.cancel(at: now) }
        let wasCut = isCut
        breaker.end(isGood: isGood, at: now)
        if wasCut, !isCut { rule.clear() }
        rule.note(isGood: isGood, at: now)
    }

    /// What the bank's health has become, by this node's own calls.
    public func judge(at now: Instant) -> InstitutionHealth { rule.judge(health, isCut: isCut, at: now) }

    private var isCut: Bool {
        switch breaker.state {
        case .open, .probing: true
        case .closed, .ramping: false
        }
    }
}
