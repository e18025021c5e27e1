/// What the check of an account reads of one booked transaction; in the order in which rows of one day are kept.
public struct CheckedRow: Sendable, Equatable {
    public var day: LocalDate
    public var minor: Int64
    /// What the bank says was in the account after it.
    public var running: Int64?
    public init(day: LocalDate, minor: Int64, running: Int64?) {
        self.day = day
        self.minor = minor
        self.running = running
    }
}

/// A day up to which an account is known, and what was in it at the end of that day. All in minor units.
public struct CheckedBase: Sendable, Equatable {
    public var on: LocalDate
    public var minor: Int64
    public init(on: LocalDate, minor: Int64) {
        self.on = on
        self.minor = minor
    }
}

/// Money that the bank's balances know of and its transactions do not: transactions are missing in these days, or too
/// many are there.
public struct CompletenessGap: Sendable, Equatable {
    public var window: DayWindow
    /// Plus: money came in that no transaction tells of. 0 when what is missing cancels out.
    public var minor: Int64
    public init(window: DayWindow, minor: Int64) {
        self.window = window
        self.minor = minor
    }
}

/// Whether the transactions of an account are all that its balances speak of.
///
/// Where the bank tells a running balance with each row, the rows of a day are a chain whatever their order: each
/// row's balance before it is another's balance after it, but for the first and the last. A day with more loose ends
/// lacks rows, and a day that does not begin where the last one ended shows that something between them is missing.
/// Where it does not, the balance that was fetched with the rows must be the last known one and the rows since.
public enum Completeness {
    /// What the answer rests on.
    public enum Basis: String, Sendable { case running, balance, none }

    /// What a check came to.
    public struct Finding: Sendable, Equatable {
        public var basis: Basis
        public var gaps: [CompletenessGap] = []
        /// Where the next check begins; nil leaves the one before.
        public var base: CheckedBase?
    }

    /// Rows that banks post late are looked for this far back, so that far the base stays behind.
    static let settledDays = 14

    /// - Parameters:
    ///   - ledger: the balance that was fetched together with the newest rows; nil when none was.
    ///   - rows: the booked rows after the base's day, or all without one, by day.
    ///   - today: of the environment.
    ///   - mustSettle: what is missing was told of long ago; the base moves on all the same.
    public static func check(
        ledger: Int64?, base: CheckedBase?, rows: [CheckedRow], today: LocalDate, mustSettle: Bool = false
    ) -> Finding {
        let days = CheckedDay.days(rows)
        var chain = BalanceChain(base: base)
        for (index, day) in days.enumerated() {
            chain.add(day, nextLoose: index + 1 < days.count ? days[index + 1].openings : ledger.map { [$0] } ?? [])
        }
        if let ledger, chain.chained > 0 { chain.end(ledger, today: today) }
        if chain.isTrusted {
            var finding = Finding(basis: .running, gaps: chain.gaps)
            if chain.gaps.isEmpty || mustSettle, let last = ledger ?? chain.closing {
                finding.base = settled(last, rows, base, today)
            }
            return finding
        }
        guard let ledger else { return Finding(basis: .none) }
        guard let base else { return Finding(basis: .balance, base: settled(ledger, rows, nil, today)) }
        let missing = ledger &- rows.reduce(base.minor) { $0 &+ $1.minor }
        guard missing == 0 else {
            let from = min(base.on.adding(days: settledDays), today)
            return Finding(
                basis: .balance,
                gaps: [CompletenessGap(window: DayWindow(from: from, to: today), minor: missing)],
                base: mustSettle ? settled(ledger, rows, base, today) : nil)
        }
        return Finding(basis: .balance, base: settled(ledger, rows, base, today))
    }

