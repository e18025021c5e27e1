import Domain

/// What an operator sets of an institution; what is nil is the connector's.
public struct BankSetting: Sendable, Equatable {
    public var rate: RateCap?
    public var concurrency: Int?
    public var budget: CallBudget?
    public init(rate: RateCap? = nil, concurrency: Int? = nil, budget: CallBudget? = nil) {
        self.rate = rate
        self.concurrency = concurrency
        self.budget = budget
    }
}

/// What the database holds of a bank. Times are the environment's.
public struct BankFacts: Sendable, Equatable {
    public var setting = BankSetting()
    public var maintenance: [MaintenanceWindow] = []
    /// The bank's own word for when it may be asked again.
    public var blockedUntil: Instant?
    public var health = InstitutionHealth.healthy
    public var healthSince: Instant?
    public init() {}
}

/// Limits, health and maintenance of banks. `environment` is 0 for production, whose environments share their banks,
/// and the environment's id in a sandbox.
public enum BankStore {
    // MARK: facts

    /// All that decides about one bank.
    public static func facts(
        _ institution: String, _ kind: EnvironmentKind, environment: Int64, _ db: any SQLConnection
    ) throws -> BankFacts {
        var facts = BankFacts()
        let key: [SQLValue] = [.text(kind.rawValue), .text(institution)]
        facts.setting = try setting(of: institution, kind, db)
        facts.maintenance = try db.query(
            """
            SELECT starts_ms, ends_ms, every_days, note FROM bank_maintenance WHERE kind = $1 AND institution = $2
            ORDER BY starts_ms LIMIT 100
            """, key
        ) {
            MaintenanceWindow(
                startsAt: $0.instant(0), endsAt: $0.instant(1), everyDays: $0.intOrNil(2), note: $0.textOrNil(3))
        }
        try db.forEach(
            """
            SELECT blocked_until_ms, health, health_since_ms FROM bank WHERE environment_id = $1 AND institution = $2
            """, [.integer(environment), .text(institution)]
        ) { row in
            facts.blockedUntil = row.instant(0)
            facts.health = InstitutionHealth(rawValue: row.text(1)) ?? .healthy
            facts.healthSince = row.instant(2)
        }
        return facts
    }

    /// What an operator set of one institution.
    public static func setting(
        of institution: String, _ kind: EnvironmentKind, _ db: any SQLConnection
    ) throws -> BankSetting {
        try db.first(settingSQL, [.text(kind.rawValue), .text(institution)]) { setting($0) } ?? BankSetting()
    }

    private static let settingSQL = """
        SELECT rate_calls, rate_window_ms, concurrency, budget FROM bank_setting WHERE kind = $1 AND institution = $2
        """

    private static func setting(_ row: borrowing Row, from first: Int = 0) -> BankSetting {
        var setting = BankSetting()
        if let calls = row.intOrNil(first), let windowMs = row.intOrNil(first + 1) {
            setting.rate = RateCap(calls: Int(calls), windowMs: windowMs)
        }
        setting.concurrency = row.intOrNil(first + 2).map { Int($0) }
        setting.budget = row.textOrNil(first + 3).flatMap { CallBudget(text: $0) }
        return setting
    }

    /// Health that is not `healthy`, and since when, by institution.
    public static func troubled(
        environment: Int64, _ db: any SQLConnection
    ) throws -> [String: (health: InstitutionHealth, since: Instant)] {
        var found: [String: (health: InstitutionHealth, since: Instant)] = [:]
        try db.forEach(
            """
            SELECT institution, health, health_since_ms FROM bank WHERE environment_id = $1 AND health <> 'healthy'
            """, [.integer(environment)]
        ) { row in
            if let health = InstitutionHealth(rawValue: row.text(1)) { found[row.text(0)] = (health, row.instant(2)) }
        }
        return found
    }

    // MARK: what operators set

    /// Every institution's settings of one kind, by slug.
    public static func settings(_ kind: EnvironmentKind, _ db: any SQLConnection) throws -> [String: BankSetting] {
        var found: [String: BankSetting] = [:]
        try db.forEach(
            """
            SELECT institution, rate_calls, rate_window_ms, concurrency, budget FROM bank_setting WHERE kind = $1
            """, [.text(kind.rawValue)]
        ) { row in found[row.text(0)] = setting(row, from: 1) }
        return found
    }

