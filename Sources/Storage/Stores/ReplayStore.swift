import Domain

/// A job that sends events to an endpoint again.
public struct Replay: Sendable {
    /// Whether events are still being looked for. What was found may wait to be sent after that.
    public enum State: String, Sendable { case running, done, cancelled, failed }

    public let environmentID: Int64
    public let id: Int64
    public let state: State
    public let request: ReplayRequest
    public let endpointID: String
    /// Where it is sent instead of the endpoint's own URL.
    public let url: String?
    /// The lane of its own, where it goes to another URL, until that is cleared away; nil where it goes to the
    /// endpoint's.
    public let laneID: Int64?
    public let cursor: FeedPlace
    public let until: FeedPlace
    public let steps: Int64
    /// Events that were looked at.
    public let lookedAt: Int64
    /// Deliveries that were made; then what became of them.
    public let queued: Int64
    public let delivered: Int64
    public let failed: Int64
    public let error: String?
    /// Machine time, as `endedAt`.
    public let createdAt: Instant
    public let endedAt: Instant?

    public var scope: Scope { Scope(environmentID: environmentID) }
}

/// Another node took the job's step, or it was cancelled.
public struct ReplayMoved: Error, Sendable {
    public init() {}
}

/// Jobs that send events again, a bounded step at a time.
public enum ReplayStore {
    /// Events that one step looks at.
    public static let lookedMax = 1000

    private static let columns = """
        environment_id, id, state, request, endpoint_id, url, lane_id, cursor_batch, cursor_place, until_batch,
        until_place, steps, looked_at, queued, delivered, failed, error, created_at_ms, ended_at_ms FROM replay
        """

    private static func replay(_ row: borrowing Row) throws -> Replay {
        Replay(
            environmentID: row.int(0), id: row.int(1), state: .init(rawValue: row.text(2)) ?? .failed,
            request: try ReplayRequest(json: row.blob(3)), endpointID: row.text(4), url: row.textOrNil(5),
            laneID: row.intOrNil(6), cursor: FeedPlace(batch: row.int(7), place: row.int(8)),
            until: FeedPlace(batch: row.int(9), place: row.int(10)), steps: row.int(11), lookedAt: row.int(12),
            queued: row.int(13), delivered: row.int(14), failed: row.int(15),
            error: row.textOrNil(16), createdAt: row.instant(17), endedAt: row.instantOrNil(18))
    }

    /// What a new job starts from.
    public struct New: Sendable {
        public var id: Int64
        public var request: ReplayRequest
        public var endpointID: String
        public var url: String?
        public var laneID: Int64?
        public var start: FeedPlace
        public var until: FeedPlace
        public init(
            id: Int64, request: ReplayRequest, endpointID: String, url: String?, laneID: Int64?, start: FeedPlace,
            until: FeedPlace
        ) {
            self.id = id
            self.request = request
            self.endpointID = endpointID
            self.url = url
            self.laneID = laneID
            self.start = start
            self.until = until
        }
    }