    /// The base moves when its day is well behind, so that most checks write nothing.
    private static func settled(
        _ ledger: Int64, _ rows: [CheckedRow], _ base: CheckedBase?, _ today: LocalDate
    ) -> CheckedBase? {
        let on = today.adding(days: -settledDays)
        if let base, base.on.adding(days: settledDays / 2) > on { return nil }
        return CheckedBase(on: on, minor: rows.reduce(ledger) { $1.day > on ? $0 &- $1.minor : $0 })
    }
}

/// The rows of one day as a chain of running balances.
struct CheckedDay {
    var day: LocalDate
    var sum: Int64 = 0
    var hasAll = true
    /// Balances before a row that no other row of the day ended with, oldest kept first.
    var openings: [Int64] = []
    /// Balances after a row that no other row of the day began with.
    var closings: [Int64] = []

    static func days(_ rows: [CheckedRow]) -> [CheckedDay] {
        var days: [CheckedDay] = []
        var first = rows.startIndex
        while first < rows.endIndex {
            let last = rows[first...].firstIndex { $0.day != rows[first].day } ?? rows.endIndex
            days.append(CheckedDay(rows[first..<last]))
            first = last
        }
        return days
    }

    private init(_ rows: ArraySlice<CheckedRow>) {
        day = rows.first?.day ?? LocalDate(dayNumber: 0)
        var ends: [Int64: Int] = [:]
        for row in rows {
            sum = sum &+ row.minor
            guard let running = row.running else {
                hasAll = false
                continue
            }
            ends[running, default: 0] += 1
        }
        guard hasAll else { return }
        for row in rows {
            let before = (row.running ?? 0) &- row.minor
            if let count = ends[before], count > 0 { ends[before] = count - 1 } else { openings.append(before) }
        }
        for row in rows {
            guard let running = row.running, let count = ends[running], count > 0 else { continue }
            ends[running] = count - 1
            closings.append(running)
        }
    }
}

/// Walks days from old to new.
struct BalanceChain {
    /// What was in the account at the end of the last day, where that is known.
    private(set) var closing: Int64?
    /// The first day in which something after it may be missing.
    private var closedOn: LocalDate?
    private(set) var gaps: [CompletenessGap] = []
    /// Days that could be looked at by their running balances.
    private(set) var chained = 0

    init(base: CheckedBase?) {
        closing = base?.minor
        // What was in the account at the end of the base's day is settled; of a day of rows the last one may lack.
        closedOn = base?.on.adding(days: 1)
    }

    /// Running balances that hardly ever fit are not what their name says, and prove nothing.
    var isTrusted: Bool { chained > 0 && (gaps.count <= 2 || gaps.count * 4 <= chained) }

    /// - Parameter nextLoose: what comes after, to know the last of several loose ends.
    mutating func add(_ day: CheckedDay, nextLoose: [Int64]) {
        guard day.hasAll else {
            closing = closing.map { $0 &+ day.sum }
            if closing != nil { closedOn = day.day }
            return
        }
        chained += 1
        guard !day.openings.isEmpty else {
            // The day ends as it began: it says nothing of where that was.
            if closing != nil { closedOn = day.day }
            return
        }
        var opening = day.openings[0]
        if let closing, day.openings.contains(closing) { opening = closing }
        if let closing, let closedOn, closing != opening {
            found(from: min(closedOn, day.day), to: day.day, opening &- closing)
        }
        let end = day.closings.last { nextLoose.contains($0) } ?? day.closings.last ?? (opening &+ day.sum)
        if day.openings.count > 1 { found(from: day.day, to: day.day, end &- opening &- day.sum) }
        closing = end
        closedOn = day.day
    }

    /// The balance that was fetched after all rows.
    mutating func end(_ ledger: Int64, today: LocalDate) {
        guard let closing, let closedOn, closing != ledger else { return }
        found(from: min(closedOn, today), to: today, ledger &- closing)
    }

    private mutating func found(from: LocalDate, to: LocalDate, _ minor: Int64) {
        gaps.append(CompletenessGap(window: DayWindow(from: from, to: to), minor: minor))
    }
}
