import Domain

/// What is asked about events and about the database itself.
public enum EventReads {
    /// Whether the environment has an event of this number.
    public static func exists(_ event: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> Bool {
        try db.first(
            "SELECT 1 FROM event WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(event)]
        ) { _ in true } ?? false
    }

    /// Fails when the database does not answer.
    /// - Throws: `.readOnly` for a PostgreSQL that follows another one, `.connectionLost` for one that is not there.
    public static func ping(_ db: any SQLConnection) throws {
        let sql = db.dialect == .sqlite ? "SELECT 0" : "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END"
        if try db.first(sql, [], { $0.int(0) }) == 1 { throw StorageError(.readOnly, "a standby") }
    }

    /// The id of the connection that was linked last and was not removed; nil before the first.
    public static func lastLinked(_ scope: Scope, _ db: any SQLConnection) throws -> String? {
        try db.first(
            """
            SELECT id FROM connection WHERE environment_id = $1 AND status <> 'revoked'
            ORDER BY created_on DESC, id DESC LIMIT 1
            """, [.integer(scope.environmentID)]
        ) { $0.text(0) }
    }

    // MARK: the feed

    /// An event as the feed shows it.
    public struct Fed: Sendable {
        public let place: FeedPlace
        public let id: Int64
        /// Empty for an event of the environment itself.
        public let connection: String
        public let sequence: Int64
        public let type: String
        /// Members of a JSON object without its braces.
        public let thin: [UInt8]
    }

    /// Everything up to here is committed; nothing will be found before it later.
    /// - Parameter strangers: as they were before the snapshot that `db` reads, if it reads one.
    public static func horizon(
        _ db: any SQLConnection, _ strangers: FeedStrangers? = nil
    ) throws -> FeedHorizon { try FeedRows.horizon(.events, db, strangers) }

    private static func columns(_ dialect: Dialect) -> String {
        "batch, \(FeedRows.Feed.events.place(dialect)), id, connection_id, seq, type, thin FROM event"
    }

    private static func feedSQL(_ dialect: Dialect) -> String {
        let place = FeedRows.Feed.events.place(dialect)
        return """
            SELECT \(columns(dialect)) WHERE environment_id = $1 AND \(FeedRows.Feed.events.range(dialect))
            ORDER BY batch, \(place) LIMIT $6
            """
    }
    private static let sqliteSQL = feedSQL(.sqlite)
    private static let postgresSQL = feedSQL(.postgres)

    /// The environment's events after a place and up to another, in the order of their commits.
    public static func feed(
        after: FeedPlace, until: FeedPlace, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Fed] {
        try db.query(
            db.dialect == .sqlite ? sqliteSQL : postgresSQL,
            [
                .integer(scope.environmentID), .integer(after.batch), .integer(after.place), .integer(until.batch),
                .integer(until.place), .int(limit),
            ], fed)
    }

    private static func connectionSQL(_ dialect: Dialect) -> String {
        """
        SELECT \(columns(dialect)) WHERE environment_id = $1 AND connection_id = $2 AND seq > $3 ORDER BY seq LIMIT $4
        """
    }
    private static let sqliteOfConnectionSQL = connectionSQL(.sqlite)
    private static let postgresOfConnectionSQL = connectionSQL(.postgres)

    /// A connection's events after one of its sequence numbers; those of no connection with an empty one. The numbers
    /// are given under a lock that lasts until the commit, so they are in the order of commits.
    public static func feed(
        connection: String, after sequence: Int64, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Fed] {
        try db.query(
            db.dialect == .sqlite ? sqliteOfConnectionSQL : postgresOfConnectionSQL,
            [.integer(scope.environmentID), .text(connection), .integer(sequence), .int(limit)], fed)
    }

    private static func numberedSQL(_ dialect: Dialect, _ rest: String) -> String {
        """
        SELECT batch, \(FeedRows.Feed.events.place(dialect)), seq FROM event
        WHERE environment_id = $1 AND connection_id = $2 AND \(rest) LIMIT 1
        """
    }

    /// The number of a connection's last kept event up to a place of the environment's feed; with an empty one of those
    /// that belong to none. nil where none is kept up to there. Numbers rise with places, so it is searched by halves.
    public static func sequence(
        of connection: String, at place: FeedPlace, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Int64? {
        func numbered(_ rest: String, _ number: Int64) throws -> (place: FeedPlace, sequence: Int64)? {
            try db.first(
                numberedSQL(db.dialect, rest), [.integer(scope.environmentID), .text(connection), .integer(number)]
            ) { (FeedPlace(batch: $0.int(0), place: $0.int(1)), $0.int(2)) }
        }
        guard let newest = try numbered("seq <= $3 ORDER BY seq DESC", .max) else { return nil }
        guard newest.place > place else { return newest.sequence }
        var found: Int64?
        // Those before `start` are up to the place, those from `end` on are behind it.
        var (start, end) = (Int64(0), newest.sequence)
        while start < end {
            let middle = start + (end - start) / 2
            if let next = try numbered("seq >= $3 ORDER BY seq", middle), next.place <= place {
                found = next.sequence
                start = next.sequence + 1
            } else {
                end = middle
            }
        }
        return found
    }

    private static func latestSQL(_ dialect: Dialect, _ rest: String) -> String {
        "SELECT \(columns(dialect)) WHERE environment_id = $1 AND \(rest) LIMIT $2"
    }

    /// The newest events that are settled, the newest first.
    /// - Parameters:
    ///   - connection: whose; an empty one for those of none, nil for all.
    ///   - strangers: as for `horizon`.
    public static func latest(
        of connection: String?, limit: Int, _ scope: Scope, _ db: any SQLConnection, _ strangers: FeedStrangers? = nil
    ) throws -> [Fed] {
        let key: [SQLValue] = [.integer(scope.environmentID), .int(limit)]
        if let connection {
            let rest = "connection_id = $3 ORDER BY seq DESC"
            return try db.query(latestSQL(db.dialect, rest), key + [.text(connection)], fed)
        }
        let place = FeedRows.Feed.events.place(db.dialect)
        let rest = "batch <= $3 ORDER BY batch DESC, \(place) DESC"
        return try db.query(latestSQL(db.dialect, rest), key + [.integer(try horizon(db, strangers).place.batch)], fed)
    }

    private static func fed(_ row: borrowing Row) -> Fed {
        Fed(
            place: FeedPlace(batch: row.int(0), place: row.int(1)), id: row.int(2), connection: row.text(3),
            sequence: row.int(4), type: row.text(5), thin: row.blob(6))
    }

    /// What an event tells more than its thin body, sealed; nil where it has no such body.
    public static func complete(_ event: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> [UInt8]? {
        try db.first(
            "SELECT complete FROM event WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(event)]
        ) { $0.blobOrNil(0) } ?? nil
    }

    /// Where an event stands, and its sequence number; nil when the environment has none of that number.
    public static func place(
        of event: Int64, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Fed? {
        try db.first(
            "SELECT \(columns(db.dialect)) WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(event)], fed)
    }

    /// The sequence number of a connection's last event, or with an empty one of the last that belongs to none; 0
    /// before the first. nil when there is no such connection.
    public static func lastSequence(
        _ connection: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Int64? {
        if connection.isEmpty {
            return try db.first("SELECT event_seq FROM environment WHERE id = $1", [.integer(scope.environmentID)]) {
                $0.int(0)
            }
        }
        return try db.first(
            "SELECT event_seq FROM connection WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .text(connection)]
        ) { $0.int(0) }
    }

    /// The last place of which events were forgotten; nil while all are there.
    public static func floor(_ scope: Scope, _ db: any SQLConnection) throws -> FeedPlace? {
        try FeedStore.floor(.events, scope, db)
    }

    /// Notes how far events are about to be forgotten. Call before they are.
    static func raiseFloor(over events: [Int64], _ scope: Scope, _ tx: Transaction) throws {
        let places = try events.compactMap { try place(of: $0, scope, tx.db)?.place }
        if let last = places.max() { try FeedStore.raiseFloor(.events, to: last, scope, tx) }
    }
}
