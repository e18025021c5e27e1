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
    func disable(_ endpoint: WebhookEndpoint, reason: String, since: Instant?) async throws {
        let now = core.runtime.now()
        try await tell(endpoint) { tx in
            let isChanged = try EndpointStore.setStatus(
                .disabled, reason: reason, of: endpoint.id, at: now, lease.scope, tx)
            return isChanged ? Drafts.endpointDisabled(endpoint.id, reason: reason, since: since) : nil
        }
        core.logger.warning(
            "a webhook endpoint was disabled",
            metadata: ["endpoint": "\(endpoint.id)", "reason": "\(reason)"])
    }

    /// Changes something and tells the environment's other endpoints and its feed of it, in one transaction.
    private func tell(
        _ endpoint: WebhookEndpoint, _ change: @escaping @Sendable (Transaction) throws -> EnvironmentDraft?
    ) async throws {
        try await core.sequence.fill()
        let (core, lease) = (core, lease)
        try await core.database.write { tx in
            try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            guard let draft = try change(tx), let environment = try TenantStore.environment(lease.environmentID, tx.db)
            else { return }
            try Outbox(core: core).emit(
                draft, in: environment, to: .except(endpoint.id),
                at: environment.virtual(core.runtime.now()), tx)
        }
        core.wakes.deliveries.set()
    }
}
