import Connectors
import Domain
import Logging
import Storage

/// Changes a bank's health and tells every environment that has connections there, in one transaction.
struct HealthNotice {
    let core: Core

    func change(_ key: BankKey, to health: InstitutionHealth, at now: Instant) async throws {
        try await core.sequence.fill()
        let told = try await core.database.write { tx -> Int? in
            guard
                let was = try BankStore.setHealth(
                    health, of: key.institution, environment: key.environmentID, at: now,
                    notWithinMs: BankGate.healthMs, tx)
            else { return nil }
            let environments =
                key.kind == .production
                ? try BankStore.environments(with: key.institution, key.kind, tx.db) : [key.environmentID]
            for id in environments {
                guard let environment = try TenantStore.environment(id, tx.db) else { continue }
                try emit(key, health, was: was, environment, at: now, tx)
            }
            return environments.count
        }
        guard let told else { return }
        core.gate.with(key) { $0.machine.health = health }
        core.logger.notice(
            "health of a bank changed",
            metadata: ["institution": "\(key.institution)", "health": "\(health.rawValue)", "told": "\(told)"])
        core.wakes.deliveries.set()
    }

    private func emit(
        _ key: BankKey, _ health: InstitutionHealth, was: InstitutionHealth, _ environment: Domain.Environment,
        at now: Instant, _ tx: Transaction
    ) throws {
        let draft = EnvironmentDraft(
            type: type(health), method: "INSTITUTION", subject: key.institution,
            id: InstitutionCatalog.find(key.institution)?.id.hex,
            data: { data in
                data.member("institution", key.institution)
                data.member("institution_id", InstitutionCatalog.find(key.institution)?.id)
                data.member("name", InstitutionCatalog.find(key.institution)?.name ?? key.institution)
                data.member("health", health.rawValue)
                data.member("was", was.rawValue)
            })
        try Outbox(core: core).emit(draft, in: environment, at: now, tx)
    }

    private func type(_ health: InstitutionHealth) -> EventType {
        switch health {
        case .healthy: EventCatalog.institutionRecovered
        case .degraded: EventCatalog.institutionDegraded
        case .down: EventCatalog.institutionDown
        }
    }
}