    /// Keeps a job that is to be worked on.
    public static func create(_ new: New, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        var request = JSONWriter(capacity: 256)
        request.object { new.request.write(&$0) }
        try tx.db.run(
            """
            INSERT INTO replay (environment_id, id, state, request, endpoint_id, url, lane_id, cursor_batch,
                cursor_place, until_batch, until_place, created_at_ms)
            VALUES ($1, $2, 'running', $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .integer(scope.environmentID), .integer(new.id), .text(request.text), .text(new.endpointID),
                .text(new.url), .int(new.laneID), .integer(new.start.batch), .integer(new.start.place),
                .integer(new.until.batch), .integer(new.until.place), .at(now),
            ])
    }

    private static let findSQL = "SELECT \(columns) WHERE environment_id = $1 AND id = $2"

    /// One job; nil when the environment has none of that number.
    public static func find(_ id: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> Replay? {
        try db.first(findSQL, [.integer(scope.environmentID), .integer(id)], replay)
    }

    /// The environment's jobs before one, newest first.
    public static func list(
        before id: Int64?, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Replay] {
        try db.query(
            "SELECT \(columns) WHERE environment_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            [.integer(scope.environmentID), .integer(id ?? .max), .int(limit)], replay)
    }

    /// Jobs of all environments that are worked on, the oldest first, behind one of them.
    public static func running(after id: Int64 = 0, limit: Int, _ db: any SQLConnection) throws -> [Replay] {
        try db.query(
            """
            SELECT \(columns) WHERE state = 'running' AND id > $1
                AND (SELECT e.removed_at_ms FROM environment e WHERE e.id = replay.environment_id) IS NULL
            ORDER BY id LIMIT $2
            """,
            [.integer(id), .int(limit)], replay)
    }

    /// How many of the environment's jobs are worked on, up to `limit`.
    public static func runningCount(limit: Int, _ scope: Scope, _ db: any SQLConnection) throws -> Int {
        try db.query(
            "SELECT id FROM replay WHERE state = 'running' AND environment_id = $1 LIMIT $2",
            [.integer(scope.environmentID), .int(limit)]
        ) { $0.int(0) }.count
    }

    private static let waitingSQL =
        "SELECT id FROM delivery WHERE environment_id = $1 AND replay_id = $2 LIMIT $3"

    /// Deliveries of a job that wait, up to `limit`.
    public static func waiting(_ id: Int64, limit: Int, _ scope: Scope, _ db: any SQLConnection) throws -> Int {
        try db.query(
            waitingSQL, [.integer(scope.environmentID), .integer(id), .int(limit)]
        ) { $0.int(0) }.count
    }

    // MARK: a step

    /// The first statement of a step: nobody else does the same one.
    /// - Throws: `ReplayMoved`; the step is rolled back.
    public static func take(_ replay: Replay, _ tx: Transaction) throws {
        let taken = try tx.db.run(
            """
            UPDATE replay SET steps = steps + 1 WHERE environment_id = $1 AND id = $2 AND state = 'running'
                AND steps = $3
            """, [.integer(replay.environmentID), .integer(replay.id), .integer(replay.steps)])
        guard taken == 1 else { throw ReplayMoved() }
    }

    private static func candidate(_ row: borrowing Row) -> (event: LoggedEvent, place: FeedPlace) {
        (
            LoggedEvent(
                id: row.int(0), connection: row.text(3), sequence: row.int(4), type: row.text(5), at: row.instant(6),
                accountID: row.textOrNil(7)), FeedPlace(batch: row.int(1), place: row.int(2))
        )
    }

    private static func feedSQL(_ dialect: Dialect) -> String {
        let place = FeedRows.Feed.events.place(dialect)
        return """
            SELECT id, batch, \(place), connection_id, seq, type, occurred_at_ms, account_id FROM event
            WHERE environment_id = $1 AND \(FeedRows.Feed.events.range(dialect)) ORDER BY batch, \(place) LIMIT $6
            """
    }
    private static let sqliteFeedSQL = feedSQL(.sqlite)
    private static let postgresFeedSQL = feedSQL(.postgres)

    /// The next events of the environment in the order of their commits, and whether they are the last ones.
    /// - Returns: no end while an older transaction may still commit something among them.
    public static func next(
        _ replay: Replay, _ db: any SQLConnection
    ) throws -> (rows: [(event: LoggedEvent, place: FeedPlace)], isLast: Bool) {
        let horizon = try FeedRows.horizon(.events, db).place
        let until = min(replay.until, horizon)
        guard replay.cursor < until else { return ([], horizon >= replay.until) }
        let rows = try db.query(
            db.dialect == .sqlite ? sqliteFeedSQL : postgresFeedSQL,
            [
                .integer(replay.environmentID), .integer(replay.cursor.batch), .integer(replay.cursor.place),
                .integer(until.batch), .integer(until.place), .int(lookedMax),
            ], candidate)
        return (rows, rows.count < lookedMax && horizon >= replay.until)
    }

    private static let connectionSQL = """
        SELECT id, 0, seq, connection_id, seq, type, occurred_at_ms, account_id FROM event
        WHERE environment_id = $1 AND connection_id = $2 AND seq > $3 AND seq <= $4 ORDER BY seq LIMIT $5
        """

    /// The next events of the one connection that is meant; its places are its sequence numbers.
    public static func next(
        _ replay: Replay, of connection: String, _ db: any SQLConnection
    ) throws -> (rows: [(event: LoggedEvent, place: FeedPlace)], isLast: Bool) {
        let rows = try db.query(
            connectionSQL,
            [
                .integer(replay.environmentID), .text(connection), .integer(replay.cursor.place),
                .integer(replay.until.place), .int(lookedMax),
            ], candidate)
        return (rows, rows.count < lookedMax)
    }

    /// Notes how far a step has come, and the end of the last one.
    public static func advance(
        _ replay: Replay, to cursor: FeedPlace, lookedAt: Int, queued: Int, endedAt: Instant?, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE replay SET cursor_batch = $3, cursor_place = $4, looked_at = looked_at + $5, queued = queued + $6,
                state = CASE WHEN $7 > 0 THEN 'done' ELSE state END,
                ended_at_ms = CASE WHEN $7 > 0 THEN $7 ELSE ended_at_ms END
            WHERE environment_id = $1 AND id = $2
            """,
            [
                .integer(replay.environmentID), .integer(replay.id), .integer(cursor.batch), .integer(cursor.place),
                .int(lookedAt), .int(queued), .integer(endedAt?.ms ?? 0),
            ])
    }

