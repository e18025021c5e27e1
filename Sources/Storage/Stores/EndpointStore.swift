import Domain

/// Webhook endpoints with their sealed tokens and headers.
public enum EndpointStore {
    /// What an endpoint has that nobody reads back, sealed.
    public struct Sealed: Sendable {
        public var token: [UInt8]?
        /// A JSON object of names and values.
        public var headers: [UInt8]?
        public init(token: [UInt8]? = nil, headers: [UInt8]? = nil) {
            self.token = token
            self.headers = headers
        }
    }

    private static let fields = """
        id, url, source, payload, event_types, lane_id, created_at_ms, description, status, status_reason, \
        status_since_ms, connection_id, payloads, rate_per_second, in_flight_max, ordering, retry_seconds, signatures, \
        splits_transactions, authorities, header_names, CASE WHEN token IS NULL THEN 0 ELSE 1 END
        """
    static let columns = "\(fields) FROM webhook_endpoint"

    static func endpoint(_ row: borrowing Row) -> WebhookEndpoint {
        var found = WebhookEndpoint(
            id: row.id(0), url: row.text(1), source: .init(rawValue: row.text(2)) ?? .api,
            payload: .init(rawValue: row.text(3)) ?? .thin, eventTypes: names(row.text(4)), laneID: row.int(5),
            createdAt: row.instant(6))
        found.description = row.text(7)
        found.status = .init(rawValue: row.text(8)) ?? .paused
        found.statusReason = row.text(9)
        found.statusSince = row.instant(10)
        let connection = row.text(11)
        found.connectionID = connection.isEmpty ? nil : connection
        found.payloads = names(row.text(12)).compactMap(rule)
        found.ratePerSecond = row.intOrNil(13).map(Int.init)
        found.inFlightMax = row.intOrNil(14).map(Int.init)
        found.ordering = .init(rawValue: row.text(15)) ?? .none
        found.retrySeconds = names(row.text(16)).compactMap { Int($0) }
        found.signatures = Set(names(row.text(17)).compactMap { WebhookEndpoint.Signature(rawValue: $0) })
        found.splitsTransactions = row.bool(18)
        found.authorities = row.textOrNil(19)
        found.headerNames = names(row.text(20))
        found.hasToken = row.bool(21)
        return found
    }

    private static func names(_ text: String) -> [String] {
        text.isEmpty ? [] : text.split(separator: ",").map(String.init)
    }

    private static func rule(_ text: String) -> WebhookEndpoint.PayloadRule? {
        guard let mark = text.firstIndex(of: "="),
            let payload = WebhookEndpoint.Payload(rawValue: String(text[text.index(after: mark)...]))
        else { return nil }
        return .init(pattern: String(text[..<mark]), payload: payload)
    }

    /// From the key on, as the statements below number them.
    private static func values(_ endpoint: WebhookEndpoint, _ sealed: Sealed, _ scope: Scope) -> [SQLValue] {
        let rules = endpoint.payloads.map { "\($0.pattern)=\($0.payload.rawValue)" }
        return [
            .integer(scope.environmentID), .id(endpoint.id), .text(endpoint.url), .text(endpoint.payload.rawValue),
            .text(endpoint.eventTypes.joined(separator: ",")), .text(endpoint.description),
            .text(endpoint.status.rawValue), .text(endpoint.statusReason), .at(endpoint.statusSince),
            .string(rules.joined(separator: ",")), .int(endpoint.ratePerSecond.map(Int64.init)),
            .int(endpoint.inFlightMax.map(Int64.init)), .text(endpoint.ordering.rawValue),
            .string(endpoint.retrySeconds.map { String($0) }.joined(separator: ",")),
            .string(endpoint.signatures.map(\.rawValue).sorted().joined(separator: ",")),
            .flag(endpoint.splitsTransactions), .text(endpoint.authorities),
            .string(endpoint.headerNames.joined(separator: ",")), .blob(sealed.token), .blob(sealed.headers),
        ]
    }

