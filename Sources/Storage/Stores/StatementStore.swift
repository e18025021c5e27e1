import Domain

/// A statement file that was uploaded. Its content is not kept: only what is known of it, and rows until they are
/// taken over.
public struct StatementUpload: Sendable, Equatable {
    /// Where an upload stands.
    public enum State: String, Sendable { case reading, ready, confirmed, imported }
    public var id: ID<StatementUpload>
    public var sessionID: String?
    public var connectionID: ID<Connection>?
    public var institution: String
    public var state: State
    public var format: String?
    public var profile: String?
    public var rows: Int64
    /// Sealed; gone when it was taken over.
    public var preview: [UInt8]?
    public var digest: String?
    public var createdAt: Instant
    public var importedAt: Instant?

    public init(
        id: ID<StatementUpload>, sessionID: String?, connectionID: ID<Connection>?, institution: String,
        createdAt: Instant
    ) {
        self.id = id
        self.sessionID = sessionID
        self.connectionID = connectionID
        self.institution = institution
        self.state = .reading
        self.rows = 0
        self.createdAt = createdAt
    }
}

/// One account of an upload, as it is kept.
public struct StatementPart: Sendable, Equatable {
    public var part: Int
    public var currency: Currency
    public var period: DayWindow
    public var closingMinor: Int64?
    public var availableMinor: Int64?
    public var closingOn: LocalDate
    public var rows: Int
    public var isNewestFirst: Bool

    public init(part: Int, currency: Currency, period: DayWindow, closingOn: LocalDate, rows: Int) {
        self.part = part
        self.currency = currency
        self.period = period
        self.closingOn = closingOn
        self.rows = rows
        isNewestFirst = false
    }
}

/// A row that waits to be taken over.
public struct StagedRow: Sendable {
    public var part: Int
    /// The row's place among those of its account, in the file's order.
    public var sequence: Int64
    public var transaction: FetchedTransaction
    public init(part: Int, sequence: Int64, transaction: FetchedTransaction) {
        self.part = part
        self.sequence = sequence
        self.transaction = transaction
    }
}

/// Uploaded statements, from the first row that is read to the last that is taken over.
public enum StatementStore {
    /// Rows of one transaction.
    public static let rowsMax = 2000
    /// Uploads of one environment that are being read at once, with those that were given up and still have rows.
    public static let readingMax = 16
    static let sealing = "statement_preview"

    /// Inserts an upload that is being read; it is forgotten at `expires` (machine time) unless it is read by then.
    /// What is still being read for the same session is given up.
    /// - Returns: false, and nothing is inserted, when too many are being read.
    public static func begin(
        _ upload: StatementUpload, expires: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        if let session = upload.sessionID {
            try tx.db.run(giveUpSQL, [.integer(scope.environmentID), .text(session)])
        }
        let reading = try tx.db.query(readingSQL, [.integer(scope.environmentID), .int(readingMax)]) { $0.int(0) }
        guard reading.count < readingMax else { return false }
        try tx.db.run(
            """
            INSERT INTO statement_upload (environment_id, id, book_id, session_id, connection_id, institution, state,
                row_count, created_at_ms, expires_at_ms) VALUES ($1, $2, $2, $3, $4, $5, $6, 0, $7, $8)
            """,
            [
                .integer(scope.environmentID), .id(upload.id), .text(upload.sessionID), .id(upload.connectionID),
                .text(upload.institution), .text(upload.state.rawValue), .at(upload.createdAt), .at(expires),
            ])
        return true
    }

    private static let giveUpSQL = """
        UPDATE statement_upload SET expires_at_ms = 0
        WHERE environment_id + 0 = $1 AND session_id = $2 AND state = 'reading' AND expires_at_ms > 0
        """
    // The sum keeps databases from walking all uploads that an environment ever took over: the index of those whose
    // time ends has the few others alone.
    private static let readingSQL = """
        SELECT 1 FROM statement_upload
        WHERE environment_id + 0 = $1 AND state = 'reading' AND expires_at_ms >= 0 LIMIT $2
        """
    /// Takes the upload's row, so that nobody takes it away until this is committed.
    private static let holdSQL = """
        UPDATE statement_upload SET row_count = row_count + $3
        WHERE environment_id = $1 AND id = $2 AND state = 'reading' AND expires_at_ms > 0
        """

