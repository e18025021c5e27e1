import Domain

/// A bank account with its balance as last told.
public struct Account: Sendable, Equatable {
    public var id: ID<Account>
    public var balanceID: ID<BalanceRow>
    public var connectionID: ID<Connection>
    public var customerID: ID<Customer>
    public var institution: String
    public var upstreamID: String
    public var numberSealed: [UInt8]?
    public var numberIndex: String?
    /// Last four digits.
    public var mask: String?
    public var name: String?
    public var type: String?
    public var currency: Currency
    public var ledgerMinor: Int64?
    public var availableMinor: Int64?
    public var balanceAsOf: Instant?

    public init(
        id: ID<Account>, balanceID: ID<BalanceRow>, connectionID: ID<Connection>, customerID: ID<Customer>,
        institution: String, upstreamID: String, numberSealed: [UInt8]?, numberIndex: String?, mask: String?,
        name: String?, type: String?, currency: Currency, ledgerMinor: Int64? = nil, availableMinor: Int64? = nil,
        balanceAsOf: Instant? = nil
    ) {
        self.id = id
        self.balanceID = balanceID
        self.connectionID = connectionID
        self.customerID = customerID
        self.institution = institution
        self.upstreamID = upstreamID
        self.numberSealed = numberSealed
        self.numberIndex = numberIndex
        self.mask = mask
        self.name = name
        self.type = type
        self.currency = currency
        self.ledgerMinor = ledgerMinor
        self.availableMinor = availableMinor
        self.balanceAsOf = balanceAsOf
    }
}

extension Account {
    /// The lists that show this account's transactions; `DayPager` names them.
    var lists: [String] { ["account:\(id)", "customer:\(customerID)", "bank:\(institution)", "transactions"] }
}

/// Accounts as syncing reads and writes them.
public enum AccountStore {
    static let columns = """
        id, balance_id, connection_id, customer_id, institution, upstream_id, number_sealed, number_index, mask, name,
        type, currency, ledger_minor, available_minor, balance_as_of_ms
        """

    static func account(_ row: borrowing Row) -> Account {
        Account(
            id: row.id(0), balanceID: row.id(1), connectionID: row.id(2), customerID: row.id(3),
            institution: row.text(4), upstreamID: row.text(5), numberSealed: row.blobOrNil(6),
            numberIndex: row.textOrNil(7), mask: row.textOrNil(8), name: row.textOrNil(9), type: row.textOrNil(10),
            currency: Currency(code: row.text(11)), ledgerMinor: row.intOrNil(12), availableMinor: row.intOrNil(13),
            balanceAsOf: row.instantOrNil(14))
    }

    private static let createSQL = """
        INSERT INTO account (environment_id, id, balance_id, connection_id, customer_id, institution, upstream_id,
            number_sealed, number_index, mask, name, type, currency, status, created_on, created_at_ms, updated_at_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'active', $14, $15, $15)
        """

    /// Inserts an account and counts it in the day's total.
    public static func create(_ row: Account, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        let day = now.day().iso
        try tx.db.run(
            createSQL,
            [
                .integer(scope.environmentID), .id(row.id), .id(row.balanceID), .id(row.connectionID),
                .id(row.customerID), .text(row.institution), .text(row.upstreamID), .blob(row.numberSealed),
                .text(row.numberIndex), .text(row.mask), .text(row.name), .text(row.type), .text(row.currency.code),
                .text(day), .at(now),
            ])
        tx.count("accounts", of: scope.environmentID, on: day, Total(count: 1))
    }

    /// In the order of the index that finds them: asked for the order of ids, SQLite would walk the accounts of the
    /// whole environment.
    private static let ofConnectionSQL = """
        SELECT \(columns) FROM account WHERE environment_id = $1 AND connection_id = $2
        ORDER BY connection_id, upstream_id LIMIT 100
        """

    /// A connection's accounts, by their ids.
    public static func list(_ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection) throws -> [Account] {
        try db.query(ofConnectionSQL, [.integer(scope.environmentID), .id(connection)], account)
            .sorted { $0.id < $1.id }
    }

    private static let findSQL = "SELECT \(columns) FROM account WHERE environment_id = $1 AND id = $2"

    /// nil when the environment has no such account.
    public static func find(_ id: ID<Account>, _ scope: Scope, _ db: any SQLConnection) throws -> Account? {
        try db.first(findSQL, [.integer(scope.environmentID), .id(id)], account)
    }

    /// Keeps what the bank calls an account now and whether it still has it. The lists whose rows show the name are
    /// touched, so that no page is answered with the old one.
    public static func review(
        _ account: Account, isClosed: Bool, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE account SET name = $3, type = $4, status = $5, updated_at_ms = $6, upstream_id = $7
            WHERE environment_id = $1 AND id = $2
            """,
            [
                .integer(scope.environmentID), .id(account.id), .text(account.name), .text(account.type),
                .text(isClosed ? "closed" : "active"), .at(now), .text(account.upstreamID),
            ])
        for list in account.lists { tx.touch(list, of: scope.environmentID) }
    }

    private static let balanceStatement = BulkStatement(
        order: 20, name: "account balance", types: [.bigint, .text, .bigint, .bigint, .bigint, .bigint],
        postgres: """
            UPDATE account AS a SET ledger_minor = t.ledger, available_minor = t.available, balance_as_of_ms = t.as_of,
                balance_updated_at_ms = t.now
            FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                AS t (environment_id, id, ledger, available, as_of, now)
            WHERE a.environment_id = t.environment_id AND a.id = t.id
            """,
        sqlite: """
            UPDATE account SET ledger_minor = $3, available_minor = $4, balance_as_of_ms = $5,
                balance_updated_at_ms = $6 WHERE environment_id = $1 AND id = $2
            """)

    private static let historyStatement = BulkStatement.insert(
        order: 21, into: "balance_history",
        [
            ("environment_id", .bigint), ("account_id", .text), ("at_ms", .bigint), ("id", .text),
            ("ledger_minor", .bigint), ("available_minor", .bigint),
        ],
        conflict: """
            ON CONFLICT (environment_id, account_id, at_ms)
            DO UPDATE SET ledger_minor = excluded.ledger_minor, available_minor = excluded.available_minor
            """)

    /// Keeps a balance; a point of history is added when it changed.
    public static func setBalance(
        _ id: ID<Account>, _ balance: FetchedBalance, historyID: ID<BalanceRow>?, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        tx.append(
            balanceStatement,
            [
                .integer(scope.environmentID), .id(id), .int(balance.ledger?.minor), .int(balance.available?.minor),
                .at(balance.asOf), .at(now),
            ])
        guard let historyID else { return }
        tx.append(
            historyStatement,
            [
                .integer(scope.environmentID), .id(id), .at(balance.asOf), .id(historyID),
                .int(balance.ledger?.minor), .int(balance.available?.minor),
            ])
    }
}
