/// How fast one endpoint is asked: how many requests at once, how many a second, and when it is left alone.
///
/// The number of requests at once grows while they go well and halves when the endpoint says or shows that it is too
/// much. One that only fails is broken: it is asked with one request at a time and with growing pauses, so that what
/// waits for it does not use up its attempts. Each of these probes is what was refused the longest ago, if it is due:
/// a receiver that takes everything at the second time is soon well again.
public struct EndpointPacer: Sendable {
    public static let atOnceFirst = 4
    public static let atOnceMax = 64
    /// Points of failures in a row at which an endpoint counts as broken; one that costs time counts more.
    static let brokenAt = 10
    /// Failures in a row after which a new owner begins with a probe.
    static let failuresMax = 4
    static let pauseMs: Int64 = 5000
    static let pauseMsMax: Int64 = 5 * 60_000
    /// A probe waits so long for a retry that is not due yet: by as much retries are later than planned.
    public static let probeWaitMs = pauseMs * RetrySchedule.jitterPercent / 100

    /// How a request ended, as far as pace goes.
    public enum Outcome: Sendable, Equatable {
        case success
        /// It answered, but not with success.
        case refused
        /// It could not be reached, or spoke no HTTP.
        case unreachable
        /// It was too much for it: 429, 502, 503, 504 and time-outs.
        case overloaded
    }

    /// Whether a request may start.
    public enum Answer: Sendable, Equatable {
        /// - Parameter epoch: given back with the outcome.
        case go(epoch: Int)
        /// As many as may be are under way.
        case full
        case wait(until: Instant)
    }

    /// Requests at once.
    public private(set) var atOnce = Self.atOnceFirst
    public private(set) var inFlight = 0
    /// Failures in a row.
    public private(set) var failures = 0
    private var points = 0
    /// How often in a row a probe failed; each doubles the pause.
    private var rounds: Int64 = 0
    private var ceiling = Self.atOnceMax
    private var ratePerSecond: Int?
    private var started = RollingCalls()
    /// Below this the number grows with every success, beyond it with every round of them.
    private var easyBelow = Self.atOnceMax
    private var credit = 0
    /// Counts the times that it was slowed down: what started before says nothing new.
    private var epoch = 0
    private var held: (from: Instant, until: Instant)?
    private var configured: (max: Int?, rate: Int?, ordered: Bool)?

    public init() {}

    /// Goes on from what is known of an endpoint that failed when it was last asked.
    public init(failures: Int) {
        self.failures = failures
        points = failures >= Self.failuresMax ? Self.brokenAt : failures
        if points >= Self.brokenAt { atOnce = 1 }
    }

    /// Nothing succeeded for so long that one request at a time is enough.
    public var isBroken: Bool { points >= Self.brokenAt }
    /// It is left alone for a while, or was: the next request says.
    public var isHeld: Bool { held != nil }

    /// Sets what the endpoint's owner asks for.
    /// - Parameter isOrdered: one at a time, whatever it would take.
    public mutating func configure(inFlightMax: Int?, ratePerSecond: Int?, isOrdered: Bool, at now: Instant) {
        if let configured, configured == (inFlightMax, ratePerSecond, isOrdered) { return }
        configured = (inFlightMax, ratePerSecond, isOrdered)
        self.ratePerSecond = ratePerSecond
        ceiling = isOrdered ? 1 : max(1, min(inFlightMax ?? Self.atOnceMax, Self.atOnceMax))
        atOnce = isBroken ? 1 : min(max(atOnce, Self.atOnceFirst), ceiling)
    }

    /// Forgets what was held against it: its owner changed something.
    public mutating func forgive() {
        held = nil
        failures = 0
        points = 0
        rounds = 0
        atOnce = min(Self.atOnceFirst, ceiling)
        easyBelow = Self.atOnceMax
    }

    /// Asks whether a request may start now; `.go` counts it as under way.
    /// - Parameter isTest: its owner asked for it: however long the endpoint is to be left alone, it goes now.
    public mutating func begin(at now: Instant, isTest: Bool = false) -> Answer {
        if let held, !isTest {
            // A clock that was set back has no hold of its own time.
            if held.until > now, held.from <= now { return .wait(until: held.until) }
            self.held = nil
        }
        guard inFlight < atOnce else { return .full }
        if let ratePerSecond {
            let second = Int64(1000)
            // What was sent by a clock that was set back since says nothing.
            if let latest = started.latest, latest > now.ms { started = RollingCalls() }
            if started.count(at: now.ms, window: second) >= ratePerSecond {
                let free = started.free(1, limit: ratePerSecond, at: now.ms, window: second)
                return .wait(until: Instant(ms: max(free ?? now.ms + second, now.ms + 1)))
            }
            started.add(1, at: now.ms, now: now.ms, window: second)
        }
        inFlight += 1
        return .go(epoch: epoch)
    }

    /// A request was not made after all.
    public mutating func cancel() { inFlight = max(0, inFlight - 1) }

    /// A request ended.
    /// - Parameters:
    ///   - retryAfterMs: how long the endpoint asked to be left alone.
    ///   - isTest: as it was begun; one that succeeds ends what the endpoint was left alone for.
    ///   - chance: 0..<10_000, from `Runtime`.
    public mutating func end(
        _ outcome: Outcome, epoch: Int, retryAfterMs: Int64? = nil, isTest: Bool = false, at now: Instant,
        chance: Int64
    ) {
        let wasBusy = inFlight * 2 >= atOnce
        let wasBroken = isBroken
        inFlight = max(0, inFlight - 1)
        if isTest, outcome == .success { held = nil }
        guard outcome != .success else { return succeed(wasBusy: wasBusy) }
        failures += 1
        points += outcome == .refused ? 1 : outcome == .unreachable ? 2 : 3
        let isNews = epoch == self.epoch
        if let retryAfterMs { hold(at: now, for: min(retryAfterMs, RetrySchedule.retryAfterSecondsMax * 1000)) }
        if isBroken {
            guard isNews || !wasBroken else { return }
            self.epoch += 1
            atOnce = 1
            hold(at: now, for: RetrySchedule.jittered(pause, chance: chance))
            rounds += 1
        } else if outcome == .overloaded, isNews {
            self.epoch += 1
            atOnce = max(1, atOnce / 2)
            easyBelow = max(atOnce, 2)
            credit = 0
        }
    }

    private var pause: Int64 { min(Self.pauseMs << min(rounds, 10), Self.pauseMsMax) }

    private mutating func succeed(wasBusy: Bool) {
        failures = 0
        points = 0
        rounds = 0
        guard wasBusy, atOnce < ceiling else { return }
        credit += 1
        guard atOnce < easyBelow || credit >= atOnce else { return }
        atOnce += 1
        credit = 0
    }

    private mutating func hold(at now: Instant, for milliseconds: Int64) {
        guard milliseconds > 0 else { return }
        let until = now + milliseconds
        if let held, held.until >= until, held.from <= now { return }
        held = (now, until)
    }
}
