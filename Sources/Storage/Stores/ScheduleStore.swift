import Domain

/// When a connection is due, product by product. Times are the environment's.
public struct Schedule: Sendable, Equatable {
    public var laneID: Int64
    public var setting: RefreshSetting
    public var balanceDue: Instant?
    public var transactionsDue: Instant?
    public var failures: Int64
    /// Transactions are complete up to this day.
    public var syncedTo: LocalDate?
    public var balanceSeen = ProductSeen()
    public var transactionsSeen = ProductSeen()
    /// Nothing runs by itself while this is set.
    public var pausedAt: Instant?
    /// What the intervals came to, in milliseconds; nil where none was asked for.
    public var balanceEffectiveMs: Int64?
    public var transactionsEffectiveMs: Int64?
    /// Why an interval is longer than it was asked for.
    public var balanceReason: IntervalReason?
    public var transactionsReason: IntervalReason?
    /// How far the connection has been read.
    public var phase = ScanPhase.initial
    /// The calls of the last day, as `CallLedger` writes them.
    public var calls = ""
    /// The day on which the bank's list of accounts was last looked at.
    public var accountsSeenOn: LocalDate?
    /// When the person is next to be told of the consent's end.
    public var consentDue: Instant?
    /// When the connection is next looked at, as it was read.
    public var dueAt = Instant(ms: 0)
    /// Raised by everything that a run must not overrule: requests, and changes of the setting.
    public var revision: Int64 = 0
    /// Raised by changes of the setting alone.
    public var settingRevision: Int64 = 0

    /// When anything was last fetched well.
    public var lastOK: Instant? { [balanceSeen.okAt, transactionsSeen.okAt].compactMap { $0 }.max() }

    /// Notes how fetching these products went; an outcome other than `ok` leaves what is known as it was.
    public mutating func note(_ products: Set<Product>, _ outcome: String, at now: Instant) {
        let okAt = outcome == ProductSeen.ok ? now : nil
        if products.contains(.balance) {
            balanceSeen = ProductSeen(okAt: okAt ?? balanceSeen.okAt, triedAt: now, outcome: outcome)
        }
        if products.contains(.transactions) {
            transactionsSeen = ProductSeen(okAt: okAt ?? transactionsSeen.okAt, triedAt: now, outcome: outcome)
        }
    }
}

/// How the fetching of one product last went.
public struct ProductSeen: Sendable, Equatable {
    /// The last time that it went well, also when nothing had changed.
    public var okAt: Instant?
    public var triedAt: Instant?
    /// `ok`, or the code of what kept it.
    public var outcome: String?
    /// The outcome of a run that went well.
    public static let ok = "ok"
    public init(okAt: Instant? = nil, triedAt: Instant? = nil, outcome: String? = nil) {
        self.okAt = okAt
        self.triedAt = triedAt
        self.outcome = outcome
    }
}

