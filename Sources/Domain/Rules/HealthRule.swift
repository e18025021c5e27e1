/// How well a bank answers, judged by its recent calls. It turns worse faster than better, and never without evidence.
public struct HealthRule: Sendable, Equatable {
    public static let windowMs: Int64 = 300_000
    private static let slotMs: Int64 = 30_000
    private static let slots = 10
    /// Percent of calls that failed.
    static let degradedAt = 20
    static let healthyBelow = 10
    static let downAt = 90
    static let upBelow = 50
    static let samplesToDegrade = 10
    static let samplesToFall = 5
    static let samplesToRise = 3

    private struct Slot: Sendable, Equatable {
        var number: Int64 = -1
        var good = 0
        var bad = 0
    }
    private var recent = [Slot](repeating: Slot(), count: Self.slots)

    public init() {}

    /// Counts a call; `isGood` is whether the bank answered.
    public mutating func note(isGood: Bool, at now: Instant) {
        let number = now.ms / Self.slotMs
        let index = Int(number % Int64(Self.slots))
        if recent[index].number != number { recent[index] = Slot(number: number) }
        if isGood { recent[index].good += 1 } else { recent[index].bad += 1 }
    }

    /// Forgets: what was before says nothing of a bank that has come back.
    public mutating func clear() { recent = [Slot](repeating: Slot(), count: Self.slots) }

    /// What the calls of the last five minutes make of what it was.
    /// - Parameter isCut: the breaker lets no call through.
    public func judge(_ known: InstitutionHealth, isCut: Bool, at now: Instant) -> InstitutionHealth {
        if isCut { return .down }
        let first = now.ms / Self.slotMs - Int64(Self.slots) + 1
        var good = 0
        var bad = 0
        for slot in recent where slot.number >= first {
            good += slot.good
            bad += slot.bad
        }
        let samples = good + bad
        guard samples >= Self.samplesToRise else { return known }
        let percent = bad * 100 / samples
        if percent >= Self.downAt, samples >= Self.samplesToFall { return .down }
        if known == .down, percent >= Self.upBelow { return .down }
        if percent >= Self.degradedAt {
            return known != .healthy || samples >= Self.samplesToDegrade ? .degraded : known
        }
        return percent < Self.healthyBelow ? .healthy : known == .down ? .degraded : known
    }
}

/// How well an institution answers at the moment; `down` means not at all.
public enum InstitutionHealth: String, Sendable, CaseIterable { case healthy, degraded, down }

extension InstitutionHealth {
    /// The more, the worse.
    public var badness: Int {
        switch self {
        case .healthy: 0
        case .degraded: 1
        case .down: 2
        }
    }
}
