import Domain

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
    }

    private static let postgresHorizon = """
        SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) - 1, 9223372036854775807
        """
    private static let sqliteHorizon = "SELECT 0, seq FROM sqlite_sequence WHERE name = $1"

    /// Everything up to it is committed or never will be. It never goes back, unless the database was exchanged.
    static func horizon(_ feed: Feed, _ db: any SQLConnection) throws -> FeedPlace {
        func place(_ row: borrowing Row) -> FeedPlace { FeedPlace(batch: row.int(0), place: row.int(1)) }
        let found =
            db.dialect == .postgres
            ? try db.first(postgresHorizon, [], place)
            : try db.first(sqliteHorizon, [.text(feed.table(.sqlite))], place)
        return found ?? FeedPlace(batch: 0, place: 0)
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
        SELECT 1 FROM \(feed.table(.postgres)) WHERE environment_id = $1
            AND batch > CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) LIMIT 1
        """
    }
    private static func settleBatch(_ feed: Feed) -> String {
        "UPDATE \(feed.table(.postgres)) SET batch = 0 WHERE environment_id = $1 AND batch > 0"
    }

    /// Puts what came from another server before what this one writes.
    /// - Returns: rows that came from there.
    static func settle(_ feed: Feed, _ scope: Scope, _ tx: Transaction) throws -> Int {
        let key: [SQLValue] = [.integer(scope.environmentID)]
        guard tx.db.dialect == .postgres, try tx.db.first(foreignBatch(feed), key, { $0.int(0) }) != nil else {
            return 0
        }
        return try tx.db.run(settleBatch(feed), key)
    }
}
