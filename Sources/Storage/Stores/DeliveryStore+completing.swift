import Domain

/// What one attempt came to, as it is kept.
public struct AttemptRecord: Sendable {
    /// Delivered, to be tried again, given up, or set aside since it brought its sender down.
    public enum Outcome: String, Sendable, CaseIterable { case delivered, retry, dead, quarantined }
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
    /// Which part of the event; 0 for the whole.
    public var part: Int64 = 0
    /// Whether the complete body was sent.
    public var isComplete = false
    /// The replay that it belongs to.
    public var replayID: Int64?
    /// What went wrong, in a word for counting; nil when nothing did.
    public var errorClass: String?
    /// Where it was sent; not kept.
    public var url = ""
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

extension DeliveryStore {
    private static let insertAttempt = BulkStatement.insert(
        order: 50, into: "attempt",
        [
            ("environment_id", .bigint), ("delivery_id", .bigint), ("number", .bigint), ("event_id", .bigint),
            ("endpoint_id", .text), ("at_ms", .bigint), ("duration_ms", .bigint), ("status", .bigint), ("error", .text),
            ("response", .bytea), ("outcome", .text), ("part", .bigint), ("is_complete", .bigint),
            ("replay_id", .bigint), ("error_class", .text),
        ], conflict: "ON CONFLICT DO NOTHING")

    private static let finish = BulkStatement.delete(order: 51, "delivery finish", from: "delivery")

    private static let postpone = BulkStatement(
        order: 52, name: "delivery retry", types: [.bigint, .bigint, .bigint, .bigint],
        postgres: """
            UPDATE delivery AS d SET due_ms = t.due, attempts = t.attempts, crashes = 0,
                pass = CASE WHEN d.pass = 0 THEN 1 ELSE d.pass END
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS t (environment_id, id, due, attempts)
            WHERE d.environment_id = t.environment_id AND d.id = t.id
            """,
        sqlite: """
            UPDATE delivery SET due_ms = $3, attempts = $4, crashes = 0, pass = CASE WHEN pass = 0 THEN 1 ELSE pass END
            WHERE environment_id = $1 AND id = $2
            """)

    /// Logs attempts and takes what is finished from the queue. Call `LaneStore.renew` first.
    /// - Parameter endpoint: the lane's.
    public static func complete(
        _ attempts: [AttemptRecord], of endpoint: String, lease: LaneLease, _ tx: Transaction
    ) {
        let environment = SQLValue.integer(lease.environmentID)
        let endpoint = SQLValue.text(endpoint)
        for attempt in attempts {
            tx.append(
                insertAttempt,
                [
                    environment, .integer(attempt.deliveryID), .int(attempt.number), .integer(attempt.eventID),
                    endpoint, .at(attempt.at), .integer(attempt.durationMs), .int(attempt.status.map(Int64.init)),
                    .text(attempt.error), .blob(attempt.response), .text(attempt.outcome.rawValue),
                    .integer(attempt.part), .flag(attempt.isComplete), .int(attempt.replayID),
                    .text(attempt.errorClass),
                ])
            if let replay = attempt.replayID, attempt.outcome != .retry {
                let isDelivered = attempt.outcome == .delivered
                ReplayStore.count(
                    replay, delivered: isDelivered ? 1 : 0, failed: isDelivered ? 0 : 1, lease.scope, tx)
            }
            if let due = attempt.nextDue {
                tx.append(
                    postpone, [environment, .integer(attempt.deliveryID), .at(due), .int(attempt.number)])
            } else {
                tx.append(finish, [environment, .integer(attempt.deliveryID)])
            }
        }
    }

    /// Takes deliveries from the queue of which nothing is left to be sent. Call `LaneStore.renew` first.
    public static func forget(_ deliveries: [Int64], lease: LaneLease, _ tx: Transaction) {
        for id in deliveries { tx.append(finish, [.integer(lease.environmentID), .integer(id)]) }
    }

    /// Notes, before it is sent, that a delivery may bring its sender down.
    /// - Parameter due: when it is tried again, should its sender not come back from it.
    public static func mark(_ delivery: Int64, due: Instant, lease: LaneLease, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE delivery SET crashes = crashes + 1, due_ms = $3, pass = CASE WHEN pass = 0 THEN 1 ELSE pass END
            WHERE environment_id = $1 AND id = $2
            """, [.integer(lease.environmentID), .integer(delivery), .at(due)])
    }
}
