import Domain
import Storage

/// Sets where events go.
public struct WebhookEndpointService: Sendable {
    /// A new endpoint with the secret that signs what is sent to it.
    public struct Created: Sendable {
        public let endpoint: WebhookEndpoint
        /// `whsec_…`; told once.
        public let secret: String
    }

    private let core: Core
    public init(core: Core) { self.core = core }

    /// A further endpoint with a secret of its own.
    /// - Throws: `conflict` for a URL that is set already: equal URLs get one delivery, under one secret.
    public func create(
        in environment: Domain.Environment, url: String, payload: WebhookEndpoint.Payload, eventTypes: [String],
        token: String?, once: Once<Created>? = nil
    ) async throws -> Created {
        let url = try URLRules(environment, core.settings).checked(url, field: "url")
        try check(eventTypes)
        try await core.sequence.fill()
        let id: ID<WebhookEndpoint> = core.runtime.newID()
        let now = core.runtime.now()
        let scope = environment.scope
        return try await core.change(once) { tx in
            for source in [WebhookEndpoint.Source.environment, .api] {
                guard try EndpointStore.list(scope, source: source, url: url, tx.db).isEmpty else {
                    throw DomainError(
                        .conflict, "Events go to this URL already. Remove that endpoint first, or choose another URL.",
                        field: "url")
                }
            }
            let lane = try LaneStore.findOrCreate(
                .delivery, subject: id.hex, scope, newID: core.sequence.take, tx)
            let endpoint = WebhookEndpoint(
                id: id, url: url, source: .api, payload: payload, eventTypes: eventTypes, laneID: lane, createdAt: now)
            try EndpointStore.create(endpoint, .init(token: try seal(token, scope, tx)), scope, tx)
            let secret = try WebhookKeys(core: core).make(.v1, of: .endpoint(id), at: now, scope, tx)
            return Created(endpoint: endpoint, secret: secret)
        }
    }

    /// The environment's own URL, which gets every event. Setting it again replaces it.
    /// - Returns: the environment's signing secret beside the endpoint.
    public func set(
        in environment: Domain.Environment, url: String, payload: WebhookEndpoint.Payload, token: String?
    ) async throws -> Created {
        let url = try URLRules(environment, core.settings).checked(url, field: "url")
        try await core.sequence.fill()
        let id: ID<WebhookEndpoint> = core.runtime.newID()
        let now = core.runtime.now()
        let scope = environment.scope
        return try await core.database.write { tx in
            let secret = try environmentSecret(scope, at: now, tx.db)
            let sealedToken = try seal(token, scope, tx)
            if var known = try EndpointStore.list(scope, source: .environment, tx.db).first {
                known.url = url
                known.payload = payload
                known.status = .active
                known.statusReason = ""
                try EndpointStore.update(known, .init(token: sealedToken), scope, tx)
                return Created(endpoint: known, secret: secret)
            }
            let lane = try LaneStore.findOrCreate(.delivery, subject: id.hex, scope, newID: core.sequence.take, tx)
            let endpoint = WebhookEndpoint(
                id: id, url: url, source: .environment, payload: payload, eventTypes: [], laneID: lane, createdAt: now)
            try EndpointStore.create(endpoint, .init(token: sealedToken), scope, tx)
            return Created(endpoint: endpoint, secret: secret)
        }
    }

    /// The environment's endpoint and those of the API.
    public func list(in environment: Domain.Environment) async throws -> [WebhookEndpoint] {
        try await core.database.read { db in
            try EndpointStore.list(environment.scope, source: .environment, db)
                + EndpointStore.list(environment.scope, source: .api, db)
        }
    }

    /// Removes an endpoint of the API; what waited for it is dropped, its events stay.
    public func remove(_ id: String, in environment: Domain.Environment) async throws {
        guard let id = ID<WebhookEndpoint>(id) else { throw DomainError.notFound("webhook endpoint") }
        if try await core.database.write({ try EndpointStore.remove(id, environment.scope, $0) }) { return }
        guard try await list(in: environment).contains(where: { $0.id == id }) else {
            throw DomainError.notFound("webhook endpoint")
        }
        throw DomainError(
            .conflict, "This is the environment's own endpoint. It is changed by `kubewa webhooks set`.")
    }

    /// The endpoint of a URL that a widget run named: thin, signed with the environment's secret.
    func ensureConnectionEndpoint(_ url: String, _ scope: Scope, at now: Instant, _ tx: Transaction) throws {
        guard try EndpointStore.list(scope, source: .connection, url: url, tx.db).isEmpty else { return }
        let id: ID<WebhookEndpoint> = core.runtime.newID()
        let lane = try LaneStore.findOrCreate(.delivery, subject: id.hex, scope, newID: core.sequence.take, tx)
        let endpoint = WebhookEndpoint(
            id: id, url: url, source: .connection, payload: .thin, eventTypes: [], laneID: lane, createdAt: now)
        try EndpointStore.create(endpoint, .init(), scope, tx)
    }

    private func environmentSecret(_ scope: Scope, at now: Instant, _ db: any SQLConnection) throws -> String {
        guard let secret = try WebhookKeys(core: core).current(.v1, of: .environment, at: now, scope, db) else {
            throw DomainError.notFound("environment")
        }
        return secret
    }

    private func seal(_ token: String?, _ scope: Scope, _ tx: Transaction) throws -> [UInt8]? {
        guard let token, !token.isEmpty else { return nil }
        guard token.utf8.count <= 1024, token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw DomainError.invalid("token", "must be at most 1,024 visible ASCII characters without spaces.")
        }
        return try core.seal(Array(token.utf8), context(scope, "endpoint_token"), tx)
    }

    private func context(_ scope: Scope, _ purpose: String) -> SealContext {
        SealContext(environmentID: scope.environmentID, connectionID: nil, purpose: purpose)
    }

    private func check(_ types: [String]) throws {
        for type in types {
            let isKnown = EventCatalog.all.contains { event in
                event.name == type || (type.hasSuffix(".*") && event.name.hasPrefix(type.dropLast(1)))
            }
            guard isKnown else {
                let known = EventCatalog.all.map(\.name).joined(separator: ", ")
                throw DomainError.invalid("event_types", "has an unknown type `\(type.prefix(40))`. Known: \(known).")
            }
        }
    }
}
