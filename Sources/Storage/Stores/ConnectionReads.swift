import Domain

/// Whose connections are listed.
public enum ConnectionFilter: Sendable, Equatable {
    case all
    case id(String)
    case authID(String)
    case customer(String)
    case institution(String)
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

    public static var statements: [String] { noun.statements }

    public static func list(
        _ filter: ConnectionFilter, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        switch filter {
        case .all: try noun.all(page, scope, db, write)
        case .id(let id): try noun.one("id", .text(id), scope, db, write) ? 1 : 0
        case .authID(let id): try noun.one("auth_id", .text(id), scope, db, write) ? 1 : 0
        case .customer(let id): try noun.some("customer_id", .text(id), page, scope, db, write)
        case .institution(let slug): try noun.some("institution", .text(slug), page, scope, db, write)
        }
    }

    /// How a connection's data stands.
    public struct Health: Sendable {
        public let id: String
        public let customerID: String
        public let institution: String
        public let products: ProductSet
        public let isRunning: Bool
        public let lastSuccessAt: Instant?
        public let lastFailAt: Instant?
        public let isLinked: Bool
    }

    private static let healthSQL = """
        SELECT id, customer_id, institution, products, is_running, last_success_at_ms, last_fail_at_ms, status
        FROM connection WHERE environment_id = $1 AND id = $2
        """
    private static let healthOfCustomerSQL = """
        SELECT id, customer_id, institution, products, is_running, last_success_at_ms, last_fail_at_ms, status
        FROM connection WHERE environment_id = $1 AND customer_id = $2 ORDER BY id LIMIT 1000
        """

    public static func health(_ id: String, _ scope: Scope, _ db: any SQLConnection) throws -> Health? {
        try db.first(healthSQL, [.integer(scope.environmentID), .text(id)], health)
    }

    public static func health(customer: String, _ scope: Scope, _ db: any SQLConnection) throws -> [Health] {
        try db.query(healthOfCustomerSQL, [.integer(scope.environmentID), .text(customer)], health)
    }

    private static func health(_ row: borrowing Row) -> Health {
        Health(
            id: row.text(0), customerID: row.text(1), institution: row.text(2),
            products: ProductSet(column: row.text(3)), isRunning: row.bool(4), lastSuccessAt: row.instantOrNil(5),
            lastFailAt: row.instantOrNil(6), isLinked: row.text(7) == "active")
    }
}
