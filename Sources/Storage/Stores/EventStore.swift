import Domain

/// The outbox: events and their deliveries, written in the transaction of the data that they tell of.
public enum EventStore {
    private static let insertEvent = BulkStatement.insert(
        order: 40, into: "event",
        [
            ("environment_id", .bigint), ("id", .bigint), ("connection_id", .text), ("seq", .bigint), ("type", .text),
            ("account_id", .text), ("occurred_at_ms", .bigint), ("thin", .text), ("complete", .bytea),
        ])

    private static let insertDelivery = BulkStatement.insert(
        order: 41, into: "delivery",
        [
            ("environment_id", .bigint), ("id", .bigint), ("event_id", .bigint), ("endpoint_id", .text),
            ("lane_id", .bigint), ("due_ms", .bigint),
        ])

    /// An event ready to be kept. Bodies are members of a JSON object without their braces; the receiver's own URL
    /// is added when it is sent.
    public struct NewEvent: Sendable {
        public var id: Int64
        public var sequence: Int64
        public var type: String
        public var accountID: ID<Account>?
        public var thin: [UInt8]
        /// Sealed; nil when it would say no more than the thin one.
        public var complete: [UInt8]?
        public init(
            id: Int64, sequence: Int64, type: String, accountID: ID<Account>?, thin: [UInt8], complete: [UInt8]?
        ) {
            self.id = id
            self.sequence = sequence
            self.type = type
            self.accountID = accountID
            self.thin = thin
            self.complete = complete
        }
    }

    /// - Parameters:
    ///   - endpoints: who gets it, from `EndpointStore.route`.
    ///   - machineNow: deliveries are due in machine time.
    public static func append(
        _ event: NewEvent, connection: ID<Connection>, to endpoints: [WebhookEndpoint], at occurredAt: Instant,
        machineNow: Instant, newID: () throws -> Int64, _ scope: Scope, _ tx: Transaction
    ) throws {
        tx.append(
            insertEvent,
            [
                .integer(scope.environmentID), .integer(event.id), .id(connection), .integer(event.sequence),
                .text(event.type), .id(event.accountID), .at(occurredAt),
                .text(String(decoding: event.thin, as: UTF8.self)), .blob(event.complete),
            ])
        for endpoint in endpoints {
            tx.append(
                insertDelivery,
                [
                    .integer(scope.environmentID), .integer(try newID()), .integer(event.id), .id(endpoint.id),
                    .integer(endpoint.laneID), .at(machineNow),
                ])
            LaneStore.touch(endpoint.laneID, due: machineNow, tx)
        }
    }
}

/// A delivery that is due, with what is sent.
public struct DueDelivery: Sendable {
    public let id: Int64
    public let eventID: Int64
    public let attempts: Int
    public let connectionID: String
    public let type: String
    public let thin: [UInt8]
    public let complete: [UInt8]?
}

/// What one attempt came to, as it is kept.
public struct AttemptRecord: Sendable {
    /// Delivered, to be tried again, or given up.
    public enum Outcome: String, Sendable { case delivered, retry, dead }
    public var deliveryID: Int64
    public var eventID: Int64
    public var number: Int
    public var at: Instant
    public var durationMs: Int64
    public var status: Int?
    public var error: String?
    public var response: [UInt8]
    public var outcome: Outcome
    /// When it is tried again; only with `.retry`.
    public var nextDue: Instant?
    public init(
        deliveryID: Int64, eventID: Int64, number: Int, at: Instant, durationMs: Int64, status: Int?, error: String?,
        response: [UInt8], outcome: Outcome, nextDue: Instant?
    ) {
        self.deliveryID = deliveryID
        self.eventID = eventID
        self.number = number
        self.at = at
        self.durationMs = durationMs
        self.status = status
        self.error = error
        self.response = response
        self.outcome = outcome
        self.nextDue = nextDue
    }
}

/// Deliveries as their sender claims and completes them.
public enum DeliveryStore {
    private static let dueSQL = """
        SELECT d.id, d.event_id, d.attempts, e.connection_id, e.thin, CASE WHEN $4 = 1 THEN e.complete END, e.type
        FROM delivery d JOIN event e ON e.environment_id = d.environment_id AND e.id = d.event_id
        WHERE d.lane_id = $1 AND d.due_ms <= $2 ORDER BY d.due_ms, d.id LIMIT $3
        """