    private static let stageRow = BulkStatement.insert(
        order: 30, into: "statement_row",
        [
            ("environment_id", .bigint), ("upload_id", .text), ("part", .bigint), ("booked_on", .text),
            ("seq", .bigint), ("status", .text), ("amount_minor", .bigint), ("occurred_at_ms", .bigint),
            ("description", .text), ("counterparty", .text), ("reference", .text), ("channel", .text),
            ("branch", .text), ("code", .text), ("running_minor", .bigint), ("value_on", .text),
        ])

    /// Keeps rows, at most `rowsMax` at once.
    /// - Returns: false, and nothing is kept, when the upload was given up or taken away meanwhile.
    public static func stage(
        _ rows: [StagedRow], of upload: ID<StatementUpload>, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        let held = try tx.db.run(holdSQL, [.integer(scope.environmentID), .id(upload), .int(rows.count)])
        guard held == 1 else { return false }
        // At once: another unit of the group may take the upload away.
        try stageRow.run(rows.map { values($0, upload, scope) }, on: tx.db)
        return true
    }

    private static func values(_ row: StagedRow, _ upload: ID<StatementUpload>, _ scope: Scope) -> [SQLValue] {
        let fact = row.transaction
        let key: [SQLValue] = [
            .integer(scope.environmentID), .id(upload), .int(row.part), .day(fact.bookedOn), .integer(row.sequence),
        ]
        let facts: [SQLValue] = [
            .text(fact.status.rawValue), .integer(fact.amount.minor), .at(fact.occurredAt), .text(fact.text),
            .text(fact.counterparty), .text(fact.reference), .text(fact.channel), .text(fact.branch),
            .text(fact.code), .int(fact.runningBalance?.minor), .text(fact.valueOn?.iso),
        ]
        return key + facts
    }

    private static let addPart = BulkStatement.insert(
        order: 31, into: "statement_part",
        [
            ("environment_id", .bigint), ("upload_id", .text), ("part", .bigint), ("currency", .text),
            ("from_on", .text), ("to_on", .text), ("closing_minor", .bigint), ("available_minor", .bigint),
            ("closing_on", .text), ("row_count", .bigint), ("is_newest_first", .bigint), ("is_chosen", .bigint),
            ("replaced_days", .text),
        ])

    /// The file was read to its end: its accounts and its sealed preview wait for the person until `expires` (machine
    /// time).
    /// - Returns: false, and nothing is kept, when the upload was given up or taken away meanwhile.
    public static func ready(
        _ upload: StatementUpload, _ parts: [StatementPart], expires: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        let held = try tx.db.run(
            """
            UPDATE statement_upload SET state = 'ready', digest = $3, format = $4, profile = $5, row_count = $6,
                preview = $7, expires_at_ms = $8
            WHERE environment_id = $1 AND id = $2 AND state = 'reading' AND expires_at_ms > 0
            """,
            [
                .integer(scope.environmentID), .id(upload.id), .text(upload.digest), .text(upload.format),
                .text(upload.profile), .integer(upload.rows), .blob(upload.preview), .at(expires),
            ])
        guard held == 1 else { return false }
        let rows = parts.map { part -> [SQLValue] in
            [
                .integer(scope.environmentID), .id(upload.id), .int(part.part), .text(part.currency.code),
                .day(part.period.from), .day(part.period.to), .int(part.closingMinor), .int(part.availableMinor),
                .day(part.closingOn), .int(part.rows), .flag(part.isNewestFirst), .flag(false), .text(""),
            ]
        }
        try addPart.run(rows, on: tx.db)
        return true
    }

    private static let columns = """
        id, session_id, connection_id, institution, state, format, profile, row_count, preview, digest, created_at_ms,
        imported_at_ms
        """

    private static func upload(_ row: borrowing Row) -> StatementUpload {
        var found = StatementUpload(
            id: row.id(0), sessionID: row.textOrNil(1), connectionID: row.idOrNil(2), institution: row.text(3),
            createdAt: row.instant(10))
        found.state = StatementUpload.State(rawValue: row.text(4)) ?? .reading
        found.format = row.textOrNil(5)
        found.profile = row.textOrNil(6)
        found.rows = row.int(7)
        found.preview = row.blobOrNil(8)
        found.digest = row.textOrNil(9)
        found.importedAt = row.instantOrNil(11)
        return found
    }

