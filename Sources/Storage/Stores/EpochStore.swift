import Domain

/// Which life of the database this is: a row that is served with it, and a history of how it came to that.
public enum EpochStore {
    /// How an epoch began.
    public struct Begun: Sendable, Equatable {
        public let epoch: Int64
        public let at: Instant
        public let reason: String
    }

    private static let columns = "database, epoch, beat, identity FROM database_mark WHERE name = 'feed'"
    private static let readSQL = "SELECT \(columns)"
    private static let lockSQL = "UPDATE database_mark SET beat = beat WHERE name = 'feed'"

    private static func mark(_ row: borrowing Row) -> DatabaseMark {
        DatabaseMark(database: row.text(0), epoch: row.int(1), beat: row.int(2), identity: row.text(3))
    }

    private static let none = DatabaseMark(database: "", epoch: 1, beat: 0, identity: "")

    /// What the database says of itself.
    public static func mark(_ db: any SQLConnection) throws -> DatabaseMark {
        try db.first(readSQL, [], mark) ?? none
    }

    /// As `mark`, and nobody else changes it until the commit.
    public static func locked(_ tx: Transaction) throws -> DatabaseMark {
        try tx.db.run(lockSQL)
        return try mark(tx.db)
    }

    /// The server, its timeline, the database and the table: what a restore from a dump or to an earlier point changes.
    private static let postgresIdentity = """
        SELECT (SELECT system_identifier FROM pg_control_system())
            || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
            || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
            || '/' || CAST(CAST('database_mark' AS regclass) AS oid)
        """

    /// What of the server and the tables does not survive a restore. An SQLite file knows nothing of where it is.
    public static func identity(_ db: any SQLConnection) throws -> String {
        guard db.dialect == .postgres else { return "sqlite" }
        return try db.first(postgresIdentity) { $0.text(0) } ?? ""
    }

    // MARK: writing

    private static let beatSQL = """
        UPDATE database_mark SET beat = beat + 1 WHERE name = 'feed' RETURNING database, epoch, beat, identity
        """

    /// Counts the state of the database up.
    public static func beat(_ tx: Transaction) throws -> DatabaseMark { try tx.db.first(beatSQL, [], mark) ?? none }

    private static let adoptSQL = "UPDATE database_mark SET database = $1, identity = $2 WHERE name = 'feed'"

    /// Notes which database this is, when it is served for the first time.
    public static func adopt(database: String, identity: String, _ tx: Transaction) throws {
        try tx.db.run(adoptSQL, [.text(database), .text(identity)])
    }

    private static let beginSQL =
        "UPDATE database_mark SET epoch = $1, identity = $2, beat = beat + 1 WHERE name = 'feed'"
    private static let noteSQL = "INSERT INTO feed_epoch (epoch, began_at_ms, reason) VALUES ($1, $2, $3)"

    /// Begins an epoch: ids that are given from now on are none of an earlier one.
    public static func begin(
        _ epoch: Int64, _ reason: RestoreRule.Reason, identity: String, at now: Instant, _ tx: Transaction
    ) throws {
        try tx.db.run(beginSQL, [.integer(epoch), .text(identity)])
        try tx.db.run(noteSQL, [.integer(epoch), .at(now), .text(reason.rawValue)])
        try SequenceBlock.raise(to: Epoch.firstID(of: epoch), tx)
    }

    /// The epochs that were begun here, the newest first; at most 100. The first one was never begun.
    public static func history(_ db: any SQLConnection) throws -> [Begun] {
        try db.query("SELECT epoch, began_at_ms, reason FROM feed_epoch ORDER BY epoch DESC LIMIT 100") {
            Begun(epoch: $0.int(0), at: $0.instant(1), reason: $0.text(2))
        }
    }
}
