import Domain
import Storage

/// Writes what came back, and what follows from it for the endpoint.
struct DeliveryWriter {
    let core: Core
    let lease: LaneLease
    let endpoint: WebhookEndpoint
    let pace: EndpointPace

    /// - Returns: whether the endpoint is sent nothing more.
    func write(
        _ found: (records: [AttemptRecord], dropped: [Int64], lateness: [DeliveryLateness]), isResting: Bool
    ) async throws -> Bool {
        let (core, lease, endpoint) = (core, lease, endpoint)
        let isElsewhere = ReplayLane(subject: lease.subject) != nil
        let health = isElsewhere ? nil : pace.unwritten(isResting: isResting, at: core.runtime.now())
        try await core.database.write { tx in
            try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            DeliveryStore.complete(found.records, of: endpoint.id.hex, lease: lease, tx)
            DeliveryStore.forget(found.dropped, lease: lease, tx)
            if let health { try EndpointHealthStore.save(health, of: endpoint.id.hex, lease.scope, tx) }
        }
        core.counters.count(found.records, found.lateness)
        return isElsewhere ? false : try await judge(found.records)
    }

    private func judge(_ records: [AttemptRecord]) async throws -> Bool {
        // What an earlier URL answers says nothing of the one that was set meanwhile.
        let refused = records.filter { $0.outcome != .delivered && $0.url == endpoint.url }
        guard !refused.isEmpty else { return false }
        let warden = EndpointWarden(core: core, lease: lease)
        let now = core.runtime.now()
        if refused.contains(where: { $0.status == 410 }) {
            return try await warden.disable(endpoint, reason: "gone", since: nil)
        }
        switch pace.verdict(at: now) {
        case .none: return false
        case .warn(let hours):
            try await warden.warn(hours: hours, endpoint, pace.warned(hours: hours))
            return false
        case .disable:
            return try await warden.disable(endpoint, reason: "failing", since: pace.failingSince)
        }
    }
}
