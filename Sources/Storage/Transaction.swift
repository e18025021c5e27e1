import Domain

/// What a unit of work may do inside `Database.write`. A unit may run twice (its group is retried unit by unit),
/// so it has no effect but through this.
public final class Transaction: OpenUnit {
    public let db: any SQLConnection
    private var deferred: [String: (statement: BulkStatement, rows: [[SQLValue]])] = [:]
    private var totals: [TotalKey: Total] = [:]
    private var known: [String: Any] = [:]
    /// Delivery lanes into which something was put; their owners are told after COMMIT.
    private(set) var lanes: Set<Int64> = []

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

    func note(lane: Int64) { lanes.insert(lane) }

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
    /// One row of an amount; its status does not matter here.
    init(row minor: Int64) {
        self.init(count: 1, creditMinor: max(minor, 0), debitMinor: minor < 0 ? Self.negated(minor) : 0)
    }

    /// A sum beyond 64 bits stays at their end: a list's total is never a reason to stop.
    static func + (left: Total, right: Total) -> Total {
        Total(
            count: sum(left.count, right.count), creditMinor: sum(left.creditMinor, right.creditMinor),
            debitMinor: sum(left.debitMinor, right.debitMinor))
    }
    static func += (left: inout Total, right: Total) { left = left + right }
    static func - (left: Total, right: Total) -> Total {
        left
            + Total(
                count: negated(right.count), creditMinor: negated(right.creditMinor),
                debitMinor: negated(right.debitMinor))
    }
    static func -= (left: inout Total, right: Total) { left = left - right }

    /// As many as the database adds without leaving 64 bits, either way.
    static let most = Int64.max

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right < 0 ? -most : most) : max(sum, -most)
    }
    private static func negated(_ number: Int64) -> Int64 { number < -most ? most : -number }
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

    /// The sum of what is there and what is added, at the end of 64 bits where it would leave them: one list's sum must
    /// not fail the transaction of all others.
    private static func clamped(_ column: String) -> String {
        """
        \(column) = CASE
            WHEN excluded.\(column) > 0 AND day_total.\(column) > \(Total.most) - excluded.\(column)
                THEN \(Total.most)
            WHEN excluded.\(column) < 0 AND day_total.\(column) < -\(Total.most) - excluded.\(column)
                THEN -\(Total.most)
            ELSE day_total.\(column) + excluded.\(column) END
        """
    }

    static let add = BulkStatement.insert(
        order: 0, into: "day_total",
        [
            ("environment_id", .bigint), ("list", .text), ("day", .text), ("count", .bigint), ("credit_minor", .bigint),
            ("debit_minor", .bigint),
        ],
        conflict: """
            ON CONFLICT (environment_id, list, day) DO UPDATE SET count = day_total.count + excluded.count,
            \(clamped("credit_minor")), \(clamped("debit_minor")), revision = day_total.revision + 1
            """)
}
