import Domain

/// Forgets events that were delivered long ago, with what was sent of them.
public enum RetentionStore {
    /// Events looked at in one transaction; each may have dozens of attempts.
    public static let eventsMax = 100

    /// What one step came to.
    public struct Step: Sendable, Equatable {
        public let forgotten: Int
        /// Where to go on; nil at the first event that is young enough, or at the end.
        public let next: Int64?
    }

    /// With LIMIT, since PostgreSQL would make a table of all deliveries for an EXISTS.
    private static let oldestSQL = """
        SELECT e.id, e.occurred_at_ms, CASE WHEN (
            SELECT 1 FROM delivery d WHERE d.environment_id = e.environment_id AND d.event_id = e.id LIMIT 1
            ) IS NULL THEN 0 ELSE 1 END
        FROM event e WHERE e.environment_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3
        """

    /// Walks an environment's events from the oldest on. What still waits to be delivered is passed over.
    public static func step(after id: Int64, before: Instant, _ scope: Scope, _ tx: Transaction) throws -> Step {
        let rows = try tx.db.query(
            oldestSQL, [.integer(scope.environmentID), .integer(id), .int(eventsMax)]
        ) { (id: $0.int(0), isOld: $0.instant(1) < before, isWaiting: $0.bool(2)) }
        let gone = rows.filter { $0.isOld && !$0.isWaiting }.map(\.id)
        try EventReads.raiseFloor(over: gone, scope, tx)
        try ErasureStore.forget(events: gone, scope, tx)
        let isLast = rows.count < eventsMax || !rows.contains { $0.isOld }
        return Step(forgotten: gone.count, next: isLast ? nil : rows.last?.id)
    }

    /// Environments whose events are looked at, by their ids; none of a removed tenant.
    public static func environments(after id: Int64, limit: Int, _ db: any SQLConnection) throws -> [Scope] {
        try db.query(
            "SELECT id FROM environment WHERE id > $1 AND removed_at_ms IS NULL ORDER BY id LIMIT $2",
            [.integer(id), .int(limit)]
        ) { Scope(environmentID: $0.int(0)) }
    }

    // MARK: attempts

    /// Attempts forgotten in one transaction.
    public static let attemptsMax = 2000

    private static let oldestAttemptsSQL = """
        SELECT at_ms, delivery_id, number FROM attempt WHERE environment_id = $1 AND at_ms < $2
        ORDER BY at_ms, delivery_id, number LIMIT $3
        """
    private static let forgetAttemptsSQL = """
        DELETE FROM attempt
        WHERE environment_id = $1 AND at_ms <= $2 AND (at_ms, delivery_id, number) <= ($2, $3, $4)
        """

    /// Forgets an environment's oldest attempts that were made before an instant; their events stay.
    /// - Returns: how many, at most `attemptsMax`.
    public static func attempts(before: Instant, _ scope: Scope, _ tx: Transaction) throws -> Int {
        let environment = SQLValue.integer(scope.environmentID)
        let oldest = try tx.db.query(oldestAttemptsSQL, [environment, .at(before), .int(attemptsMax)]) {
            [SQLValue.integer($0.int(0)), .integer($0.int(1)), .integer($0.int(2))]
        }
        guard let last = oldest.last else { return 0 }
        return try tx.db.run(forgetAttemptsSQL, [environment] + last)
    }
}
