import Domain

/// Whether a connection can be refreshed (`active`), waits for its person to log in again, or is over.
public enum ConnectionStatus: String, Sendable {
    case active
    case needsUser = "needs_user"
    case expired, revoked, dead
}

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

    private static func connection(_ row: borrowing Row) -> Connection {
        Connection(
            id: row.id(0), authID: row.id(1), customerID: row.id(2), appID: row.id(3), institution: row.text(4),
            connector: row.text(5), upstreamUser: row.textOrNil(6),
            status: ConnectionStatus(rawValue: row.text(7)) ?? .dead, products: ProductSet(column: row.text(8)),
            loginType: row.text(9), historyMonths: Int(row.int(10)), callbackURL: row.textOrNil(11),
            refreshWebhookURL: row.textOrNil(12), options: row.text(13), meta: row.text(14),
            consentExpiresAt: row.instantOrNil(15), createdAt: row.instant(16))
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

    private static let findSQL = "SELECT \(columns) FROM connection WHERE environment_id = $1 AND id = $2"

    /// nil when the environment has no such connection.
    public static func find(_ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection) throws -> Connection? {
        try db.first(findSQL, [.integer(scope.environmentID), .id(id)], connection)
    }

    private static let upstreamSQL = """
        SELECT \(columns) FROM connection WHERE connector = $2 AND environment_id = $1 AND upstream_user = $3
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
    ) throws -> Int64 {
        let last = try tx.db.first(
            """
            UPDATE connection SET event_seq = event_seq + $3 WHERE environment_id = $1 AND id = $2
            RETURNING event_seq
            """,
            [.integer(scope.environmentID), .id(id), .int(count)]
        ) { $0.int(0) }
        return (last ?? Int64(count)) - Int64(count) + 1
    }

    /// Says whether a refresh of the connection is queued or under way.
    public static func setRunning(_ id: ID<Connection>, _ isRunning: Bool, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE connection SET is_running = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id), .flag(isRunning)])
    }

    /// Ends a run well: active again, without an error.
    public static func recordSuccess(_ id: ID<Connection>, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE connection SET is_running = 0, status = 'active', last_error = NULL, last_success_at_ms = $3,
                updated_at_ms = $3 WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .id(id), .at(now)])
    }

    /// When a refresh last went well, in the environment's time.
    public static func lastSuccess(
        _ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Instant? {
        try db.first(
            "SELECT last_success_at_ms FROM connection WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id)]
        ) { $0.instantOrNil(0) } ?? nil
    }

    /// Ends a run with the code of its error and what it makes of the connection.
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

/// A person, one over all their connections where the bank tells a BVN.
public struct Customer: Sendable, Equatable {
    public var id: ID<Customer>
    public var name: String?
    public init(id: ID<Customer>, name: String?) {
        self.id = id
        self.name = name
    }
}

/// Customers as linking reads and writes them.
public enum CustomerStore {
    /// Inserts a customer and counts it in the day's total.
    public static func create(
        _ customer: Customer, bvnIndex: String?, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        let day = now.day().iso
        try tx.db.run(
            """
            INSERT INTO customer (environment_id, id, name, bvn_index, created_on, created_at_ms, updated_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $6)
            """,
            [
                .integer(scope.environmentID), .id(customer.id), .text(customer.name), .text(bvnIndex), .text(day),
                .at(now),
            ])
        tx.count("customers", of: scope.environmentID, on: day, Total(count: 1))
    }

    /// nil when the environment has no such customer.
    public static func find(_ id: ID<Customer>, _ scope: Scope, _ db: any SQLConnection) throws -> Customer? {
        try db.first(
            "SELECT id, name FROM customer WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id)]
        ) { Customer(id: $0.id(0), name: $0.textOrNil(1)) }
    }

    /// The customer of a BVN, by its keyed index.
    public static func find(bvnIndex: String, _ scope: Scope, _ db: any SQLConnection) throws -> Customer? {
        try db.first(
            "SELECT id, name FROM customer WHERE environment_id = $1 AND bvn_index = $2",
            [.integer(scope.environmentID), .text(bvnIndex)]
        ) { Customer(id: $0.id(0), name: $0.textOrNil(1)) }
    }

    /// Stores the name unless it is nil, and the BVN's index unless there is one already.
    public static func update(
        _ id: ID<Customer>, name: String?, bvnIndex: String?, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        if let name { try rename(id, name, scope, tx) }
        try tx.db.run(
            """
            UPDATE customer SET bvn_index = COALESCE(bvn_index, $3), updated_at_ms = $4
            WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .id(id), .text(bvnIndex), .at(now)])
    }

    /// The one place that changes a name, because pages that were read with the other one end here.
    private static func rename(_ id: ID<Customer>, _ name: String, _ scope: Scope, _ tx: Transaction) throws {
        let renamed = try tx.db.run(
            "UPDATE customer SET name = $3 WHERE environment_id = $1 AND id = $2 AND name IS DISTINCT FROM $3",
            [.integer(scope.environmentID), .id(id), .text(name)])
        if renamed > 0 { tx.touch(DayTotals.names, of: scope.environmentID) }
    }
}

/// The ledger of consents: rows are added and never changed.
public enum ConsentStore {
    /// Adds one row to the ledger.
    public static func append(
        id: ID<Consent>, connection: ID<Connection>, _ consent: Consent, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO consent (environment_id, id, connection_id, action, text, text_hash, products, accounts, at_ms,
                expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .integer(scope.environmentID), .id(id), .id(connection), .text(consent.action.rawValue),
                .text(consent.text), .text(consent.textHash), .text(consent.products.column),
                .text(consent.accounts.joined(separator: ",")), .at(now), .at(consent.expiresAt),
            ])
    }

    /// A connection's consents, the oldest first; at most 1000.
    public static func list(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Consent] {
        try db.query(
            """
            SELECT action, text, text_hash, products, accounts, expires_at_ms FROM consent
            WHERE environment_id = $1 AND connection_id = $2 ORDER BY at_ms LIMIT 1000
            """, [.integer(scope.environmentID), .id(connection)]
        ) {
            Consent(
                action: .init(rawValue: $0.text(0)) ?? .granted, text: $0.text(1), textHash: $0.text(2),
                products: ProductSet(column: $0.text(3)), accounts: $0.text(4).split(separator: ",").map(String.init),
                expiresAt: $0.instantOrNil(5))
        }
    }
}

/// What was agreed: the text that was shown, for which products and accounts, until when.
public struct Consent: Sendable, Equatable {
    /// What the row says of the person's permission.
    public enum Action: String, Sendable { case granted, renewed, revoked, expired }
    public var action: Action
    public var text: String
    public var textHash: String
    public var products: ProductSet
    public var accounts: [String]
    public var expiresAt: Instant?
    public init(
        action: Action, text: String, textHash: String, products: ProductSet, accounts: [String], expiresAt: Instant?
    ) {
        self.action = action
        self.text = text
        self.textHash = textHash
        self.products = products
        self.accounts = accounts
        self.expiresAt = expiresAt
    }
}
