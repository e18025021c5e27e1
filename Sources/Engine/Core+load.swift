import Domain
import Logging
import Storage

/// How late some deliveries were sent.
public struct Lateness: Sendable {
    public let isFirst: Bool
    /// The endpoint itself kept them waiting.
    public let isHeld: Bool
    public let upTo: [(seconds: String, count: Int)]
    public let count: Int
    /// In seconds.
    public let sum: Double
}

extension Core {
    /// A number and what it is of.
    public typealias Count = (of: String, count: Int)

    /// Changes that wait for the database's writing connection: a gauge of load.
    public var unitsWaiting: Int { database.unitsWaiting }

    /// Memory that pages which were read before take, of `EngineSettings.pageCacheBytes`.
    public var pageBytesKept: Int { pages.bytes }

    /// Attempts to deliver since this process started, by their outcome.
    public var deliveriesAttempted: [(outcome: String, error: String, count: Int)] {
        var counts = counters.deliveries
        for outcome in AttemptRecord.Outcome.allCases where !counts.keys.contains(where: { $0.outcome == outcome }) {
            counts[EngineCounters.Attempts(outcome: outcome, error: "")] = 0
        }
        return counts.map { ($0.key.outcome.rawValue, $0.key.error, $0.value) }
            .sorted { ($0.outcome, $0.error) < ($1.outcome, $1.error) }
    }

    /// How late deliveries were sent, from due to the first byte, in the form of Prometheus' histograms: numbers up to
    /// each bound in seconds, then all, then their sum. What was never tried is due when it is committed.
    public var deliveryLateness: [Lateness] {
        let counts = counters.lateness
        return EngineCounters.Late.all.map { kind in
            let histogram = counts[kind] ?? EngineCounters.Histogram()
            var total = 0
            let upTo = zip(EngineCounters.Histogram.bounds, histogram.counts).map { bound, count in
                total += count
                return (seconds: "\(Double(bound) / 1000)", count: total)
            }
            total += histogram.counts.last ?? 0
            return Lateness(
                isFirst: kind.isFirst, isHeld: kind.isHeld, upTo: upTo, count: total,
                sum: Double(histogram.sum) / 1000)
        }
    }

    /// Endpoints by how they are, of the first `EndpointHealthStore.countedMax`: `active`, `failing`, `paused`,
    /// `disabled`.
    public func endpointStates() async -> [Count] {
        do {
            return try await database.read { try EndpointHealthStore.count($0) }
        } catch {
            logger.warning("no look at endpoints", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Deliveries that wait, by their turn; beyond `DeliveryDepth.countedMax` it says that many.
    public func deliveriesWaiting() async -> [Count] {
        do {
            return try await database.read { try DeliveryDepth.count($0) }
        } catch {
            logger.warning("no look at what waits", metadata: ["error": "\(error)"])
            return []
        }
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