    /// Inserts an endpoint.
    public static func create(_ endpoint: WebhookEndpoint, _ sealed: Sealed, _ scope: Scope, _ tx: Transaction) throws {
        tx.forget(allOf: routes(scope))
        try tx.db.run(
            """
            INSERT INTO webhook_endpoint (environment_id, id, url, payload, event_types, description, status,
                status_reason, status_since_ms, payloads, rate_per_second, in_flight_max, ordering, retry_seconds,
                signatures, splits_transactions, authorities, header_names, token, headers, source, connection_id,
                lane_id, created_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                $22, $23, $24)
            """,
            values(endpoint, sealed, scope) + [
                .text(endpoint.source.rawValue), .string(endpoint.connectionID ?? ""), .integer(endpoint.laneID),
                .at(endpoint.createdAt),
            ])
    }

    /// Stores all that can be changed of an endpoint.
    public static func update(_ endpoint: WebhookEndpoint, _ sealed: Sealed, _ scope: Scope, _ tx: Transaction) throws {
        tx.forget(allOf: routes(scope))
        try tx.db.run(
            """
            UPDATE webhook_endpoint SET url = $3, payload = $4, event_types = $5, description = $6, status = $7,
                status_reason = $8, status_since_ms = $9, payloads = $10, rate_per_second = $11, in_flight_max = $12,
                ordering = $13, retry_seconds = $14, signatures = $15, splits_transactions = $16, authorities = $17,
                header_names = $18, token = $19, headers = $20, revision = revision + 1
            WHERE environment_id = $1 AND id = $2
            """, values(endpoint, sealed, scope))
    }

