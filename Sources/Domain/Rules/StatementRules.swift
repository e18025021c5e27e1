/// A day of which a statement says something else than what is stored.
public struct ContradictedDay: Sendable, Equatable {
    public var day: LocalDate
    public var storedRows: Int
    public var statementRows: Int
    /// Sums of the day's rows, in minor units.
    public var storedMinor: Int64
    public var statementMinor: Int64

    public init(day: LocalDate, stored: [Int64], statement: [Int64]) {
        self.day = day
        storedRows = stored.count
        statementRows = statement.count
        storedMinor = stored.reduce(0, &+)
        statementMinor = statement.reduce(0, &+)
    }

    var json: JSONValue {
        [
            "day": .string(day.iso), "stored_rows": .integer(Int64(storedRows)),
            "statement_rows": .integer(Int64(statementRows)), "stored_minor": .integer(storedMinor),
            "statement_minor": .integer(statementMinor),
        ]
    }

    init?(json value: JSONValue) {
        guard let day = value["day"]?.text.flatMap({ LocalDate($0) }) else { return nil }
        self.init(day: day, stored: [], statement: [])
        storedRows = Int(StatementText.integer(value["stored_rows"]) ?? 0)
        statementRows = Int(StatementText.integer(value["statement_rows"]) ?? 0)
        storedMinor = StatementText.integer(value["stored_minor"]) ?? 0
        statementMinor = StatementText.integer(value["statement_minor"]) ?? 0
    }
}

/// When what a statement says of a day and what is stored of it cannot both be true.
public enum StatementContradiction {
    /// - Parameters:
    ///   - stored: amounts of the day's booked rows, in minor units.
    ///   - statement: the same of the statement.
    ///   - elsewhere: amounts that the statement has on other days, and that may be this day's by their days of value.
    ///   - isEdge: the first or last day of the statement, of which it may hold only a part.
    /// - Returns: nil when the statement has all that is stored. Rows that it has beyond that are only new ones.
    public static func day(
        _ day: LocalDate, stored: [Int64], statement: [Int64], elsewhere: [Int64] = [], isEdge: Bool
    ) -> ContradictedDay? {
        var left: [Int64: Int] = [:]
        for amount in statement { left[amount, default: 0] += 1 }
        var others: [Int64: Int] = [:]
        for amount in elsewhere { others[amount, default: 0] += 1 }
        var isMissing = false
        for amount in stored {
            if let count = left[amount], count > 0 {
                left[amount] = count - 1
            } else if let count = others[amount], count > 0 {
                others[amount] = count - 1
            } else {
                isMissing = true
            }
        }
        let hasMore = left.values.contains { $0 > 0 }
        guard isMissing, hasMore || !isEdge else { return nil }
        return ContradictedDay(day: day, stored: stored, statement: statement)
    }
}

/// How a statement's rows change those that are stored: they add what is missing, and overrule nothing.
public enum StatementMerge {
    /// - Parameter replaced: days of which the person said that the statement is right.
    public static func merged(_ result: ReconcileResult, replaced: Set<LocalDate>) -> ReconcileResult {
        var merged = result
        merged.modified = []
        merged.renamed = []
        for change in result.modified + result.renamed {
            var change = change
            change.after = filled(change.before, change.after)
            if Reconciler.isChanged(change.before, change.after) {
                merged.modified.append(change)
            } else {
                merged.unchanged += 1
            }
        }
        // A statement has no pending rows to be complete of.
        merged.removed = result.removed.filter {
            $0.fetched.status == .booked && replaced.contains($0.fetched.bookedOn)
        }
        return merged
    }

    private static func filled(_ old: FetchedTransaction, _ new: FetchedTransaction) -> FetchedTransaction {
        // What was only pending is told anew by the statement that has it booked.
        guard old.status != .pending || new.status != .booked else {
            var booked = new
            booked.upstreamID = old.upstreamID
            booked.counterparty = new.counterparty ?? old.counterparty
            booked.reference = new.reference ?? old.reference
            return booked
        }
        var filled = old
        filled.occurredAt = old.occurredAt ?? new.occurredAt
        filled.counterparty = old.counterparty ?? new.counterparty
        filled.reference = old.reference ?? new.reference
        filled.channel = old.channel ?? new.channel
        filled.branch = old.branch ?? new.branch
        filled.code = old.code ?? new.code
        filled.runningBalance = old.runningBalance ?? new.runningBalance
        return filled
    }
}

/// When the next statement can be expected, and when a person is reminded of it.
public enum StatementRhythm {
    /// Days after the day on which it is due at which it is told of, until it comes.
    public static let reminderDays = [0, 7, 21]
    /// A bank needs a few days to make a statement.
    static let graceDays = 3
    static let usualDays = 7...92

    /// The day on which the next one is due: as long after the newest one's end as that one is long, or as long as
    /// it ended after the one before.
    /// - Parameter periods: of the statements so far, in any order; nil without any.
    public static func due(_ periods: [DayWindow]) -> LocalDate? {
        guard let newest = periods.max(by: { ($0.to, $1.from) < ($1.to, $0.from) }) else { return nil }
        var days = newest.to.dayNumber - newest.from.dayNumber + 1
        if let earlier = periods.lazy.map(\.to).filter({ $0 < newest.to }).max() {
            days = min(days, newest.to.dayNumber - earlier.dayNumber)
        }
        days = min(max(days, usualDays.lowerBound), usualDays.upperBound)
        return newest.to.adding(days: days + graceDays)
    }

    /// The first moment after `now` at which there is something to tell; nil when nothing is left.
    public static func next(due: LocalDate?, after now: Instant) -> Instant? {
        guard let due else { return nil }
        return reminderDays.map { due.adding(days: $0).start() }.first { $0 > now }
    }
}
