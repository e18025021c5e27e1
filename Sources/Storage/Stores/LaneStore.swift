import Domain

/// What a lane carries.
public enum LaneKind: String, Sendable { case delivery, refresh }

/// A lane that this process owns until its lease ends. Times are machine time.
public struct LaneLease: Sendable, Hashable {
    public let laneID: Int64
    public let token: Int64
    public let environmentID: Int64
    /// The endpoint or the institution that the lane is for.
    public let subject: String
    /// How many owners before this one died, or were slower than their leases, one after the other.
    public var crashes = 0
    public var scope: Scope { Scope(environmentID: environmentID) }
}

/// Work is claimed in two levels: a lane first, then its items. A leased lane has the lease's end as its due time,
/// so it leaves the range that claims look at, and an owner that died is followed without a second query.
public enum LaneStore {
    /// Far enough never to be reached: a lane with nothing to do.
    public static let idleMs: Int64 = 9_000_000_000_000_000

    /// - Returns: the lane of a subject, made when it does not exist.
    public static func findOrCreate(
        _ kind: LaneKind, subject: String, _ scope: Scope, newID: () throws -> Int64, _ tx: Transaction
    ) throws -> Int64 {
        let key: [SQLValue] = [.text(kind.rawValue), .integer(scope.environmentID), .text(subject)]
        if let id = try tx.db.first(findSQL, key, { $0.int(0) }) { return id }
        try tx.db.run(createSQL, key + [.integer(try newID()), .integer(idleMs)])
        return try tx.db.first(findSQL, key) { $0.int(0) } ?? 0
    }

    private static let findSQL = "SELECT id FROM lane WHERE kind = $1 AND environment_id = $2 AND subject = $3"
    private static let createSQL = """
        INSERT INTO lane (kind, environment_id, subject, id, next_due_ms) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (kind, environment_id, subject) DO NOTHING
        """

    private static func claimSQL(_ dialect: Dialect) -> String {
        dialect == .postgres ? claimPostgresSQL : claimSQLiteSQL
    }
    private static let claimPostgresSQL = claimText(.postgres)
    private static let claimSQLiteSQL = claimText(.sqlite)
    private static func claimText(_ dialect: Dialect) -> String {
        // PostgreSQL reads the whole table for `IN`, and looks each element of an array up.
        let chosen = dialect == .postgres ? "id = ANY (ARRAY(SELECT id FROM due))" : "id IN (SELECT id FROM due)"
        return """
            WITH due AS MATERIALIZED (
                SELECT id FROM lane WHERE kind = $1 AND next_due_ms <= $2
                ORDER BY next_due_ms LIMIT $3 \(dialect.rowLock))
            UPDATE lane SET next_due_ms = $4, lease_token = $5,
                crashes = CASE WHEN lease_token IS NULL THEN crashes ELSE crashes + 1 END
            WHERE \(chosen) RETURNING id, environment_id, subject, crashes
            """
    }

    /// Leases at most `limit` lanes that are due until `leaseEnd`, passing over those that another node is claiming.
    public static func claim(
        _ kind: LaneKind, now: Instant, leaseEnd: Instant, token: Int64, limit: Int, _ tx: Transaction
    ) throws -> [LaneLease] {
        try tx.db.query(
            claimSQL(tx.db.dialect),
            [.text(kind.rawValue), .at(now), .int(limit), .at(leaseEnd), .integer(token)]
        ) {
            LaneLease(
                laneID: $0.int(0), token: token, environmentID: $0.int(1), subject: $0.text(2), crashes: Int($0.int(3)))
        }
    }

