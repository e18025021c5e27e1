import Domain
import Testing

@Suite("What is believed of a bank")
struct FetchedRulesTests {
    private let today = LocalDate("2024-03-31")!
    private var window: DayWindow { DayWindow(from: today.adding(days: -29), to: today) }

    private func row(
        _ id: String?, _ daysAgo: Int, _ minor: Int64 = -100, currency: Currency = .ngn, text: String = "POS"
    ) -> FetchedTransaction {
        FetchedTransaction(
            upstreamID: id, status: .booked, amount: Money(minor: minor, currency: currency),
            bookedOn: today.adding(days: -daysAgo), text: text)
    }

    private func read(_ pages: [[FetchedTransaction]]) throws -> FetchedWindow {
        var reader = WindowReader(window, currency: .ngn, today: today)
        for (index, rows) in pages.enumerated() {
            let next = index < pages.count - 1 ? "p\(index + 1)" : nil
            guard try reader.take(FetchPage(rows: rows, nextCursor: next)) != nil else { return reader.result }
        }
        return reader.result
    }

    private func fault(_ body: () throws -> Void) -> BankFault? {
        do {
            try body()
            return nil
        } catch {
            return (error as? ConnectorError)?.fault
        }
    }

    @Test("honest pages are taken as they are")
    func honest() throws {
        let found = try read([[row("c", 0), row("b", 1)], [row("a", 2)]])
        #expect(found.rows.map(\.upstreamID) == ["c", "b", "a"])
        #expect(found.dropped.isEmpty && found.notes.isEmpty && found.rest == nil && found.isWhole)
        #expect(found.window == window)
    }

    @Test("a row that comes again on the next page counts once; rows without ids are never taken for repeats")
    func repeats() throws {
        let found = try read([[row("b", 0), row("a", 1)], [row("a", 1), row("z", 2)]])
        #expect(found.rows.map(\.upstreamID) == ["b", "a", "z"])
        #expect(found.dropped == [.rowRepeated: 1])
        #expect(found.isWhole)
        #expect(try read([[row(nil, 0), row(nil, 0)], [row(nil, 0)]]).rows.count == 3)
        // One id with two contents is for the reconciler to judge.
        #expect(try read([[row("a", 1, -100), row("a", 1, -200)]]).rows.count == 2)
    }

    @Test("rows of days to come and of other days are dropped with their reason, and nothing stored counts as gone")
    func days() throws {
        let found = try read([[row("f", -3), row("b", 1), row("o", 40)]])
        #expect(found.rows.map(\.upstreamID) == ["b"])
        #expect(found.dropped == [.rowInFuture: 1, .rowOutsideWindow: 1])
        #expect(!found.isWhole)
    }

    @Test("rows out of order are taken, and noted")
    func order() throws {
        let found = try read([[row("a", 5), row("b", 1)]])
        #expect(found.rows.count == 2)
        #expect(found.notes == [.rowsOutOfOrder])
    }

    @Test("another currency than the account's fails the step")
    func currency() {
        #expect(fault { _ = try read([[row("a", 1, currency: Currency(code: "USD"))]]) } == .currencyChanged)
    }

