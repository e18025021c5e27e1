import Domain
import Logging
import Storage

/// Warns of an endpoint that takes nothing, and stops sending to one that is gone.
struct EndpointWarden {
    let core: Core
    let lease: LaneLease

    /// - Parameter health: as it is written beside.
    func warn(hours: Int, _ endpoint: WebhookEndpoint, _ health: EndpointHealth) async throws {
        try await tell(endpoint) { tx in
            try EndpointHealthStore.save(health, of: endpoint.id.hex, lease.scope, tx)
            return Drafts.endpointFailing(
                endpoint.id, hours: hours, since: health.failingSince ?? core.runtime.now(),
                failures: Int64(health.failures), lastError: health.lastError)
        }
        core.logger.warning(
            "a webhook endpoint takes nothing",
            metadata: ["endpoint": "\(endpoint.id)", "hours": "\(hours)", "error": "\(health.lastError ?? "")"])
    }

    /// What waits stays, and goes when it is enabled again.
    /// - Parameter endpoint: as it was sent to: with another URL now it is left alone.
    /// - Returns: whether it was disabled now.
    func disable(_ endpoint: WebhookEndpoint, reason: String, since: Instant?) async throws -> Bool {
        let now = core.runtime.now()
        let isTold = try await tell(endpoint) { tx in
            guard try EndpointStore.lock(endpoint.id, lease.scope, tx)?.endpoint.url == endpoint.url else { return nil }
            let isChanged = try EndpointStore.setStatus(
                .disabled, reason: reason, of: endpoint.id, at: now, lease.scope, tx)
            return isChanged ? Drafts.endpointDisabled(endpoint.id, reason: reason, since: since) : nil
        }
        if isTold {
            core.logger.warning(
                "a webhook endpoint was disabled",
                metadata: ["endpoint": "\(endpoint.id)", "reason": "\(reason)"])
        }
        return isTold
    }

    /// Changes something and tells the environment's other endpoints and its feed of it, in one transaction.
    /// - Returns: whether there was something to tell.
    @discardableResult
    private func tell(
        _ endpoint: WebhookEndpoint, _ change: @escaping @Sendable (Transaction) throws -> EnvironmentDraft?
    ) async throws -> Bool {
        try await core.sequence.fill()
        let (core, lease) = (core, lease)
        let isTold = try await core.database.write { tx in
            try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            guard let draft = try change(tx), let environment = try TenantStore.environment(lease.environmentID, tx.db)
            else { return false }
            try Outbox(core: core).emit(
                draft, in: environment, to: .except(endpoint.id),
                at: environment.virtual(core.runtime.now()), tx)
            return true
        }
        core.wakes.deliveries.set()
        return isTold
    }
}
