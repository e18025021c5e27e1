/// How an endpoint is: since when it takes nothing, and whether to warn of it or to stop sending.
public struct EndpointHealth: Sendable, Equatable {
    /// An endpoint that took nothing for so long is disabled, if failures that are `spacedMs` apart show it.
    public static let disableMs: Int64 = 5 * Instant.dayMs
    public static let spacedMs: Int64 = 12 * 3_600_000
    public static let spacedMin = 2
    /// Hours without any success after which its owner is warned.
    public static let warnedAtHours = [24, 72]
    /// What changed is written this often at most, but for the beginning and the end of failing.
    static let writtenMs: Int64 = 60_000
    /// A failure that is followed by success so soon is not worth a row.
    static let noticedMs: Int64 = 10_000
    static let noticedFailures = 5

    /// What there is to do.
    public enum Verdict: Sendable, Equatable {
        case none
        case warn(hours: Int)
        case disable
    }

    /// The first failure after the last success; nil while it is well.
    public var failingSince: Instant?
    /// Attempts in a row that failed.
    public var failures = 0
    public var lastSuccessAt: Instant?
    public var lastFailureAt: Instant?
    /// Of the last failure; nil when no status line came.
    public var lastStatus: Int?
    public var lastError: String?
    /// The last failure that was far enough from the one counted before, and how many there were.
    public var spacedAt: Instant?
    public var spaced = 0
    /// Of `warnedAtHours`, the last that was told; 0 before the first.
    public var warnedHours = 0

    public init() {}

    public var isFailing: Bool { failingSince != nil }

    /// It took something: whatever was held against it is forgotten.
    public mutating func succeeded(at now: Instant) {
        failingSince = nil
        failures = 0
        spacedAt = nil
        spaced = 0
        warnedHours = 0
        lastSuccessAt = now
    }

    /// It did not take something.
    /// - Parameter error: the class of what went wrong.
    public mutating func failed(at now: Instant, status: Int?, error: String?) {
        failures += 1
        lastFailureAt = now
        lastStatus = status
        lastError = error
        // A clock that was set back begins anew.
        if failingSince.map({ $0 > now }) ?? true { failingSince = now }
        if spacedAt.map({ now - $0 >= Self.spacedMs || $0 > now }) ?? true {
            spacedAt = now
            spaced += 1
        }
    }

    /// To be asked after a failure.
    public func verdict(at now: Instant) -> Verdict {
        guard let failingSince else { return .none }
        let age = now - failingSince
        if age >= Self.disableMs, spaced >= Self.spacedMin { return .disable }
        let hours = Self.warnedAtHours.last { age >= Int64($0) * 3_600_000 && $0 > warnedHours }
        return hours.map { .warn(hours: $0) } ?? .none
    }

    /// Whether it differs enough from what is written.
    /// - Parameters:
    ///   - written: with the time when it was; nil when nothing is.
    ///   - isResting: nothing more is sent for now.
    public func isWorthWriting(over written: (health: EndpointHealth, at: Instant)?, isResting: Bool, at now: Instant)
        -> Bool
    {
        guard let written else { return failures > 0 || lastSuccessAt != nil }
        guard self != written.health else { return false }
        if written.health.isFailing != isFailing {
            guard let failingSince else { return true }
            return isResting || failures >= Self.noticedFailures || now - failingSince >= Self.noticedMs
        }
        if warnedHours != written.health.warnedHours || spaced != written.health.spaced { return true }
        return now - written.at >= Self.writtenMs || written.at > now
    }
}