/// The schedules that make connections due.
public enum ScheduleStore {
    /// Inserts a connection's schedule, first due at `due` (the environment's time).
    public static func create(
        _ connection: ID<Connection>, laneID: Int64, setting: RefreshSetting, due: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO refresh_schedule (environment_id, connection_id, lane_id, due_ms, balance_interval,
                transactions_interval) VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .integer(scope.environmentID), .id(connection), .integer(laneID), .at(due),
                .text(setting.balance?.rawValue), .text(setting.transactions?.rawValue),
            ])
    }

    /// nil when the connection has none.
    public static func find(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Schedule? {
        try db.first(findSQL, [.integer(scope.environmentID), .id(connection)], schedule)
    }

    private static let findSQL = """
        SELECT \(columns) FROM refresh_schedule WHERE environment_id = $1 AND connection_id = $2
        """
    static let columns = """
        lane_id, balance_interval, balance_due_ms, transactions_interval, transactions_due_ms, failures,
        synced_to_on, balance_ok_ms, balance_tried_ms, balance_outcome, transactions_ok_ms,
        transactions_tried_ms, transactions_outcome, paused_at_ms, balance_effective_ms,
        transactions_effective_ms, balance_reason, calls, accounts_seen_on, due_ms, revision, consent_due_ms,
        transactions_reason, scan_phase, setting_revision
        """

    static func schedule(_ row: borrowing Row) -> Schedule {
        var found = Schedule(
            laneID: row.int(0),
            setting: RefreshSetting(
                balance: row.textOrNil(1).flatMap(RefreshInterval.init(rawValue:)),
                transactions: row.textOrNil(3).flatMap(RefreshInterval.init(rawValue:))),
            balanceDue: row.instantOrNil(2), transactionsDue: row.instantOrNil(4), failures: row.int(5),
            syncedTo: row.textOrNil(6).flatMap { LocalDate($0) },
            balanceSeen: ProductSeen(
                okAt: row.instantOrNil(7), triedAt: row.instantOrNil(8), outcome: row.textOrNil(9)),
            transactionsSeen: ProductSeen(
                okAt: row.instantOrNil(10), triedAt: row.instantOrNil(11), outcome: row.textOrNil(12)),
            pausedAt: row.instantOrNil(13), balanceEffectiveMs: row.intOrNil(14),
            transactionsEffectiveMs: row.intOrNil(15),
            balanceReason: row.textOrNil(16).flatMap(IntervalReason.init(rawValue:)), calls: row.text(17),
            accountsSeenOn: row.textOrNil(18).flatMap { LocalDate($0) })
        found.dueAt = row.instant(19)
        found.revision = row.int(20)
        found.consentDue = row.instantOrNil(21)
        found.transactionsReason = row.textOrNil(22).flatMap(IntervalReason.init(rawValue:))
        found.phase = ScanPhase(rawValue: row.text(23)) ?? .periodic
        found.settingRevision = row.int(24)
        return found
    }

    /// Makes a connection due. `laneDue` is the same moment in machine time.
    public static func bringForward(
        _ connection: ID<Connection>, due: Instant, laneDue: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        let lane = try tx.db.first(
            """
            UPDATE refresh_schedule SET due_ms = CASE WHEN due_ms > $3 THEN $3 ELSE due_ms END,
                revision = revision + 1
            WHERE environment_id = $1 AND connection_id = $2 RETURNING lane_id
            """, [.integer(scope.environmentID), .id(connection), .at(due)]
        ) { $0.int(0) }
        if let lane { LaneStore.touch(lane, due: laneDue, tx) }
    }

    /// How a run leaves the schedule. When the setting was changed meanwhile, the due times that the change wrote stay.
    /// - Parameter due: when to look at the connection again; `LaneStore.idleMs` when nothing is due.
    public static func reschedule(
        _ connection: ID<Connection>, _ schedule: Schedule, due: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE refresh_schedule SET
                due_ms = CASE WHEN setting_revision = $17 OR due_ms > $3 THEN $3 ELSE due_ms END,
                balance_due_ms = CASE WHEN setting_revision = $17 THEN $4 ELSE balance_due_ms END,
                transactions_due_ms = CASE WHEN setting_revision = $17 THEN $5 ELSE transactions_due_ms END,
                failures = $6,
                synced_to_on = $7, balance_ok_ms = $8, balance_tried_ms = $9, balance_outcome = $10,
                transactions_ok_ms = $11, transactions_tried_ms = $12, transactions_outcome = $13, calls = $14,
                accounts_seen_on = $15, consent_due_ms = $16
            WHERE environment_id = $1 AND connection_id = $2
            """,
            [
                .integer(scope.environmentID), .id(connection), .at(due), .at(schedule.balanceDue),
                .at(schedule.transactionsDue), .integer(schedule.failures), .day(schedule.syncedTo),
                .at(schedule.balanceSeen.okAt), .at(schedule.balanceSeen.triedAt), .text(schedule.balanceSeen.outcome),
                .at(schedule.transactionsSeen.okAt), .at(schedule.transactionsSeen.triedAt),
                .text(schedule.transactionsSeen.outcome), .string(schedule.calls),
                .day(schedule.accountsSeenOn), .at(schedule.consentDue), .integer(schedule.settingRevision),
            ])
    }

    /// Connections of a lane that are due, oldest first.
    public static func due(
        lane: Int64, now: Instant, limit: Int, _ db: any SQLConnection
    ) throws -> [ID<Connection>] {
        try db.query(
            "SELECT connection_id FROM refresh_schedule WHERE lane_id = $1 AND due_ms <= $2 ORDER BY due_ms LIMIT $3",
            [.integer(lane), .at(now), .int(limit)]
        ) { $0.id(0) }
    }

    /// The earliest due time of an environment, in its own time.
    public static func nextDue(_ scope: Scope, _ db: any SQLConnection) throws -> Instant? {
        try db.first(
            """
            SELECT MIN(s.due_ms) FROM lane l JOIN refresh_schedule s ON s.lane_id = l.id
            WHERE l.kind = 'refresh' AND l.environment_id = $1
            """, [.integer(scope.environmentID)]
        ) { $0.instantOrNil(0) } ?? nil
    }
}
