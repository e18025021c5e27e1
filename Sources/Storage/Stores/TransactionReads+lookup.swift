import Domain

extension TransactionReads {
    /// Shows those of some transactions that are there, in any order: first among the days that they are said to be of,
    /// then in all.
    /// - Parameter days: ISO days, both included; nil when nothing is said.
    public static func these(
        _ ids: [String], days: (from: String, to: String)?, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws {
        var found: Set<String> = []
        func show(_ row: borrowing Row) throws {
            guard found.insert(row.text(0)).inserted else { return }
            try write(row)
        }
        if let days { try FeedRows.transactions(ids, from: days.from, to: days.to, scope, db, show) }
        // A row may have moved to another day since.
        let rest = ids.filter { !found.contains($0) }
        guard !rest.isEmpty else { return }
        try FeedRows.transactions(rest, from: DayPager.firstDay, to: DayPager.lastDay, scope, db, show)
    }
}
