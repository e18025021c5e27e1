import Domain
import Storage

/// What a trigger sent again.
public struct Triggered: Sendable {
    /// One event that is sent again.
    public struct Sent: Sendable {
        public let record: String
        public let type: String
        public let eventID: String
        /// nil where the product is not told by account.
        public let account: String?
    }

    public let sent: [Sent]
    /// Ids that no record here has.
    public let unknown: [String]
    /// One job for each endpoint.
    public let replays: [ReplayView]
}

extension ReplayService {
    /// Records of one trigger.
    public static let recordsMax = 100
    /// A record's events that are looked through for the last of each product.
    private static let latestMax = 1000
    /// URLs of an environment without an endpoint of its own for which one was made.
    static let namedMax = 1000

    /// Sends the last event of each product of these records again: where such events go, or to `url`.
    /// - Parameter product: as types begin with it; nil for all.
    /// - Throws: `conflict` when there is nowhere to send to, `url_refused`.
    public func trigger(
        _ records: [String], product: String?, url: String?, in environment: Domain.Environment,
        once: Once<Triggered>? = nil
    ) async throws -> Triggered {
        guard (1...Self.recordsMax).contains(records.count) else {
            throw DomainError.invalid("recordIds", "must be a list of 1 to \(Self.recordsMax) ids.")
        }
        let url = try url.map { try URLRules(environment, core.settings).checked($0, field: "url") }
        try await core.sequence.fill()
        let now = core.runtime.now()
        let found = try await core.change(once) { tx in
            try trigger(records, product, url, at: now, environment.scope, tx)
        }
        core.wakes.deliveries.set()
        return found
    }

    private func trigger(
        _ records: [String], _ product: String?, _ url: String?, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Triggered {
        let elsewhere = try url.map { try target($0, at: now, scope, tx) }
        let products = product.map { [$0] } ?? Set(LatestEvents.products)
        var sent: [Triggered.Sent] = []
        var unknown: [String] = []
        var batches: [ID<WebhookEndpoint>: (endpoint: WebhookEndpoint, events: [LoggedEvent])] = [:]
        var seen: Set<String> = []
        for record in records where seen.insert(record).inserted {
            guard let id = ID<Connection>(record), let connection = try ConnectionStore.find(id, scope, tx.db) else {
                unknown.append(record)
                continue
            }
            let events = try ReplayStore.latest(of: id.hex, limit: Self.latestMax, scope, tx.db)
            let latest = LatestEvents.choose(
                events, products: products, type: { $0.type }, account: { $0.accountID })
            let endpoints = try elsewhere.map { [$0.endpoint] } ?? routed(connection, scope, tx)
            for event in latest.reversed() {
                sent.append(
                    .init(
                        record: id.hex, type: event.type, eventID: EventID.text(event.id), account: event.accountID))
                for endpoint in endpoints
                where elsewhere != nil
                    || endpoint.wants(event.type) && Routing.mayGet(endpoint, type: event.type, of: connection)
                {
                    batches[endpoint.id, default: (endpoint, [])].events.append(event)
                }
            }
        }
        guard sent.isEmpty || !batches.isEmpty else {
            throw DomainError(
                .conflict, "There is no endpoint that gets these events. Set one, or name a `url`.", field: "url")
        }
        let replays = try batches.values.sorted { $0.endpoint.id.hex < $1.endpoint.id.hex }.map { batch in
            let nowhere = FeedPlace(batch: 0, place: 0)
            let replay = try make(
                ReplayRequest(), to: batch.endpoint, url: elsewhere?.url, (nowhere, nowhere), at: now, scope, tx)
            return ReplayView(new: try end(replay, with: batch.events, batch.endpoint, at: now, tx))
        }
        return Triggered(sent: sent, unknown: unknown, replays: replays)
    }

    private func routed(
        _ connection: Connection, _ scope: Scope, _ tx: Transaction
    ) throws -> [WebhookEndpoint] {
        try EndpointStore.route(
            scope, connection: connection.id, callbackURL: connection.callbackURL,
            refreshURL: connection.refreshWebhookURL, tx
        ).distinct
    }

    /// What is sent to a URL of the request is made and signed as for the environment's own endpoint, or thin where
    /// there is none.
    private func target(
        _ url: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> (endpoint: WebhookEndpoint, url: String?) {
        if let own = try EndpointStore.list(scope, source: .environment, tx.db).first, own.isRouted {
            return (own, own.url == url ? nil : url)
        }
        if try EndpointStore.list(scope, source: .connection, url: url, tx.db).isEmpty,
            try EndpointStore.named(limit: Self.namedMax, scope, tx.db) >= Self.namedMax
        {
            throw DomainError(
                .conflict,
                "\(Self.namedMax) URLs were named by links and triggers. Set the environment's own endpoint: then any "
                    + "`url` can be named here, and none is kept.", field: "url")
        }
        try endpoints.ensureConnectionEndpoint(url, scope, at: now, tx)
        guard let made = try EndpointStore.list(scope, source: .connection, url: url, tx.db).first else {
            throw DomainError.notFound("webhook endpoint")
        }
        guard made.isRouted else {
            throw DomainError(
                .conflict, "The endpoint of this URL is disabled, so nothing is sent to it. Enable it first.",
                field: "url")
        }
        return (made, nil)
    }
}
