import Domain

/// Transactions of accounts; written set-based, a step at a time.
public enum TransactionStore {
    /// The rows that a fetched window is compared with: those in it and a day around it, pending ones a week around it,
    /// and those of any day that the bank knows by the same id, since it may move a row over the window's edge.
    public static func stored(
        _ account: ID<Account>, window: DayWindow, fetched: [FetchedTransaction], _ scope: Scope,
        _ db: any SQLConnection
    ) throws -> [StoredTransaction] {
        let near = try near(account, window, scope, db)
        let known = Set(near.lazy.compactMap(\.fetched.upstreamID))
        let wanted = Set(fetched.flatMap { [$0.upstreamID, $0.supersedes] }.compactMap { $0 })
        let moved = try UpstreamRows.rows(wanted.subtracting(known).sorted(), of: account, scope, db, stored)
        let alive = Set(moved.lazy.filter { $0.fetched.status != .removed }.compactMap(\.fetched.upstreamID))
        // What the bank took back and shows again is the same row, unless another has its id by now.
        return near + moved.filter { $0.fetched.status != .removed || !alive.contains($0.fetched.upstreamID ?? "") }
    }

    private static let columns = """
        id, upstream_id, status, amount_minor, currency, booked_on, occurred_at_ms, description, counterparty,
        reference, channel, branch, code, running_minor
        """

