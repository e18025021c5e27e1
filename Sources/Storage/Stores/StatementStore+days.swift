import Domain

/// What is stored of an account beside what a statement says, and what becomes of uploads that nobody takes over.
extension StatementStore {
    /// Amounts of the booked rows of an account with the day of each.
    public static func storedAmounts(
        _ account: ID<Account>, _ window: DayWindow, _ scope: Scope, _ db: any SQLConnection,
        _ row: (LocalDate, Int64, ID<FetchedTransaction>) -> Void
    ) throws {
        try db.forEach(
            """
            SELECT booked_on, amount_minor, id FROM account_transaction
            WHERE environment_id = $1 AND account_id = $2 AND booked_on >= $3 AND booked_on <= $4
              AND status = 'booked'
            """, [.integer(scope.environmentID), .id(account), .day(window.from), .day(window.to)]
        ) { found in
            if let day = LocalDate(found.text(0)) { row(day, found.int(1), found.id(2)) }
        }
    }

    /// Under which book and key the rows of an account of an upload are found.
    public static func names(
        _ upload: String, account: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (book: String, key: String)? {
        try db.first(
            """
            SELECT u.book_id, p.account_key FROM statement_upload u
            JOIN statement_part p ON p.environment_id = u.environment_id AND p.upload_id = u.id
            WHERE u.environment_id = $1 AND u.id = $2 AND p.account_id = $3 LIMIT 1
            """, [.integer(scope.environmentID), .text(upload), .text(account)]
        ) { ($0.text(0), $0.text(1)) }
    }

    /// The same of an upload.
    public static func stagedAmounts(
        _ upload: ID<StatementUpload>, part: Int, _ day: LocalDate, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Int64] {
        try db.query(
            """
            SELECT amount_minor FROM statement_row
            WHERE environment_id = $1 AND upload_id = $2 AND part = $3 AND booked_on = $4 AND status = 'booked'
            """, [.integer(scope.environmentID), .id(upload), .int(part), .day(day)]
        ) { $0.int(0) }
    }

    /// Forgets uploads whose time is over (machine time), a bounded number of rows at a time, and rows of accounts
    /// that were not chosen.
    /// - Returns: rows that were forgotten; 0 when there is nothing to do.
    public static func prune(before now: Instant, _ tx: Transaction) throws -> Int {
        let over = try tx.db.query(
            "SELECT environment_id, id FROM statement_upload WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT 20",
            [.at(now)]
        ) { (environment: $0.int(0), id: $0.text(1)) }
        var count = 0
        for one in over {
            // Whoever took it over meanwhile keeps it.
            let isOver = try tx.db.run(
                """
                UPDATE statement_upload SET expires_at_ms = 0
                WHERE environment_id = $1 AND id = $2 AND expires_at_ms <= $3
                """, [.integer(one.environment), .text(one.id), .at(now)])
            guard isOver == 1 else { continue }
            let removed = try erase(one.id, environment: one.environment, tx)
            count += removed
            if count >= rowsMax { return count }
        }
        return count
    }

    /// Takes an upload away, at most `rowsMax` of its rows at once and itself with the last of them.
    /// - Returns: how much was taken away.
    static func erase(_ id: String, environment: Int64, _ tx: Transaction) throws -> Int {
        let key: [SQLValue] = [.integer(environment), .text(id)]
        let rows = try tx.db.run(
            """
            DELETE FROM statement_row WHERE (environment_id, upload_id, part, booked_on, seq) IN (
                SELECT environment_id, upload_id, part, booked_on, seq FROM statement_row
                WHERE environment_id = $1 AND upload_id = $2 ORDER BY part, booked_on, seq LIMIT $3)
            """, key + [.int(rowsMax)])
        guard rows < rowsMax else { return rows }
        for table in ["statement_part", "statement_claim"] {
            try tx.db.run("DELETE FROM \(table) WHERE environment_id = $1 AND upload_id = $2", key)
        }
        return rows + (try tx.db.run("DELETE FROM statement_upload WHERE environment_id = $1 AND id = $2", key))
    }

    /// Takes away what a connection was fed with, in steps.
    /// - Returns: whether there is more to do.
    static func erase(connection: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        let id = try tx.db.first(
            "SELECT id FROM statement_upload WHERE environment_id = $1 AND connection_id = $2 LIMIT 1",
            [.integer(scope.environmentID), .id(connection)]
        ) { $0.text(0) }
        guard let id else { return false }
        // What is still being read takes this row before it adds any: from here on it adds none.
        try tx.db.run(
            "UPDATE statement_upload SET expires_at_ms = 0 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .text(id)])
        _ = try erase(id, environment: scope.environmentID, tx)
        return true
    }

    /// Drops an upload that was not taken over, at most `rowsMax` of its rows at once; what is left of a large one goes
    /// by the next call, or when its time is over.
    /// - Returns: whether there is more to do.
    @discardableResult
    public static func discard(_ id: ID<StatementUpload>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            """
            UPDATE statement_upload SET expires_at_ms = 0, preview = NULL, connection_id = NULL, session_id = NULL,
                digest = NULL
            WHERE environment_id = $1 AND id = $2 AND attached_at_ms IS NULL
            """, [.integer(scope.environmentID), .id(id)])
        let isOpen =
            try tx.db.first(
                "SELECT id FROM statement_upload WHERE environment_id = $1 AND id = $2 AND attached_at_ms IS NULL",
                [.integer(scope.environmentID), .id(id)], { $0.text(0) }) != nil
        return isOpen ? try erase(id.hex, environment: scope.environmentID, tx) == rowsMax : false
    }
}
