import Domain

/// The rows of an account that carry one of some upstream ids, whatever their day: PostgreSQL takes the ids as one
/// array, SQLite runs its prepared text once per id. Of an id that a bank gives to everything a few rows are enough.
enum UpstreamRows {
    private static let rowsPerID = 8

    private static let select = """
        SELECT id, upstream_id, status, amount_minor, currency, booked_on, occurred_at_ms, description, counterparty,
            reference, channel, branch, code, running_minor
        FROM account_transaction WHERE environment_id = $1 AND account_id = $2 AND upstream_id
        """

    static func sql(_ dialect: Dialect) -> String {
        dialect == .postgres ? "\(select) = ANY($3::text[]) LIMIT $4" : "\(select) = $3 LIMIT $4"
    }

    static func rows<T>(
        _ ids: [String], of account: ID<Account>, _ scope: Scope, _ db: any SQLConnection,
        _ read: (borrowing Row) throws -> T
    ) throws -> [T] {
        guard !ids.isEmpty else { return [] }
        let sql = sql(db.dialect)
        let place: [SQLValue] = [.integer(scope.environmentID), .id(account)]
        switch db.dialect {
        case .postgres: return try db.query(sql, place + [.strings(ids), .int(ids.count * rowsPerID)], read)
        case .sqlite: return try ids.flatMap { try db.query(sql, place + [.text($0), .int(rowsPerID)], read) }
        }
    }
}
