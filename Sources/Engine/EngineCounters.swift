import Storage
import Synchronization

/// What this process has done since it started. It is kept in memory, so that looking at it costs the database nothing.
final class EngineCounters: Sendable {
    /// How a run of fetching ended, or that it will go on later.
    enum RefreshOutcome: String, Sendable, CaseIterable {
        case done, retry, failed
        case needsUser = "needs_user"
    }

    /// What became of what a bank pushed.
    enum PushOutcome: String, Sendable, CaseIterable { case accepted, refused, unreadable }

    /// Attempts of one outcome that failed for one reason.
    struct Attempts: Hashable {
        let outcome: AttemptRecord.Outcome
        /// Empty where nothing went wrong.
        let error: String
    }

    /// Deliveries that were late for the same reason.
    struct Late: Hashable {
        let isFirst: Bool
        /// The endpoint itself kept it waiting.
        let isHeld: Bool

        static let all = [true, false].flatMap { first in [false, true].map { Late(isFirst: first, isHeld: $0) } }
    }

    /// Numbers of milliseconds by how large they are.
    struct Histogram {
        static let bounds: [Int64] = [
            1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000, 300_000, 3_600_000,
        ]
        /// Of each bound those that are not larger and larger than the one before; the last has the rest.
        private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
        private(set) var sum: Int64 = 0

        mutating func add(_ milliseconds: Int64) {
            counts[Self.bounds.firstIndex { milliseconds <= $0 } ?? Self.bounds.count] += 1
            sum += milliseconds
        }
    }

    private struct Counts {
        var deliveries: [Attempts: Int] = [:]
        var lateness: [Late: Histogram] = [:]
        var refreshes: [RefreshOutcome: Int] = [:]
        var pushes: [PushOutcome: Int] = [:]
    }
    private let counts = Mutex(Counts())

    func count(_ attempts: [AttemptRecord], _ lateness: [DeliveryLateness]) {
        counts.withLock { counts in
            for attempt in attempts {
                counts.deliveries[Attempts(outcome: attempt.outcome, error: attempt.errorClass ?? ""), default: 0] += 1
            }
            for late in lateness {
                let kind = Late(isFirst: late.isFirst, isHeld: late.isHeld)
                counts.lateness[kind, default: Histogram()].add(late.milliseconds)
            }
        }
    }

    func count(_ refresh: RefreshOutcome, _ number: Int = 1) {
        counts.withLock { $0.refreshes[refresh, default: 0] += number }
    }

    func count(_ push: PushOutcome) { counts.withLock { $0.pushes[push, default: 0] += 1 } }

    var pushes: [PushOutcome: Int] { counts.withLock { $0.pushes } }
    var deliveries: [Attempts: Int] { counts.withLock { $0.deliveries } }
    var lateness: [Late: Histogram] { counts.withLock { $0.lateness } }
    var refreshes: [RefreshOutcome: Int] { counts.withLock { $0.refreshes } }
}