    /// Ends a job that is worked on before its end, and takes what waits of it from the queue.
    /// - Returns: whether it was worked on, or something waited.
    public static func stop(
        _ replay: Replay, _ state: Replay.State, error: String?, at now: Instant, _ tx: Transaction
    ) throws -> Bool {
        let key: [SQLValue] = [.integer(replay.environmentID), .integer(replay.id)]
        let stopped = try tx.db.run(
            """
            UPDATE replay SET state = $3, error = $4, ended_at_ms = $5
            WHERE environment_id = $1 AND id = $2 AND state = 'running'
            """, key + [.text(state.rawValue), .text(error), .at(now)])
        let dropped = try tx.db.run("DELETE FROM delivery WHERE environment_id = $1 AND replay_id = $2", key)
        guard dropped > 0 else { return stopped == 1 }
        try tx.db.run(
            """
            UPDATE replay SET state = $3, ended_at_ms = $4 WHERE environment_id = $1 AND id = $2 AND state = 'done'
            """, key + [.text(state.rawValue), .at(now)])
        return true
    }

    private static let latestSQL = """
        SELECT id, 0, seq, connection_id, seq, type, occurred_at_ms, account_id FROM event
        WHERE environment_id = $1 AND connection_id = $2 ORDER BY seq DESC LIMIT $3
        """

    /// A connection's last events, newest first.
    public static func latest(
        of connection: String, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [LoggedEvent] {
        try db.query(
            latestSQL, [.integer(scope.environmentID), .text(connection), .int(limit)]
        ) { candidate($0).event }
    }

    /// Where walking an environment's events begins and ends for those between two times: everything that is committed
    /// up to now, or is being committed.
    public static func range(
        from: Instant?, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (start: FeedPlace, until: FeedPlace) {
        let until = try FeedRows.horizon(.events, db).newest
        guard let from else { return (.start, until) }
        let key = try FeedSeek.first(notBefore: from + -FeedSeek.marginMs, scope, db)
        return (
            db.dialect == .postgres ? FeedPlace(batch: key - 1, place: 0) : FeedPlace(batch: 0, place: key - 1), until
        )
    }

    // MARK: what becomes of it

    private static let countStatement = BulkStatement(
        order: 53, name: "replay count", types: [.bigint, .bigint, .bigint, .bigint],
        postgres: """
            UPDATE replay SET delivered = replay.delivered + t.delivered, failed = replay.failed + t.failed
            FROM (SELECT environment_id, id, SUM(delivered) AS delivered, SUM(failed) AS failed
                FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
                    AS u (environment_id, id, delivered, failed) GROUP BY environment_id, id) t
            WHERE replay.environment_id = t.environment_id AND replay.id = t.id
            """,
        sqlite: """
            UPDATE replay SET delivered = delivered + $3, failed = failed + $4 WHERE environment_id = $1 AND id = $2
            """)

    /// Counts deliveries of a replay that are over.
    public static func count(_ id: Int64, delivered: Int, failed: Int, _ scope: Scope, _ tx: Transaction) {
        guard delivered > 0 || failed > 0 else { return }
        tx.append(
            countStatement, [.integer(scope.environmentID), .integer(id), .int(delivered), .int(failed)])
    }

    /// The URL that a replay goes to; nil for the endpoint's own.
    public static func url(_ id: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> String? {
        try db.first(
            "SELECT url FROM replay WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(id)]
        ) { $0.textOrNil(0) } ?? nil
    }

    // MARK: retention

    /// Jobs cleared away in one transaction.
    public static let prunedMax = 200

    private static let emptyLanesSQL = """
        SELECT r.environment_id, r.id, r.lane_id FROM replay r JOIN lane l ON l.id = r.lane_id
        WHERE r.lane_id IS NOT NULL AND r.id > $1 AND r.state <> 'running' AND l.lease_token IS NULL
          AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.lane_id = r.lane_id)
        ORDER BY r.id LIMIT $2
        """

    /// Takes away the lanes of jobs that went to another URL, are over and have nothing waiting.
    /// - Returns: how many.
    public static func clearLanes(_ tx: Transaction) throws -> Int {
        let found = try tx.db.query(emptyLanesSQL, [.integer(0), .int(prunedMax)]) {
            (environment: $0.int(0), id: $0.int(1), lane: $0.int(2))
        }
        for one in found {
            let key: [SQLValue] = [.integer(one.environment), .integer(one.id)]
            try tx.db.run("UPDATE replay SET lane_id = NULL WHERE environment_id = $1 AND id = $2", key)
            try tx.db.run("DELETE FROM lane WHERE id = $1", [.integer(one.lane)])
        }
        return found.count
    }

    /// Forgets jobs that were begun before an instant and are over.
    /// - Returns: how many.
    public static func prune(before: Instant, _ tx: Transaction) throws -> Int {
        let found = try tx.db.query(
            """
            SELECT environment_id, id FROM replay
            WHERE created_at_ms < $1 AND state <> 'running' AND lane_id IS NULL ORDER BY created_at_ms LIMIT $2
            """, [.at(before), .int(prunedMax)]
        ) { [SQLValue.integer($0.int(0)), .integer($0.int(1))] }
        for key in found { try tx.db.run("DELETE FROM replay WHERE environment_id = $1 AND id = $2", key) }
        return found.count
    }
}
