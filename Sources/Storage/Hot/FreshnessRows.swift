import Domain

/// How fresh connections are, those of many requests by one statement: PostgreSQL takes them as arrays, SQLite runs its
/// prepared text once per connection.
enum FreshnessRows {
    /// A connection, and the number of the request that asks for it.
    struct Wanted {
        let environmentID: Int64
        let connection: String
        let request: Int
    }

    private static let columns = """
        s.connection_id, c.institution, c.products, c.status, s.paused_at_ms, s.due_ms, s.balance_interval,
        s.balance_due_ms, s.balance_ok_ms, s.balance_tried_ms, s.balance_outcome, s.transactions_interval,
        s.transactions_due_ms, s.transactions_ok_ms, s.transactions_tried_ms, s.transactions_outcome, s.scan_phase,
        s.synced_to_on, s.calls, s.gap_from_on
        """
    private static let requestColumn = 20
    private static let postgresSQL = """
        SELECT \(columns), q.request
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) WITH ORDINALITY
            AS q (environment_id, connection_id, request, place)
        JOIN refresh_schedule s ON s.environment_id = q.environment_id AND s.connection_id = q.connection_id
        JOIN connection c ON c.environment_id = q.environment_id AND c.id = q.connection_id
        ORDER BY q.place
        """
    private static let sqliteSQL = """
        SELECT \(columns) FROM refresh_schedule s
        JOIN connection c ON c.environment_id = s.environment_id AND c.id = s.connection_id
        WHERE s.environment_id = $1 AND s.connection_id = $2
        """

    /// In the order in which they are asked for; a connection that is being removed has none.
    static func find(
        _ wanted: [Wanted], _ db: any SQLConnection, _ found: (Int, FreshnessFacts) -> Void
    ) throws {
        guard !wanted.isEmpty else { return }
        switch db.dialect {
        case .sqlite:
            for one in wanted {
                try db.forEach(sqliteSQL, [.integer(one.environmentID), .text(one.connection)]) {
                    found(one.request, facts($0))
                }
            }
        case .postgres:
            try db.forEach(
                postgresSQL,
                [
                    .integers(wanted.map(\.environmentID)), .strings(wanted.map(\.connection)),
                    .integers(wanted.map { Int64($0.request) }),
                ]
            ) { found(Int($0.int(requestColumn)), facts($0)) }
        }
    }

    private static func facts(_ row: borrowing Row) -> FreshnessFacts {
        func seen(_ first: Int) -> FreshnessFacts.Seen {
            FreshnessFacts.Seen(
                isScheduled: !row.isNull(first), due: row.instantOrNil(first + 1), okAt: row.instantOrNil(first + 2),
                triedAt: row.instantOrNil(first + 3), outcome: row.textOrNil(first + 4))
        }
        // Nothing is complete beyond a gap.
        let syncedTo = row.textOrNil(17).flatMap { LocalDate($0) }
        let beforeGap = row.textOrNil(19).flatMap { LocalDate($0) }?.adding(days: -1)
        return FreshnessFacts(
            connection: row.text(0), institution: row.text(1), products: ProductSet(column: row.text(2)),
            isActive: row.text(3) == ConnectionStatus.active.rawValue && row.int(5) < LaneStore.idleMs,
            isPaused: !row.isNull(4), dueAt: row.instant(5), balance: seen(6), transactions: seen(11),
            scan: row.text(16), syncedTo: syncedTo.map { min($0, beforeGap ?? $0) }, calls: row.text(18))
    }
}

/// How fresh the connections of a page are.
public enum FreshnessReads {
    /// In the order of the ids; one that has no schedule is left out.
    public static func find(
        _ connections: [String], _ scope: Scope, _ db: any SQLConnection
    ) throws -> [FreshnessFacts] {
        var found: [FreshnessFacts] = []
        let wanted = connections.map {
            FreshnessRows.Wanted(environmentID: scope.environmentID, connection: $0, request: 0)
        }
        try FreshnessRows.find(wanted, db) { found.append($1) }
        return found
    }
}