    /// Sets an institution's limits; an empty setting goes back to the connector's.
    public static func set(
        _ setting: BankSetting, of institution: String, _ kind: EnvironmentKind, _ tx: Transaction
    ) throws {
        let key: [SQLValue] = [.text(kind.rawValue), .text(institution)]
        guard setting != BankSetting() else {
            try tx.db.run("DELETE FROM bank_setting WHERE kind = $1 AND institution = $2", key)
            return
        }
        try tx.db.run(
            """
            INSERT INTO bank_setting (kind, institution, rate_calls, rate_window_ms, concurrency, budget)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (kind, institution) DO UPDATE SET rate_calls = $3, rate_window_ms = $4, concurrency = $5,
                budget = $6
            """,
            key + [
                .int(setting.rate.map { Int64($0.calls) }), .int(setting.rate?.windowMs),
                .int(setting.concurrency.map { Int64($0) }), .text(setting.budget?.text),
            ])
    }

    /// Every window of one kind, by the institution's slug, the earliest first.
    public static func maintenance(
        _ kind: EnvironmentKind, _ db: any SQLConnection
    ) throws -> [(id: Int64, institution: String, window: MaintenanceWindow)] {
        try db.query(
            """
            SELECT id, institution, starts_ms, ends_ms, every_days, note FROM bank_maintenance WHERE kind = $1
            ORDER BY starts_ms, id LIMIT 1000
            """, [.text(kind.rawValue)]
        ) {
            (
                $0.int(0), $0.text(1),
                MaintenanceWindow(
                    startsAt: $0.instant(2), endsAt: $0.instant(3), everyDays: $0.intOrNil(4), note: $0.textOrNil(5))
            )
        }
    }

