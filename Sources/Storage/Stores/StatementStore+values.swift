import Domain

/// Days of value of what statements brought, by which the same row is known in one that dates by them.
extension StatementStore {
    private static let keepValueDay = BulkStatement.insert(
        order: 32, into: "statement_value_day",
        [("environment_id", .bigint), ("account_id", .text), ("value_on", .text), ("transaction_id", .text)])

    /// Keeps the days of value of rows that were added, where they are other days.
    public static func keepValueDays(
        _ rows: [FetchedTransaction], ids: [ID<FetchedTransaction>], of account: ID<Account>, _ scope: Scope,
        _ tx: Transaction
    ) {
        for (row, id) in zip(rows, ids) {
            guard let day = row.valueOn, day != row.bookedOn else { continue }
            tx.append(keepValueDay, [.integer(scope.environmentID), .id(account), .day(day), .id(id)])
        }
    }

    /// The rows of an account whose days of value lie in a window.
    public static func valueDays(
        _ account: ID<Account>, _ window: DayWindow, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [ID<FetchedTransaction>: LocalDate] {
        var days: [ID<FetchedTransaction>: LocalDate] = [:]
        try db.forEach(
            """
            SELECT transaction_id, value_on FROM statement_value_day
            WHERE environment_id = $1 AND account_id = $2 AND value_on >= $3 AND value_on <= $4
            """, [.integer(scope.environmentID), .id(account), .day(window.from), .day(window.to)]
        ) { row in days[row.id(0)] = LocalDate(row.text(1)) }
        return days
    }

    /// Amounts of an upload's rows that are booked within `Reconciler.valueDaysMax` days of a day and have their value
    /// on it.
    public static func stagedAmounts(
        _ upload: ID<StatementUpload>, part: Int, valueOn day: LocalDate, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Int64] {
        try db.query(
            """
            SELECT amount_minor FROM statement_row
            WHERE environment_id = $1 AND upload_id = $2 AND part = $3 AND booked_on >= $4 AND booked_on <= $5
              AND value_on = $6 AND booked_on <> $6 AND status = 'booked'
            """,
            [
                .integer(scope.environmentID), .id(upload), .int(part),
                .day(day.adding(days: -Reconciler.valueDaysMax)), .day(day.adding(days: Reconciler.valueDaysMax)),
                .day(day),
            ]
        ) { $0.int(0) }
    }

    /// Forgets an account's, at most `rowsMax` at once.
    /// - Returns: how many.
    static func eraseValueDays(of account: String, _ scope: Scope, _ tx: Transaction) throws -> Int {
        try tx.db.run(
            """
            DELETE FROM statement_value_day WHERE (environment_id, account_id, value_on, transaction_id) IN (
                SELECT environment_id, account_id, value_on, transaction_id FROM statement_value_day
                WHERE environment_id = $1 AND account_id = $2 ORDER BY value_on, transaction_id LIMIT $3)
            """, [.integer(scope.environmentID), .text(account), .int(rowsMax)])
    }
}
