import Domain

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

    /// Notes that what the last row allowed is over; a ledger without rows stays empty.
    public static func end(
        _ connection: ID<Connection>, as action: Consent.Action, newID: ID<Consent>, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        guard var last = try list(connection, scope, tx.db).last else { return }
        last.action = action
        try append(id: newID, connection: connection, last, at: now, scope, tx)
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
