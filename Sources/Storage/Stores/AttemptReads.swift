import Domain

/// An event as the log names it.
public struct LoggedEvent: Sendable, Equatable {
    public let id: Int64
    /// Empty for an event of the environment itself.
    public let connection: String
    public let sequence: Int64
    public let type: String
    /// In the environment's time.
    public let at: Instant
    public let accountID: String?
}

/// One sending, without what came back.
public struct LoggedAttempt: Sendable, Equatable {
    /// Machine time.
    public let place: AttemptPlace
    public let endpointID: String
    public let durationMs: Int64
    /// nil when no status line came.
    public let status: Int?
    /// What went wrong, for people; `errorClass` names it for programs.
    public let error: String?
    public let errorClass: String?
    /// `delivered`, `retry`, `dead` or `quarantined`.
    public let outcome: String
    /// Which part of an event that is sent in parts; 0 for the whole.
    public let part: Int64
    /// Whether the complete body was sent.
    public let isComplete: Bool
    /// The replay that sent it again.
    public let replayID: Int64?
}

/// An event for one endpoint, with its attempts, oldest first.
public struct LoggedDelivery: Sendable, Equatable {
    public let id: Int64
    public let event: LoggedEvent
    public let endpointID: String
    public let state: DeliveryState
    /// When it is sent next, in machine time; nil when it is not.
    public let dueAt: Instant?
    public let part: Int64
    public let replayID: Int64?
    public let attempts: [LoggedAttempt]
}

/// One attempt with all that is known of it.
public struct AttemptDetail: Sendable {
    public let attempt: LoggedAttempt
    public let event: LoggedEvent
    /// At most 16 KiB.
    public let response: [UInt8]
    /// Members of a JSON object without its braces.
    public let thin: [UInt8]
    /// Sealed; nil where it would say no more.
    public let complete: [UInt8]?
}

/// What was sent to endpoints, newest first. Every page follows an index and looks at a bounded number of rows.
public enum AttemptReads {
    /// Rows that one page looks at to find those that are asked for.
    public static let lookedMax = 2000
    static let chunk = 250

    static let columns = """
        at_ms, delivery_id, number, endpoint_id, duration_ms, status, error, outcome, part, is_complete, replay_id, \
        error_class
        """

    static func attempt(_ row: borrowing Row, from first: Int) -> LoggedAttempt {
        LoggedAttempt(
            place: AttemptPlace(at: row.instant(first), delivery: row.int(first + 1), number: row.int(first + 2)),
            endpointID: row.text(first + 3), durationMs: row.int(first + 4),
            status: row.intOrNil(first + 5).map(Int.init), error: row.textOrNil(first + 6),
            errorClass: row.textOrNil(first + 11), outcome: row.text(first + 7), part: row.int(first + 8),
            isComplete: row.bool(first + 9),
            replayID: row.intOrNil(first + 10))
    }

    private static let detailSQL = """
        SELECT \(columns), response, event_id FROM attempt
        WHERE environment_id = $1 AND at_ms = $2 AND delivery_id = $3 AND number = $4
        """
    private static let bodiesSQL = """
        SELECT id, connection_id, seq, type, occurred_at_ms, account_id, thin, complete FROM event
        WHERE environment_id = $1 AND id = $2
        """

    /// One attempt; nil when there is none, or its event was forgotten.
    public static func detail(
        _ place: AttemptPlace, _ scope: Scope, _ db: any SQLConnection
    ) throws -> AttemptDetail? {
        let key: [SQLValue] = [
            .integer(scope.environmentID), .at(place.at), .integer(place.delivery), .integer(place.number),
        ]
        let found = try db.first(detailSQL, key) { (attempt($0, from: 0), $0.blob(12), $0.int(13)) }
        guard let (attempt, response, event) = found else { return nil }
        return try db.first(bodiesSQL, [.integer(scope.environmentID), .integer(event)]) { row in
            AttemptDetail(
                attempt: attempt,
                event: LoggedEvent(
                    id: row.int(0), connection: row.text(1), sequence: row.int(2), type: row.text(3),
                    at: row.instant(4), accountID: row.textOrNil(5)),
                response: response, thin: row.blob(6), complete: row.blobOrNil(7))
        }
    }

    /// Those of these events that exist, in any order.
    public static func events(_ ids: [Int64], _ scope: Scope, _ db: any SQLConnection) throws -> [LoggedEvent] {
        Array(try DeliveryRows.events(ids, scope, db).values)
    }

    /// The thin members of events, by their numbers.
    public static func thin(_ ids: [Int64], _ scope: Scope, _ db: any SQLConnection) throws -> [Int64: [UInt8]] {
        try DeliveryRows.thin(ids, scope, db)
    }

    /// One delivery; nil when there is none.
    public static func delivery(
        event: Int64, _ id: Int64, _ scope: Scope, _ db: any SQLConnection
    ) throws -> LoggedDelivery? {
        try deliveries([event: [id]], scope, db).first
    }

    /// Certain deliveries, of those events that exist.
    static func deliveries(
        _ wanted: [Int64: Set<Int64>], _ scope: Scope, _ db: any SQLConnection
    ) throws -> [LoggedDelivery] {
        let events = wanted.keys.sorted()
        let facts = try DeliveryRows.events(events, scope, db)
        let rows = try DeliveryRows.exact(wanted, scope, db)
        return events.flatMap { event in
            facts[event].map { joined($0, rows.queued[event] ?? [], rows.tried[event] ?? []) } ?? []
        }
    }

