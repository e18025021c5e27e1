import Domain

/// How endpoints are, as their senders last wrote it: a row is written when failing begins or ends, and seldom besides.
public enum EndpointHealthStore {
    private static let columns = """
        failing_since_ms, failures, last_success_ms, last_failure_ms, last_status, last_error, spaced_ms, spaced, \
        warned_hours
        """

    private static func health(_ row: borrowing Row, from first: Int) -> EndpointHealth {
        var health = EndpointHealth()
        health.failingSince = row.instantOrNil(first)
        health.failures = Int(row.int(first + 1))
        health.lastSuccessAt = row.instantOrNil(first + 2)
        health.lastFailureAt = row.instantOrNil(first + 3)
        health.lastStatus = row.intOrNil(first + 4).map(Int.init)
        health.lastError = row.textOrNil(first + 5)
        health.spacedAt = row.instantOrNil(first + 6)
        health.spaced = Int(row.int(first + 7))
        health.warnedHours = Int(row.int(first + 8))
        return health
    }

    private static let findSQL = """
        SELECT \(columns) FROM endpoint_health WHERE environment_id = $1 AND endpoint_id = $2
        """

    /// nil when nothing was sent to it yet.
    public static func find(
        _ endpoint: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> EndpointHealth? {
        try db.first(findSQL, [.integer(scope.environmentID), .text(endpoint)]) { health($0, from: 0) }
    }

    private static let listSQL = """
        SELECT endpoint_id, \(columns) FROM endpoint_health
        WHERE environment_id = $1 AND endpoint_id >= $2 AND endpoint_id <= $3
        """

    /// Those of an environment's endpoints whose ids are between two, by id.
    public static func list(
        from first: String, to last: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [String: EndpointHealth] {
        let rows = try db.query(listSQL, [.integer(scope.environmentID), .text(first), .text(last)]) {
            ($0.text(0), health($0, from: 1))
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// No more are looked at for a count.
    public static let countedMax = 100_000

    private static let states = ["active", "failing", "paused", "disabled"]
    private static let countSQL = """
        SELECT e.status, COUNT(e.id), COUNT(h.failing_since_ms)
        FROM (SELECT environment_id, id, status FROM webhook_endpoint LIMIT \(countedMax)) AS e
        LEFT JOIN endpoint_health h ON h.environment_id = e.environment_id AND h.endpoint_id = e.id
        GROUP BY e.status
        """

    /// Numbers of endpoints, of all environments, by how they are.
    public static func count(_ db: any SQLConnection) throws -> [(of: String, count: Int)] {
        var counts: [String: Int] = [:]
        let rows = try db.query(countSQL, []) { ($0.text(0), Int($0.int(1)), Int($0.int(2))) }
        for (status, all, failing) in rows {
            counts[status] = status == "active" ? all - failing : all
            if status == "active" { counts["failing"] = failing }
        }
        return states.map { ($0, counts[$0] ?? 0) }
    }

    private static let save = BulkStatement.insert(
        order: 60, into: "endpoint_health",
        [
            ("environment_id", .bigint), ("endpoint_id", .text), ("failing_since_ms", .bigint), ("failures", .bigint),
            ("last_success_ms", .bigint), ("last_failure_ms", .bigint), ("last_status", .bigint), ("last_error", .text),
            ("spaced_ms", .bigint), ("spaced", .bigint), ("warned_hours", .bigint),
        ],
        conflict: """
            ON CONFLICT (environment_id, endpoint_id) DO UPDATE SET failing_since_ms = excluded.failing_since_ms,
                failures = excluded.failures, last_success_ms = excluded.last_success_ms,
                last_failure_ms = excluded.last_failure_ms, last_status = excluded.last_status,
                last_error = excluded.last_error, spaced_ms = excluded.spaced_ms, spaced = excluded.spaced,
                warned_hours = excluded.warned_hours
            """)

    /// Writes how an endpoint is.
    public static func save(
        _ health: EndpointHealth, of endpoint: String, _ scope: Scope, _ tx: Transaction
    ) throws {
        let row: [SQLValue] = [
            .integer(scope.environmentID), .text(endpoint), .int(health.failingSince?.ms), .int(health.failures),
            .int(health.lastSuccessAt?.ms), .int(health.lastFailureAt?.ms), .int(health.lastStatus.map(Int64.init)),
            .text(health.lastError), .int(health.spacedAt?.ms), .int(health.spaced), .int(health.warnedHours),
        ]
        try save.run([row], on: tx.db)
    }

    /// Forgets how an endpoint was: it was removed, or its owner changed it.
    public static func forget(_ endpoint: String, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "DELETE FROM endpoint_health WHERE environment_id = $1 AND endpoint_id = $2",
            [.integer(scope.environmentID), .text(endpoint)])
    }
}
