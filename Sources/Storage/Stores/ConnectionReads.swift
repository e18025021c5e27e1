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

    /// A run that found nothing new leaves its word in the schedule alone.
    private static let factColumns = """
        SELECT c.id, c.auth_id, c.customer_id, c.institution, c.products, c.is_running, c.last_success_at_ms,
            c.last_fail_at_ms, c.status, s.balance_ok_ms, s.transactions_ok_ms
        FROM connection c LEFT JOIN refresh_schedule s
            ON s.environment_id = c.environment_id AND s.connection_id = c.id
        """
    private static let factsSQL = "\(factColumns) WHERE c.environment_id = $1 AND c.id = $2"
    private static let factsOfCustomerSQL =
        "\(factColumns) WHERE c.environment_id = $1 AND c.customer_id = $2 ORDER BY c.id LIMIT 1000"

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
            products: ProductSet(column: row.text(4)), isRunning: row.bool(5),
            lastSuccessAt: [row.instantOrNil(6), row.instantOrNil(9), row.instantOrNil(10)].compactMap { $0 }.max(),
            lastFailAt: row.instantOrNil(7), isLinked: row.text(8) == "active")
    }

    /// How a connection stands, with its last run and its products; nil when there is none.
    public static func report(
        _ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> ConnectionReport? {
        guard let connection = try ConnectionStore.find(id, scope, db),
            let runs = try ConnectionStore.lastRuns(id, scope, db)
        else { return nil }
        let schedule = try ScheduleStore.find(id, scope, db)
        let isPaused = schedule?.pausedAt != nil
        let products = [Product.balance, .transactions].filter(connection.products.contains).map { product in
            let isBalance = product == .balance
            let seen = (isBalance ? schedule?.balanceSeen : schedule?.transactionsSeen) ?? ProductSeen()
            let due = isBalance ? schedule?.balanceDue : schedule?.transactionsDue
            return ProductFacts(
                product: product, okAt: seen.okAt, triedAt: seen.triedAt, outcome: seen.outcome,
                nextAt: isPaused ? nil : due)
        }
        return ConnectionReport(
            state: connection.state, lastOKAt: runs.okAt, lastFailAt: runs.failedAt, lastError: runs.error,
            products: products)
    }
}
