import Domain

/// In which turn a lane's deliveries go.
public enum DeliveryPass: Int64, Sendable, CaseIterable {
    /// Never tried.
    case first = 0
    case retry = 1
    /// Behind what is new.
    case replay = 2
    /// One after the other, in the order of commits.
    case ordered = 3
}

/// A delivery that waits, with what is sent.
public struct DueDelivery: Sendable {
    public let id: Int64
    public let eventID: Int64
    public let attempts: Int
    public let pass: DeliveryPass
    public let dueAt: Instant
    /// 0 on SQLite; see `DeliveryStore.Place`.
    public let batch: Int64
    /// How often its sender was careful and died all the same.
    public let crashes: Int
    public let replayID: Int64?
    /// Which part of the event; 0 for the whole.
    public let part: Int64
    public let connectionID: String
    public let type: String
    public let thin: [UInt8]
    public let complete: [UInt8]?

    /// It is to be tried now, before all others (`DeliveryStore.hasten`).
    public var isTest: Bool { pass == .retry && attempts == 0 && crashes == 0 }
}

/// What one delivery sends of an event.
public struct EventPart: Sendable, Hashable {
    public let event: Int64
    /// Which of the event's rows, from 1; 0 is the whole event.
    public let part: Int64
    public init(event: Int64, part: Int64 = 0) {
        self.event = event
        self.part = part
    }
}

/// Deliveries as they are queued, and as their sender reads them.
public enum DeliveryStore {
    private static let insertDelivery = BulkStatement.insert(
        order: 41, into: "delivery",
        [
            ("environment_id", .bigint), ("id", .bigint), ("event_id", .bigint), ("endpoint_id", .text),
            ("lane_id", .bigint), ("due_ms", .bigint), ("pass", .bigint), ("replay_id", .bigint), ("part", .bigint),
        ])

    /// Queues an event for an endpoint, in the lane and the turn that its order asks for.
    /// - Parameters:
    ///   - connection: the event's; empty for one of the environment.
    ///   - replay: the job that sends it again, behind what is new.
    ///   - machineNow: from when on it is due.
    /// - Returns: the delivery's id.
    @discardableResult
    public static func append(
        event: Int64, of connection: String, to endpoint: WebhookEndpoint, replay: Replay? = nil, machineNow: Instant,
        newID: () throws -> Int64, _ scope: Scope, _ tx: Transaction
    ) throws -> Int64 {
        try append(
            EventPart(event: event), of: connection, to: endpoint, replay: replay, machineNow: machineNow,
            newID: newID, scope, tx)
    }

    /// As the other `append`, a part of an event.
    @discardableResult
    public static func append(
        _ item: EventPart, of connection: String, to endpoint: WebhookEndpoint, replay: Replay? = nil,
        machineNow: Instant, newID: () throws -> Int64, _ scope: Scope, _ tx: Transaction
    ) throws -> Int64 {
        let lane = try replay?.laneID ?? DeliveryLanes.lane(of: endpoint, connection, newID: newID, scope, tx)
        let pass: DeliveryPass = endpoint.ordering != .none ? .ordered : replay != nil ? .replay : .first
        let id = try newID()
        tx.append(
            insertDelivery,
            [
                .integer(scope.environmentID), .integer(id), .integer(item.event), .id(endpoint.id), .integer(lane),
                .at(machineNow), .integer(pass.rawValue), .int(replay?.id), .integer(item.part),
            ])
        LaneStore.touchDelivery(lane, due: machineNow, tx)
        return id
    }

    // MARK: reading

    /// How far a lane was read, in the order of its turn: the due time, or the batch where order is kept, and the id.
    public struct Place: Sendable, Hashable {
        public var at: Int64
        public var id: Int64
        public init(at: Int64, id: Int64) {
            self.at = at
            self.id = id
        }
        public static let start = Place(at: .min, id: .min)
    }

    /// Rows of one read. Each is a text of its own: a limit that is a parameter is guessed by PostgreSQL, badly.
    public static let sizes = [16, 64, 256, 1024]

    private static let columns = """
        d.id, d.event_id, d.attempts, d.pass, d.due_ms, d.batch, d.crashes, d.replay_id, e.connection_id, e.type, \
        e.thin, CASE WHEN $2 = 1 THEN e.complete END, d.part
        FROM delivery d JOIN event e ON e.environment_id = d.environment_id AND e.id = d.event_id
        """
    private static let dueSQL = sizes.map {
        """
        SELECT \(columns) WHERE d.lane_id = $1 AND d.pass = $3 AND (d.due_ms, d.id) > ($4, $5)
        ORDER BY d.due_ms, d.id LIMIT \($0)
        """
    }
    // The very condition of the index of what is ordered.
    private static let orderedSQL = sizes.map {
        """
        SELECT \(columns) WHERE d.lane_id = $1 AND d.pass = 3 AND (d.batch, d.id) > ($3, $4) AND d.batch <= $5
        ORDER BY d.batch, d.id LIMIT \($0)
        """
    }

