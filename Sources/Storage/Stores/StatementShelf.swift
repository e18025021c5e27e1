import Domain

/// The books of uploaded statements, in the same database as everything else.
public struct StatementShelf: StatementBook {
    private let database: Database
    private let vault: Vault
    /// Rows of one page.
    private static let pageRows = 1000
    /// A word that nobody acts on is forgotten after so long.
    private static let expiresMs: Int64 = 3_600_000

    public init(database: Database, vault: Vault) {
        self.database = database
        self.vault = vault
    }

    private static let sealing = StatementStore.sealing

    /// What was read of an upload, opened; nil when it is not kept any more.
    public func preview(
        _ upload: StatementUpload, _ scope: Scope, _ db: any SQLConnection
    ) throws -> StatementPreview? {
        guard let sealed = upload.preview else { return nil }
        let context = SealContext(
            environmentID: scope.environmentID, connectionID: nil, purpose: StatementStore.sealing)
        return StatementPreview(json: try JSONValue(parsing: try vault.open(sealed, context, on: db)))
    }

    /// Seals what was read.
    public func seal(_ preview: StatementPreview, _ scope: Scope, _ tx: Transaction) throws -> [UInt8] {
        try vault.seal(
            Array(preview.json(isWhole: true).encoded.utf8),
            SealContext(environmentID: scope.environmentID, connectionID: nil, purpose: Self.sealing), on: tx.db)
    }

    private func waiting(
        _ upload: String, _ session: String?, _ scope: Scope, _ db: any SQLConnection
    ) throws -> StatementUpload? {
        guard let id = ID<StatementUpload>(upload), let found = try StatementStore.find(id, scope, db),
            found.sessionID == session, found.state == .ready || found.state == .confirmed, found.preview != nil
        else { return nil }
        return found
    }

    public func preview(
        upload: String, session: String, environmentID: Int64
    ) async throws -> StatementPreview? {
        let scope = Scope(environmentID: environmentID)
        return try await database.read { db in
            try waiting(upload, session, scope, db).flatMap { try preview($0, scope, db) }
        }
    }

    public func confirm(
        upload: String, session: String, _ choice: StatementChoice, environmentID: Int64
    ) async throws -> StatementConfirmation? {
        let scope = Scope(environmentID: environmentID)
        return try await database.write { tx in try confirm(upload, session: session, choice, scope, tx) }
    }

    /// As `confirm`, inside a transaction; `session` is nil for an upload by the API.
    public func confirm(
        _ upload: String, session: String?, _ choice: StatementChoice, _ scope: Scope, _ tx: Transaction
    ) throws -> StatementConfirmation? {
        guard let found = try waiting(upload, session, scope, tx.db), var preview = try preview(found, scope, tx.db)
        else { return nil }
        let chosen: [StatementPreview.Account]
        switch preview.chosen(choice) {
        case .failure(let problem):
            preview.problem = problem.message
            return .asked(preview)
        case .success(let accounts): chosen = accounts
        }
        let accounts = chosen.map { account in
            FetchedAccount(
                upstreamID: key(account, found.id), number: account.number, name: account.name ?? account.holder,
                holderName: account.holder, type: account.type, currency: account.currency)
        }
        guard Set(accounts.map(\.upstreamID)).count == accounts.count else {
            preview.problem = "Two of the accounts have the same number. Choose one of them."
            return .asked(preview)
        }
        let id: [SQLValue] = [.integer(scope.environmentID), .id(found.id)]
        // Said before, and not acted on: what is said now counts, whole.
        if found.state == .confirmed { try unchoose(id, tx) }
        for (account, fetched) in zip(chosen, accounts) {
            try choose(account, fetched.upstreamID, choice.contradiction, id, tx)
        }
        try tx.db.run(
            "UPDATE statement_upload SET state = 'confirmed' WHERE environment_id = $1 AND id = $2", id)
        return .confirmed(accounts)
    }

