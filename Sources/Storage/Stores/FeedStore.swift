import Domain

/// The log of what changed in accounts' transactions, in the order of commits: one row a step and account, written in
/// the step's own transaction. It holds ids only; what a transaction is now stands in its row.
public enum FeedStore {
    private static let idsPerRowMax = 2000
    private static let idLength = 24
    /// Log rows that are forgotten in one transaction.
    public static let forgottenMax = 1000

    private static let insert = BulkStatement.insert(
        order: 30, into: "transaction_change",
        [
            ("environment_id", .bigint), ("account_id", .text), ("added", .text), ("modified", .text),
            ("removed", .text), ("from_on", .text), ("to_on", .text), ("at_ms", .bigint),
        ])

    // MARK: writing

    /// Notes what a reconciled step did. `added` are the ids that its new rows got, in their order.
    public static func append(
        _ result: ReconcileResult, added: [ID<FetchedTransaction>], to account: Account, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) {
        let days = result.added.map(\.bookedOn) + result.modified.map(\.after.bookedOn)
        append(
            added: added.map(\.hex), modified: result.modified.map(\.id.hex), removed: result.removed.map(\.id.hex),
            days: days, account: account.id.hex, at: now, scope, tx)
    }

    /// Notes what was done to an account's transactions by their ids.
    /// - Parameter days: those that the added and modified ones have now.
    public static func append(
        added: [String] = [], modified: [String] = [], removed: [String] = [], days: [LocalDate] = [],
        account: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) {
        let from = days.min()?.iso ?? DayPager.lastDay
        let to = days.max()?.iso ?? DayPager.firstDay
        let all: [[String]] = [added, modified, removed]
        var start = 0
        while start < all.map(\.count).reduce(0, +) {
            var skip = start
            var room = idsPerRowMax
            let lists = all.map { list -> SQLValue in
                let part = list.dropFirst(skip).prefix(room)
                skip = max(0, skip - list.count)
                room -= part.count
                return .string(part.joined())
            }
            tx.append(
                insert,
                [.integer(scope.environmentID), .string(account)] + lists
                    + [.string(from), .string(to), .at(now)])
            start += idsPerRowMax
        }
    }

    // MARK: reading

    /// Everything up to here is committed; nothing will be found before it later.
    /// - Parameter strangers: as they were before the snapshot that `db` reads, if it reads one.
    public static func horizon(
        _ db: any SQLConnection, _ strangers: FeedStrangers? = nil
    ) throws -> FeedHorizon { try FeedRows.horizon(.transactions, db, strangers) }

    private static let columns = "batch, place, account_id, added, modified, removed, from_on, to_on"
    private static func changesSQL(_ dialect: Dialect, _ rest: String = "") -> String {
        """
        SELECT \(columns) FROM transaction_change
        WHERE environment_id = $1\(rest) AND \(FeedRows.Feed.transactions.range(dialect))
        ORDER BY batch, place LIMIT $6
        """
    }
    private static let sqliteSQL = changesSQL(.sqlite)
    private static let postgresSQL = changesSQL(.postgres)
    private static let sqliteOfAccountSQL = changesSQL(.sqlite, " AND account_id = $7")
    private static let postgresOfAccountSQL = changesSQL(.postgres, " AND account_id = $7")