    /// A lane's deliveries of one turn after a place, also those that are not due yet, the longest waiting first.
    /// - Parameters:
    ///   - count: how many at least, if there are; of `sizes` the next is read.
    ///   - complete: whether complete bodies are read too.
    /// - Returns: the rows, and whether there may be more.
    public static func list(
        lane: Int64, _ pass: DeliveryPass, after place: Place, count: Int, complete: Bool, _ db: any SQLConnection
    ) throws -> (rows: [DueDelivery], isFull: Bool) {
        let index = sizes.firstIndex { $0 >= count } ?? sizes.count - 1
        let rows = try db.query(
            dueSQL[index],
            [
                .integer(lane), .integer(complete ? 1 : 0), .integer(pass.rawValue), .integer(place.at),
                .integer(place.id),
            ], delivery)
        return (rows, rows.count == sizes[index])
    }

    /// As `list`, where order is kept: nothing that is behind `horizon`, before which something may still come.
    public static func ordered(
        lane: Int64, after place: Place, upTo horizon: Int64, count: Int, complete: Bool, _ db: any SQLConnection
    ) throws -> (rows: [DueDelivery], isFull: Bool) {
        let index = sizes.firstIndex { $0 >= count } ?? sizes.count - 1
        let rows = try db.query(
            orderedSQL[index],
            [
                .integer(lane), .integer(complete ? 1 : 0), .integer(place.at), .integer(place.id), .integer(horizon),
            ], delivery)
        return (rows, rows.count == sizes[index])
    }

    private static let behindSQL = "SELECT 1 FROM delivery WHERE lane_id = $1 AND pass = 3 AND batch > $2 LIMIT 1"

    /// Whether something waits where order is kept that may not be sent before older transactions have ended.
    public static func isBehind(_ horizon: Int64, lane: Int64, _ db: any SQLConnection) throws -> Bool {
        try db.first(behindSQL, [.integer(lane), .integer(horizon)]) { $0.int(0) } != nil
    }

    private static func delivery(_ row: borrowing Row) -> DueDelivery {
        DueDelivery(
            id: row.int(0), eventID: row.int(1), attempts: Int(row.int(2)),
            pass: DeliveryPass(rawValue: row.int(3)) ?? .first, dueAt: row.instant(4), batch: row.int(5),
            crashes: Int(row.int(6)), replayID: row.intOrNil(7), part: row.int(12), connectionID: row.text(8),
            type: row.text(9),
            thin: row.blob(10), complete: row.blobOrNil(11))
    }

    private static let anySQL = "SELECT 1 FROM delivery WHERE lane_id = $1 LIMIT 1"

    /// Whether anything waits in a lane, due or not.
    public static func isEmpty(lane: Int64, _ db: any SQLConnection) throws -> Bool {
        try db.first(anySQL, [.integer(lane)]) { $0.int(0) } == nil
    }

    /// Forgets some of what waits for an endpoint that is gone.
    /// - Returns: whether there is more.
    public static func drop(lane: Int64, _ tx: Transaction) throws -> Bool {
        try tx.db.run(dropSQL, [.integer(lane)]) == dropMax
    }

    private static let dropMax = 2000
    private static let dropSQL = """
        DELETE FROM delivery WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM delivery WHERE lane_id = $1 LIMIT \(dropMax))
        """

    /// Makes an environment's waiting deliveries due now: an advanced clock does not wait for retries.
    public static func makeDue(_ scope: Scope, now: Instant, _ tx: Transaction) throws {
        let lanes = try tx.db.query(
            """
            UPDATE delivery SET due_ms = $2 WHERE environment_id = $1 AND due_ms > $2 RETURNING lane_id
            """, [.integer(scope.environmentID), .at(now)]
        ) { $0.int(0) }
        for lane in Set(lanes) { LaneStore.touchDelivery(lane, due: now, tx) }
    }

    /// The attempts of an event, oldest first.
    public static func attempts(
        event: Int64, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(endpointID: String, record: AttemptRecord)] {
        try db.query(
            """
            SELECT endpoint_id, delivery_id, number, at_ms, duration_ms, status, error, outcome, error_class
            FROM attempt WHERE environment_id = $1 AND event_id = $2 ORDER BY at_ms + 0, delivery_id LIMIT 1000
            """, [.integer(scope.environmentID), .integer(event)]
        ) { row in
            var record = AttemptRecord(
                deliveryID: row.int(1), eventID: event, number: Int(row.int(2)), at: row.instant(3),
                durationMs: row.int(4), status: row.intOrNil(5).map(Int.init), error: row.textOrNil(6), response: [],
                outcome: .init(rawValue: row.text(7)) ?? .dead, nextDue: nil)
            record.errorClass = row.textOrNil(8)
            return (row.text(0), record)
        }
    }
}
