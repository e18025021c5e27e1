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

    private static let queuedSQL = either {
        """
        SELECT event_id, id, endpoint_id, due_ms, part, replay_id FROM delivery
        WHERE environment_id = $1 AND event_id \($0)
        """
    }
    private static let triedSQL = either {
        "SELECT event_id, \(AttemptReads.columns) FROM attempt WHERE environment_id = $1 AND event_id \($0)"
    }
    private static let eventSQL = either {
        """
        SELECT id, connection_id, seq, type, occurred_at_ms, account_id FROM event
        WHERE environment_id = $1 AND id \($0)
        """
    }

    static func queued(_ events: [Int64], _ scope: Scope, _ db: any SQLConnection) throws -> [Int64: [Queued]] {
        var found: [Int64: [Queued]] = [:]
        try each(queuedSQL, events, scope, db) { row in
            found[row.int(0), default: []].append(
                Queued(
                    id: row.int(1), endpointID: row.text(2), dueAt: row.instant(3), part: row.int(4),
                    replayID: row.intOrNil(5)))
        }
        return found
    }

    /// The attempts of events, in any order.
    static func tried(
        _ events: [Int64], _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Int64: [LoggedAttempt]] {
        var found: [Int64: [LoggedAttempt]] = [:]
        try each(triedSQL, events, scope, db) { row in
            found[row.int(0), default: []].append(AttemptReads.attempt(row, from: 1))
        }
        return found
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