    static func joined(
        _ event: LoggedEvent, _ queued: [DeliveryRows.Queued], _ tried: [LoggedAttempt]
    ) -> [LoggedDelivery] {
        let attempts = Dictionary(grouping: tried) { $0.place.delivery }
            .mapValues { $0.sorted { $0.place.number < $1.place.number } }
        let waiting = Dictionary(queued.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(attempts.keys).union(waiting.keys).sorted().map { id in
            let (row, list) = (waiting[id], attempts[id] ?? [])
            return LoggedDelivery(
                id: id, event: event, endpointID: row?.endpointID ?? list.last?.endpointID ?? "",
                state: DeliveryState(isQueued: row != nil, last: list.last?.outcome),
                // One that was hastened has no time of its own.
                dueAt: row.flatMap { $0.dueAt.ms > 0 ? $0.dueAt : nil },
                part: row?.part ?? list.last?.part ?? 0, replayID: row?.replayID ?? list.last?.replayID,
                attempts: list)
        }
    }
}

// MARK: attempts in the order of time

extension AttemptReads {
    private static func timedSQL(_ condition: String) -> String {
        """
        SELECT \(columns), event_id FROM attempt
        WHERE environment_id = $1 AND at_ms <= $2 AND (at_ms, delivery_id, number) < ($2, $3, $4) \(condition)
        ORDER BY at_ms DESC, delivery_id DESC, number DESC LIMIT $5
        """
    }
    private static let everySQL = timedSQL("")
    /// The very condition of the index of what failed.
    private static let failedSQL = timedSQL("AND outcome <> 'delivered'")

    /// An event that was sent in parts has thousands. The order is made of its own alone, not looked for in the log's.
    private static let eventSQL = """
        WITH sent AS MATERIALIZED (SELECT \(columns) FROM attempt WHERE environment_id = $1 AND event_id = $2)
        SELECT \(columns) FROM sent WHERE (at_ms, delivery_id, number) < ($3, $4, $5)
        ORDER BY at_ms DESC, delivery_id DESC, number DESC LIMIT \(chunk)
        """

    /// Attempts before a place in the log, newest first, with their events' numbers.
    static func attempts(
        before place: AttemptPlace, failed: Bool, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(event: Int64, attempt: LoggedAttempt)] {
        try db.query(
            failed ? failedSQL : everySQL,
            [
                .integer(scope.environmentID), .at(place.at), .integer(place.delivery), .integer(place.number),
                .int(limit),
            ]
        ) { ($0.int(12), attempt($0, from: 0)) }
    }

    /// Attempts that are asked for, newest first, and where to go on; nil at the end.
    /// - Parameter outcomes: those of the attempts; empty for all.
    public static func attempts(
        _ filter: LogFilter, outcomes: Set<String>, before start: AttemptPlace?, limit: Int, _ scope: Scope,
        _ db: any SQLConnection
    ) throws -> (rows: [(event: LoggedEvent, attempt: LoggedAttempt)], next: AttemptPlace?) {
        let newest = AttemptPlace(at: filter.to.map { $0 + 1 } ?? Instant(ms: .max), delivery: .min, number: .min)
        var place = min(start ?? newest, newest)
        var rows: [(event: LoggedEvent, attempt: LoggedAttempt)] = []
        var looked = 0
        while looked < lookedMax {
            let found = try chunkOfAttempts(filter, outcomes, before: place, scope, db)
            let events = try DeliveryRows.events(Array(Set(found.rows.map(\.event))).sorted(), scope, db)
            for (event, attempt) in found.rows {
                if let from = filter.from, attempt.place.at < from { return (rows, nil) }
                guard rows.count < limit else { return (rows, place) }
                place = attempt.place
                guard let event = events[event], wants(filter, outcomes, event, attempt) else { continue }
                rows.append((event, attempt))
            }
            if found.isLast { return (rows, nil) }
            looked += found.rows.count
        }
        return (rows, place)
    }

    private static func chunkOfAttempts(
        _ filter: LogFilter, _ outcomes: Set<String>, before place: AttemptPlace, _ scope: Scope,
        _ db: any SQLConnection
    ) throws -> (rows: [(event: Int64, attempt: LoggedAttempt)], isLast: Bool) {
        if let event = filter.event {
            let rows = try db.query(
                eventSQL,
                [
                    .integer(scope.environmentID), .integer(event), .at(place.at), .integer(place.delivery),
                    .integer(place.number),
                ]
            ) { (event, attempt($0, from: 0)) }
            return (rows, rows.count < chunk)
        }
        let isFailed = !outcomes.isEmpty && !outcomes.contains("delivered")
        let rows = try attempts(before: place, failed: isFailed, limit: chunk, scope, db)
        return (rows, rows.count < chunk)
    }

    private static func wants(
        _ filter: LogFilter, _ outcomes: Set<String>, _ event: LoggedEvent, _ attempt: LoggedAttempt
    ) -> Bool {
        (outcomes.isEmpty || outcomes.contains(attempt.outcome)) && filter.wants(type: event.type)
            && (filter.connection.map { $0 == event.connection } ?? true)
            && (filter.endpoint.map { $0 == attempt.endpointID } ?? true)
    }
}
