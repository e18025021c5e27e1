import Domain

/// What a unit of work may do inside `Database.write`. A unit may run twice (its group is retried unit by unit),
/// so it has no effect but through this.
public final class Transaction {
    public let db: any SQLConnection
    private var deferred: [String: (statement: BulkStatement, rows: [[SQLValue]])] = [:]
    private var totals: [TotalKey: Total] = [:]
    private var known: [String: Any] = [:]

    init(_ db: any SQLConnection) { self.db = db }

    /// Adds a row that is written set-based at the end of the group, together with those of other units.
    /// The unit cannot read it back.
    public func append(_ statement: BulkStatement, _ row: [SQLValue]) {
        deferred[statement.name, default: (statement, [])].rows.append(row)
    }

    /// Adds to the totals of a list's day and of the whole list; see `DayTotals`.
    public func count(_ list: String, of environmentID: Int64, on day: String, _ change: Total) {
        for key in [day, DayTotals.everyDay] {
            totals[TotalKey(environmentID: environmentID, list: list, day: key), default: Total()] += change
        }
    }

    /// Tells that what a list shows has changed, whether or not its totals have.
    public func touch(_ list: String, of environmentID: Int64) {
        totals[TotalKey(environmentID: environmentID, list: list, day: DayTotals.everyDay), default: Total()] += Total()
    }

    /// What a group asks once for all its units: only what no other transaction can change before COMMIT, or what may
    /// as well be as it was a moment ago. Whoever writes it calls `forget`.
    func once<Value>(_ name: String, _ ask: () throws -> Value) rethrows -> Value {
        if let value = known[name] as? Value { return value }
        let value = try ask()
        known[name] = value
        return value
    }

    /// The next `once` asks again.
    func forget(_ name: String) { known[name] = nil }

    /// The next `once` of all names that begin so asks again.
    func forget(allOf prefix: String) { known = known.filter { !$0.key.hasPrefix(prefix) } }

    func flush() throws {
        if !totals.isEmpty {
            let rows = totals.sorted { $0.key < $1.key }.map { key, total in
                [
                    SQLValue.integer(key.environmentID), .string(key.list), .string(key.day), .integer(total.count),
                    .integer(total.creditMinor), .integer(total.debitMinor),
                ]
            }
            try DayTotals.add.run(rows, on: db)
            totals = [:]
        }
        let ordered = deferred.values.sorted { $0.statement.order < $1.statement.order }
        deferred = [:]
        for (statement, rows) in ordered { try statement.run(rows, on: db) }
    }
}

/// How many rows a list gained on a day, and what they sum to.
public struct Total: Sendable, Equatable {
    public var count: Int64
    public var creditMinor: Int64
    public var debitMinor: Int64
    public init(count: Int64 = 0, creditMinor: Int64 = 0, debitMinor: Int64 = 0) {
        self.count = count
        self.creditMinor = creditMinor
        self.debitMinor = debitMinor
    }
    static func + (left: Total, right: Total) -> Total {
        Total(
            count: left.count + right.count, creditMinor: left.creditMinor + right.creditMinor,
            debitMinor: left.debitMinor + right.debitMinor)
    }
    static func += (left: inout Total, right: Total) { left = left + right }
}

private struct TotalKey: Hashable, Comparable {
    let environmentID: Int64
    let list: String
    let day: String
    static func < (left: Self, right: Self) -> Bool {
        (left.environmentID, left.list, left.day) < (right.environmentID, right.list, right.day)
    }
}

/// `day_total`: the number of rows of every list per day, kept in the data transaction, so that neither a total nor
/// a far page scans. Every change of a list, also one that leaves its totals, raises the revision of its grand total.
public enum DayTotals {
    /// The row that holds a list's grand total.
    public static let everyDay = ""
    /// Not a list: its revision is raised when the name of a customer changes, which rows of many lists show.
    public static let names = "names"

    static let add = BulkStatement.insert(
        order: 0, into: "day_total",
        [
            ("environment_id", .bigint), ("list", .text), ("day", .text), ("count", .bigint), ("credit_minor", .bigint),
            ("debit_minor", .bigint),
        ],
        conflict: """
            ON CONFLICT (environment_id, list, day) DO UPDATE SET count = day_total.count + excluded.count, \
            credit_minor = day_total.credit_minor + excluded.credit_minor, \
            debit_minor = day_total.debit_minor + excluded.debit_minor, revision = day_total.revision + 1
            """)
}