    private static func claimListed(_ dialect: Dialect) -> String {
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM lane WHERE id = $1 AND next_due_ms <= $2 \(dialect.rowLock))
        UPDATE lane SET next_due_ms = $3, lease_token = $4,
            crashes = CASE WHEN lease_token IS NULL THEN crashes ELSE crashes + 1 END
        WHERE id IN (SELECT id FROM due) RETURNING id, environment_id, subject, crashes
        """
    }
    private static let claimListedPostgresSQL = claimListed(.postgres)
    private static let claimListedSQLiteSQL = claimListed(.sqlite)

    /// As `claim`, of these lanes those that are still due.
    public static func claim(
        _ lanes: [Int64], now: Instant, leaseEnd: Instant, token: Int64, _ tx: Transaction
    ) throws -> [LaneLease] {
        let sql = tx.db.dialect == .postgres ? claimListedPostgresSQL : claimListedSQLiteSQL
        return try lanes.flatMap { lane in
            try tx.db.query(sql, [.integer(lane), .at(now), .at(leaseEnd), .integer(token)]) {
                LaneLease(
                    laneID: $0.int(0), token: token, environmentID: $0.int(1), subject: $0.text(2),
                    crashes: Int($0.int(3)))
            }
        }
    }

    /// A lane that waits for an owner.
    public struct Due: Sendable {
        public let laneID: Int64
        public let environmentID: Int64
    }

    private static let dueSQL = """
        SELECT id, environment_id FROM lane WHERE kind = $1 AND next_due_ms <= $2 ORDER BY next_due_ms LIMIT $3
        """
    private static let dueOfOthersSQL = """
        SELECT id, environment_id FROM lane WHERE kind = $1 AND next_due_ms <= $2
            AND environment_id NOT IN ($4, $5, $6, $7, $8, $9, $10, $11)
        ORDER BY next_due_ms LIMIT $3
        """

    /// Lanes that are due, the longest waiting first.
    /// - Parameter environments: at most eight, whose lanes are passed over.
    public static func due(
        _ kind: LaneKind, now: Instant, limit: Int, butOf environments: [Int64] = [], _ db: any SQLConnection
    ) throws -> [Due] {
        let key: [SQLValue] = [.text(kind.rawValue), .at(now), .int(limit)]
        let others = (0..<8).map { SQLValue.integer($0 < environments.count ? environments[$0] : 0) }
        return try db.query(environments.isEmpty ? dueSQL : dueOfOthersSQL, environments.isEmpty ? key : key + others) {
            Due(laneID: $0.int(0), environmentID: $0.int(1))
        }
    }

    /// The earliest due time of a kind.
    public static func nextDue(_ kind: LaneKind, _ db: any SQLConnection) throws -> Instant? {
        try db.first(
            "SELECT next_due_ms FROM lane WHERE kind = $1 ORDER BY next_due_ms LIMIT 1", [.text(kind.rawValue)]
        ) { $0.instant(0) }
    }

    /// Every data transaction of a unit calls this first.
    /// - Throws: `LeaseLost` when another owner took the lane; the unit is rolled back.
    public static func renew(_ lease: LaneLease, until end: Instant, _ tx: Transaction) throws {
        // The first unit of a group locks the lane, so that its answer holds for the others too.
        let isHeld = try tx.once("lease \(lease.laneID) \(lease.token)") {
            try tx.db.run(
                "UPDATE lane SET next_due_ms = $3 WHERE id = $1 AND lease_token = $2",
                [.integer(lease.laneID), .integer(lease.token), .at(end)]) == 1
        }
        guard isHeld else { throw LeaseLost() }
    }

    /// As `renew`, for the heartbeat: a lane that is lost meanwhile is left to its new owner.
    /// - Returns: whether it is still the owner's.
    public static func extend(_ lease: LaneLease, until end: Instant, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            "UPDATE lane SET next_due_ms = $3 WHERE id = $1 AND lease_token = $2",
            [.integer(lease.laneID), .integer(lease.token), .at(end)]) == 1
    }

    /// Gives the lane back, due at its next item. The due times of refresh lanes are the environment's, so the
    /// offset is taken off.
    public static func release(_ lease: LaneLease, _ kind: LaneKind, notBefore: Instant, _ tx: Transaction) throws {
        tx.forget("lease \(lease.laneID) \(lease.token)")
        try tx.db.run(
            kind == .delivery ? releaseDeliverySQL : releaseRefreshSQL,
            [.integer(lease.laneID), .integer(lease.token), .integer(idleMs), .at(notBefore)])
    }

    private static let releaseDeliverySQL = """
        UPDATE lane SET lease_token = NULL, crashes = 0, hold_until_ms = 0, next_due_ms = COALESCE(
            (SELECT MIN(CASE WHEN n.due_ms < $4 THEN $4 ELSE n.due_ms END) FROM (\(next("$1"))) AS n), $3)
        WHERE id = $1 AND lease_token = $2
        """

    /// The next due time of each turn of a delivery lane, one step into an index for each. What was never tried is due
    /// whatever the clock said when it was committed, and where order is kept the first in order counts.
    private static func next(_ lane: String) -> String {
        func due(_ pass: Int) -> String {
            """
            SELECT due_ms FROM (SELECT d.due_ms FROM delivery d WHERE d.lane_id = \(lane) AND d.pass = \(pass)
                ORDER BY d.due_ms LIMIT 1) AS p\(pass)
            """
        }
        return """
            SELECT due_ms FROM (SELECT 0 AS due_ms FROM delivery d WHERE d.lane_id = \(lane) AND d.pass = 0
                LIMIT 1) AS p0
            UNION ALL \(due(1)) UNION ALL \(due(2))
            UNION ALL SELECT due_ms FROM (SELECT d.due_ms FROM delivery d WHERE d.lane_id = \(lane) AND d.pass = 3
                ORDER BY d.batch, d.id LIMIT 1) AS p3
            """
    }
    private static let releaseRefreshSQL = """
        UPDATE lane SET lease_token = NULL, crashes = 0, next_due_ms = COALESCE(
            (SELECT CASE WHEN due.at < $4 THEN $4 ELSE due.at END FROM (
                SELECT s.due_ms - (SELECT e.offset_ms FROM environment e WHERE e.id = s.environment_id) AS at
                FROM refresh_schedule s WHERE s.lane_id = $1 ORDER BY s.due_ms LIMIT 1) AS due), $3)
        WHERE id = $1 AND lease_token = $2
        """

    /// Gives a lane back whose subject may not be asked before `until`: what is due in it is not looked at till then,
    /// unless something new comes in. It is due at once when its subject was changed while the owner had it
    /// (`EndpointStore.bringForward`): the reason to wait may be gone.
    public static func hold(_ lease: LaneLease, until: Instant, now: Instant, _ tx: Transaction) throws {
        tx.forget("lease \(lease.laneID) \(lease.token)")
        try tx.db.run(
            """
            UPDATE lane SET lease_token = NULL, crashes = 0,
                next_due_ms = CASE WHEN hold_until_ms < 0 THEN $4 ELSE $3 END,
                hold_until_ms = CASE WHEN hold_until_ms < 0 THEN 0 ELSE $3 END
            WHERE id = $1 AND lease_token = $2
            """,
            [.integer(lease.laneID), .integer(lease.token), .at(until), .at(now)])
    }

    /// The clock was set back: what was held until a time of the earlier clock is looked at now.
    public static func forgetHolds(_ kind: LaneKind, now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE lane SET hold_until_ms = 0, next_due_ms = $2
            WHERE kind = $1 AND lease_token IS NULL AND hold_until_ms > $2
            """, [.text(kind.rawValue), .at(now)])
    }

    /// Brings an unleased lane forward. A leased one is left alone: its owner looks again before it gives it back.
    public static func touch(_ laneID: Int64, due: Instant, _ tx: Transaction) {
        tx.append(touchStatement, [.integer(laneID), .at(due)])
    }

    /// As `touch`, for a delivery lane: one that is held stays so, and an owner that lingers is told after COMMIT.
    public static func touchDelivery(_ laneID: Int64, due: Instant, _ tx: Transaction) {
        tx.note(lane: laneID)
        tx.append(touchDeliveryStatement, [.integer(laneID), .at(due)])
    }

    private static let touchDeliveryStatement = BulkStatement(
        order: 91, name: "delivery lane touch", types: [.bigint, .bigint],
        postgres: """
            UPDATE lane SET next_due_ms = t.due
            FROM (SELECT id, MIN(due) AS due FROM unnest($1::bigint[], $2::bigint[]) AS t (id, due) GROUP BY id) t
            WHERE lane.id = t.id AND lane.lease_token IS NULL AND lane.next_due_ms > t.due
              AND lane.hold_until_ms <= t.due
            """,
        sqlite: """
            UPDATE lane SET next_due_ms = $2
            WHERE id = $1 AND lease_token IS NULL AND next_due_ms > $2 AND hold_until_ms <= $2
            """)

    private static let touchStatement = BulkStatement(
        order: 90, name: "lane touch", types: [.bigint, .bigint],
        postgres: """
            UPDATE lane SET next_due_ms = t.due
            FROM (SELECT id, MIN(due) AS due FROM unnest($1::bigint[], $2::bigint[]) AS t (id, due) GROUP BY id) t
            WHERE lane.id = t.id AND lane.lease_token IS NULL AND lane.next_due_ms > t.due
            """,
        sqlite: "UPDATE lane SET next_due_ms = $2 WHERE id = $1 AND lease_token IS NULL AND next_due_ms > $2")

    /// Finds lanes that went idle while an item came in, which `touch` cannot see across nodes.
    /// - Returns: lanes brought forward.
    @discardableResult
    public static func sweep(_ kind: LaneKind, now: Instant, _ tx: Transaction) throws -> Int {
        try tx.db.run(
            kind == .delivery ? sweepDeliverySQL : sweepRefreshSQL, [.at(now)])
    }

    // A few steps into the index a lane, one for those in which nothing waits: asked whether any item is due,
    // PostgreSQL may read all that wait to join them. A due time or a lease so far off comes from a clock that was
    // wrong.
    private static let sweepDeliverySQL = """
        UPDATE lane SET next_due_ms = $1
        WHERE kind = 'delivery' AND next_due_ms > $1 AND (
            lease_token IS NULL AND hold_until_ms <= $1
                AND (SELECT d.id FROM delivery d WHERE d.lane_id = lane.id LIMIT 1) IS NOT NULL
                AND (SELECT MIN(n.due_ms) FROM (\(next("lane.id"))) AS n) <= $1
            OR next_due_ms > $1 + \(farMs) AND next_due_ms < \(idleMs))
        """
    /// No retry, hold or lease is so long.
    private static let farMs: Int64 = 3 * 86_400_000

    private static let sweepRefreshSQL = """
        UPDATE lane SET next_due_ms = $1
        WHERE kind = 'refresh' AND lease_token IS NULL AND next_due_ms > $1 AND hold_until_ms <= $1
          AND (SELECT s.due_ms FROM refresh_schedule s WHERE s.lane_id = lane.id ORDER BY s.due_ms LIMIT 1)
              <= $1 + (SELECT e.offset_ms FROM environment e
                  WHERE e.id = lane.environment_id AND e.removed_at_ms IS NULL)
        """

    /// On start a process that is alone on its database (SQLite) takes back what its dead predecessor had leased.
    public static func dropLeases(now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE lane SET lease_token = NULL, crashes = crashes + 1, next_due_ms = $1 WHERE lease_token IS NOT NULL
            """, [.at(now)])
    }

    /// Leases an environment's refresh lanes to its clock, all or none.
    /// - Returns: nil while another owner still works on one of them.
    public static func claimAll(
        _ kind: LaneKind, _ scope: Scope, now: Instant, leaseEnd: Instant, token: Int64, _ tx: Transaction
    ) throws -> [LaneLease]? {
        let values: [SQLValue] = [
            .text(kind.rawValue), .integer(scope.environmentID), .at(now), .at(leaseEnd), .integer(token),
        ]
        let taken = try tx.db.query(claimAllSQL, values) {
            LaneLease(laneID: $0.int(0), token: token, environmentID: scope.environmentID, subject: $0.text(1))
        }
        let busy = try tx.db.first(busySQL, Array(values.prefix(2)) + [.integer(token)]) { $0.int(0) }
        guard busy != nil else { return taken }
        for lease in taken { try release(lease, kind, notBefore: now, tx) }
        return nil
    }

    private static let claimAllSQL = """
        UPDATE lane SET next_due_ms = $4, lease_token = $5
        WHERE kind = $1 AND environment_id = $2 AND (lease_token IS NULL OR lease_token = $5 OR next_due_ms <= $3)
        RETURNING id, subject
        """
    private static let busySQL = """
        SELECT id FROM lane WHERE kind = $1 AND environment_id = $2 AND lease_token IS NOT NULL AND lease_token <> $3
        LIMIT 1
        """
}

/// Another owner took the lane.
public struct LeaseLost: Error, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "Another node has taken over this work." }
}
