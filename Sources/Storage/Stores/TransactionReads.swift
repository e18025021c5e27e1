import Domain

/// Whose transactions are listed.
public enum TransactionFilter: Sendable, Equatable {
    case all
    case account(String)
    case customer(String)
    case institution(String)
    /// All accounts of a login.
    case connection(String)
    /// All accounts with a number, by its index.
    case number(index: String)

    /// The list that it is, as the day totals name it; nil when it is several.
    public var list: String? {
        switch self {
        case .all: "transactions"
        case .account(let id): "account:\(id)"
        case .customer(let id): "customer:\(id)"
        case .institution(let slug): "bank:\(slug)"
        case .connection, .number: nil
        }
    }
}

/// Transactions as they are shown: newest day first. The columns are `TransactionColumn`'s.
public enum TransactionReads {
    static let columns = """
        id, connection_id, account_id, customer_id, institution, status, amount_minor, currency, booked_on,
        CASE WHEN status = 'booked' THEN booked_on END, occurred_at_ms, description, counterparty, reference, channel,
        branch, code, running_minor, revision, created_at_ms, updated_at_ms
        """
    private static let totalColumn = 21
    private static let page = """
        booked_on >= $2 AND booked_on <= $3 AND status <> 'removed' ORDER BY booked_on DESC, id DESC LIMIT $4 OFFSET $5
        """
    private static let allSQL = "SELECT \(columns) FROM account_transaction WHERE environment_id = $1 AND \(page)"
    private static let accountSQL =
        "SELECT \(columns) FROM account_transaction WHERE environment_id = $1 AND account_id = $6 AND \(page)"
    private static let customerSQL =
        "SELECT \(columns) FROM account_transaction WHERE environment_id = $1 AND customer_id = $6 AND \(page)"
    private static let institutionSQL =
        "SELECT \(columns) FROM account_transaction WHERE environment_id = $1 AND institution = $6 AND \(page)"
    /// The first page with the list's total in each row, so that most pages are one statement.
    private static func first(_ condition: String) -> String {
        """
        SELECT \(columns), (SELECT t.count FROM day_total t WHERE t.environment_id = $1 AND t.list = $3 AND t.day = '')
        FROM account_transaction WHERE environment_id = $1 \(condition) AND status <> 'removed'
        ORDER BY booked_on DESC, id DESC LIMIT $2
        """
    }
    private static let firstOfAllSQL = first("")
    private static let firstOfAccountSQL = first("AND account_id = $4")
    private static let firstOfCustomerSQL = first("AND customer_id = $4")
    private static let firstOfInstitutionSQL = first("AND institution = $4")

    private static let oneSQL =
        "SELECT \(columns) FROM account_transaction WHERE environment_id = $1 AND id = $2 AND status <> 'removed'"

    /// - Returns: the number of rows of the whole list.
    public static func list(
        _ filter: TransactionFilter, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        guard let list = filter.list else { preconditionFailure("several accounts are merged by `merged`") }
        let isFirst = page.skip == 0 && page.from == nil && page.to == nil
        if isFirst, db.dialect == .sqlite {
            var total: Int64 = 0
            let (sql, key) = first(filter)
            try db.forEach(sql, [.integer(scope.environmentID), .int(page.limit), .text(list)] + key) { row in
                total = row.int(totalColumn)
                try write(row)
            }
            return total
        }
        // A partitioned table opens all its parts for a page that may lie in any; a look at the days costs less.
        let place =
            isFirst ? try DayPager.head(list, page, scope, db) : try DayPager.place(list, page, scope, db)
        if !place.isEmpty { try rows(filter, place, limit: page.limit, scope, db, write) }
        return place.total
    }

    private static func first(_ filter: TransactionFilter) -> (sql: String, key: [SQLValue]) {
        switch filter {
        case .account(let id): (firstOfAccountSQL, [.text(id)])
        case .customer(let id): (firstOfCustomerSQL, [.text(id)])
        case .institution(let slug): (firstOfInstitutionSQL, [.text(slug)])
        case .all, .connection, .number: (firstOfAllSQL, [])
        }
    }

