import Domain

/// Takes all rows of an environment away, a bounded number at a time, whatever wrote them.
extension ErasureStore {
    /// A table whose key leads with the environment.
    struct OwnedTable: Sendable {
        let name: String
        private let postgres: String
        private let sqlite: String

        /// - Parameters:
        ///   - key: what tells rows of one environment apart, as the table's index has it; empty where it has one row.
        ///   - condition: that all rows fulfil, where the index begins with something else.
        init(_ name: String, _ key: String = "", where condition: String = "") {
            self.name = name
            let own = "WHERE environment_id = $1\(condition.isEmpty ? "" : " AND \(condition)")"
            let columns = key.isEmpty ? "environment_id" : "environment_id, \(key)"
            // The limit is a text: one that is a parameter is guessed by PostgreSQL, badly. In the order of the key it
            // reads no more of the index than it deletes.
            postgres = """
                DELETE FROM \(name) \(own) AND (\(columns)) IN (
                    SELECT \(columns) FROM \(name) \(own) ORDER BY \(columns) LIMIT \(rowsMax))
                """
            // Of several columns with the row's own number among them, SQLite 3.40 finds nothing.
            sqlite = "DELETE FROM \(name) WHERE rowid IN (SELECT rowid FROM \(name) \(own) LIMIT \(rowsMax))"
        }

        /// - Returns: how many rows were deleted.
        fileprivate func delete(_ scope: Scope, _ tx: Transaction) throws -> Int {
            try tx.db.run(tx.db.dialect == .sqlite ? sqlite : postgres, [.integer(scope.environmentID)])
        }
    }

    /// What outlives a tenant: the proofs of what people agreed to and of what was removed.
    public static let keptTables = ["consent", "removal"]

    /// By these something comes in or goes out.
    static let doorTables = [
        OwnedTable("link_return", "session_id, revision"), OwnedTable("link_session", "id"),
        OwnedTable("widget_link", "id"), OwnedTable("webhook_endpoint", "id"), OwnedTable("replay", "id"),
        OwnedTable("clock_job"),
    ]

    /// All the others, in an order that foreign keys allow.
    static let restTables = [
        OwnedTable("delivery", "id"), OwnedTable("attempt", "at_ms, delivery_id, number"), OwnedTable("event", "id"),
        OwnedTable("endpoint_health", "endpoint_id"), OwnedTable("webhook_endpoint_past", "endpoint_id, until_ms"),
        OwnedTable("webhook_key", "owner, id"), OwnedTable("feed_floor", "feed"),
        OwnedTable("idempotency", "key"), OwnedTable("income", "account_id"), OwnedTable("account_check", "account_id"),
        OwnedTable("account_gap", "account_id, id"), OwnedTable("transaction_change", "batch, place"),
        OwnedTable("transaction_lineage", "transaction_id, id"), OwnedTable("transaction_ruling", "account_id, id"),
        OwnedTable("id_trust", "connector, institution"), OwnedTable("account_transaction", "id, booked_on"),
        OwnedTable("balance_history", "account_id, at_ms"), OwnedTable("statement_claim", "digest, place"),
        OwnedTable("statement_row", "upload_id, part, booked_on, seq"),
        OwnedTable("statement_part", "upload_id, part"), OwnedTable("statement_upload", "id"),
        OwnedTable("statement_value_day", "account_id, value_on, transaction_id"), OwnedTable("raw_payload", "id"),
        OwnedTable("refresh_step", "refresh_id, id"), OwnedTable("refresh", "id"),
        OwnedTable("refresh_schedule", "connection_id"),
        OwnedTable("lane", "kind, subject", where: "kind IN ('delivery', 'refresh')"), OwnedTable("identity", "id"),
        OwnedTable("account", "id"), OwnedTable("connection_grant", "connection_id"), OwnedTable("connection", "id"),
        OwnedTable("customer", "id"), OwnedTable("day_total", "list, day"), OwnedTable("widget_app", "id"),
        OwnedTable("bank", "institution"), OwnedTable("bank_share", "institution, node_id"),
        OwnedTable("sandbox_account", "number, institution, username"), OwnedTable("sandbox_grant", "id"),
        OwnedTable("sandbox_login", "username, institution"), OwnedTable("sandbox_customer", "id"),
        OwnedTable("sandbox_posting", "id"), OwnedTable("sandbox_scenario", "name"),
        OwnedTable("sandbox_count", "scenario, institution, username, counter"), OwnedTable("sandbox_counter"),
        OwnedTable("data_key", "connection_id, key_id"), OwnedTable("api_key", "id"),
    ]

