import Domain
import Logging
import Storage

extension Core {
    /// A number and what it is of.
    public typealias Count = (of: String, count: Int)

    /// Changes that wait for the database's writing connection: a gauge of load.
    public var unitsWaiting: Int { database.unitsWaiting }

    /// Memory that pages which were read before take, of `EngineSettings.pageCacheBytes`.
    public var pageBytesKept: Int { pages.bytes }

    /// Attempts to deliver since this process started, by their outcome.
    public var deliveriesAttempted: [Count] {
        let counts = counters.deliveries
        return [AttemptRecord.Outcome.delivered, .retry, .dead].map { ($0.rawValue, counts[$0] ?? 0) }
    }

    /// Runs of fetching that ended or broke off since this process started, by their outcome.
    public var refreshesRun: [Count] {
        let counts = counters.refreshes
        return EngineCounters.RefreshOutcome.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
    }

    /// What banks pushed since this process started, by what became of it.
    public var pushesReceived: [Count] {
        let counts = counters.pushes
        return EngineCounters.PushOutcome.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
    }

    /// For how long the oldest work that is due has waited for a node to take it; nothing while the database is gone.
    /// It is one look at an index, whatever waits.
    public func secondsLate() async -> [(of: String, seconds: Double)] {
        let now = runtime.now()
        do {
            return try await database.read { db in
                try [LaneKind.delivery, .refresh].map { kind in
                    let due = try LaneStore.nextDue(kind, db) ?? now
                    return (kind.rawValue, Double(max(0, now - due)) / 1000)
                }
            }
        } catch {
            logger.warning("no look at what is due", metadata: ["error": "\(error)"])
            return []
        }
    }
}