    private static func near(
        _ account: ID<Account>, _ window: DayWindow, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [StoredTransaction] {
        let close = DayWindow(from: window.from.adding(days: -1), to: window.to.adding(days: 1))
        return try db.query(
            """
            SELECT \(columns) FROM account_transaction
            WHERE environment_id = $1 AND account_id = $2 AND booked_on >= $3 AND booked_on <= $4
              AND status <> 'removed'
            """,
            [
                .integer(scope.environmentID), .id(account), .day(window.from.adding(days: -7)),
                .day(window.to.adding(days: 7)),
            ], stored
        ).filter { close.contains($0.fetched.bookedOn) || $0.fetched.status == .pending }
    }

    private static let oneSQL = """
        SELECT \(columns), account_id FROM account_transaction WHERE environment_id = $1 AND id = $2
        """

    /// One transaction of whatever status, with its account; nil when the environment has none of that id.
    public static func find(
        _ id: ID<FetchedTransaction>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (row: StoredTransaction, account: ID<Account>)? {
        try db.first(oneSQL, [.integer(scope.environmentID), .id(id)]) { (stored($0), $0.id(14)) }
    }

    private static func stored(_ row: borrowing Row) -> StoredTransaction {
        let currency = Currency(code: row.text(4))
        return StoredTransaction(
            id: row.id(0),
            fetched: FetchedTransaction(
                upstreamID: row.textOrNil(1), status: TransactionStatus(rawValue: row.text(2)) ?? .booked,
                amount: Money(minor: row.int(3), currency: currency),
                bookedOn: LocalDate(row.text(5)) ?? LocalDate(dayNumber: 0), occurredAt: row.instantOrNil(6),
                text: row.text(7), counterparty: row.textOrNil(8), reference: row.textOrNil(9),
                channel: row.textOrNil(10), branch: row.textOrNil(11), code: row.textOrNil(12),
                runningBalance: row.intOrNil(13).map { Money(minor: $0, currency: currency) }))
    }

    private static let insert = BulkStatement.insert(
        order: 20, into: "account_transaction",
        [
            ("environment_id", .bigint), ("id", .text), ("connection_id", .text), ("account_id", .text),
            ("customer_id", .text), ("institution", .text), ("upstream_id", .text), ("status", .text),
            ("amount_minor", .bigint), ("currency", .text), ("booked_on", .text), ("occurred_at_ms", .bigint),
            ("description", .text), ("counterparty", .text), ("reference", .text), ("channel", .text),
            ("branch", .text), ("code", .text), ("running_minor", .bigint), ("revision", .bigint),
            ("created_at_ms", .bigint), ("updated_at_ms", .bigint),
        ])

    private static let update = BulkStatement(
        order: 21, name: "transaction update",
        types: [
            .bigint, .text, .text, .text, .text, .bigint, .text, .bigint, .text, .text, .text, .text, .text, .text,
            .bigint, .bigint,
        ],
        postgres: """
            UPDATE account_transaction AS a SET upstream_id = t.upstream_id, status = t.status,
                amount_minor = t.amount_minor, booked_on = t.booked_on, occurred_at_ms = t.occurred_at_ms,
                description = t.description, counterparty = t.counterparty, reference = t.reference,
                channel = t.channel, branch = t.branch, code = t.code, running_minor = t.running_minor,
                revision = a.revision + 1, updated_at_ms = t.updated_at_ms
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                $15::bigint[], $16::bigint[])
                AS t (environment_id, id, was_on, upstream_id, status, amount_minor, booked_on, occurred_at_ms,
                description, counterparty, reference, channel, branch, code, running_minor, updated_at_ms)
            WHERE a.environment_id = t.environment_id AND a.id = t.id AND a.booked_on = t.was_on
            """,
        sqlite: """
            UPDATE account_transaction SET upstream_id = $4, status = $5, amount_minor = $6, booked_on = $7,
                occurred_at_ms = $8, description = $9, counterparty = $10, reference = $11, channel = $12,
                branch = $13, code = $14, running_minor = $15, revision = revision + 1, updated_at_ms = $16
            WHERE environment_id = $1 AND id = $2 AND booked_on = $3
            """)

    private static let rename = BulkStatement(
        order: 22, name: "transaction rename", types: [.bigint, .text, .text, .text],
        postgres: """
            UPDATE account_transaction AS a SET upstream_id = t.upstream_id
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS t (environment_id, id, on_day, upstream_id)
            WHERE a.environment_id = t.environment_id AND a.id = t.id AND a.booked_on = t.on_day
            """,
        sqlite: """
            UPDATE account_transaction SET upstream_id = $4 WHERE environment_id = $1 AND id = $2 AND booked_on = $3
            """)

    /// Writes what the reconciler decided and keeps the day totals of every list that shows the rows.
    /// - Returns: the ids of the added rows, in order.
    @discardableResult
    public static func apply(
        _ result: ReconcileResult, to account: Account, newID: () -> ID<FetchedTransaction>, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws -> [ID<FetchedTransaction>] {
        var totals = AccountTotals(account: account, scope: scope)
        let added = result.added.map { row in
            let id = newID()
            tx.append(insert, values(row, id, account, now, scope))
            totals.add(row)
            return id
        }
        for change in result.modified {
            tx.append(update, updated(change.after, change.id, was: change.before.bookedOn, now, scope))
            totals.remove(change.before)
            totals.add(change.after)
        }
        for change in result.renamed {
            tx.append(
                rename,
                [
                    .integer(scope.environmentID), .id(change.id), .day(change.before.bookedOn),
                    .text(change.after.upstreamID),
                ])
        }
        for gone in result.removed {
            var row = gone.fetched
            row.status = .removed
            tx.append(update, updated(row, gone.id, was: row.bookedOn, now, scope))
            totals.remove(gone.fetched)
        }
        totals.flush(tx)
        FeedStore.append(result, added: added, to: account, at: now, scope, tx)
        return added
    }

    private static func values(
        _ row: FetchedTransaction, _ id: ID<FetchedTransaction>, _ account: Account, _ now: Instant, _ scope: Scope
    ) -> [SQLValue] {
        let keys: [SQLValue] = [
            .integer(scope.environmentID), .id(id), .id(account.connectionID), .id(account.id), .id(account.customerID),
            .text(account.institution),
        ]
        let facts: [SQLValue] = [
            .text(row.upstreamID), .text(row.status.rawValue), .integer(row.amount.minor),
            .text(row.amount.currency.code),
            .day(row.bookedOn), .at(row.occurredAt), .text(row.text), .text(row.counterparty), .text(row.reference),
            .text(row.channel), .text(row.branch), .text(row.code), .int(row.runningBalance?.minor),
        ]
        return keys + facts + [.integer(1), .at(now), .at(now)]
    }

    private static func updated(
        _ row: FetchedTransaction, _ id: ID<FetchedTransaction>, was: LocalDate, _ now: Instant, _ scope: Scope
    ) -> [SQLValue] {
        [
            .integer(scope.environmentID), .id(id), .day(was), .text(row.upstreamID), .text(row.status.rawValue),
            .integer(row.amount.minor), .day(row.bookedOn), .at(row.occurredAt), .text(row.text),
            .text(row.counterparty), .text(row.reference), .text(row.channel), .text(row.branch), .text(row.code),
            .int(row.runningBalance?.minor), .at(now),
        ]
    }
}

/// Changes of the day totals of one step, by day; the lists are those that `DayPager` names.
private struct AccountTotals {
    let account: Account
    let scope: Scope
    var days: [LocalDate: Total] = [:]

    init(account: Account, scope: Scope) {
        self.account = account
        self.scope = scope
    }

    mutating func add(_ row: FetchedTransaction) {
        guard row.status != .removed else { return }
        days[row.bookedOn, default: Total()] += Total(row: row.amount.minor)
    }
    mutating func remove(_ row: FetchedTransaction) {
        guard row.status != .removed else { return }
        days[row.bookedOn, default: Total()] -= Total(row: row.amount.minor)
    }

    func flush(_ tx: Transaction) {
        for list in account.lists {
            // A day that a row was only changed in has no other total, but the list is another one.
            if !days.isEmpty { tx.touch(list, of: scope.environmentID) }
            for (day, total) in days where total != Total() {
                tx.count(list, of: scope.environmentID, on: day.iso, total)
            }
        }
    }
}