    /// Pauses, disables or activates an endpoint unless it has that status.
    /// - Parameter reason: why it is not active, in a word such as `manual` or `gone`.
    /// - Returns: whether it was changed.
    public static func setStatus(
        _ status: WebhookEndpoint.Status, reason: String, of id: ID<WebhookEndpoint>, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws -> Bool {
        tx.forget(allOf: routes(scope))
        return try tx.db.run(
            """
            UPDATE webhook_endpoint SET status = $3, status_reason = $4, status_since_ms = $5, revision = revision + 1
            WHERE environment_id = $1 AND id = $2 AND status <> $3
            """,
            [.integer(scope.environmentID), .id(id), .text(status.rawValue), .text(reason), .at(now)]) == 1
    }

    /// SQLite has one writer.
    static func rowWait(_ dialect: Dialect) -> String { dialect == .postgres ? "FOR NO KEY UPDATE" : "" }

    /// The endpoint, locked until the transaction ends, with what is sealed of it.
    public static func lock(
        _ id: ID<WebhookEndpoint>, _ scope: Scope, _ tx: Transaction
    ) throws -> (endpoint: WebhookEndpoint, sealed: Sealed)? {
        try tx.db.first(
            """
            SELECT \(fields), token, headers FROM webhook_endpoint WHERE environment_id = $1 AND id = $2
            \(rowWait(tx.db.dialect))
            """, [.integer(scope.environmentID), .id(id)]
        ) { (endpoint($0), Sealed(token: $0.blobOrNil(22), headers: $0.blobOrNil(23))) }
    }

    private static let findSQL = "SELECT \(columns) WHERE environment_id = $1 AND id = $2"

    /// nil when the environment has none of that id.
    public static func find(
        _ id: ID<WebhookEndpoint>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> WebhookEndpoint? {
        try db.first(findSQL, [.integer(scope.environmentID), .id(id)], endpoint)
    }

    private static let ofSource = """
        SELECT \(columns) WHERE environment_id = $1 AND connection_id = $2 AND source = $3
        """

    /// The environment's endpoints of one source, without those of one connection: at most 1000 or, of one URL, 10.
    public static func list(
        _ scope: Scope, source: WebhookEndpoint.Source, url: String? = nil, connection: String? = nil,
        _ db: any SQLConnection
    ) throws -> [WebhookEndpoint] {
        let key: [SQLValue] = [.integer(scope.environmentID), .string(connection ?? ""), .text(source.rawValue)]
        guard let url else { return try db.query("\(ofSource) ORDER BY created_at_ms, id LIMIT 1000", key, endpoint) }
        return try db.query(
            "\(ofSource) AND url = $4 ORDER BY created_at_ms, id LIMIT 10", key + [.text(url)], endpoint)
    }

    /// A page of what the API made, by id.
    /// - Parameter connection: those of one connection alone.
    public static func page(
        _ scope: Scope, connection: String?, after id: String, limit: Int, _ db: any SQLConnection
    ) throws -> [WebhookEndpoint] {
        let key: [SQLValue] = [.integer(scope.environmentID), .text(id), .int(limit)]
        guard let connection else {
            return try db.query(
                "SELECT \(columns) WHERE environment_id = $1 AND id > $2 AND source = 'api' ORDER BY id LIMIT $3", key,
                endpoint)
        }
        return try db.query(
            """
            SELECT \(columns) WHERE environment_id = $1 AND connection_id = $4 AND source = 'api' AND id > $2
            ORDER BY id LIMIT $3
            """, key + [.text(connection)], endpoint)
    }

    private static let sendingSQL = """
        SELECT \(fields), token, headers, revision FROM webhook_endpoint WHERE environment_id = $1 AND id = $2
            AND (SELECT e.removed_at_ms FROM environment e WHERE e.id = $1) IS NULL
        """

    /// What the sender needs of one endpoint; nil when it is gone, or its tenant. The revision changes whenever the
    /// endpoint does.
    public static func sending(
        _ id: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (endpoint: WebhookEndpoint, sealed: Sealed, revision: Int64)? {
        try db.first(sendingSQL, [.integer(scope.environmentID), .text(id)]) {
            (endpoint($0), Sealed(token: $0.blobOrNil(22), headers: $0.blobOrNil(23)), $0.int(24))
        }
    }

    /// Stops sending; the owner of its lanes drops what waits, and the events stay.
    /// - Returns: whether it existed.
    public static func remove(
        _ id: ID<WebhookEndpoint>, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(id)]
        tx.forget(allOf: routes(scope))
        let isRemoved =
            try tx.db.run(
                "DELETE FROM webhook_endpoint WHERE environment_id = $1 AND id = $2 AND source = 'api'", key) == 1
        guard isRemoved else { return false }
        try EndpointPast.forget(id.hex, scope.environmentID, tx)
        try tx.db.run("DELETE FROM webhook_key WHERE environment_id = $1 AND owner = $2", key)
        try bringForward(id, now: now, scope, tx)
        return true
    }

    /// Lets the endpoints of a connection end when what waits for them is sent: the connection has no more to tell.
    public static func end(of connection: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE webhook_endpoint SET is_ending = 1 WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection)])
    }

    private static let endingSQL = """
        SELECT w.environment_id, w.id FROM webhook_endpoint w WHERE w.is_ending = 1 AND NOT EXISTS (
            SELECT 1 FROM lane l JOIN delivery d ON d.lane_id = l.id
            WHERE l.kind = 'delivery' AND l.environment_id = w.environment_id
              AND (l.subject = w.id OR (l.subject > w.id || ':' AND l.subject < w.id || ';')))
        LIMIT 500
        """

    /// Removes endpoints that were to end and for which nothing waits any more, at most 500.
    /// - Returns: how many.
    @discardableResult
    public static func removeEnded(_ tx: Transaction) throws -> Int {
        let ended = try tx.db.query(endingSQL, []) { (environment: $0.int(0), id: $0.text(1)) }
        for each in ended {
            let key: [SQLValue] = [.integer(each.environment), .text(each.id)]
            try tx.db.run("DELETE FROM webhook_endpoint WHERE environment_id = $1 AND id = $2", key)
            try tx.db.run("DELETE FROM webhook_key WHERE environment_id = $1 AND owner = $2", key)
            try tx.db.run("DELETE FROM endpoint_health WHERE environment_id = $1 AND endpoint_id = $2", key)
            try EndpointPast.forget(each.id, each.environment, tx)
        }
        return ended.count
    }

    /// Makes the lanes of an endpoint due, which were held while nothing could be sent. An owner of one looks again
    /// before it holds it: it may have read the endpoint as it was before.
    public static func bringForward(
        _ id: ID<WebhookEndpoint>, now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        // A lane of one connection is called `endpoint:connection`.
        let lanes = try tx.db.query(
            """
            UPDATE lane SET next_due_ms = CASE WHEN lease_token IS NULL THEN $5 ELSE next_due_ms END,
                hold_until_ms = CASE WHEN lease_token IS NULL THEN 0 ELSE -1 END
            WHERE kind = 'delivery' AND environment_id = $1 AND (subject = $2 OR (subject > $3 AND subject < $4))
            RETURNING id
            """,
            [.integer(scope.environmentID), .id(id), .text("\(id.hex):"), .text("\(id.hex);"), .at(now)]
        ) { $0.int(0) }
        for lane in lanes { tx.note(lane: lane) }
    }
}
