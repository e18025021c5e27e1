import Domain
import Storage

/// Sets where events go, and how.
public struct WebhookEndpointService: Sendable {
    /// Endpoints of the environment as a whole; those of single connections count for themselves.
    public static let sharedMax = 1000
    public static let ofConnectionMax = 10

    let core: Core
    public init(core: Core) { self.core = core }

    /// A further endpoint with keys of its own.
    /// - Parameter record: whose events alone it gets; nil for all.
    /// - Throws: `conflict` for a URL that is set already, since equal URLs get one delivery, and when there are too
    ///   many; `invalid_field` for what cannot be; `not_found` for an unknown record.
    public func create(
        _ change: EndpointChange, record: String? = nil, in environment: Domain.Environment,
        once: Once<EndpointView>? = nil
    ) async throws -> EndpointView {
        guard let url = change.url, !url.isEmpty else { throw DomainError.missing("url") }
        let checked = try URLRules(environment, core.settings).checked(url, field: "url")
        try await core.sequence.fill()
        let now = core.runtime.now()
        let scope = environment.scope
        return try await core.change(once) { tx in
            let connection = try record.map { try self.connection($0, scope, tx.db) }
            try checkNew(checked, connection, scope, tx)
            let id: ID<WebhookEndpoint> = core.runtime.newID()
            let lane = try LaneStore.findOrCreate(.delivery, subject: id.hex, scope, newID: core.sequence.take, tx)
            var endpoint = WebhookEndpoint(id: id, url: checked, source: .api, laneID: lane, createdAt: now)
            endpoint.connectionID = connection
            try change.apply(to: &endpoint)
            try checkSplitting(endpoint, before: false, scope, tx.db)
            try EndpointStore.create(endpoint, try sealed(change, EndpointStore.Sealed(), scope, tx), scope, tx)
            try WebhookKeys(core: core).ensure(endpoint, at: now, scope, tx)
            return try withKeys(endpoint, scope, now, tx.db)
        }
    }

    /// The environment's own endpoint, which gets every event unless told otherwise; made when there is none. Setting
    /// it enables it again.
    /// - Returns: it with the environment's signing secret.
    public func set(_ change: EndpointChange, in environment: Domain.Environment) async throws -> EndpointView {
        let scope = environment.scope
        let rules = URLRules(environment, core.settings)
        let url = try change.url.map { try rules.checked($0, field: "url") }
        try await core.sequence.fill()
        let now = core.runtime.now()
        let view = try await core.database.write { tx in
            if let known = try EndpointStore.list(scope, source: .environment, tx.db).first {
                return try update(known.id, change, url: url, enabling: true, scope, now, tx)
            }
            guard let url else { throw DomainError.missing("url") }
            let id: ID<WebhookEndpoint> = core.runtime.newID()
            let lane = try LaneStore.findOrCreate(.delivery, subject: id.hex, scope, newID: core.sequence.take, tx)
            var endpoint = WebhookEndpoint(id: id, url: url, source: .environment, laneID: lane, createdAt: now)
            try change.apply(to: &endpoint)
            try checkSplitting(endpoint, before: false, scope, tx.db)
            try EndpointStore.create(endpoint, try sealed(change, EndpointStore.Sealed(), scope, tx), scope, tx)
            try WebhookKeys(core: core).ensure(endpoint, at: now, scope, tx)
            return try withKeys(endpoint, scope, now, tx.db)
        }
        core.wakes.targets.set()
        core.wakes.deliveries.set()
        return view
    }

    /// As the other `set`, of the three settings that most give.
    public func set(
        in environment: Domain.Environment, url: String, payload: WebhookEndpoint.Payload, token: String?
    ) async throws -> EndpointView {
        var change = EndpointChange()
        change.url = url
        change.payload = payload
        change.token = .some(token)
        return try await set(change, in: environment)
    }

    /// Changes the members that are named.
    /// - Throws: as `create`; `conflict` for one that a link named, whose settings are the link's.
    public func update(
        _ id: String, _ change: EndpointChange, in environment: Domain.Environment, once: Once<EndpointView>? = nil
    ) async throws -> EndpointView {
        let id = try parsed(id)
        let scope = environment.scope
        let rules = URLRules(environment, core.settings)
        let url = try change.url.map { try rules.checked($0, field: "url") }
        let now = core.runtime.now()
        let view = try await core.change(once) { tx in
            try update(id, change, url: url, enabling: false, scope, now, tx).withoutSecrets
        }
        core.wakes.targets.set()
        core.wakes.deliveries.set()
        return view
    }

    private func update(
        _ id: ID<WebhookEndpoint>, _ change: EndpointChange, url: String?, enabling: Bool, _ scope: Scope,
        _ now: Instant, _ tx: Transaction
    ) throws -> EndpointView {
        guard let found = try EndpointStore.lock(id, scope, tx) else { throw Self.unknown }
        guard found.endpoint.source != .connection else {
            throw DomainError(.conflict, "A link named this URL, and how it is sent to is the link's. Add an endpoint.")
        }
        var endpoint = found.endpoint
        if let url, url != endpoint.url { try checkNew(url, endpoint.connectionID, scope, tx) }
        var change = change
        change.url = url
        try change.apply(to: &endpoint)
        try checkSplitting(endpoint, before: found.endpoint.splitsTransactions, scope, tx.db)
        if enabling, endpoint.status != .active {
            endpoint.status = .active
            endpoint.statusReason = ""
            endpoint.statusSince = now
        }
        if !EndpointPast.isAlike(endpoint, found.endpoint) {
            try EndpointPast.keep(found.endpoint, until: now, scope, tx)
        }
        try EndpointStore.update(endpoint, try sealed(change, found.sealed, scope, tx), scope, tx)
        try WebhookKeys(core: core).ensure(endpoint, at: now, scope, tx)
        if enabling || url.map({ $0 != found.endpoint.url }) == true {
            try EndpointHealthStore.forget(id.hex, scope, tx)
        }
        // Its owner looks at what waits in the light of what is new.
        try EndpointStore.bringForward(id, now: now, scope, tx)
        return try withKeys(endpoint, scope, now, tx.db)
    }

