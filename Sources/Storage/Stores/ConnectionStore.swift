import Domain

/// One login at one institution (Okra's record).
public struct Connection: Sendable, Equatable {
    public var id: ID<Connection>
    public var authID: ID<AuthRow>
    public var customerID: ID<Customer>
    public var appID: ID<WidgetApp>
    public var institution: String
    public var connector: String
    public var upstreamUser: String?
    public var status: ConnectionStatus
    public var products: ProductSet
    public var loginType: String
    public var historyMonths: Int
    public var callbackURL: String?
    public var refreshWebhookURL: String?
    /// The free metadata objects of the widget run, as JSON.
    public var options: String
    public var meta: String
    public var consentExpiresAt: Instant?
    public var createdAt: Instant
    /// What stopped it, since when, and how often it was tried since; `state` puts them together.
    public var stateCode: ConnectorError.Code?
    public var stateSince: Instant?
    public var stateTries: Int64 = 0
    public var stateTriedAt: Instant?

    public var state: ConnectionState {
        ConnectionState(
            status: status, code: stateCode, since: stateSince, tries: stateTries, triedAt: stateTriedAt)
    }

    public init(
        id: ID<Connection>, authID: ID<AuthRow>, customerID: ID<Customer>, appID: ID<WidgetApp>, institution: String,
        connector: String, upstreamUser: String?, status: ConnectionStatus, products: ProductSet, loginType: String,
        historyMonths: Int, callbackURL: String?, refreshWebhookURL: String?, options: String, meta: String,
        consentExpiresAt: Instant?, createdAt: Instant
    ) {
        self.id = id
        self.authID = authID
        self.customerID = customerID
        self.appID = appID
        self.institution = institution
        self.connector = connector
        self.upstreamUser = upstreamUser
        self.status = status
        self.products = products
        self.loginType = loginType
        self.historyMonths = historyMonths
        self.callbackURL = callbackURL
        self.refreshWebhookURL = refreshWebhookURL
        self.options = options
        self.meta = meta
        self.consentExpiresAt = consentExpiresAt
        self.createdAt = createdAt
    }
}

/// Connections and their sealed grants.
public enum ConnectionStore {
    private static let columns = """
        id, auth_id, customer_id, app_id, institution, connector, upstream_user, status, products, login_type,
        history_months, callback_url, refresh_webhook_url, options, meta, consent_expires_at_ms, created_at_ms
        """
    static let readColumns = columns + ", state_code, state_since_ms, state_tries, state_tried_ms"

    static func connection(_ row: borrowing Row) -> Connection {
        var found = Connection(
            id: row.id(0), authID: row.id(1), customerID: row.id(2), appID: row.id(3), institution: row.text(4),
            connector: row.text(5), upstreamUser: row.textOrNil(6),
            status: ConnectionStatus(rawValue: row.text(7)) ?? .dead, products: ProductSet(column: row.text(8)),
            loginType: row.text(9), historyMonths: Int(row.int(10)), callbackURL: row.textOrNil(11),
            refreshWebhookURL: row.textOrNil(12), options: row.text(13), meta: row.text(14),
            consentExpiresAt: row.instantOrNil(15), createdAt: row.instant(16))
        found.stateCode = row.textOrNil(17).flatMap(ConnectorError.Code.init(rawValue:))
        found.stateSince = row.instantOrNil(18)
        found.stateTries = row.int(19)
        found.stateTriedAt = row.instantOrNil(20)
        return found
    }

    private static let createSQL = """
        INSERT INTO connection (environment_id, \(columns), created_on, updated_at_ms, is_running)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $18, 1)
        """

    /// Inserts a connection, marked as running, and counts it in the day's total.
    public static func create(_ row: Connection, _ scope: Scope, _ tx: Transaction) throws {
        let day = row.createdAt.day().iso
        try tx.db.run(
            createSQL,
            [
                .integer(scope.environmentID), .id(row.id), .id(row.authID), .id(row.customerID), .id(row.appID),
                .text(row.institution), .text(row.connector), .text(row.upstreamUser), .text(row.status.rawValue),
                .text(row.products.column), .text(row.loginType), .int(row.historyMonths), .text(row.callbackURL),
                .text(row.refreshWebhookURL), .text(row.options), .text(row.meta), .at(row.consentExpiresAt),
                .at(row.createdAt), .text(day),
            ])
        tx.count("connections", of: scope.environmentID, on: day, Total(count: 1))
    }

    private static let findSQL = "SELECT \(readColumns) FROM connection WHERE environment_id = $1 AND id = $2"

