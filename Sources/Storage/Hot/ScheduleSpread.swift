import Domain

/// Reads and moves connections of a lane that are overdue together.
public enum ScheduleSpread {
    private static let overdueSQL = """
        SELECT s.connection_id, s.due_ms, s.balance_due_ms, s.transactions_due_ms, s.balance_interval,
            s.transactions_interval, s.balance_effective_ms, s.transactions_effective_ms, s.paused_at_ms
        FROM refresh_schedule s
        WHERE s.lane_id = $1 AND s.due_ms <= $2 AND (s.due_ms > $3 OR (s.due_ms = $3 AND s.connection_id > $4))
          AND NOT EXISTS (
            SELECT 1 FROM refresh r WHERE r.environment_id = s.environment_id AND r.connection_id = s.connection_id
              AND r.state IN ('queued', 'running') AND r.causes <> 'schedule')
        ORDER BY s.due_ms, s.connection_id LIMIT $5
        """

    /// The due time of the lane's connection that waits longest; nil when the lane has none.
    public static func oldest(lane: Int64, _ db: any SQLConnection) throws -> Instant? {
        try db.first(
            "SELECT due_ms FROM refresh_schedule WHERE lane_id = $1 ORDER BY due_ms LIMIT 1", [.integer(lane)]
        ) { $0.instant(0) }
    }

    /// Connections that should have been looked at before `before`, without those that somebody asked for; the longest
    /// waiting first.
    /// - Parameter last: the last one of the page before.
    public static func overdue(
        lane: Int64, before: Instant, after last: OverdueConnection?, limit: Int, _ db: any SQLConnection
    ) throws -> [OverdueConnection] {
        let values: [SQLValue] = [
            .integer(lane), .at(before), .integer(last?.dueAt.ms ?? Int64.min), .string(last?.id ?? ""), .int(limit),
        ]
        return try db.query(overdueSQL, values) { overdue($0, before) }
    }

    private static func overdue(_ row: borrowing Row, _ before: Instant) -> OverdueConnection {
        let isPaused = row.instantOrNil(8) != nil
        var own: Instant?
        var period: Int64?
        for (due, interval, effective) in [(2, 4, 6), (3, 5, 7)] where !isPaused {
            guard let dueAt = row.instantOrNil(due), dueAt <= before,
                let asked = row.textOrNil(interval).flatMap(RefreshInterval.init(rawValue:))
            else { continue }
            let ms = row.intOrNil(effective) ?? asked.ms
            own = min(own ?? dueAt, dueAt)
            period = min(period ?? ms, ms)
        }
        return OverdueConnection(
            id: row.text(0), dueAt: row.instant(1), productDueAt: own, periodMs: period ?? RefreshInterval.daily.ms)
    }

    /// Moves a connection to another time, unless it was given one meanwhile.
    public static func move(_ overdue: OverdueConnection, to due: Instant, _ scope: Scope, _ tx: Transaction) {
        tx.append(
            statement, [.integer(scope.environmentID), .string(overdue.id), .at(overdue.dueAt), .at(due)])
    }

    private static let statement = BulkStatement(
        order: 80, name: "schedule spread", types: [.bigint, .text, .bigint, .bigint],
        postgres: """
            UPDATE refresh_schedule SET due_ms = t.due
            FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS t (environment, connection, was, due)
            WHERE environment_id = t.environment AND connection_id = t.connection AND due_ms = t.was
            """,
        sqlite: """
            UPDATE refresh_schedule SET due_ms = $4
            WHERE environment_id = $1 AND connection_id = $2 AND due_ms = $3
            """)
}