    /// The environment's endpoint and those of the API for the environment as a whole.
    public func list(in environment: Domain.Environment) async throws -> [WebhookEndpoint] {
        try await core.database.read { db in
            try EndpointStore.list(environment.scope, source: .environment, db)
                + EndpointStore.list(environment.scope, source: .api, db)
        }
    }

    /// Removes an endpoint of the API; what waited for it is dropped, its events stay.
    public func remove(
        _ id: String, in environment: Domain.Environment, once: Once<Void>? = nil
    ) async throws {
        let id = try parsed(id)
        let scope = environment.scope
        let now = core.runtime.now()
        try await core.change(once) { tx in
            if try EndpointStore.remove(id, at: now, scope, tx) {
                try EndpointHealthStore.forget(id.hex, scope, tx)
                return
            }
            guard let found = try EndpointStore.find(id, scope, tx.db) else { throw Self.unknown }
            throw found.source == .environment
                ? DomainError(
                    .conflict,
                    "This is the environment's own endpoint. It is changed by `kubewa webhooks set`; to send it "
                        + "nothing more, disable it.")
                : DomainError(.conflict, "A link named this URL. To send it nothing more, disable it.")
        }
        core.wakes.targets.set()
        core.wakes.deliveries.set()
    }

    // MARK: parts

    static let unknown = DomainError.notFound("webhook endpoint")

    func parsed(_ id: String) throws -> ID<WebhookEndpoint> {
        guard let id = ID<WebhookEndpoint>(id) else { throw Self.unknown }
        return id
    }

    private func connection(_ record: String, _ scope: Scope, _ db: any SQLConnection) throws -> String {
        guard let id = ID<Connection>(record), try ConnectionStore.find(id, scope, db) != nil else {
            throw DomainError.notFound("record")
        }
        return id.hex
    }

    /// One URL gets one delivery of an event, under one secret.
    private func checkNew(_ url: String, _ connection: String?, _ scope: Scope, _ tx: Transaction) throws {
        try WebhookKeyStore.lock(scope, tx)
        let shared = try EndpointStore.list(scope, source: .api, tx.db)
        let own = try EndpointStore.list(scope, source: .environment, tx.db)
        let others =
            try connection.map { try EndpointStore.list(scope, source: .api, connection: $0, tx.db) } ?? []
        guard !(shared + own + others).contains(where: { $0.url == url }) else {
            throw DomainError(
                .conflict, "Events go to this URL already. Change or remove that endpoint, or choose another URL.",
                field: "url")
        }
        let (count, max) =
            connection == nil ? (shared.count, Self.sharedMax) : (others.count, Self.ofConnectionMax)
        guard count < max else {
            throw DomainError(.conflict, "There are \(max) endpoints already. Remove one that is not needed.")
        }
    }

    private func sealed(
        _ change: EndpointChange, _ known: EndpointStore.Sealed, _ scope: Scope, _ tx: Transaction
    ) throws -> EndpointStore.Sealed {
        var sealed = known
        if let token = change.token {
            sealed.token = try token.map {
                try core.seal(Array($0.utf8), DeliveryTarget.sealing("endpoint_token", scope), tx)
            }
        }
        if let headers = change.headers {
            sealed.headers =
                headers.values.isEmpty
                ? nil : try core.seal(headers.json, DeliveryTarget.sealing("endpoint_headers", scope), tx)
        }
        return sealed
    }

    private func withKeys(
        _ endpoint: WebhookEndpoint, _ scope: Scope, _ now: Instant, _ db: any SQLConnection
    ) throws -> EndpointView {
        var view = EndpointView(endpoint)
        let keys = WebhookKeys(core: core)
        let owner = WebhookKeyOwner(of: endpoint)
        if endpoint.signatures.contains(.v1) { view.secret = try keys.current(.v1, of: owner, at: now, scope, db) }
        if endpoint.signatures.contains(.v1a) {
            view.publicKey = try keys.current(.v1a, of: owner, at: now, scope, db)
        }
        return view
    }

    /// The endpoint of a URL that a widget run named: thin, signed with the environment's secret.
    func ensureConnectionEndpoint(_ url: String, _ scope: Scope, at now: Instant, _ tx: Transaction) throws {
        guard try EndpointStore.list(scope, source: .connection, url: url, tx.db).isEmpty else { return }
        let id: ID<WebhookEndpoint> = core.runtime.newID()
        let lane = try LaneStore.findOrCreate(.delivery, subject: id.hex, scope, newID: core.sequence.take, tx)
        let endpoint = WebhookEndpoint(id: id, url: url, source: .connection, laneID: lane, createdAt: now)
        try EndpointStore.create(endpoint, EndpointStore.Sealed(), scope, tx)
    }
}
