import Domain
import Storage

/// A page of endpoints, and where the next one begins.
public struct EndpointPage: Sendable {
    public let endpoints: [EndpointView]
    public let next: String?
}

extension WebhookEndpointService {
    /// What may be asked of whether an endpoint is sent to.
    public enum Switch: String, Sendable, CaseIterable {
        /// Events wait from now on.
        case pause
        /// What waits goes, and what comes.
        case resume
        /// Events are kept, and no longer wait.
        case disable
        /// After it was disabled: what waited then goes, and what comes.
        case enable
    }

    /// The environment's own endpoint first, then those of the API by age; of a record, its own.
    /// - Parameter cursor: the last one's id.
    public func page(
        in environment: Domain.Environment, record: String?, after cursor: String?, limit: Int
    ) async throws -> EndpointPage {
        let scope = environment.scope
        if let cursor, ID<WebhookEndpoint>(cursor) == nil {
            throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply.")
        }
        return try await core.database.read { db in
            let isFirst = cursor == nil && record == nil
            let first = isFirst ? try EndpointStore.list(scope, source: .environment, db) : []
            let found = try EndpointStore.page(scope, connection: record, after: cursor ?? "", limit: limit + 1, db)
            let page = found.prefix(limit)
            let ids = (first + page).map(\.id.hex)
            let health = try EndpointHealthStore.list(from: ids.min() ?? "", to: ids.max() ?? "", scope, db)
            let views = (first + page).map { endpoint in
                var view = EndpointView(endpoint)
                view.health = health[endpoint.id.hex]
                return view
            }
            return EndpointPage(endpoints: views, next: found.count > limit ? page.last?.id.hex : nil)
        }
    }

    /// Any of the environment's endpoints, those that links named too.
    public func get(_ id: String, in environment: Domain.Environment) async throws -> EndpointView {
        let id = try parsed(id)
        return try await core.database.read { try shown(id, environment.scope, $0) }
    }

    /// The environment's own endpoint.
    public func own(in environment: Domain.Environment) async throws -> EndpointView {
        let found = try await core.database.read { try EndpointStore.list(environment.scope, source: .environment, $0) }
        guard let own = found.first else {
            throw DomainError(
                .notFound, "The environment has no endpoint of its own yet. Set its URL with `kubewa webhooks set`.")
        }
        return EndpointView(own)
    }

    /// Pauses, resumes, disables or enables an endpoint; one that is so already is left as it is.
    /// - Throws: `conflict` for pausing or resuming one that is disabled.
    public func turn(
        _ id: String, _ wish: Switch, in environment: Domain.Environment, once: Once<EndpointView>? = nil
    ) async throws -> EndpointView {
        let id = try parsed(id)
        let scope = environment.scope
        let now = core.runtime.now()
        try await core.sequence.fill()
        let view = try await core.change(once) { tx in
            guard let found = try EndpointStore.lock(id, scope, tx)?.endpoint else { throw Self.unknown }
            switch (wish, found.status) {
            case (.pause, .disabled), (.resume, .disabled):
                throw DomainError(
                    .conflict, "This endpoint is disabled, so that nothing new waits for it. Enable it first.")
            case (.pause, _): _ = try set(.paused, found, now, scope, tx)
            case (.disable, _):
                guard try set(.disabled, found, now, scope, tx) else { break }
                try Outbox(core: core).emit(
                    Drafts.endpointDisabled(id, reason: Self.manual, since: nil), in: environment, to: .except(id),
                    at: environment.virtual(now), tx)
            case (.resume, _), (.enable, _):
                guard try set(.active, found, now, scope, tx) else { break }
                // How it was before says nothing any more.
                try EndpointHealthStore.forget(id.hex, scope, tx)
                try EndpointStore.bringForward(id, now: now, scope, tx)
            }
            return try shown(id, scope, tx.db)
        }
        core.wakes.targets.set()
        core.wakes.deliveries.set()
        return view
    }

    private static let manual = "manual"

    /// With how it is.
    func shown(_ id: ID<WebhookEndpoint>, _ scope: Scope, _ db: any SQLConnection) throws -> EndpointView {
        guard let found = try EndpointStore.find(id, scope, db) else { throw Self.unknown }
        var view = EndpointView(found)
        view.health = try EndpointHealthStore.find(id.hex, scope, db)
        return view
    }

    private func set(
        _ status: WebhookEndpoint.Status, _ endpoint: WebhookEndpoint, _ now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try EndpointStore.setStatus(
            status, reason: status == .active ? "" : Self.manual, of: endpoint.id, at: now, scope, tx)
    }
}