    @Test("pages that repeat, stay empty or do not end are told apart")
    func pages() {
        #expect(fault { _ = try read([[row("a", 1)], [row("a", 1)], [row("a", 1)]]) } == .pageRepeated)
        #expect(fault { _ = try read([[row(nil, 1)], [row(nil, 1)]]) } == .pageRepeated)
        #expect(fault { _ = try read([[], [], [], [], [], [], []]) } == .pagesEndless)
        #expect(fault { _ = try read((0...300).map { [row("r\($0)", 1)] }) } == .pagesEndless)
        #expect(fault { _ = try read([(0...20_000).map { row("r\($0)", 1) }]) } == .tooManyRows)
        var reader = WindowReader(window, currency: .ngn, today: today)
        #expect(
            fault {
                _ = try reader.take(FetchPage(rows: [row("a", 1)], nextCursor: "x"))
                _ = try reader.take(FetchPage(rows: [row("b", 1)], nextCursor: "x"))
            } == .pageRepeated)
    }

    @Test("a window of many rows ends at a whole day, and its rest and itself are all of it")
    func cut() throws {
        // 300 rows a day, in pages of 250.
        let all = (0..<30).flatMap { day in (0..<300).map { row("d\(day)r\($0)", day) } }
        let pages = stride(from: 0, to: all.count, by: 250).map { Array(all[$0..<min($0 + 250, all.count)]) }
        let found = try read(pages)
        let rest = try #require(found.rest)
        #expect(found.rows.count >= 1_500 && found.rows.count <= WindowReader.stepRowsMax)
        #expect(found.window.to == window.to && rest.from == window.from)
        #expect(rest.to.adding(days: 1) == found.window.from)
        #expect(found.rows == all.filter { found.window.contains($0.bookedOn) })
    }

    @Test("one day of many rows is not cut, nor are rows out of order")
    func uncut() throws {
        let day = (0..<10).map { page in (0..<250).map { row("p\(page)r\($0)", 3) } }
        #expect(try read(day).rest == nil)
        let mixed = (0..<10).map { page in (0..<250).map { row("p\(page)r\($0)", ($0 * 7) % 20) } }
        #expect(try read(mixed).rest == nil)
    }

    @Test("an account that is listed twice counts once, and two with one number are noted")
    func accounts() {
        let one = FetchedAccount(upstreamID: "a", number: "0123456789", name: "One")
        let again = FetchedAccount(upstreamID: "a", number: "0123456789", name: "Again")
        let other = FetchedAccount(upstreamID: "b", number: "0123456789", name: "Other")
        let found = FetchedRules.accounts([one, again, other])
        #expect(found.accounts == [one, other])
        #expect(found.dropped == [.duplicateAccount: 1])
        #expect(found.notes == [.duplicateNumber])
    }

    @Test("a balance in another currency is refused, and one of a time to come counts as of now")
    func balance() throws {
        let now = Instant(ms: 1_700_000_000_000)
        let dollars = FetchedBalance(
            ledger: Money(minor: 1, currency: Currency(code: "USD")), available: nil, asOf: now)
        #expect(fault { _ = try FetchedRules.balance(dollars, currency: .ngn, now: now) } == .currencyChanged)
        let late = FetchedBalance(ledger: Money(minor: 1, currency: .ngn), available: nil, asOf: now + 86_400_000)
        let found = try FetchedRules.balance(late, currency: .ngn, now: now)
        #expect(found.balance.asOf == now)
        #expect(found.notes == [.balanceInFuture])
    }

    @Test(
        "an amount or a balance that no account holds is refused, and the largest that is taken is taken",
        arguments: [Int64.min, Int64.max, Money.takenMinorMax + 1, -Money.takenMinorMax - 1])
    func absurd(_ minor: Int64) throws {
        let now = Instant(ms: 1_700_000_000_000)
        #expect(fault { _ = try read([[row("a", 1, minor)]]) } == .amountTooLarge)
        // Also in a row that would be dropped anyway: the bank cannot be believed.
        #expect(fault { _ = try read([[row("a", -3, minor)]]) } == .amountTooLarge)
        var running = row("a", 1)
        running.runningBalance = Money(minor: minor, currency: .ngn)
        #expect(fault { _ = try read([[running]]) } == .amountTooLarge)
        let money = Money(minor: minor, currency: .ngn)
        for told in [
            FetchedBalance(ledger: money, available: nil, asOf: now),
            FetchedBalance(ledger: nil, available: money, asOf: now),
        ] {
            #expect(fault { _ = try FetchedRules.balance(told, currency: .ngn, now: now) } == .amountTooLarge)
        }
        let most = minor < 0 ? -Money.takenMinorMax : Money.takenMinorMax
        #expect(try read([[row("a", 1, most)]]).rows.count == 1)
        let held = FetchedBalance(ledger: Money(minor: most, currency: .ngn), available: nil, asOf: now)
        #expect(try FetchedRules.balance(held, currency: .ngn, now: now).balance == held)
    }

    @Test("only what was fetched well just now makes one wait, and what is old enough lets the rest through")
    func cooldown() {
        let now = Instant(ms: 1_000_000)
        func next(_ okAt: Instant?..., ms: Int64 = 60_000) -> Instant? {
            RefreshCooldown.nextAllowed(okAt: okAt, now: now, cooldownMs: ms)
        }
        #expect(next(now + -10_000) == now + 50_000)
        #expect(next(now + -60_000) == nil)
        #expect(next(nil) == nil)
        #expect(next(now + -10_000, nil) == nil)
        #expect(next(now + -10_000, now + -20_000) == now + 40_000)
        #expect(next(now + -10_000, now + -70_000) == nil)
        #expect(next(now + -10_000, ms: 0) == nil)
        #expect(next() == nil)
    }

    @Test("a statement is taken newest first, whichever way the bank orders it, and keeps the order of its days")
    func statements() throws {
        let newest = [row("d", 0), row("c", 1), row("b", 1), row("a", 2)]
        for rows in [newest, newest.reversed(), [newest[1], newest[0], newest[2], newest[3]]] {
            let taken = try FetchedRules.statement(rows, currency: .ngn)
            #expect(taken.map(\.upstreamID) == ["d", "c", "b", "a"])
        }
        #expect(try FetchedRules.statement([], currency: .ngn).isEmpty)
        #expect(try FetchedRules.statement([row(nil, 0), row(nil, 0)], currency: .ngn).count == 2)
    }

    @Test("a statement with a foreign amount, an impossible one or a row twice is an error")
    func badStatements() {
        let cases: [([FetchedTransaction], BankFault)] = [
            ([row("a", 0, currency: Currency(code: "GHS"))], .currencyChanged),
            ([row("a", 0, Money.takenMinorMax + 1)], .amountTooLarge), ([row("a", 0), row("a", 0)], .rowRepeated),
            (Array(repeating: row(nil, 0), count: WindowReader.rowsMax + 1), .tooManyRows),
        ]
        for (rows, wanted) in cases {
            #expect(fault { _ = try FetchedRules.statement(rows, currency: .ngn) } == wanted)
        }
    }
}
