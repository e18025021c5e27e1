import Domain

/// Where events are sent.
public struct WebhookEndpoint: Sendable, Equatable {
    /// Where the endpoint comes from, which decides what it is sent.
    public enum Source: String, Sendable {
        /// The environment's own URL: every event.
        case environment
        /// Made by the API: every event, or those of its types.
        case api
        /// Named by a widget run: only its record's events, thin, without the bearer token.
        case connection
    }
    /// How much an event tells: `complete` adds personal data to what `thin` has.
    public enum Payload: String, Sendable { case thin, complete }

    public var id: ID<WebhookEndpoint>
    public var url: String
    public var source: Source
    public var payload: Payload
    /// Exact names or `prefix.*`; empty means all.
    public var eventTypes: [String]
    public var laneID: Int64
    public var isEnabled: Bool
    public var createdAt: Instant

    public init(
        id: ID<WebhookEndpoint>, url: String, source: Source, payload: Payload, eventTypes: [String], laneID: Int64,
        isEnabled: Bool = true, createdAt: Instant
    ) {
        self.id = id
        self.url = url
        self.source = source
        self.payload = payload
        self.eventTypes = eventTypes
        self.laneID = laneID
        self.isEnabled = isEnabled
        self.createdAt = createdAt
    }

    /// Whether it is sent events of this type: it names none, the type itself, or its group as in `account.*`.
    public func wants(_ type: String) -> Bool {
        eventTypes.isEmpty
            || eventTypes.contains { $0 == type || ($0.hasSuffix(".*") && type.hasPrefix($0.dropLast(1))) }
    }
}

/// Webhook endpoints with their sealed secrets and tokens.
public enum EndpointStore {
    private static let fields = "id, url, source, payload, event_types, lane_id, is_enabled, created_at_ms"
    private static let columns = "\(fields) FROM webhook_endpoint"

    private static func endpoint(_ row: borrowing Row) -> WebhookEndpoint {
        WebhookEndpoint(
            id: row.id(0), url: row.text(1), source: .init(rawValue: row.text(2)) ?? .api,
            payload: .init(rawValue: row.text(3)) ?? .thin,
            eventTypes: row.text(4).split(separator: ",").map(String.init), laneID: row.int(5), isEnabled: row.bool(6),
            createdAt: row.instant(7))
    }

    /// Inserts an endpoint; `secret` and `token` are sealed.
    public static func create(
        _ endpoint: WebhookEndpoint, _ scope: Scope, secret: [UInt8]?, token: [UInt8]?, _ tx: Transaction
    ) throws {
        tx.forget(allOf: routes(scope))
        try tx.db.run(
            """
            INSERT INTO webhook_endpoint (environment_id, id, url, source, payload, event_types, secret, token, lane_id,
                is_enabled, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10)
            """,
            [
                .integer(scope.environmentID), .id(endpoint.id), .text(endpoint.url), .text(endpoint.source.rawValue),
                .text(endpoint.payload.rawValue), .text(endpoint.eventTypes.joined(separator: ",")), .blob(secret),
                .blob(token), .integer(endpoint.laneID), .at(endpoint.createdAt),
            ])
    }

    /// The environment's endpoints of one source: at most 1000 or, of one URL, 10.
    public static func list(
        _ scope: Scope, source: WebhookEndpoint.Source, url: String? = nil, _ db: any SQLConnection
    ) throws -> [WebhookEndpoint] {
        guard let url else {
            return try db.query(
                "SELECT \(columns) WHERE environment_id = $1 AND source = $2 ORDER BY id LIMIT 1000",
                [.integer(scope.environmentID), .text(source.rawValue)], endpoint)
        }
        return try db.query(
            "SELECT \(columns) WHERE environment_id = $1 AND source = $2 AND url = $3 ORDER BY id LIMIT 10",
            [.integer(scope.environmentID), .text(source.rawValue), .text(url)], endpoint)
    }

    /// What the sender needs of one endpoint; secrets are still sealed.
    public static func sending(
        _ id: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (endpoint: WebhookEndpoint, secret: [UInt8]?, token: [UInt8]?)? {
        try db.first(
            """
            SELECT \(fields), secret, token
            FROM webhook_endpoint WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .text(id)]
        ) { (endpoint($0), $0.blobOrNil(8), $0.blobOrNil(9)) }
    }

    /// Stores URL, payload and sealed token, and enables the endpoint again.
    public static func update(
        _ id: ID<WebhookEndpoint>, _ scope: Scope, url: String, payload: WebhookEndpoint.Payload, token: [UInt8]?,
        _ tx: Transaction
    ) throws {
        tx.forget(allOf: routes(scope))
        try tx.db.run(
            """
            UPDATE webhook_endpoint SET url = $3, payload = $4, token = $5, is_enabled = 1
            WHERE environment_id = $1 AND id = $2
            """,
            [.integer(scope.environmentID), .id(id), .text(url), .text(payload.rawValue), .blob(token)])
    }

    /// Stops sending and drops what waits; the events stay.
    /// - Returns: whether it existed.
    public static func remove(_ id: ID<WebhookEndpoint>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(id)]
        tx.forget(allOf: routes(scope))
        try tx.db.run("DELETE FROM delivery WHERE environment_id = $1 AND endpoint_id = $2", key)
        return try tx.db.run(
            "DELETE FROM webhook_endpoint WHERE environment_id = $1 AND id = $2 AND source = 'api'", key) == 1
    }

    private static let routeSQL = """
        SELECT \(columns) WHERE environment_id = $1 AND is_enabled = 1
            AND (source IN ('environment', 'api') OR (source = 'connection' AND url IN ($2, $3)))
        ORDER BY CASE source WHEN 'environment' THEN 0 WHEN 'api' THEN 1 ELSE 2 END, id
        """

    private static func routes(_ scope: Scope) -> String { "routes \(scope.environmentID) " }

    /// As `route`, asked once for all units of a group that name the same URLs.
    public static func route(
        _ scope: Scope, callbackURL: String?, refreshURL: String?, _ tx: Transaction
    ) throws -> [WebhookEndpoint] {
        try tx.once("\(routes(scope))\(callbackURL ?? "") \(refreshURL ?? "")") {
            try route(scope, callbackURL: callbackURL, refreshURL: refreshURL, tx.db)
        }
    }

    /// Where an event of a connection goes; equal URLs count once, the environment's own first.
    public static func route(
        _ scope: Scope, callbackURL: String?, refreshURL: String?, _ db: any SQLConnection
    ) throws -> [WebhookEndpoint] {
        var seen: Set<String> = []
        return try db.query(
            routeSQL, [.integer(scope.environmentID), .text(callbackURL ?? ""), .text(refreshURL ?? "")], endpoint
        ).filter { seen.insert($0.url).inserted }
    }
}
