import Domain
import Storage

/// An example of an event that was fired, on its way to endpoints and feed.
public struct FiredEvent: Sendable {
    public let id: Int64
    public let type: String
    /// nil for an event of the environment itself.
    public let record: String?
}

/// Fires examples of events in the sandbox: they are counted, delivered, logged and pulled as real ones are, and say of
/// themselves that they are examples.
public struct TriggerService: Sendable {
    let core: Core
    public init(core: Core) { self.core = core }

    /// - Parameter record: whose event it is; nil takes the record that was linked last. Events that belong to no
    ///   record take none.
    /// - Throws: `invalid_field` for a name that is no event or that nothing fires yet, for a record where the event
    ///   has none, and where there is no record at all; `not_found` for an unknown record; `sandbox_only` in
    ///   production.
    public func fire(
        _ name: String, record: String?, in environment: Domain.Environment, once: Once<FiredEvent>? = nil
    ) async throws -> FiredEvent {
        let type = try example(name, environment)
        if type.source == .environment, record != nil {
            throw DomainError.invalid("record", "must be left out: `\(name)` belongs to no record.")
        }
        try await core.sequence.fill()
        let now = environment.virtual(core.runtime.now())
        let fired = try await core.change(once) { tx in
            try emit(type, record: record, to: nil, in: environment, at: now, tx)
        }
        core.wakes.deliveries.set()
        return fired
    }

    /// A type of which an example may be sent.
    func example(_ name: String, _ environment: Domain.Environment) throws -> EventType {
        let type = try known(name)
        guard environment.kind == .sandbox else {
            throw DomainError(
                .sandboxOnly,
                "Examples are sent in the sandbox alone: production tells what happened. The `test` of an endpoint "
                    + "without an event may be sent there too.", field: "event")
        }
        return type
    }

    /// - Parameter endpoint: who gets it, whatever types it asked for; nil for all that get such events.
    func emit(
        _ type: EventType, record: String?, to endpoint: WebhookEndpoint?, in environment: Domain.Environment,
        at now: Instant, _ tx: Transaction
    ) throws -> FiredEvent {
        type.source == .environment
            ? try environmentEvent(type, endpoint, environment, now, tx)
            : try recordEvent(type, record, endpoint, environment, now, tx)
    }

    private func known(_ name: String) throws -> EventType {
        guard let type = EventCatalog.find(name) else {
            let names = EventCatalog.all.map(\.name)
            let near = DomainError.nearest(name, among: names).map { "Did you mean `\($0)`?" }
            throw DomainError.invalid(
                "event",
                "has `\(name.prefix(40))`, which is no event. "
                    + (near ?? "`GET /api/v1/event_types` lists them."))
        }
        guard !type.isPlanned else {
            throw DomainError.invalid("event", "is planned: nothing fires `\(name)` yet, so no example of it is sent.")
        }
        return type
    }

    private func environmentEvent(
        _ type: EventType, _ endpoint: WebhookEndpoint?, _ environment: Domain.Environment, _ now: Instant,
        _ tx: Transaction
    ) throws -> FiredEvent {
        let draft = EventExamples.environmentDraft(type)
        let recipients = endpoint.map { Outbox.Recipients.only($0) } ?? .all
        let id = try Outbox(core: core).emit(draft, in: environment, to: recipients, at: now, tx)
        return FiredEvent(id: id, type: type.name, record: nil)
    }

    private func recordEvent(
        _ type: EventType, _ record: String?, _ endpoint: WebhookEndpoint?, _ environment: Domain.Environment,
        _ now: Instant, _ tx: Transaction
    ) throws -> FiredEvent {
        let scope = environment.scope
        let connection = try found(record, scope, tx)
        let context = EventContext(
            environment: environment, connection: connection,
            customerName: try CustomerStore.find(connection.customerID, scope, tx.db)?.name, bvn: nil, startedAt: now,
            now: now, publicURL: core.settings.publicURL)
        var draft = EventExamples.draft(type)
        // The record and its account are real, so that the receiver finds them; the rest is the example's.
        if draft.accountID != nil,
            let account = try AccountReads.named(.connection(connection.id.hex), scope, tx.db).first
        {
            draft.accountID = ID(trusted: account.id)
        }
        guard let id = try Outbox(core: core).emit([draft], context, to: endpoint, tx).first else {
            throw DomainError.notFound("event")
        }
        return FiredEvent(id: id, type: type.name, record: connection.id.hex)
    }

    private func found(_ record: String?, _ scope: Scope, _ tx: Transaction) throws -> Connection {
        guard let text = try record ?? EventReads.lastLinked(scope, tx.db) else {
            throw DomainError.invalid("record", "is nobody yet: link a bank first, or fire an event of no record.")
        }
        guard let id = ID<Connection>(text), let connection = try ConnectionStore.find(id, scope, tx.db) else {
            throw DomainError.notFound("record")
        }
        return connection
    }
}
