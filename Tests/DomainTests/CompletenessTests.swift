import Domain
import Testing

@Suite("Completeness of an account")
struct CompletenessTests {
    private let today = LocalDate("2024-03-31")!

    private func day(_ ago: Int) -> LocalDate { today.adding(days: -ago) }

    /// Rows of so many days ago, oldest first, with the balances that run from `opening`.
    private func chained(_ amounts: [(ago: Int, minor: Int64)], from opening: Int64 = 1_000) -> [CheckedRow] {
        var balance = opening
        return amounts.map { one in
            balance += one.minor
            return CheckedRow(day: day(one.ago), minor: one.minor, running: balance)
        }
    }

    private func plain(_ rows: [CheckedRow]) -> [CheckedRow] {
        rows.map { CheckedRow(day: $0.day, minor: $0.minor, running: nil) }
    }

    private let month: [(ago: Int, minor: Int64)] = [
        (28, 500), (28, -100), (28, -300), (20, 70), (20, -70), (20, 10), (9, -40), (3, 25), (3, -5), (0, 60),
    ]

    @Test("a whole chain is complete whatever the order within its days, and its base moves behind")
    func whole() {
        let rows = chained(month)
        let last = rows.last?.running ?? 0
        let found = Completeness.check(ledger: last, base: nil, rows: rows, today: today)
        #expect(found.basis == .running)
        #expect(found.gaps.isEmpty)
        #expect(found.base == CheckedBase(on: day(14), minor: 1_110))
        for seed in 0..<20 {
            var random = SeededRandom(seed: UInt64(seed))
            let shuffled = rows.shuffled(using: &random).sorted { $0.day < $1.day }
            #expect(Completeness.check(ledger: last, base: nil, rows: shuffled, today: today) == found)
        }
    }

    @Test("any row that is missing is found on its day or between its neighbours, with its amount")
    func missing() {
        let rows = chained(month)
        let last = rows.last?.running ?? 0
        let base = CheckedBase(on: day(29), minor: 1_000)
        for index in rows.indices {
            var some = rows
            let gone = some.remove(at: index)
            let found = Completeness.check(ledger: last, base: base, rows: some, today: today)
            #expect(found.basis == .running)
            #expect(found.gaps.reduce(0) { $0 + $1.minor } == gone.minor, "row \(index)")
            #expect(found.gaps.count == 1, "row \(index)")
            #expect(found.gaps.allSatisfy { $0.window.contains(gone.day) }, "row \(index)")
            #expect(found.base == nil)
        }
    }

    @Test("a whole day that is missing lies between the days around it")
    func missingDay() {
        let rows = chained(month).filter { $0.day != day(20) }
        let found = Completeness.check(ledger: rows.last?.running, base: nil, rows: rows, today: today)
        #expect(found.gaps == [CompletenessGap(window: DayWindow(from: day(28), to: day(9)), minor: 10)])
    }

    @Test("newest rows that are missing show in the balance")
    func missingNewest() {
        let rows = Array(chained(month).dropLast())
        let ledger = chained(month).last?.running
        let found = Completeness.check(ledger: ledger, base: nil, rows: rows, today: today)
        #expect(found.gaps == [CompletenessGap(window: DayWindow(from: day(3), to: today), minor: 60)])
    }

    @Test("a row that is there twice is a gap of the opposite amount")
    func surplus() {
        var rows = chained(month)
        rows.insert(rows[6], at: 6)
        let found = Completeness.check(ledger: rows.last?.running, base: nil, rows: rows, today: today)
        #expect(found.gaps.reduce(0) { $0 + $1.minor } == 40)
        #expect(found.gaps.allSatisfy { $0.window.contains(day(9)) })
    }

    @Test("running balances that hardly ever fit prove nothing, and the fetched balance is looked at instead")
    func garbage() {
        let rows = chained(month).enumerated().map { index, row in
            CheckedRow(day: row.day, minor: row.minor, running: Int64(index * 7_919))
        }
        let base = CheckedBase(on: day(29), minor: 1_000)
        let ledger = chained(month).last?.running
        let found = Completeness.check(ledger: ledger, base: base, rows: rows, today: today)
        #expect(found.basis == .balance)
        #expect(found.gaps.isEmpty)
    }

    @Test("without running balances the fetched balance must be the last one and the rows since")
    func balances() {
        let rows = plain(chained(month))
        let ledger = chained(month).last?.running
        let first = Completeness.check(ledger: ledger, base: nil, rows: rows, today: today)
        #expect(first.basis == .balance)
        #expect(first.base == CheckedBase(on: day(14), minor: 1_110))
        let later = rows.filter { $0.day > day(14) }
        #expect(Completeness.check(ledger: ledger, base: first.base, rows: later, today: today).gaps.isEmpty)
        let short = Array(later.dropFirst())
        let found = Completeness.check(ledger: ledger, base: first.base, rows: short, today: today)
        #expect(found.gaps.map(\.minor) == [-40])
        #expect(found.gaps.allSatisfy { $0.window.contains(today) })
        #expect(found.base == nil)
        #expect(
            Completeness.check(
                ledger: ledger, base: first.base, rows: short, today: today.adding(days: 20), mustSettle: true
            )
            .base != nil)
    }

    @Test("without any balance nothing is known")
    func unknown() {
        #expect(Completeness.check(ledger: nil, base: nil, rows: plain(chained(month)), today: today).basis == .none)
        #expect(Completeness.check(ledger: nil, base: nil, rows: [], today: today).basis == .none)
    }

    @Test("a gap is suspected, fetched again, then told of, and told of again when it closes")
    func life() {
        let gap = CompletenessGap(window: DayWindow(from: day(5), to: day(3)), minor: 100)
        let first = GapChanges(kept: [], found: [gap], isRefetched: false)
        #expect(first.suspected == [gap])
        #expect(first.opened.isEmpty)
        let kept = KeptGap(id: 1, gap: gap, state: .suspected)
        #expect(GapChanges(kept: [kept], found: [gap], isRefetched: false).isEmpty)
        #expect(GapChanges(kept: [kept], found: [], isRefetched: true).closed == [kept])
        let second = GapChanges(kept: [kept], found: [gap], isRefetched: true)
        #expect(second.opened == [KeptGap(id: 1, gap: gap, state: .open)])
        let open = KeptGap(id: 1, gap: gap, state: .open)
        var grown = gap
        grown.minor = 150
        grown.window.to = day(0)
        let moved = GapChanges(kept: [open], found: [grown], isRefetched: false)
        #expect(moved.moved.map(\.gap) == [CompletenessGap(window: gap.window, minor: 150)])
        #expect(GapChanges(kept: [open], found: [gap], isRefetched: true).isEmpty)
        #expect(GapChanges(kept: [open], found: [], isRefetched: false).closed == [open])
    }
}