    /// nil when the environment has no such connection.
    public static func find(_ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection) throws -> Connection? {
        try db.first(findSQL, [.integer(scope.environmentID), .id(id)], connection)
    }

    private static let upstreamSQL = """
        SELECT \(readColumns) FROM connection WHERE connector = $2 AND environment_id = $1 AND upstream_user = $3
        ORDER BY id LIMIT 100
        """

    /// Connections of one user at the connector's bank; at most 100.
    public static func find(
        connector: String, upstreamUser: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Connection] {
        try db.query(
            upstreamSQL, [.integer(scope.environmentID), .text(connector), .text(upstreamUser)], connection)
    }

    /// Takes `count` numbers of the connection's event sequence; the row stays locked until the commit.
    /// - Returns: the first of them.
    public static func takeSequence(
        _ id: ID<Connection>, count: Int, _ scope: Scope, _ tx: Transaction
    ) throws -> Int64 { try EventSequence.take(id, count: count, scope, tx) }

    /// Says whether a refresh of the connection is queued or under way.
    public static func setRunning(_ id: ID<Connection>, _ isRunning: Bool, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE connection SET is_running = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id), .flag(isRunning)])
    }

    private static let successSQL = """
        UPDATE connection SET is_running = 0, status = 'active', last_error = NULL, last_success_at_ms = $3,
            updated_at_ms = $3, state_code = NULL, state_since_ms = NULL, state_tries = 0, state_tried_ms = NULL
        WHERE environment_id = $1 AND id = $2
        """
    private static let succeedSQL = """
        \(successSQL) AND status = 'active' AND NOT EXISTS (
            SELECT 1 FROM refresh r WHERE r.environment_id = $1 AND r.connection_id = $2
                AND r.state IN ('queued', 'running'))
        """

    /// Holds a connection and records a run that went well, at once.
    /// - Returns: false, and nothing is written, when the connection is not active or has another run to go on with.
    public static func succeed(
        _ id: ID<Connection>, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(succeedSQL, [.integer(scope.environmentID), .id(id), .at(now)]) == 1
    }

    /// Ends a run well: active again, without an error.
    public static func recordSuccess(_ id: ID<Connection>, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(successSQL, [.integer(scope.environmentID), .id(id), .at(now)])
    }

    /// Ends a run with the code of its error and what it makes of the connection.
    public static func recordFailure(
        _ id: ID<Connection>, state: ConnectionState, error: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try recordFailure(id, status: state.status, error: error, at: now, scope, tx)
        try set(state, of: id, scope, tx)
    }

    /// As the other, for what leaves the reason of a state as it is.
    public static func recordFailure(
        _ id: ID<Connection>, status: ConnectionStatus, error: String, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE connection SET is_running = 0, status = $3, last_error = $4, last_fail_at_ms = $5,
                updated_at_ms = $5 WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .id(id), .text(status.rawValue), .text(error), .at(now)])
    }

    /// Keeps where a connection stands and why.
    public static func set(
        _ state: ConnectionState, of id: ID<Connection>, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE connection SET status = $3, state_code = $4, state_since_ms = $5, state_tries = $6,
                state_tried_ms = $7 WHERE environment_id = $1 AND id = $2
            """,
            [
                .integer(scope.environmentID), .id(id), .text(state.status.rawValue), .text(state.code?.rawValue),
                .at(state.since), .integer(state.tries), .at(state.triedAt),
            ])
    }

    /// When runs last ended well and badly, and the code of the last that ended badly. Runs that found nothing new may
    /// have left their word in the schedule alone.
    public static func lastRuns(
        _ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (okAt: Instant?, failedAt: Instant?, error: String?)? {
        try db.first(
            """
            SELECT last_success_at_ms, last_fail_at_ms, last_error FROM connection
            WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .id(id)]
        ) { ($0.instantOrNil(0), $0.instantOrNil(1), $0.textOrNil(2)) }
    }

    /// Stores the sealed grant in the place of the one before.
    public static func setGrant(
        _ id: ID<Connection>, sealed: [UInt8], at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO connection_grant (environment_id, connection_id, sealed, updated_at_ms) VALUES ($1, $2, $3, $4)
            ON CONFLICT (environment_id, connection_id)
            DO UPDATE SET sealed = excluded.sealed, updated_at_ms = excluded.updated_at_ms
            """, [.integer(scope.environmentID), .id(id), .blob(sealed), .at(now)])
    }

    /// The sealed grant; nil when the connection has none.
    public static func grant(_ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection) throws -> [UInt8]? {
        try db.first(
            "SELECT sealed FROM connection_grant WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(id)]
        ) { $0.blob(0) }
    }
}
