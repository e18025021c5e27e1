import Domain

/// What is noted on a run beside its steps, and how long runs are kept.
public enum RefreshNotes {
    static func missed(_ column: String) -> [Product: String] {
        var missed: [Product: String] = [:]
        for part in column.split(separator: ",") {
            let pair = part.split(separator: ":").map(String.init)
            if pair.count == 2, let product = Product(rawValue: pair[0]) { missed[product] = pair[1] }
        }
        return missed
    }

    /// Keeps which products could not be fetched of some account.
    public static func miss(_ missed: [Product: String], of id: Int64, _ scope: Scope, _ tx: Transaction) throws {
        let text = missed.map { "\($0.key.rawValue):\($0.value)" }.sorted().joined(separator: ",")
        try tx.db.run(
            "UPDATE refresh SET faults = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(id), .text(text)])
    }

    /// Keeps what a run is put off for.
    public static func wait(_ id: Int64, for reason: String, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE refresh SET waiting = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(id), .text(reason)])
    }

    /// When a connection is looked at next, in its environment's time; nil when it has no schedule.
    public static func due(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Instant? {
        try db.first(
            "SELECT due_ms FROM refresh_schedule WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection)]
        ) { $0.instant(0) }
    }

    /// Runs looked at in one transaction; each may have dozens of steps.
    public static let runsMax = 200

    private static let oldestSQL = """
        SELECT id, requested_at_ms, CASE WHEN state IN ('queued', 'running') THEN 1 ELSE 0 END
        FROM refresh WHERE environment_id = $1 AND id > $2 ORDER BY id LIMIT $3
        """
    private static let stepsOf = BulkStatement.delete(
        order: 0, "refresh_step prune", from: "refresh_step", by: "refresh_id")
    private static let runRows = BulkStatement.delete(order: 1, "refresh prune", from: "refresh")

    /// Walks an environment's runs from the oldest on, and forgets those that ended long ago with their steps.
    public static func prune(
        after id: Int64, before: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> RetentionStore.Step {
        let rows = try tx.db.query(
            oldestSQL, [.integer(scope.environmentID), .integer(id), .int(runsMax)]
        ) { (id: $0.int(0), isOld: $0.instant(1) < before, isUnderWay: $0.bool(2)) }
        let gone = rows.filter { $0.isOld && !$0.isUnderWay }
            .map { [SQLValue.integer(scope.environmentID), .integer($0.id)] }
        for statement in [stepsOf, runRows] { try statement.run(gone, on: tx.db) }
        let isLast = rows.count < runsMax || !rows.contains { $0.isOld }
        return RetentionStore.Step(forgotten: gone.count, next: isLast ? nil : rows.last?.id)
    }
}
