import Domain
import Storage

extension Outbox {
    /// Which of an environment's endpoints an event of its own goes to; the feed has it in any case.
    enum Recipients: Sendable {
        case all
        /// All, the URL that a link was begun with, and those of the record that it was to repair.
        case link(callbackURL: String?, record: ID<Connection>?)
        case except(ID<WebhookEndpoint>)
        /// This one alone, whatever types it asked for.
        case only(WebhookEndpoint)
    }

    /// An event of the environment itself, which counts them. Fill `core.sequence` before.
    /// - Parameter now: when it happened, as its body tells it.
    /// - Returns: the event's id.
    @discardableResult
    func emit(
        _ draft: EnvironmentDraft, in environment: Domain.Environment, to recipients: Recipients = .all,
        at now: Instant, _ tx: Transaction
    ) throws -> Int64 {
        let scope = environment.scope
        let id = try core.sequence.take()
        let sequence = try BankStore.takeSequence(scope, tx)
        let event = EventStore.NewEvent(
            id: id, sequence: sequence, type: draft.type.name, accountID: nil,
            thin: OkraEnvelope.members(draft, environment, id: id, sequence: sequence, at: now), complete: nil)
        try EventStore.append(
            event, connection: ID(trusted: ""), to: try endpoints(recipients, draft.type, scope, tx), at: now,
            machineNow: core.runtime.now(), newID: core.sequence.take, scope, tx)
        return id
    }

    private func endpoints(
        _ recipients: Recipients, _ type: EventType, _ scope: Scope, _ tx: Transaction
    ) throws -> [WebhookEndpoint] {
        if case .only(let endpoint) = recipients { return [endpoint] }
        var (url, record) = (String?.none, ID<Connection>?.none)
        if case .link(let callbackURL, let repaired) = recipients { (url, record) = (callbackURL, repaired) }
        let found = try EndpointStore.route(scope, connection: record, callbackURL: url, refreshURL: nil, tx)
            .filter { $0.wants(type.name) }.distinct
        guard case .except(let id) = recipients else { return found }
        return found.filter { $0.id != id }
    }
}
