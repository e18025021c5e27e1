import Domain

/// A tenant as operators see it.
public struct TenantRow: Sendable, Equatable {
    public let id: ID<Tenant>
    public let name: String
    public let createdAt: Instant
    /// Since then nothing is answered, sent or fetched for it.
    public let removedAt: Instant?
    /// Nothing but the proofs is left of it.
    public let erasedAt: Instant?
}

/// What an environment has, each counted up to `TenantStore.countedMax`.
public struct EnvironmentHoldings: Sendable, Equatable {
    public let kind: EnvironmentKind
    public let connections: Int
    public let endpoints: Int
    /// Deliveries that wait.
    public let waiting: Int
}

/// The end of a tenant: one mark that everything which asks for an environment sees, and who takes the rows away.
extension TenantStore {
    /// Nothing is counted further.
    public static let countedMax = 100_000
    private static let listedMax = 1000

    private static func tenants(_ condition: String) -> String {
        """
        SELECT t.id, t.name, t.created_at_ms, MIN(e.removed_at_ms),
            CASE WHEN COUNT(e.erased_at_ms) = COUNT(e.id) THEN MAX(e.erased_at_ms) END
        FROM tenant t LEFT JOIN environment e ON e.tenant_id = t.id \(condition)
        GROUP BY t.id, t.name, t.created_at_ms
        ORDER BY CASE WHEN MIN(e.removed_at_ms) IS NULL THEN 0 ELSE 1 END, t.id LIMIT \(listedMax)
        """
    }
    private static let listSQL = tenants("")
    private static let findTenantSQL = tenants("WHERE t.id = $1")

    private static func tenant(_ row: borrowing Row) -> TenantRow {
        TenantRow(
            id: row.id(0), name: row.text(1), createdAt: row.instant(2), removedAt: row.instantOrNil(3),
            erasedAt: row.instantOrNil(4))
    }

    /// At most 1000 tenants, the oldest first and the removed ones last.
    public static func list(_ db: any SQLConnection) throws -> [TenantRow] { try db.query(listSQL, [], tenant) }

    /// One tenant, also a removed one.
    public static func find(_ id: ID<Tenant>, _ db: any SQLConnection) throws -> TenantRow? {
        try db.first(findTenantSQL, [.id(id)], tenant)
    }

    private static func count(_ table: String) -> String {
        """
        SELECT COUNT(environment_id) FROM (
            SELECT environment_id FROM \(table) WHERE environment_id = $1 LIMIT \(countedMax)) AS counted
        """
    }
    private static let countSQL = ["connection", "webhook_endpoint", "delivery"].map(count)

    /// What the environments of a tenant have, the sandbox first.
    public static func holdings(of id: ID<Tenant>, _ db: any SQLConnection) throws -> [EnvironmentHoldings] {
        let environments = try db.query(
            "SELECT id, kind FROM environment WHERE tenant_id = $1 ORDER BY kind DESC", [.id(id)]
        ) { (id: $0.int(0), kind: EnvironmentKind(rawValue: $0.text(1)) ?? .sandbox) }
        return try environments.map { environment in
            let counts = try countSQL.map { sql in
                try db.first(sql, [.integer(environment.id)]) { Int($0.int(0)) } ?? 0
            }
            return EnvironmentHoldings(
                kind: environment.kind, connections: counts[0], endpoints: counts[1], waiting: counts[2])
        }
    }

    // MARK: the mark

    private static let takeLanesSQL = """
        UPDATE lane SET lease_token = NULL, next_due_ms = \(LaneStore.idleMs)
        WHERE kind = 'refresh' AND environment_id IN (SELECT id FROM environment WHERE tenant_id = $1)
        """

    /// From the commit on no key, link, session, feed or endpoint of the tenant is found, and what is being fetched is
    /// not written. One that was removed already keeps its time.
    public static func markRemoved(_ id: ID<Tenant>, at now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE environment SET removed_at_ms = $2 WHERE tenant_id = $1 AND removed_at_ms IS NULL",
            [.id(id), .at(now)])
        tx.forget(allOf: "lease ")
        try tx.db.run(takeLanesSQL, [.id(id)])
    }

    private static let isRemovedSQL = "SELECT id FROM environment WHERE id = $1 AND removed_at_ms IS NOT NULL"

    /// Whether the environment's tenant was removed.
    public static func isRemoved(_ scope: Scope, _ db: any SQLConnection) throws -> Bool {
        try db.first(isRemovedSQL, [.integer(scope.environmentID)]) { $0.int(0) } != nil
    }

    // MARK: who takes the rows away

    private static let erasingSQL = """
        SELECT \(environmentColumns)
        WHERE e.removed_at_ms IS NOT NULL AND e.erased_at_ms IS NULL AND e.erasing_until_ms <= $1
        ORDER BY e.id LIMIT $2
        """

    /// Environments of removed tenants that nobody is taking away, as they were.
    public static func toErase(at now: Instant, limit: Int, _ db: any SQLConnection) throws -> [Environment] {
        try db.query(erasingSQL, [.at(now), .int(limit)], environment)
    }

    private static let erasedSQL = """
        SELECT \(environmentColumns) WHERE e.erased_at_ms IS NOT NULL AND e.erased_at_ms >= $1 ORDER BY e.id LIMIT $2
        """

    /// Environments that were erased since, at most `limit`.
    public static func erased(since: Instant, limit: Int, _ db: any SQLConnection) throws -> [Environment] {
        try db.query(erasedSQL, [.at(since), .int(limit)], environment)
    }

    /// Keeps other nodes from the same work.
    /// - Returns: false when one is at it, or it is done.
    public static func claimErasing(
        _ scope: Scope, until end: Instant, now: Instant, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            UPDATE environment SET erasing_until_ms = $2
            WHERE id = $1 AND erased_at_ms IS NULL AND erasing_until_ms <= $3
            """, [.integer(scope.environmentID), .at(end), .at(now)]) == 1
    }

    /// Others may go on.
    public static func releaseErasing(_ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE environment SET erasing_until_ms = 0 WHERE id = $1", [.integer(scope.environmentID)])
    }

    /// Writes when the last row was gone, also for what was being removed when its tenant was.
    public static func finishErasing(_ scope: Scope, at now: Instant, _ tx: Transaction) throws {
        let values: [SQLValue] = [.integer(scope.environmentID), .at(now)]
        try tx.db.run("UPDATE environment SET erased_at_ms = $2 WHERE id = $1 AND erased_at_ms IS NULL", values)
        try tx.db.run(
            "UPDATE removal SET done_at_ms = $2 WHERE environment_id = $1 AND done_at_ms IS NULL", values)
    }
}
