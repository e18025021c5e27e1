import Domain

/// How far a feed can be read.
public struct FeedHorizon: Sendable {
    /// Everything up to here is committed or never will be.
    public let place: FeedPlace
    /// Nothing that was ever given to a reader is behind it.
    let newest: FeedPlace
    /// Which life of the database this is.
    public let epoch: Int64

    /// Whether a reader has come further than this database, or in another life of it: an older copy was put back.
    public func isPassed(by place: FeedPlace, of epoch: Int64) -> Bool { epoch != self.epoch || place > newest }
}

/// The transactions that are open in other databases of the server.
///
/// Look for them before the snapshot that a horizon is taken of: of one that ended since, nobody can tell any more
/// where it was, and it would hide what was committed after it began.
public struct FeedStrangers: Sendable {
    let numbers: [Int64?]

    private static let sql = """
        SELECT CAST(CAST(backend_xid AS TEXT) AS BIGINT) FROM pg_stat_activity
        WHERE backend_xid IS NOT NULL AND datname <> current_database()
        """

    /// Those of now; none on SQLite.
    public static func find(_ database: Database) async throws -> FeedStrangers {
        guard database.dialect == .postgres else { return FeedStrangers(numbers: []) }
        return try await database.read { try find($0) }
    }

    static func find(_ db: any SQLConnection) throws -> FeedStrangers {
        FeedStrangers(numbers: db.dialect == .postgres ? try db.query(sql) { $0.int(0) } : [])
    }
}

/// What the feeds read by one text per database: how far everything is committed, and rows by their ids.
///
/// A lower number can be committed later, so PostgreSQL orders by the writing transaction and shows nothing of one
/// that is younger than the oldest still open; a reader that has passed a place never finds something new before it.
/// SQLite has one writer: its numbers are in the order of commits.
enum FeedRows {
    /// The two logs that are read as feeds.
    enum Feed: String, Sendable {
        case transactions, events

        func table(_ dialect: Dialect) -> String { self == .transactions ? "transaction_change" : "event" }
        /// The column that orders within a batch.
        func place(_ dialect: Dialect) -> String { self == .events && dialect == .postgres ? "id" : "place" }

        /// Rows behind a place, of which the texts are those of its batch and its place.
        func behind(_ batch: String, _ at: String, _ dialect: Dialect) -> String {
            if dialect == .postgres { return "batch >= \(batch) AND (batch, \(place(dialect))) > (\(batch), \(at))" }
            return "batch = 0 AND place > \(Self.alone(batch, at))"
        }

        /// Rows up to a place, with it.
        func upTo(_ batch: String, _ at: String, _ dialect: Dialect) -> String {
            if dialect == .postgres { return "batch <= \(batch) AND (batch, \(place(dialect))) <= (\(batch), \(at))" }
            return "batch = 0 AND place <= \(Self.alone(batch, at))"
        }

        /// Rows behind `$2, $3` and up to `$4, $5`, each a batch and a place.
        func range(_ dialect: Dialect) -> String {
            "\(behind("$2", "$3", dialect)) AND \(upTo("$4", "$5", dialect))"
        }

        /// SQLite has the one batch 0, and would walk all of it for a pair.
        private static func alone(_ batch: String, _ at: String) -> String {
            "CASE WHEN \(batch) < 0 THEN -1 WHEN \(batch) > 0 THEN \(Int64.max) ELSE \(at) END"
        }
    }

    /// The oldest transaction that is open in this database is the end of what is settled. Those of other databases of
    /// the server cannot write here.
    private static let postgresHorizon = """
        WITH s AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot)
        SELECT COALESCE(
            (SELECT MIN(CAST(CAST(x AS TEXT) AS BIGINT)) FROM pg_snapshot_xip(s.snapshot) AS x
             WHERE CAST(CAST(CAST(x AS xid) AS TEXT) AS BIGINT) <> ALL ($1::bigint[])),
            CAST(CAST(pg_snapshot_xmax(s.snapshot) AS TEXT) AS BIGINT)) - 1,
            9223372036854775807, CAST(CAST(pg_snapshot_xmax(s.snapshot) AS TEXT) AS BIGINT) - 1, \(epoch)
        FROM s
        """
    private static let sqliteHorizon = """
        SELECT 0, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = $1), 0), 0, \(epoch)
        """
    private static let epoch = "(SELECT epoch FROM database_mark WHERE name = 'feed')"

    static func horizon(
        _ feed: Feed, _ db: any SQLConnection, _ strangers: FeedStrangers? = nil
    ) throws -> FeedHorizon {
        func horizon(_ row: borrowing Row) -> FeedHorizon {
            let place = FeedPlace(batch: row.int(0), place: row.int(1))
            return FeedHorizon(
                place: place, newest: FeedPlace(batch: row.int(2), place: place.place), epoch: row.int(3))
        }
        let found =
            db.dialect == .postgres
            ? try db.first(postgresHorizon, [.integers(try (strangers ?? .find(db)).numbers)], horizon)
            : try db.first(sqliteHorizon, [.text(feed.table(.sqlite))], horizon)
        let start = FeedPlace(batch: 0, place: 0)
        return found ?? FeedHorizon(place: start, newest: start, epoch: 1)
    }

    private static let postgresRows = """
        SELECT \(TransactionReads.columns) FROM account_transaction
        WHERE environment_id = $1 AND id = ANY($2::text[]) AND booked_on >= $3 AND booked_on <= $4
          AND status <> 'removed'
        """
    private static let sqliteRows = """
        SELECT \(TransactionReads.columns) FROM account_transaction
        WHERE environment_id = $1 AND id = $2 AND status <> 'removed'
        """

    /// Shows the rows with these ids that are of these days and not removed, in any order.
    static func transactions(
        _ ids: [String], from: String, to: String, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws {
        guard !ids.isEmpty else { return }
        switch db.dialect {
        case .postgres:
            try db.forEach(
                postgresRows, [.integer(scope.environmentID), .strings(ids), .text(from), .text(to)], write)
        case .sqlite:
            for id in ids { try db.forEach(sqliteRows, [.integer(scope.environmentID), .text(id)], write) }
        }
    }

    /// Batches are numbers of this server's transactions: after a dump was restored into another server those of the
    /// old one can be ahead, and its rows would be hidden until the new one has come so far.
    private static func foreignBatch(_ feed: Feed) -> String {
        """
        SELECT batch + 1 FROM (
            SELECT batch FROM \(feed.table(.postgres)) WHERE environment_id = $1 ORDER BY batch DESC LIMIT 1) AS newest
        WHERE batch > CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)
        """
    }
    private static func settleBatch(_ feed: Feed) -> String {
        "UPDATE \(feed.table(.postgres)) SET batch = batch - $2 WHERE environment_id = $1"
    }

    private static let settleFloor = "UPDATE feed_floor SET batch = batch - $2 WHERE environment_id = $1 AND feed = $3"

    /// Puts what came from another server, in its order, before what this one writes.
    /// - Returns: rows that came from there.
    static func settle(_ feed: Feed, _ scope: Scope, _ tx: Transaction) throws -> Int {
        let key: [SQLValue] = [.integer(scope.environmentID)]
        guard tx.db.dialect == .postgres, let shift = try tx.db.first(foreignBatch(feed), key, { $0.int(0) }) else {
            return 0
        }
        try tx.db.run(settleFloor, key + [.integer(shift), .text(feed.rawValue)])
        if feed == .events { try DeliveryStore.settle(by: shift, scope, tx) }
        return try tx.db.run(settleBatch(feed), key + [.integer(shift)])
    }
}
