import Domain

/// Whose accounts are listed.
public enum AccountFilter: Sendable, Equatable {
    case all
    case id(String)
    case balanceID(String)
    case customer(String)
    case connection(String)
    /// Those with a number, by its index.
    case number(index: String)
    case institution(String)
    case name(String)
    case ledger(minor: Int64)
    case available(minor: Int64)
}

/// Accounts and their balances as they are shown. The columns are `AccountColumn`'s.
public enum AccountReads {
    private static let noun = NounReads(
        list: "accounts", table: "account",
        columns: """
            id, balance_id, connection_id, customer_id, institution, number_sealed, mask, name, type, currency, status,
            ledger_minor, available_minor, balance_as_of_ms, balance_updated_at_ms, created_at_ms, updated_at_ms
            """,
        one: ["id", "balance_id"], some: ["customer_id", "connection_id", "number_index"],
        scan: ["institution", "name", "ledger_minor", "available_minor"])

    /// Shows one page's rows to `write`.
    /// - Returns: how many there are in all.
    public static func list(
        _ filter: AccountFilter, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        func some(_ column: String, _ value: SQLValue) throws -> Int64 {
            try noun.some(column, value, page, scope, db, write)
        }
        switch filter {
        case .all: return try noun.all(page, scope, db, write)
        case .id(let id): return try noun.one("id", .text(id), scope, db, write) ? 1 : 0
        case .balanceID(let id): return try noun.one("balance_id", .text(id), scope, db, write) ? 1 : 0
        case .customer(let id): return try some("customer_id", .text(id))
        case .connection(let id): return try some("connection_id", .text(id))
        case .number(let index): return try some("number_index", .text(index))
        case .institution(let slug): return try some("institution", .text(slug))
        case .name(let name): return try some("name", .text(name))
        case .ledger(let minor): return try some("ledger_minor", .integer(minor))
        case .available(let minor): return try some("available_minor", .integer(minor))
        }
    }

    /// An account, as other rows name it.
    public struct Named: Sendable {
        public let id: String
        public let connectionID: String
        public let name: String?
        public let sealed: [UInt8]?
        public let mask: String?
        public let institution: String
    }

    private static let namedSQL =
        """
        SELECT id, connection_id, name, number_sealed, mask, institution FROM account
        WHERE environment_id = $1 AND id = $2
        """
    private static let namedOfConnectionSQL = """
        SELECT id, connection_id, name, number_sealed, mask, institution FROM account
        WHERE environment_id = $1 AND connection_id = $2 ORDER BY id LIMIT 100
        """
    private static let namedOfCustomerSQL = """
        SELECT id, connection_id, name, number_sealed, mask, institution FROM account
        WHERE environment_id = $1 AND customer_id = $2 ORDER BY id LIMIT 100
        """
    private static let ofNumberSQL = """
        SELECT id, connection_id, name, number_sealed, mask, institution FROM account
        WHERE environment_id = $1 AND number_index = $2 ORDER BY id LIMIT 100
        """

    /// At most 100 accounts by id, customer, connection or number; no other filter may be asked for.
    public static func named(_ filter: AccountFilter, _ scope: Scope, _ db: any SQLConnection) throws -> [Named] {
        let (sql, value): (String, String) =
            switch filter {
            case .id(let id): (namedSQL, id)
            case .customer(let id): (namedOfCustomerSQL, id)
            case .connection(let id): (namedOfConnectionSQL, id)
            case .number(let index): (ofNumberSQL, index)
            default: preconditionFailure("accounts are not named by \(filter)")
            }
        return try db.query(sql, [.integer(scope.environmentID), .text(value)]) { row in
            Named(
                id: row.text(0), connectionID: row.text(1), name: row.textOrNil(2), sealed: row.blobOrNil(3),
                mask: row.textOrNil(4), institution: row.text(5))
        }
    }

    private static let historySQL = """
        SELECT h.id, h.at_ms, h.ledger_minor, h.available_minor, a.currency
        FROM balance_history h JOIN account a ON a.environment_id = h.environment_id AND a.id = h.account_id
        WHERE h.environment_id = $1 AND h.account_id = $2 ORDER BY h.at_ms DESC LIMIT $3
        """

    /// Newest first.
    public static func history(
        _ account: String, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [EarlierBalance] {
        try db.query(historySQL, [.integer(scope.environmentID), .text(account), .int(limit)]) { row in
            EarlierBalance(
                id: row.text(0), at: row.instant(1), currency: Currency(code: row.text(4)),
                ledgerMinor: row.intOrNil(2), availableMinor: row.intOrNil(3))
        }
    }
}