    /// A lane's deliveries that are due, the longest waiting first; complete bodies are read only on request.
    public static func due(
        lane: Int64, now: Instant, limit: Int, complete: Bool, _ db: any SQLConnection
    ) throws -> [DueDelivery] {
        try db.query(dueSQL, [.integer(lane), .at(now), .int(limit), .integer(complete ? 1 : 0)]) { row in
            DueDelivery(
                id: row.int(0), eventID: row.int(1), attempts: Int(row.int(2)), connectionID: row.text(3),
                type: row.text(6), thin: row.blob(4), complete: row.blobOrNil(5))
        }
    }

    private static let insertAttempt = BulkStatement.insert(
        order: 50, into: "attempt",
        [
            ("environment_id", .bigint), ("delivery_id", .bigint), ("number", .bigint), ("event_id", .bigint),
            ("endpoint_id", .text), ("at_ms", .bigint), ("duration_ms", .bigint), ("status", .bigint), ("error", .text),
            ("response", .bytea), ("outcome", .text),
        ], conflict: "ON CONFLICT (environment_id, delivery_id, number) DO NOTHING")

    private static let finish = BulkStatement(
        order: 51, name: "delivery finish", types: [.bigint, .bigint],
        postgres: "DELETE FROM delivery WHERE environment_id = ANY ($1::bigint[]) AND id = ANY ($2::bigint[])",
        sqlite: "DELETE FROM delivery WHERE environment_id = $1 AND id = $2")

    private static let postpone = BulkStatement(
        order: 52, name: "delivery retry", types: [.bigint, .bigint, .bigint, .bigint],
        postgres: """
            UPDATE delivery AS d SET due_ms = t.due, attempts = t.attempts
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS t (environment_id, id, due, attempts)
            WHERE d.environment_id = t.environment_id AND d.id = t.id
            """,
        sqlite: "UPDATE delivery SET due_ms = $3, attempts = $4 WHERE environment_id = $1 AND id = $2")

    /// Logs attempts and takes what is finished from the queue. Call `LaneStore.renew` first.
    public static func complete(_ attempts: [AttemptRecord], lease: LaneLease, _ tx: Transaction) {
        let environment = SQLValue.integer(lease.environmentID)
        for attempt in attempts {
            tx.append(
                insertAttempt,
                [
                    environment, .integer(attempt.deliveryID), .int(attempt.number), .integer(attempt.eventID),
                    .text(lease.subject), .at(attempt.at), .integer(attempt.durationMs),
                    .int(attempt.status.map(Int64.init)), .text(attempt.error), .blob(attempt.response),
                    .text(attempt.outcome.rawValue),
                ])
            if let due = attempt.nextDue {
                tx.append(
                    postpone, [environment, .integer(attempt.deliveryID), .at(due), .int(attempt.number)])
            } else {
                tx.append(finish, [environment, .integer(attempt.deliveryID)])
            }
        }
    }

    /// Forgets what waits for an endpoint that is gone.
    public static func drop(lane: Int64, _ tx: Transaction) throws {
        try tx.db.run("DELETE FROM delivery WHERE lane_id = $1", [.integer(lane)])
    }

    /// Makes an environment's waiting deliveries due now: an advanced clock does not wait for retries.
    public static func makeDue(_ scope: Scope, now: Instant, _ tx: Transaction) throws {
        let lanes = try tx.db.query(
            """
            UPDATE delivery SET due_ms = $2 WHERE environment_id = $1 AND due_ms > $2 RETURNING lane_id
            """, [.integer(scope.environmentID), .at(now)]
        ) { $0.int(0) }
        for lane in Set(lanes) { LaneStore.touch(lane, due: now, tx) }
    }

    /// The attempts of an event, oldest first.
    public static func attempts(
        event: Int64, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(endpointID: String, record: AttemptRecord)] {
        try db.query(
            """
            SELECT endpoint_id, delivery_id, number, at_ms, duration_ms, status, error, outcome FROM attempt
            WHERE environment_id = $1 AND event_id = $2 ORDER BY at_ms, delivery_id LIMIT 1000
            """, [.integer(scope.environmentID), .integer(event)]
        ) { row in
            (
                row.text(0),
                AttemptRecord(
                    deliveryID: row.int(1), eventID: event, number: Int(row.int(2)), at: row.instant(3),
                    durationMs: row.int(4), status: row.intOrNil(5).map(Int.init), error: row.textOrNil(6),
                    response: [],
                    outcome: .init(rawValue: row.text(7)) ?? .dead, nextDue: nil)
            )
        }
    }
}