    private func unchoose(_ id: [SQLValue], _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE statement_part SET is_chosen = 0, account_key = NULL, replaced_days = ''
            WHERE environment_id = $1 AND upload_id = $2
            """, id)
        try tx.db.run(
            """
            UPDATE statement_row SET part = -1 - part WHERE environment_id = $1 AND upload_id = $2 AND part < 0
            """, id)
    }

    private func choose(
        _ account: StatementPreview.Account, _ key: String, _ contradiction: StatementChoice.Contradiction?,
        _ id: [SQLValue], _ tx: Transaction
    ) throws {
        let days = account.contradictions.map(\.day.iso)
        let part: [SQLValue] = [.int(Int64(account.part))]
        try tx.db.run(
            """
            UPDATE statement_part SET is_chosen = 1, account_key = $4, replaced_days = $5
            WHERE environment_id = $1 AND upload_id = $2 AND part = $3
            """, id + part + [.text(key), .text(contradiction == .replace ? days.joined(separator: ",") : "")])
        guard contradiction == .keep else { return }
        // Set aside, under a number that no account has, until the upload is attached.
        for day in days {
            try tx.db.run(
                """
                UPDATE statement_row SET part = -1 - part
                WHERE environment_id = $1 AND upload_id = $2 AND part = $3 AND booked_on = $4
                """, id + part + [.text(day)])
        }
    }

    /// The same number has the same key at the same bank, in every statement.
    private func key(_ account: StatementPreview.Account, _ upload: ID<StatementUpload>) -> String {
        guard let number = account.number else { return "file-\(upload.hex)-\(account.part)" }
        return "file-\(vault.index("\(number) \(account.currency.code)", purpose: "statement_account").prefix(24))"
    }

    public func discard(upload: String, session: String, environmentID: Int64) async throws {
        let scope = Scope(environmentID: environmentID)
        try await database.write { tx in
            guard let found = try waiting(upload, session, scope, tx.db) else { return }
            try StatementStore.discard(found.id, scope, tx)
        }
    }

    // MARK: as a bank

    public func isOpen(book: String, environmentID: Int64) async throws -> Bool {
        try await database.read { db in
            try db.first(
                """
                SELECT id FROM statement_upload
                WHERE environment_id = $1 AND book_id = $2 AND state IN ('confirmed', 'imported') LIMIT 1
                """, [.integer(environmentID), .text(book)]
            ) { $0.text(0) } != nil
        }
    }

    public func balance(book: String, account: String, environmentID: Int64) async throws -> FetchedBalance? {
        try await database.read { db in
            try db.first(
                """
                SELECT p.closing_minor, p.available_minor, p.currency, p.closing_on FROM statement_upload u
                JOIN statement_part p ON p.environment_id = u.environment_id AND p.upload_id = u.id
                WHERE u.environment_id = $1 AND u.book_id = $2 AND u.state IN ('confirmed', 'imported')
                  AND p.account_key = $3 AND p.is_chosen = 1
                ORDER BY p.closing_on DESC, u.created_at_ms DESC LIMIT 1
                """, [.integer(environmentID), .text(book), .text(account)]
            ) { row in
                let currency = Currency(code: row.text(2))
                let day = LocalDate(row.text(3)) ?? LocalDate(dayNumber: 0)
                return FetchedBalance(
                    ledger: row.intOrNil(0).map { Money(minor: $0, currency: currency) },
                    available: row.intOrNil(1).map { Money(minor: $0, currency: currency) },
                    asOf: day.adding(days: 1).start() + -1)
            }
        }
    }

    public func page(
        book: String, account: String, window: DayWindow, cursor: String?, environmentID: Int64
    ) async throws -> FetchPage {
        let names = account.split(separator: "/", maxSplits: 1).map(String.init)
        let key: [SQLValue] = [.integer(environmentID), .text(book), .text(names.first)]
        return try await database.read { db in
            let wanted: SQLValue = .text(names.count > 1 ? names[1] : nil)
            let part = try db.first(
                """
                SELECT u.id, p.part, p.currency, p.is_newest_first FROM statement_upload u
                JOIN statement_part p ON p.environment_id = u.environment_id AND p.upload_id = u.id
                WHERE u.environment_id = $1 AND u.book_id = $2 AND u.state = 'confirmed' AND p.is_chosen = 1
                  AND p.account_key = $3 AND u.id = COALESCE($4, u.id)
                ORDER BY u.created_at_ms, u.id LIMIT 1
                """, key + [wanted]
            ) { Part(upload: $0.text(0), number: $0.int(1), currency: $0.text(2), isNewestFirst: $0.bool(3)) }
            guard let part else { return FetchPage(rows: [], nextCursor: nil) }
            return try page(part, window, cursor, environmentID, db)
        }
    }

    private struct Part {
        let upload: String
        let number: Int64
        let currency: String
        let isNewestFirst: Bool
    }

    private static let pageColumns = """
        SELECT booked_on, seq, status, amount_minor, occurred_at_ms, description, counterparty, reference, channel,
            branch, code, running_minor, value_on FROM statement_row
        WHERE environment_id = $1 AND upload_id = $2 AND part = $3 AND booked_on >= $4 AND booked_on <= $5
        """
    private static let oldestFirstSQL = """
        \(pageColumns) AND (booked_on < $6 OR booked_on = $6 AND seq < $7)
        ORDER BY booked_on DESC, seq DESC LIMIT $8
        """
    private static let newestFirstSQL = """
        \(pageColumns) AND (booked_on < $6 OR booked_on = $6 AND seq > $7)
        ORDER BY booked_on DESC, seq ASC LIMIT $8
        """

    /// The cursor is the last row's day and place, and how many pages there were.
    private func page(
        _ part: Part, _ window: DayWindow, _ cursor: String?, _ environmentID: Int64, _ db: any SQLConnection
    ) throws -> FetchPage {
        let marks = (cursor ?? "").split(separator: "_").map(String.init)
        let pages = marks.count == 3 ? Int(marks[2]) ?? 0 : 0
        let day = marks.count == 3 ? marks[0] : "9999-12-31"
        let start: Int64 = part.isNewestFirst ? -1 : .max
        let place = marks.count == 3 ? Int64(marks[1]) ?? start : start
        // Pages differ in length, so that a page of rows that are all alike is not taken for the one before.
        let limit = Self.pageRows - pages % 2
        var lastSequence: Int64 = 0
        let currency = Currency(code: part.currency)
        let rows = try db.query(
            part.isNewestFirst ? Self.newestFirstSQL : Self.oldestFirstSQL,
            [
                .integer(environmentID), .text(part.upload), .integer(part.number), .day(window.from),
                .day(window.to), .text(day), .integer(place), .int(limit),
            ]
        ) { row in
            lastSequence = row.int(1)
            return Self.transaction(row, currency)
        }
        guard rows.count == limit, let last = rows.last else { return FetchPage(rows: rows, nextCursor: nil) }
        return FetchPage(rows: rows, nextCursor: "\(last.bookedOn.iso)_\(lastSequence)_\(pages + 1)")
    }

    private static func transaction(_ row: borrowing Row, _ currency: Currency) -> FetchedTransaction {
        var found = FetchedTransaction(
            upstreamID: nil, status: TransactionStatus(rawValue: row.text(2)) ?? .booked,
            amount: Money(minor: row.int(3), currency: currency),
            bookedOn: LocalDate(row.text(0)) ?? LocalDate(dayNumber: 0), occurredAt: row.instantOrNil(4),
            text: row.text(5), counterparty: row.textOrNil(6), reference: row.textOrNil(7),
            channel: row.textOrNil(8), branch: row.textOrNil(9), code: row.textOrNil(10),
            runningBalance: row.intOrNil(11).map { Money(minor: $0, currency: currency) })
        found.valueOn = row.textOrNil(12).flatMap { LocalDate($0) }
        return found
    }

    public func end(book: String, environmentID: Int64) async throws {
        // Rows of a large one go when its time is over.
        try await database.write { tx in
            try tx.db.run(
                """
                UPDATE statement_upload SET book_id = 'ended-' || id, expires_at_ms = 0, attached_at_ms = NULL,
                    connection_id = NULL, session_id = NULL, preview = NULL, digest = NULL
                WHERE environment_id = $1 AND book_id = $2
                """, [.integer(environmentID), .text(book)])
        }
    }
}