    /// Every table of which an environment's rows are taken away.
    public static var environmentTables: [String] { (doorTables + restTables).map(\.name) }

    /// Those of one table may be more than one step deletes: what they refer to goes in a later one.
    private static func delete(_ tables: [OwnedTable], _ scope: Scope, _ tx: Transaction) throws -> Int {
        var count = 0
        for table in tables {
            let deleted = try table.delete(scope, tx)
            count += deleted
            if deleted == rowsMax || count >= rowsMax { break }
        }
        return count
    }

    /// Endpoints, links, sessions and jobs.
    /// - Returns: how many rows were deleted; 0 when none is left.
    public static func closeDoors(_ scope: Scope, _ tx: Transaction) throws -> Int {
        tx.forget(allOf: EndpointStore.routes(scope))
        return try delete(doorTables, scope, tx)
    }

    /// All rows but those of `keptTables`. Lanes of deliveries and connections go before, each in their way.
    /// - Returns: how many rows were deleted; 0 when none is left.
    public static func rest(_ scope: Scope, _ tx: Transaction) throws -> Int { try delete(restTables, scope, tx) }

    // MARK: lanes

    /// How a step through the lanes of deliveries ended.
    public enum LaneStep: Sendable, Equatable {
        case more, none
        /// Their owners are to end what is under way first, or lose their leases.
        case owned
    }

    private static let lanesMax = 200
    private static let freeLanesSQL = """
        SELECT id FROM lane WHERE kind = 'delivery' AND environment_id = $1
            AND (lease_token IS NULL OR next_due_ms <= $2) ORDER BY subject LIMIT \(lanesMax)
        """
    private static let anyLaneSQL = "SELECT id FROM lane WHERE kind = 'delivery' AND environment_id = $1 LIMIT 1"
    private static let takeLaneSQL = """
        UPDATE lane SET lease_token = NULL, next_due_ms = \(LaneStore.idleMs)
        WHERE id = $1 AND (lease_token IS NULL OR next_due_ms <= $2)
        """

    /// Forgets what waits in lanes that nobody owns, and the lanes with it.
    /// - Parameter now: machine time, by which leases end.
    public static func lanes(_ scope: Scope, now: Instant, _ tx: Transaction) throws -> LaneStep {
        let environment = SQLValue.integer(scope.environmentID)
        let free = try tx.db.query(freeLanesSQL, [environment, .at(now)]) { $0.int(0) }
        guard !free.isEmpty else {
            return try tx.db.first(anyLaneSQL, [environment]) { $0.int(0) } == nil ? .none : .owned
        }
        tx.forget(allOf: "lease ")
        for lane in free where try tx.db.run(takeLaneSQL, [.integer(lane), .at(now)]) == 1 {
            if try DeliveryStore.drop(lane: lane, tx) { return .more }
            try tx.db.run("DELETE FROM lane WHERE id = $1", [.integer(lane)])
        }
        return .more
    }

    // MARK: connections

    /// The next connections to remove, by their ids.
    public static func connections(
        limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [ID<Connection>] {
        try db.query(
            "SELECT id FROM connection WHERE environment_id = $1 ORDER BY id LIMIT $2",
            [.integer(scope.environmentID), .int(limit)]
        ) { $0.id(0) }
    }
}