    /// nil when the environment has none of that id.
    public static func find(
        _ id: ID<StatementUpload>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> StatementUpload? {
        try db.first(
            "SELECT \(columns) FROM statement_upload WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id)], upload)
    }

    /// Those of a connection, the newest first.
    public static func list(
        _ connection: ID<Connection>, before: Instant?, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [StatementUpload] {
        try db.query(
            """
            SELECT \(columns) FROM statement_upload
            WHERE environment_id = $1 AND connection_id = $2 AND created_at_ms < $3 AND state <> 'reading'
            ORDER BY created_at_ms DESC LIMIT $4
            """, [.integer(scope.environmentID), .id(connection), .at(before ?? Instant(ms: .max)), .int(limit)],
            upload)
    }

    // MARK: taking over

    /// Claims a file for a place, such as a connection, so that the same file is taken over once, also when it comes
    /// twice at the same moment.
    /// - Returns: the connection that has it already; nil when it is new there.
    public static func claim(
        _ upload: StatementUpload, place: String, _ scope: Scope, _ tx: Transaction
    ) throws -> ID<Connection>? {
        guard let digest = upload.digest else { return nil }
        let key: [SQLValue] = [.integer(scope.environmentID), .text(digest), .text(place)]
        let isNew =
            try tx.db.run(
                """
                INSERT INTO statement_claim (environment_id, digest, place, upload_id) VALUES ($1, $2, $3, $4)
                ON CONFLICT (environment_id, digest, place) DO NOTHING
                """, key + [.id(upload.id)]) == 1
        return isNew ? nil : try known(digest: digest, place: place, except: upload.id, scope, tx.db)
    }

    /// The connection that a file was taken over by at this place; nil when it was not.
    public static func known(
        digest: String, place: String, except id: ID<StatementUpload>?, _ scope: Scope, _ db: any SQLConnection
    ) throws -> ID<Connection>? {
        try db.first(
            """
            SELECT u.connection_id, u.id FROM statement_claim c
            JOIN statement_upload u ON u.environment_id = c.environment_id AND u.id = c.upload_id
            WHERE c.environment_id = $1 AND c.digest = $2 AND c.place = $3
            """, [.integer(scope.environmentID), .text(digest), .text(place)]
        ) { row in row.textOrNil(1) == id?.hex ? nil : row.idOrNil(0) } ?? nil
    }

    /// Makes a confirmed upload a connection's own, under the book that the connection has.
    /// - Parameter accounts: the stored account of each key.
    public static func attach(
        _ id: ID<StatementUpload>, to connection: ID<Connection>, accounts: [String: ID<Account>], at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(id)]
        try tx.db.run(
            """
            UPDATE statement_upload SET connection_id = $3, attached_at_ms = $4, expires_at_ms = NULL, preview = NULL,
                book_id = COALESCE((SELECT MIN(o.book_id) FROM statement_upload o WHERE o.environment_id = $1
                    AND o.connection_id = $3 AND o.attached_at_ms IS NOT NULL), book_id)
            WHERE environment_id = $1 AND id = $2
            """, key + [.id(connection), .at(now)])
        // Of days of which the person said that what is stored is right.
        try tx.db.run("DELETE FROM statement_row WHERE environment_id = $1 AND upload_id = $2 AND part < 0", key)
        for (account, stored) in accounts {
            try tx.db.run(
                """
                UPDATE statement_part SET account_id = $4
                WHERE environment_id = $1 AND upload_id = $2 AND account_key = $3
                """, key + [.text(account), .id(stored)])
        }
        if let old = try tx.db.first(
            """
            SELECT p.account_key FROM statement_upload u
            JOIN statement_part p ON p.environment_id = u.environment_id AND p.upload_id = u.id
            WHERE u.environment_id = $1 AND u.connection_id = $2 AND p.account_id = $3 AND p.account_key IS NOT NULL
            ORDER BY u.created_at_ms, u.id LIMIT 1
            """, [.integer(scope.environmentID), .id(connection), .id(accounts.first?.value)], { $0.text(0) }),
            accounts.count == 1
        {
            // Statements of one account are found under one key, whether or not each of them named its number.
            try tx.db.run(
                """
                UPDATE statement_part SET account_key = $3
                WHERE environment_id = $1 AND upload_id = $2 AND account_id IS NOT NULL
                """, key + [.text(old)])
        }
        // A statement of a time in which nothing moved has no rows to wait for.
        try tx.db.run(endSQL, key + [.at(now)])
    }

    /// What of a connection's uploads waits to be taken over: of each account the days with rows, oldest upload first.
    public static func waiting(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(upload: String, account: String, days: [LocalDate])] {
        let parts = try db.query(
            """
            SELECT u.id, p.part, p.account_id FROM statement_upload u
            JOIN statement_part p ON p.environment_id = u.environment_id AND p.upload_id = u.id
            WHERE u.environment_id = $1 AND u.connection_id = $2 AND u.state = 'confirmed' AND p.is_chosen = 1
              AND p.account_id IS NOT NULL AND u.attached_at_ms IS NOT NULL
            ORDER BY u.created_at_ms, u.id, p.part LIMIT 200
            """, [.integer(scope.environmentID), .id(connection)]
        ) { (upload: $0.text(0), part: $0.int(1), account: $0.text(2)) }
        return try parts.map { part in
            let days = try db.query(
                """
                SELECT DISTINCT booked_on FROM statement_row
                WHERE environment_id = $1 AND upload_id = $2 AND part = $3 ORDER BY booked_on DESC
                """, [.integer(scope.environmentID), .text(part.upload), .integer(part.part)]
            ) { LocalDate($0.text(0)) }.compactMap { $0 }
            return (part.upload, part.account, days)
        }
    }

    /// Rows of these days were taken over; the last ones end the upload.
    public static func take(
        _ upload: String, account: String, _ window: DayWindow, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .text(upload)]
        try tx.db.run(
            """
            DELETE FROM statement_row WHERE environment_id = $1 AND upload_id = $2 AND booked_on >= $4
                AND booked_on <= $5 AND part IN (SELECT part FROM statement_part WHERE environment_id = $1
                AND upload_id = $2 AND account_id = $3)
            """, key + [.text(account), .day(window.from), .day(window.to)])
        try tx.db.run(endSQL, key + [.at(now)])
    }

    /// An upload of which no row waits any more is taken over.
    private static let endSQL = """
        UPDATE statement_upload SET state = 'imported', imported_at_ms = $3
        WHERE environment_id = $1 AND id = $2 AND NOT EXISTS (
            SELECT 1 FROM statement_row r JOIN statement_part p ON p.environment_id = r.environment_id
                AND p.upload_id = r.upload_id AND p.part = r.part
            WHERE r.environment_id = $1 AND r.upload_id = $2 AND p.is_chosen = 1)
        """

    /// Days of which the person said that the statement is right.
    public static func replaced(
        _ upload: String, account: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Set<LocalDate> {
        let texts = try db.query(
            """
            SELECT replaced_days FROM statement_part
            WHERE environment_id = $1 AND upload_id = $2 AND account_id = $3 LIMIT 10
            """, [.integer(scope.environmentID), .text(upload), .text(account)]
        ) { $0.text(0) }
        return Set(texts.flatMap { $0.split(separator: ",") }.compactMap { LocalDate(String($0)) })
    }

    /// The periods of a connection's statements, the newest 24, with the account of each.
    public static func periods(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [DayWindow] {
        try db.query(
            """
            SELECT p.from_on, p.to_on FROM statement_upload u
            JOIN statement_part p ON p.environment_id = u.environment_id AND p.upload_id = u.id
            WHERE u.environment_id = $1 AND u.connection_id = $2 AND p.is_chosen = 1 AND p.account_id IS NOT NULL
            ORDER BY p.to_on DESC LIMIT 24
            """, [.integer(scope.environmentID), .id(connection)]
        ) { row in (LocalDate(row.text(0)), LocalDate(row.text(1))) }.compactMap { from, to in
            guard let from, let to else { return nil }
            return DayWindow(from: from, to: to)
        }
    }
}
