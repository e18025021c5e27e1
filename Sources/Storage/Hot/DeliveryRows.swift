import Domain

/// What the log reads by the numbers of events: one statement on PostgreSQL, a prepared one per event on SQLite.
enum DeliveryRows {
    /// A delivery that waits.
    struct Queued {
        let id: Int64
        let endpointID: String
        let dueAt: Instant
        let part: Int64
        let replayID: Int64?
    }

    private static func either(_ text: (_ match: String) -> String) -> (postgres: String, sqlite: String) {
        (text("= ANY ($2::bigint[])"), text("= $2"))
    }

    private static let eventSQL = either {
        """
        SELECT id, connection_id, seq, type, occurred_at_ms, account_id FROM event
        WHERE environment_id = $1 AND id \($0)
        """
    }

    private static func queued(_ row: borrowing Row) -> Queued {
        Queued(
            id: row.int(1), endpointID: row.text(2), dueAt: row.instant(3), part: row.int(4), replayID: row.intOrNil(5))
    }

    static func events(
        _ events: [Int64], _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Int64: LoggedEvent] {
        var found: [Int64: LoggedEvent] = [:]
        try each(eventSQL, events, scope, db) { row in
            found[row.int(0)] = LoggedEvent(
                id: row.int(0), connection: row.text(1), sequence: row.int(2), type: row.text(3), at: row.instant(4),
                accountID: row.textOrNil(5))
        }
        return found
    }

    private static let thinSQL = either { "SELECT id, thin FROM event WHERE environment_id = $1 AND id \($0)" }

    static func thin(_ events: [Int64], _ scope: Scope, _ db: any SQLConnection) throws -> [Int64: [UInt8]] {
        var found: [Int64: [UInt8]] = [:]
        try each(thinSQL, events, scope, db) { found[$0.int(0)] = $0.blob(1) }
        return found
    }

    // MARK: of events that may have many

    /// What is read of deliveries, by the numbers of their events.
    typealias Rows = (queued: [Int64: [Queued]], tried: [Int64: [LoggedAttempt]])

    /// Rows of one event that are read together with those of others.
    static let fewMax = 100
    private static let fewQueuedSQL = few("event_id, id, endpoint_id, due_ms, part, replay_id", of: "delivery")
    private static let fewTriedSQL = few("event_id, \(AttemptReads.columns)", of: "attempt")

    private static func few(_ columns: String, of table: String) -> (postgres: String, sqlite: String) {
        let rows = "SELECT \(columns) FROM \(table) WHERE environment_id = $1 AND event_id ="
        let limit = "LIMIT \(fewMax + 1)"
        return (
            """
            SELECT d.* FROM unnest($2::bigint[]) AS e (number)
            CROSS JOIN LATERAL (\(rows) e.number \(limit)) AS d
            """, "\(rows) $2 \(limit)"
        )
    }

    /// As much of each event as it may have.
    /// - Returns: the rows of those that have few, and the numbers of those that have many.
    static func few(
        _ events: [Int64], _ scope: Scope, _ db: any SQLConnection
    ) throws -> (rows: Rows, many: Set<Int64>) {
        var rows: Rows = ([:], [:])
        // What is finished meanwhile is found among the attempts, so these come second.
        try each(fewQueuedSQL, events, scope, db) { rows.queued[$0.int(0), default: []].append(queued($0)) }
        try each(fewTriedSQL, events, scope, db) { row in
            rows.tried[row.int(0), default: []].append(AttemptReads.attempt(row, from: 1))
        }
        let many = events.filter {
            rows.queued[$0]?.count ?? 0 > fewMax || rows.tried[$0]?.count ?? 0 > fewMax
        }
        return (rows, Set(many))
    }

    private static func idsSQL(_ limit: Int) -> String {
        """
        SELECT id FROM (
            SELECT id FROM delivery WHERE environment_id = $1 AND event_id = $2 AND id + 0 > $3
            UNION SELECT delivery_id FROM attempt WHERE environment_id = $1 AND event_id = $2 AND delivery_id > $3
        ) AS d ORDER BY id LIMIT \(limit)
        """
    }
    private static let sliceSQL = idsSQL(fewMax)

    /// The numbers of one event's next deliveries, `fewMax` of them where there are as many.
    static func ids(of event: Int64, after id: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> [Int64] {
        try db.query(
            sliceSQL, [.integer(scope.environmentID), .integer(event), .integer(id)]
        ) { $0.int(0) }
    }

    private static func exactSQL(_ columns: String, of table: String, by id: String) -> (
        postgres: String, sqlite: String
    ) {
        let rows = "SELECT event_id, \(columns) FROM \(table) WHERE environment_id = $1 AND event_id"
        return (
            "\(rows) = ANY ($2::bigint[]) AND \(id) = ANY ($3::bigint[])", "\(rows) = $2 AND \(id) BETWEEN $3 AND $4"
        )
    }
    private static let exactQueuedSQL = exactSQL("id, endpoint_id, due_ms, part, replay_id", of: "delivery", by: "id")
    private static let exactTriedSQL = exactSQL(AttemptReads.columns, of: "attempt", by: "delivery_id")

    /// Certain deliveries, by the numbers of their events.
    static func exact(
        _ wanted: [Int64: Set<Int64>], _ scope: Scope, _ db: any SQLConnection
    ) throws -> Rows {
        var rows: Rows = ([:], [:])
        try exact(exactQueuedSQL, wanted, scope, db) { row in
            if wanted[row.int(0)]?.contains(row.int(1)) ?? false {
                rows.queued[row.int(0), default: []].append(queued(row))
            }
        }
        try exact(exactTriedSQL, wanted, scope, db) { row in
            let attempt = AttemptReads.attempt(row, from: 1)
            if wanted[row.int(0)]?.contains(attempt.place.delivery) ?? false {
                rows.tried[row.int(0), default: []].append(attempt)
            }
        }
        return rows
    }

    private static func exact(
        _ sql: (postgres: String, sqlite: String), _ wanted: [Int64: Set<Int64>], _ scope: Scope,
        _ db: any SQLConnection, _ body: (borrowing Row) throws -> Void
    ) throws {
        guard !wanted.isEmpty else { return }
        let environment = SQLValue.integer(scope.environmentID)
        switch db.dialect {
        case .postgres:
            let ids = wanted.values.reduce(into: []) { $0 += $1 }
            try db.forEach(sql.postgres, [environment, .integers(wanted.keys.sorted()), .integers(ids.sorted())], body)
        case .sqlite:
            for (event, ids) in wanted {
                guard let first = ids.min(), let last = ids.max() else { continue }
                try db.forEach(sql.sqlite, [environment, .integer(event), .integer(first), .integer(last)], body)
            }
        }
    }

    private static func each(
        _ sql: (postgres: String, sqlite: String), _ events: [Int64], _ scope: Scope, _ db: any SQLConnection,
        _ body: (borrowing Row) throws -> Void
    ) throws {
        guard !events.isEmpty else { return }
        let environment = SQLValue.integer(scope.environmentID)
        switch db.dialect {
        case .postgres: try db.forEach(sql.postgres, [environment, .integers(events)], body)
        case .sqlite: for event in events { try db.forEach(sql.sqlite, [environment, .integer(event)], body) }
        }
    }
}
