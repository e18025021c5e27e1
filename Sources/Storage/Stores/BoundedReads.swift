import Domain

/// Lists that are small by nature: what one customer or one login has. They are read whole, up to a limit, and
/// only the rows of the page are written.
public enum BoundedReads {
    /// A list holds at most this many rows; the newest are kept.
    public static let rowsMax = 1000
    /// A search without an index of its own looks at this many of the newest rows.
    public static let scannedMax = 10_000

    /// - Returns: the number of rows of the whole list.
    static func page(
        _ sql: String, _ values: [SQLValue], _ page: PageRequest, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        var number: Int64 = 0
        try db.forEach(sql, values) { row in
            defer { number += 1 }
            if number >= page.skip, number < page.skip + Int64(page.limit) { try write(row) }
        }
        return number
    }
}

/// The rows of a noun, each way that it can be looked for.
///
/// `text` is the statement up to its conditions, with `$1` as the environment.
struct NounReads {
    /// Which rows are meant.
    enum Choice {
        case all
        /// The one row that a column's value finds, or few rows, or those found by looking at the newest.
        case one(String, SQLValue)
        case some(String, SQLValue)
    }

    /// Of the day totals.
    let list: String
    let select: String
    private let byDaySQL: String
    private let oneSQL: [String: String]
    private let someSQL: [String: String]
    private let scanSQL: [String: String]

    /// - Parameters:
    ///   - columns: those of the noun's `RowColumn`, in its order.
    ///   - one: columns that find one row; `some`: columns that find few; `scan`: columns without an index.
    init(list: String, table: String, columns: String, one: [String], some: [String], scan: [String] = []) {
        self.list = list
        select = "SELECT \(columns) FROM \(table) WHERE environment_id = $1"
        let days = "created_on >= $2 AND created_on <= $3"
        byDaySQL = "\(select) AND \(days) ORDER BY created_on DESC, id DESC LIMIT $4 OFFSET $5"
        let select = select
        oneSQL = Dictionary(uniqueKeysWithValues: one.map { ($0, "\(select) AND \($0) = $2") })
        someSQL = Dictionary(
            uniqueKeysWithValues: some.map {
                ($0, "\(select) AND \($0) = $4 AND \(days) ORDER BY id DESC LIMIT \(BoundedReads.rowsMax)")
            })
        scanSQL = Dictionary(
            uniqueKeysWithValues: scan.map {
                (
                    $0,
                    """
                    SELECT \(columns)
                    FROM (SELECT \(columns), created_on FROM \(table) WHERE environment_id = $1 AND \(days)
                    ORDER BY created_on DESC, id DESC LIMIT \(BoundedReads.scannedMax)) AS newest
                    WHERE \($0) = $4 ORDER BY created_on DESC, id DESC LIMIT \(BoundedReads.rowsMax)
                    """
                )
            })
    }

    func all(
        _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection, _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        let place = try DayPager.place(list, page, scope, db)
        if place.isEmpty { return place.total }
        try db.forEach(
            byDaySQL,
            [
                .integer(scope.environmentID), .text(place.from), .text(place.to), .int(page.limit),
                .integer(place.offset),
            ], write)
        return place.total
    }

    func one(
        _ column: String, _ value: SQLValue, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Bool {
        guard let sql = oneSQL[column] else { preconditionFailure("no statement finds one by \(column)") }
        return try db.forEach(sql, [.integer(scope.environmentID), value], write) > 0
    }

    func some(
        _ column: String, _ value: SQLValue, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        guard let sql = someSQL[column] ?? scanSQL[column] else {
            preconditionFailure("no statement finds some by \(column)")
        }
        return try BoundedReads.page(
            sql,
            [
                .integer(scope.environmentID), .text(page.from?.iso ?? DayPager.firstDay),
                .text(page.to?.iso ?? DayPager.lastDay), value,
            ], page, db, write)
    }

    /// Writes a page of the rows.
    /// - Returns: how many there are in all.
    func list(
        _ choice: Choice, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        switch choice {
        case .all: try all(page, scope, db, write)
        case .one(let column, let value): try one(column, value, scope, db, write) ? 1 : 0
        case .some(let column, let value): try some(column, value, page, scope, db, write)
        }
    }
}
