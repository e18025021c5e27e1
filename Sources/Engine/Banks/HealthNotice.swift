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

    /// It belongs to no connection: the environment counts these events itself.
    private func emit(
        _ key: BankKey, _ health: InstitutionHealth, was: InstitutionHealth, _ environment: Domain.Environment,
        at now: Instant, _ tx: Transaction
    ) throws {
        let scope = environment.scope
        let event = EventCatalog.institutionHealth
        let id = try core.sequence.take()
        let sequence = try BankStore.takeSequence(scope, tx)
        let body = OkraEnvelope.members(event, environment, id: id, sequence: sequence, at: now) { data in
            data.member("institution", key.institution)
            data.member("institution_id", InstitutionCatalog.find(key.institution)?.id)
            data.member("name", InstitutionCatalog.find(key.institution)?.name ?? key.institution)
            data.member("health", health.rawValue)
            data.member("was", was.rawValue)
        }
        let endpoints = try EndpointStore.route(scope, callbackURL: nil, refreshURL: nil, tx)
        try EventStore.append(
            EventStore.NewEvent(
                id: id, sequence: sequence, type: event.name, accountID: nil, thin: body, complete: nil),
            connection: ID(trusted: ""), to: endpoints.filter { $0.wants(event.name) }, at: now,
            machineNow: core.runtime.now(), newID: core.sequence.take, scope, tx)
    }
}
