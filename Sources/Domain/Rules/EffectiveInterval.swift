/// Why a connection is refreshed less often than it was asked for.
public enum IntervalReason: String, Sendable, CaseIterable {
    /// The bank takes no shorter interval.
    case bankMinimum = "bank_minimum"
    /// The bank's calls a day would not last.
    case budget
    /// Whoever runs this server set a floor.
    case operatorFloor = "operator_floor"
}

/// What bounds the interval of a product; 0 and nil bound nothing. In milliseconds.
public struct IntervalBounds: Sendable, Equatable {
    public var bankMinimumMs: Int64
    public var budgetMs: Int64?
    public var floorMs: Int64

    public init(bankMinimumMs: Int64 = 0, budgetMs: Int64? = nil, floorMs: Int64 = 0) {
        self.bankMinimumMs = bankMinimumMs
        self.budgetMs = budgetMs
        self.floorMs = floorMs
    }
}

/// What an asked interval comes to.
public struct EffectiveInterval: Sendable, Equatable {
    public var ms: Int64
    /// nil when it is what was asked for.
    public var reason: IntervalReason?

    public init(ms: Int64, reason: IntervalReason? = nil) {
        self.ms = ms
        self.reason = reason
    }

    /// The longest of what was asked for and what bounds it; of equal bounds the bank's own word comes first.
    public init(asked: RefreshInterval, _ bounds: IntervalBounds) {
        self.init(ms: asked.ms)
        let all: [(Int64?, IntervalReason)] = [
            (bounds.bankMinimumMs, .bankMinimum), (bounds.budgetMs, .budget), (bounds.floorMs, .operatorFloor),
        ]
        for (bound, reason) in all {
            guard let bound, bound > ms else { continue }
            self = EffectiveInterval(ms: bound, reason: reason)
        }
    }

    /// Rounded up: nobody is promised more than there is.
    public var seconds: Int64 { (ms + 999) / 1000 }
}
