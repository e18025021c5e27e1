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

    private struct Counts {
        var deliveries: [AttemptRecord.Outcome: Int] = [:]
        var refreshes: [RefreshOutcome: Int] = [:]
        var pushes: [PushOutcome: Int] = [:]
    }
    private let counts = Mutex(Counts())

    func count(_ attempts: [AttemptRecord]) {
        counts.withLock { counts in
            for attempt in attempts { counts.deliveries[attempt.outcome, default: 0] += 1 }
        }
    }

    func count(_ refresh: RefreshOutcome, _ number: Int = 1) {
        counts.withLock { $0.refreshes[refresh, default: 0] += number }
    }

    func count(_ push: PushOutcome) { counts.withLock { $0.pushes[push, default: 0] += 1 } }

    var pushes: [PushOutcome: Int] { counts.withLock { $0.pushes } }
    var deliveries: [AttemptRecord.Outcome: Int] { counts.withLock { $0.deliveries } }
    var refreshes: [RefreshOutcome: Int] { counts.withLock { $0.refreshes } }
}
