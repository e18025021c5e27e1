/// Leaves a bank alone that does not answer, then tries it with one call, then with more and more.
public struct CircuitBreaker: Sendable, Equatable {
    public static let samplesMin = 20
    public static let windowMs: Int64 = 30_000
    public static let openMs: Int64 = 30_000
    public static let openMsMax: Int64 = 15 * 60_000
    /// A probe that never comes back is given up.
    static let probeMs: Int64 = 120_000
    /// Calls that went well after which nothing is held back any more.
    static let rampEnd = 32
    private static let slotMs: Int64 = 5000
    private static let slots = 6

    /// What it lets through.
    public enum State: Sendable, Equatable {
        case closed
        case open(until: Instant)
        case probing(until: Instant)
        /// At most `allowed` calls at once; each that goes well allows one more.
        case ramping(allowed: Int, bad: Int)
    }

    private struct Slot: Sendable, Equatable {
        var number: Int64 = -1
        var good = 0
        var bad = 0
    }

    public private(set) var state = State.closed
    /// How many times in a row it opened; each doubles the time.
    public private(set) var round = 0
    private var closedAt: Instant?
    private var recent = [Slot](repeating: Slot(), count: Self.slots)

    public init() {}

    /// `closed`, `open`, `probing` or `ramping`.
    public var stateName: String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .probing: "probing"
        case .ramping: "ramping"
        }
    }

    /// How many calls may be under way, and while that is none, when to look again.
    public func allowed(at now: Instant) -> (count: Int, until: Instant?) {
        switch state {
        case .closed: (Int.max, nil)
        case .open(let until): until <= now ? (1, nil) : (0, until)
        case .probing(let until): until <= now ? (1, nil) : (0, min(until, now + 1000))
        case .ramping(let allowed, _): (allowed, nil)
        }
    }

    /// A call begins: after an open time it is the probe.
    public mutating func begin(at now: Instant) {
        switch state {
        case .open(let until) where until <= now: state = .probing(until: now + Self.probeMs)
        case .probing(let until) where until <= now: state = .probing(until: now + Self.probeMs)
        default: break
        }
    }

    /// A call was not made after all, or its answer says nothing: another may be the probe.
    public mutating func cancel(at now: Instant) {
        if case .probing = state { state = .open(until: now) }
    }

    /// A call ended.
    /// - Parameter isGood: whether the bank answered, with whatever answer.
    public mutating func end(isGood: Bool, at now: Instant) {
        note(isGood, at: now)
        switch state {
        case .closed: if isBroken(at: now) { open(at: now) }
        // A call that had begun before it opened says nothing new.
        case .open: break
        case .probing:
            if isGood {
                recent = [Slot](repeating: Slot(), count: Self.slots)
                state = .ramping(allowed: 2, bad: 0)
            } else {
                open(at: now)
            }
        case .ramping(let allowed, let bad): ramp(allowed, bad, isGood, at: now)
        }
    }

    private mutating func ramp(_ allowed: Int, _ bad: Int, _ isGood: Bool, at now: Instant) {
        if !isGood {
            if bad + 1 > allowed / 2 { open(at: now) } else { state = .ramping(allowed: allowed, bad: bad + 1) }
        } else if allowed + 1 >= Self.rampEnd {
            state = .closed
            closedAt = now
        } else {
            state = .ramping(allowed: allowed + 1, bad: bad)
        }
    }

    private mutating func open(at now: Instant) {
        // A bank that was well for long enough starts from the shortest time again.
        if let closedAt, now - closedAt >= Self.openMsMax { round = 0 }
        closedAt = nil
        state = .open(until: now + min(Self.openMs << min(Int64(round), 10), Self.openMsMax))
        round += 1
    }

    private mutating func note(_ isGood: Bool, at now: Instant) {
        let number = now.ms / Self.slotMs
        let index = Int(number % Int64(Self.slots))
        if recent[index].number != number { recent[index] = Slot(number: number) }
        if isGood { recent[index].good += 1 } else { recent[index].bad += 1 }
    }

    private func isBroken(at now: Instant) -> Bool {
        let first = now.ms / Self.slotMs - Int64(Self.slots) + 1
        var good = 0
        var bad = 0
        for slot in recent where slot.number >= first {
            good += slot.good
            bad += slot.bad
        }
        return good + bad >= Self.samplesMin && bad > good
    }
}
