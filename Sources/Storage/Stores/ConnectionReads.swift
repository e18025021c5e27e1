import Domain

/// Whose connections are listed.
public enum ConnectionFilter: Sendable, Equatable {
    case all
    case id(String)
    case authID(String)
    case customer(String)
    case institution(String)

    var choice: NounReads.Choice {
        switch self {
        case .all: .all
        case .id(let id): .one("id", .text(id))
        case .authID(let id): .one("auth_id", .text(id))
        case .customer(let id): .some("customer_id", .text(id))
        case .institution(let slug): .some("institution", .text(slug))
        }
    }
}

/// Connections as they are shown. The columns are `ConnectionColumn`'s.
public enum ConnectionReads {
    private static let noun = NounReads(
        list: "connections", table: "connection",
        columns: """
            id, auth_id, customer_id, institution, status, products, login_type, history_months, callback_url, options,
            meta, consent_expires_at_ms, last_error, last_success_at_ms, last_fail_at_ms, is_running, created_at_ms,
            updated_at_ms
            """,
        one: ["id", "auth_id"], some: ["customer_id"], scan: ["institution"])

    /// Shows one page's rows to `write`.
    /// - Returns: how many there are in all.
    public static func list(
        _ filter: ConnectionFilter, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        try noun.list(filter.choice, page, scope, db, write)
    }

    private static let factsSQL = """
        SELECT id, auth_id, customer_id, institution, products, is_running, last_success_at_ms, last_fail_at_ms, status
        FROM connection WHERE environment_id = $1 AND id = $2
        """
    private static let factsOfCustomerSQL = """
        SELECT id, auth_id, customer_id, institution, products, is_running, last_success_at_ms, last_fail_at_ms, status
        FROM connection WHERE environment_id = $1 AND customer_id = $2 ORDER BY id LIMIT 1000
        """

    /// What other rows' items say of a connection; nil when there is none.
    public static func facts(_ id: String, _ scope: Scope, _ db: any SQLConnection) throws -> ConnectionFacts? {
        try db.first(factsSQL, [.integer(scope.environmentID), .text(id)], facts)
    }

    /// Of all the customer's connections, at most 1000.
    public static func facts(customer: String, _ scope: Scope, _ db: any SQLConnection) throws -> [ConnectionFacts] {
        try db.query(factsOfCustomerSQL, [.integer(scope.environmentID), .text(customer)], facts)
    }

    private static func facts(_ row: borrowing Row) -> ConnectionFacts {
        ConnectionFacts(
            id: row.text(0), authID: row.text(1), customerID: row.text(2), institution: row.text(3),
            products: ProductSet(column: row.text(4)), isRunning: row.bool(5), lastSuccessAt: row.instantOrNil(6),
            lastFailAt: row.instantOrNil(7), isLinked: row.text(8) == "active")
    }
}