    /// What was committed after a place and up to another, oldest first.
    /// - Parameter accounts: whose changes; nil for all of the environment.
    public static func changes(
        of accounts: [String]?, after: FeedPlace, until: FeedPlace, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [ChangedTransactions] {
        let range: [SQLValue] = [
            .integer(scope.environmentID), .integer(after.batch), .integer(after.place), .integer(until.batch),
            .integer(until.place), .int(limit),
        ]
        let isSQLite = db.dialect == .sqlite
        guard let accounts else { return try db.query(isSQLite ? sqliteSQL : postgresSQL, range, changed) }
        let ofAccount = isSQLite ? sqliteOfAccountSQL : postgresOfAccountSQL
        let found = try accounts.flatMap { try db.query(ofAccount, range + [.text($0)], changed) }
        return accounts.count == 1 ? found : Array(found.sorted { $0.place < $1.place }.prefix(limit))
    }

    private static func changed(_ row: borrowing Row) -> ChangedTransactions {
        ChangedTransactions(
            place: FeedPlace(batch: row.int(0), place: row.int(1)), account: row.text(2), added: ids(row.text(3)),
            modified: ids(row.text(4)), removed: ids(row.text(5)), from: row.text(6), to: row.text(7))
    }

    private static func ids(_ text: String) -> [String] {
        var rest = text[...]
        var ids: [String] = []
        while !rest.isEmpty {
            ids.append(String(rest.prefix(idLength)))
            rest = rest.dropFirst(idLength)
        }
        return ids
    }

    /// Shows the transactions that are there now, in any order: first among the days that they had, then all days.
    public static func rows(
        _ entries: [FeedPage.Entry], _ scope: Scope, _ db: any SQLConnection, _ write: (borrowing Row) throws -> Void
    ) throws {
        var found: Set<String> = []
        func show(_ row: borrowing Row) throws {
            guard found.insert(row.text(0)).inserted else { return }
            try write(row)
        }
        let wanted = entries.filter { $0.last != .removed }
        for (days, group) in Dictionary(grouping: wanted, by: { [$0.from, $0.to] }).sorted(by: { $0.key[0] < $1.key[0] }
        ) {
            try FeedRows.transactions(group.map(\.id), from: days[0], to: days[1], scope, db, show)
        }
        // A row may have moved to another day since, or have come back after it was removed.
        let rest = entries.map(\.id).filter { !found.contains($0) }
        try FeedRows.transactions(rest, from: DayPager.firstDay, to: DayPager.lastDay, scope, db, show)
    }

    // MARK: history

    private static let historyPage = """
        booked_on <= $2 AND (booked_on, id) < ($2, $3) AND status <> 'removed' ORDER BY booked_on DESC, id DESC LIMIT $4
        """
    private static let historySQL = """
        SELECT \(TransactionReads.columns) FROM account_transaction WHERE environment_id = $1 AND \(historyPage)
        """
    private static let historyOfAccountSQL = """
        SELECT \(TransactionReads.columns) FROM account_transaction
        WHERE environment_id = $1 AND account_id = $5 AND \(historyPage)
        """

    /// The rows behind one of them, newest day first.
    public static func history(
        of account: String?, day: String, id: String, limit: Int, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws {
        let place: [SQLValue] = [.integer(scope.environmentID), .text(day), .text(id), .int(limit)]
        if let account {
            try db.forEach(historyOfAccountSQL, place + [.text(account)], write)
        } else {
            try db.forEach(historySQL, place, write)
        }
    }

    // MARK: retention

    private static let floorSQL = "SELECT batch, place FROM feed_floor WHERE environment_id = $1 AND feed = $2"

    static func floor(_ feed: FeedRows.Feed, _ scope: Scope, _ db: any SQLConnection) throws -> FeedPlace? {
        try db.first(floorSQL, [.integer(scope.environmentID), .text(feed.rawValue)]) {
            FeedPlace(batch: $0.int(0), place: $0.int(1))
        }
    }

    /// The last place of which the log was forgotten; nil while it is whole.
    public static func floor(_ scope: Scope, _ db: any SQLConnection) throws -> FeedPlace? {
        try floor(.transactions, scope, db)
    }

    private static let raiseSQL = """
        INSERT INTO feed_floor (environment_id, feed, batch, place) VALUES ($1, $2, $3, $4)
        ON CONFLICT (environment_id, feed) DO UPDATE SET batch = excluded.batch, place = excluded.place
        WHERE (feed_floor.batch, feed_floor.place) < (excluded.batch, excluded.place)
        """

    static func raiseFloor(_ feed: FeedRows.Feed, to place: FeedPlace, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            raiseSQL,
            [
                .integer(scope.environmentID), .text(feed.rawValue), .integer(place.batch), .integer(place.place),
            ])
    }

    private static let oldestSQL = """
        SELECT batch, place, at_ms FROM transaction_change WHERE environment_id = $1 ORDER BY batch, place LIMIT $2
        """
    private static func forgetSQL(_ dialect: Dialect) -> String {
        """
        DELETE FROM transaction_change
        WHERE environment_id = $1 AND \(FeedRows.Feed.transactions.upTo("$2", "$3", dialect))
        """
    }

    /// Forgets what was logged before `before`, the oldest first; readers who had not come so far are told of a gap.
    /// - Returns: rows forgotten; call again until fewer than `forgottenMax`.
    public static func forget(before: Instant, _ scope: Scope, _ tx: Transaction) throws -> Int {
        let old = try tx.db.query(oldestSQL, [.integer(scope.environmentID), .int(forgottenMax)]) {
            (place: FeedPlace(batch: $0.int(0), place: $0.int(1)), at: $0.instant(2))
        }.prefix { $0.at < before }
        guard let last = old.last?.place else { return 0 }
        try raiseFloor(.transactions, to: last, scope, tx)
        return try tx.db.run(
            forgetSQL(tx.db.dialect), [.integer(scope.environmentID), .integer(last.batch), .integer(last.place)])
    }

    /// After a dump was restored into another PostgreSQL server: puts the old rows of both feeds before the new ones.
    /// - Returns: rows that were moved.
    @discardableResult
    public static func settle(_ scope: Scope, _ tx: Transaction) throws -> Int {
        try FeedRows.settle(.transactions, scope, tx) + FeedRows.settle(.events, scope, tx)
    }
}