    /// Plans a time in which an institution is not asked.
    public static func add(
        _ window: MaintenanceWindow, id: Int64, of institution: String, _ kind: EnvironmentKind, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO bank_maintenance (id, kind, institution, starts_ms, ends_ms, every_days, note)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .integer(id), .text(kind.rawValue), .text(institution), .at(window.startsAt), .at(window.endsAt),
                .int(window.everyDays), .text(window.note),
            ])
    }

    /// - Returns: whether there was such a window.
    public static func removeMaintenance(_ id: Int64, _ tx: Transaction) throws -> Bool {
        try tx.db.run("DELETE FROM bank_maintenance WHERE id = $1", [.integer(id)]) == 1
    }

    // MARK: what banks say and are

    /// Notes that the bank may not be asked before `until`, unless it is known for longer.
    public static func block(
        _ institution: String, environment: Int64, until: Instant, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO bank (environment_id, institution, blocked_until_ms) VALUES ($1, $2, $3)
            ON CONFLICT (environment_id, institution) DO UPDATE SET blocked_until_ms = $3
            WHERE bank.blocked_until_ms < $3
            """, [.integer(environment), .text(institution), .at(until)])
    }

    /// Changes a bank's health, at most once in a while over all nodes.
    /// - Returns: what it was; nil when nothing changed.
    public static func setHealth(
        _ health: InstitutionHealth, of institution: String, environment: Int64, at now: Instant, notWithinMs: Int64,
        _ tx: Transaction
    ) throws -> InstitutionHealth? {
        let row = try lock(institution, environment, tx)
        guard row.health != health, now - row.healthSince >= notWithinMs else { return nil }
        try tx.db.run(
            "UPDATE bank SET health = $3, health_since_ms = $4 WHERE environment_id = $1 AND institution = $2",
            [.integer(environment), .text(institution), .text(health.rawValue), .at(now)])
        return row.health
    }

    // MARK: caps over all nodes

    /// Takes a chunk of the calls that the bank's rate allows.
    /// - Parameter isUserPresent: a person waits for the call.
    public static func leaseCalls(
        of institution: String, environment: Int64, _ cap: RateCap, isUserPresent: Bool, at now: Instant,
        _ tx: Transaction
    ) throws -> RateLease {
        let row = try lock(institution, environment, tx)
        var leased = RollingCalls(text: row.leased)
        let lease = cap.lease(cap.chunk, &leased, isUserPresent: isUserPresent, at: now)
        guard lease.count > 0 else { return lease }
        try tx.db.run(
            "UPDATE bank SET leased = $3 WHERE environment_id = $1 AND institution = $2",
            [.integer(environment), .text(institution), .text(leased.text)])
        return lease
    }

    /// Takes this node's share of the calls that the bank takes at once, until `until`.
    /// - Parameters:
    ///   - inFlight: calls that the node has under way.
    ///   - waitUntil: how long a node that gets nothing counts as waiting.
    /// - Returns: the share; 0 is to ask again.
    public static func leaseShare(
        of institution: String, environment: Int64, node: String, cap: Int, inFlight: Int,
        times: (now: Instant, until: Instant, waitUntil: Instant), _ tx: Transaction
    ) throws -> Int {
        _ = try lock(institution, environment, tx)
        let key: [SQLValue] = [.integer(environment), .text(institution)]
        try tx.db.run(
            "DELETE FROM bank_share WHERE environment_id = $1 AND institution = $2 AND until_ms <= $3",
            key + [.at(times.now)])
        var mine: ConcurrencyShares.Holder?
        var others: [ConcurrencyShares.Holder] = []
        try tx.db.forEach(
            """
            SELECT node_id, share, since_ms FROM bank_share WHERE environment_id = $1 AND institution = $2
            ORDER BY node_id
            """, key
        ) { row in
            let holder = ConcurrencyShares.Holder(share: Int(row.int(1)), since: row.instant(2))
            if row.text(0) == node { mine = holder } else { others.append(holder) }
        }
        let share = ConcurrencyShares.grant(cap: cap, mine: mine, others: others, inFlight: inFlight)
        let isSame = mine.map { ($0.share > 0) == (share > 0) } ?? false
        try tx.db.run(
            """
            INSERT INTO bank_share (environment_id, institution, node_id, share, since_ms, until_ms)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (environment_id, institution, node_id) DO UPDATE SET share = $4, since_ms = $5, until_ms = $6
            """,
            key + [
                .text(node), .int(share), .at(isSame ? mine?.since : times.now),
                .at(share > 0 ? times.until : times.waitUntil),
            ])
        return share
    }

    /// What a node that stopped, or the one that a process alone on its database follows, held of calls at once.
    public static func dropShares(node: String? = nil, _ tx: Transaction) throws {
        guard let node else { return try tx.db.script("DELETE FROM bank_share") }
        try tx.db.run("DELETE FROM bank_share WHERE node_id = $1", [.text(node)])
    }

    /// Locks the bank's row until the end of the transaction, and makes it when there is none.
    private static func lock(
        _ institution: String, _ environment: Int64, _ tx: Transaction
    ) throws -> (leased: String, health: InstitutionHealth, healthSince: Instant) {
        try tx.db.first(
            """
            INSERT INTO bank (environment_id, institution, revision) VALUES ($1, $2, 1)
            ON CONFLICT (environment_id, institution) DO UPDATE SET revision = bank.revision + 1
            RETURNING leased, health, health_since_ms
            """, [.integer(environment), .text(institution)]
        ) { ($0.text(0), InstitutionHealth(rawValue: $0.text(1)) ?? .healthy, $0.instant(2)) }
            ?? ("", .healthy, Instant(ms: 0))
    }

    // MARK: who is told

    /// The ids of the environments of a kind that have connections at an institution, in their order.
    public static func environments(
        with institution: String, _ kind: EnvironmentKind, _ db: any SQLConnection
    ) throws -> [Int64] {
        try db.query(
            """
            SELECT e.id FROM lane l JOIN environment e ON e.id = l.environment_id
            WHERE l.kind = 'refresh' AND l.subject = $1 AND e.kind = $2 AND e.removed_at_ms IS NULL
              AND EXISTS (SELECT 1 FROM refresh_schedule s WHERE s.lane_id = l.id)
            ORDER BY e.id
            """, [.text(institution), .text(kind.rawValue)]
        ) { $0.int(0) }
    }

    /// - Returns: the number of the environment's next event that belongs to no connection.
    public static func takeSequence(_ scope: Scope, _ tx: Transaction) throws -> Int64 {
        try EventSequence.take(count: 1, scope, tx)
    }
}