    /// The transactions of a few accounts as one list. `write` gives each row's item, which is kept until its
    /// place among the others is known.
    public static func merged(
        _ accounts: [String], _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> [UInt8]
    ) throws -> (total: Int64, items: [[UInt8]]) {
        var place = try DayPager.place(accounts.map { "account:\($0)" }, page, scope, db)
        guard !place.isEmpty else { return (place.total, []) }
        let skip = Int(place.offset)
        place.offset = 0
        var found: [(key: String, item: [UInt8])] = []
        for account in accounts {
            try rows(.account(account), place, limit: skip + page.limit, scope, db) { row in
                found.append((row.text(8) + row.text(0), try write(row)))
            }
        }
        found.sort { $0.key > $1.key }
        return (place.total, found.dropFirst(skip).prefix(page.limit).map(\.item))
    }

    private static func rows(
        _ filter: TransactionFilter, _ place: DayPager.Place, limit: Int, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws {
        let values: [SQLValue] = [
            .integer(scope.environmentID), .text(place.from), .text(place.to), .int(limit), .integer(place.offset),
        ]
        switch filter {
        case .account(let id): try db.forEach(accountSQL, values + [.text(id)], write)
        case .customer(let id): try db.forEach(customerSQL, values + [.text(id)], write)
        case .institution(let slug): try db.forEach(institutionSQL, values + [.text(slug)], write)
        case .all, .connection, .number: try db.forEach(allSQL, values, write)
        }
    }

    /// Shows one transaction's row to `write`.
    /// - Returns: false when the environment has none of that id.
    public static func one(
        _ id: String, _ scope: Scope, _ db: any SQLConnection, _ write: (borrowing Row) throws -> Void
    ) throws -> Bool {
        try db.forEach(oneSQL, [.integer(scope.environmentID), .text(id)], write) > 0
    }

    // MARK: by cursor

    private static let afterSQL = """
        SELECT \(columns) FROM account_transaction WHERE environment_id = $1 AND account_id = $2
            AND (booked_on, id) < ($3, $4) AND booked_on >= $5 AND status <> 'removed'
        ORDER BY booked_on DESC, id DESC LIMIT $6
        """

    /// Where a page by cursor begins.
    public struct Cursor: Sendable {
        public let account: String
        public let day: String
        public let id: String
        /// Older days are left out.
        public let from: String

        public init(account: String, day: String, id: String, from: String) {
            self.account = account
            self.day = day
            self.id = id
            self.from = from
        }
    }

    /// The account's rows behind one of them, in the order of the lists.
    public static func after(
        _ cursor: Cursor, limit: Int, _ scope: Scope, _ db: any SQLConnection, _ write: (borrowing Row) throws -> Void
    ) throws {
        try db.forEach(
            afterSQL,
            [
                .integer(scope.environmentID), .text(cursor.account), .text(cursor.day), .text(cursor.id),
                .text(cursor.from), .int(limit),
            ], write)
    }

    // MARK: by amount

    private static let amountSQL = """
        SELECT \(columns)
        FROM (SELECT id, connection_id, account_id, customer_id, institution, status, amount_minor, currency, booked_on,
                occurred_at_ms, description, counterparty, reference, channel, branch, code, running_minor, revision,
                created_at_ms, updated_at_ms FROM account_transaction
            WHERE environment_id = $1 AND booked_on >= $2 AND booked_on <= $3 AND status <> 'removed'
            ORDER BY booked_on DESC, id DESC LIMIT \(BoundedReads.scannedMax)) AS newest
        WHERE amount_minor >= $4 AND amount_minor <= $5 ORDER BY booked_on DESC, id DESC LIMIT \(BoundedReads.rowsMax)
        """

    /// Searches the newest `BoundedReads.scannedMax` rows of the days for amounts in a range.
    public static func amount(
        _ range: ClosedRange<Int64>, _ page: PageRequest, _ scope: Scope, _ db: any SQLConnection,
        _ write: (borrowing Row) throws -> Void
    ) throws -> Int64 {
        try BoundedReads.page(
            amountSQL,
            [
                .integer(scope.environmentID), .text(page.from?.iso ?? DayPager.firstDay),
                .text(page.to?.iso ?? DayPager.lastDay), .integer(range.lowerBound), .integer(range.upperBound),
            ], page, db, write)
    }

    /// How many transactions accounts have, from their totals.
    public static func count(accounts: [String], _ scope: Scope, _ db: any SQLConnection) throws -> Int64 {
        try accounts.reduce(0) { sum, account in
            sum + (try DayPager.place("account:\(account)", PageRequest(), scope, db).total)
        }
    }
}
