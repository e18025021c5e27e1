import Domain

/// The last check of an account.
public struct AccountCheck: Sendable, Equatable {
    public var basis: Completeness.Basis
    public var base: CheckedBase?
    /// The environment's time.
    public var checkedAt: Instant
    /// The rows were looked at up to this day.
    public var checkedTo: LocalDate
    public init(basis: Completeness.Basis, base: CheckedBase?, checkedAt: Instant, checkedTo: LocalDate) {
        self.basis = basis
        self.base = base
        self.checkedAt = checkedAt
        self.checkedTo = checkedTo
    }
}

/// A kept gap with its story. Times are the environment's.
public struct GapRow: Sendable, Equatable {
    public var kept: KeptGap
    public var basis: String
    public var foundAt: Instant
    public var reportedAt: Instant?
    public var closedAt: Instant?
}

/// Checks of accounts and the gaps that they found.
public enum CompletenessStore {
    /// A check reads at most so many rows; an account with more since its base is not checked.
    public static let rowsMax = 20_000

    private static let checkSQL = """
        SELECT basis, base_on, base_minor, checked_at_ms, checked_to_on FROM account_check
        WHERE environment_id = $1 AND account_id = $2
        """

    /// nil before the first check.
    public static func check(_ account: ID<Account>, _ scope: Scope, _ db: any SQLConnection) throws -> AccountCheck? {
        try db.first(checkSQL, [.integer(scope.environmentID), .id(account)]) { row in
            var base: CheckedBase?
            if let on = row.textOrNil(1).flatMap({ LocalDate($0) }), let minor = row.intOrNil(2) {
                base = CheckedBase(on: on, minor: minor)
            }
            return AccountCheck(
                basis: Completeness.Basis(rawValue: row.text(0)) ?? .none, base: base, checkedAt: row.instant(3),
                checkedTo: LocalDate(row.text(4)) ?? LocalDate(dayNumber: 0))
        }
    }

    /// Keeps the last check.
    public static func put(_ check: AccountCheck, of account: ID<Account>, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO account_check (environment_id, account_id, basis, base_on, base_minor, checked_at_ms,
                checked_to_on) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (environment_id, account_id) DO UPDATE SET basis = excluded.basis, base_on = excluded.base_on,
                base_minor = excluded.base_minor, checked_at_ms = excluded.checked_at_ms,
                checked_to_on = excluded.checked_to_on
            """,
            [
                .integer(scope.environmentID), .id(account), .string(check.basis.rawValue), .day(check.base?.on),
                .int(check.base?.minor), .at(check.checkedAt), .day(check.checkedTo),
            ])
    }

    private static let rowsSQL = """
        SELECT booked_on, amount_minor, running_minor FROM account_transaction
        WHERE environment_id = $1 AND account_id = $2 AND booked_on > $3 AND status = 'booked'
        ORDER BY booked_on, id LIMIT $4
        """

    /// The booked rows after a day, by day; nil when there are more than a check reads.
    public static func rows(
        _ account: ID<Account>, after day: LocalDate?, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [CheckedRow]? {
        var rows: [CheckedRow] = []
        try db.forEach(
            rowsSQL,
            [.integer(scope.environmentID), .id(account), .string(day?.iso ?? ""), .int(rowsMax + 1)]
        ) { row in
            guard let day = LocalDate(row.text(0)) else { return }
            rows.append(CheckedRow(day: day, minor: row.int(1), running: row.intOrNil(2)))
        }
        return rows.count > rowsMax ? nil : rows
    }

    private static let gapsSQL = """
        SELECT id, from_on, to_on, amount_minor, state, basis, found_at_ms, reported_at_ms, closed_at_ms
        FROM account_gap WHERE environment_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT $3
        """

    /// The newest first.
    public static func gaps(
        _ account: ID<Account>, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [GapRow] {
        try db.query(gapsSQL, [.integer(scope.environmentID), .id(account), .int(limit)]) { row in
            let window = DayWindow(
                from: LocalDate(row.text(1)) ?? LocalDate(dayNumber: 0),
                to: LocalDate(row.text(2)) ?? LocalDate(dayNumber: 0))
            return GapRow(
                kept: KeptGap(
                    id: row.int(0), gap: CompletenessGap(window: window, minor: row.int(3)),
                    state: KeptGap.State(rawValue: row.text(4)) ?? .closed),
                basis: row.text(5), foundAt: row.instant(6), reportedAt: row.instantOrNil(7),
                closedAt: row.instantOrNil(8))
        }
    }

    private static let earliestSQL = """
        SELECT MIN(g.from_on) FROM account a
        JOIN account_gap g ON g.environment_id = a.environment_id AND g.account_id = a.id
        WHERE a.environment_id = $1 AND a.connection_id = $2 AND g.state = 'open'
        """

    /// Writes what a check changed, and on the connection's schedule the day from which on something is missing.
    public static func apply(
        _ changes: GapChanges, basis: Completeness.Basis, of account: ID<Account>, connection: ID<Connection>,
        newID: () throws -> Int64, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(account)]
        for gap in changes.suspected {
            try tx.db.run(
                """
                INSERT INTO account_gap (environment_id, account_id, id, from_on, to_on, amount_minor, basis, state,
                    found_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 'suspected', $8)
                """,
                key + [
                    .integer(try newID()), .day(gap.window.from), .day(gap.window.to), .integer(gap.minor),
                    .string(basis.rawValue), .at(now),
                ])
        }
        for gap in changes.opened {
            try tx.db.run(
                """
                UPDATE account_gap SET state = 'open', amount_minor = $4, reported_at_ms = $5
                WHERE environment_id = $1 AND account_id = $2 AND id = $3
                """, key + [.integer(gap.id), .integer(gap.gap.minor), .at(now)])
        }
        for gap in changes.moved {
            try tx.db.run(
                "UPDATE account_gap SET amount_minor = $4 WHERE environment_id = $1 AND account_id = $2 AND id = $3",
                key + [.integer(gap.id), .integer(gap.gap.minor)])
        }
        for gap in changes.closed {
            try tx.db.run(
                """
                UPDATE account_gap SET state = 'closed', closed_at_ms = $4
                WHERE environment_id = $1 AND account_id = $2 AND id = $3
                """, key + [.integer(gap.id), .at(now)])
        }
        guard !changes.opened.isEmpty || !changes.closed.isEmpty else { return }
        let owner: [SQLValue] = [.integer(scope.environmentID), .id(connection)]
        let earliest = try tx.db.first(earliestSQL, owner) { $0.textOrNil(0) } ?? nil
        try tx.db.run(
            "UPDATE refresh_schedule SET gap_from_on = $3 WHERE environment_id = $1 AND connection_id = $2",
            owner + [.text(earliest)])
    }

    /// Of the accounts of a connection that is being removed.
    static let eraseSQL = ["account_gap", "account_check"].map { table in
        """
        DELETE FROM \(table) WHERE environment_id = $1 AND account_id IN (
            SELECT id FROM account WHERE environment_id = $1 AND connection_id = $2)
        """
    }
}
