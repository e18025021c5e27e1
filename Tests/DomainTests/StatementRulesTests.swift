import Domain
import Testing

@Suite("Rules of statements")
struct StatementRulesTests {
    private let day = LocalDate(dayNumber: 20_000)

    @Test("a day contradicts when what is stored is not in the statement, but not where the file only begins or ends")
    func contradiction() {
        func isOther(_ stored: [Int64], _ statement: [Int64], isEdge: Bool = false) -> Bool {
            StatementContradiction.day(day, stored: stored, statement: statement, isEdge: isEdge) != nil
        }
        #expect(!isOther([5, 5], [5, 5]))
        #expect(!isOther([5], [5, 7]), "more is only new")
        #expect(isOther([5, 5], [5]), "a twin is missing")
        #expect(!isOther([5, 5], [5], isEdge: true), "the day is not over in the file")
        #expect(isOther([5], [6], isEdge: true), "another amount")
        #expect(isOther([5], []))
        let moved = StatementContradiction.day(day, stored: [5], statement: [], elsewhere: [5], isEdge: false)
        #expect(moved == nil, "the statement has it under its day of value")
        #expect(StatementContradiction.day(day, stored: [5, 5], statement: [], elsewhere: [5], isEdge: false) != nil)
    }

    @Test("a row is known in a statement that dates it by its day of value, once, and not against the running balance")
    func valueDays() {
        func row(_ minor: Int64, on day: LocalDate, _ text: String, value: LocalDate? = nil) -> FetchedTransaction {
            var row = FetchedTransaction(
                upstreamID: nil, status: .booked, amount: Money(minor: minor, currency: .ngn), bookedOn: day, text: text
            )
            row.valueOn = value
            return row
        }
        func added(_ stored: [FetchedTransaction], _ fetched: [FetchedTransaction]) -> [String] {
            let known = stored.enumerated().map { StoredTransaction(id: ID(trusted: "\($0)"), fetched: $1) }
            let window = DayWindow(from: day, to: day.adding(days: 3))
            return Reconciler.reconcile(stored: known, fetched: fetched, window: window).added.map(\.text)
        }
        let value = day.adding(days: 3)
        let booked = [
            row(-5000, on: day, "Rent", value: value), row(-200, on: day.adding(days: 1), "Shop", value: value),
            row(-200, on: value, "X"),
        ]
        let valued = [row(-5000, on: value, "ADA"), row(-200, on: value, "SHOP 7"), row(-200, on: value, "X")]
        #expect(added(booked, valued).isEmpty)
        #expect(added(valued, booked).isEmpty, "whichever came first")
        #expect(added(booked, valued + [row(-200, on: value, "Shop")]).count == 1, "each row is one")
        #expect(added([row(-5000, on: day, "Rent")], valued).count == 3, "without days of value they are others")
        #expect(added([row(-5000, on: day, "Rent", value: day.adding(days: 2))], [valued[0]]) == ["ADA"])
        var (one, two) = (booked[0], valued[0])
        one.runningBalance = Money(minor: 100, currency: .ngn)
        two.runningBalance = Money(minor: 200, currency: .ngn)
        #expect(added([one], [two]) == ["ADA"])
    }

    @Test("the next statement is due as long after the newest one as they usually are apart")
    func rhythm() {
        func window(_ from: Int, _ to: Int) -> DayWindow {
            DayWindow(from: day.adding(days: from), to: day.adding(days: to))
        }
        #expect(StatementRhythm.due([]) == nil)
        #expect(StatementRhythm.due([window(0, 29)]) == day.adding(days: 29 + 30 + 3))
        #expect(StatementRhythm.due([window(0, 29), window(0, 59)]) == day.adding(days: 59 + 30 + 3))
        #expect(StatementRhythm.due([window(0, 0)]) == day.adding(days: 7 + 3))
        #expect(StatementRhythm.due([window(0, 799)]) == day.adding(days: 799 + 92 + 3))
        let due = day.start()
        #expect(StatementRhythm.next(due: day, after: due + -1) == due)
        #expect(StatementRhythm.next(due: day, after: due) == day.adding(days: 7).start())
        #expect(StatementRhythm.next(due: day, after: day.adding(days: 21).start()) == nil)
    }

    @Test("a choice needs an account, a number where there is none, and a word on contradicted days")
    func choice() {
        var preview = StatementPreview(upload: "u", format: "csv", profile: nil, encoding: "utf-8", isZipped: false)
        var account = StatementPreview.Account(
            part: "0", currency: .ngn, period: DayWindow(from: day, to: day), rows: 1)
        preview.accounts = [account]
        func isTaken(_ choice: StatementChoice) -> Bool {
            if case .success = preview.chosen(choice) { true } else { false }
        }
        #expect(!isTaken(StatementChoice()))
        #expect(!isTaken(StatementChoice(accountNumber: "12 34<")))
        #expect(isTaken(StatementChoice(accountNumber: "0123456789")))
        #expect(!isTaken(StatementChoice(parts: ["9"], accountNumber: "0123456789")))
        account.number = "0123456789"
        account.contradictions = [ContradictedDay(day: day, stored: [1], statement: [2])]
        preview.accounts = [account]
        #expect(!isTaken(StatementChoice()))
        #expect(isTaken(StatementChoice(contradiction: .keep)))
        #expect(!isTaken(StatementChoice(contradiction: .replace)), "a bank's word stays")
        preview.accounts[0].mayReplace = true
        #expect(isTaken(StatementChoice(contradiction: .replace)))
        #expect(StatementPreview(json: preview.json(isWhole: true)) == preview)
        #expect(!preview.json().encoded.contains("0123456789"))
    }

    @Test("a statement fills in what a stored row lacks, and overrules nothing but a pending one")
    func merge() {
        let old = FetchedTransaction(
            upstreamID: "a", status: .booked, amount: Money(minor: 5, currency: .ngn), bookedOn: day, text: "Bank's")
        var new = old
        new.text = "File's"
        new.reference = "R1"
        var result = ReconcileResult()
        result.modified = [.init(id: ID(trusted: "1"), before: old, after: new)]
        result.removed = [StoredTransaction(id: ID(trusted: "2"), fetched: old)]
        let merged = StatementMerge.merged(result, replaced: [])
        #expect(merged.modified.map(\.after.text) == ["Bank's"] && merged.modified.map(\.after.reference) == ["R1"])
        #expect(merged.removed.isEmpty)
        #expect(StatementMerge.merged(result, replaced: [day]).removed.count == 1)
        var pending = old
        pending.status = .pending
        result.modified = [.init(id: ID(trusted: "1"), before: pending, after: new)]
        let booked = StatementMerge.merged(result, replaced: []).modified.first?.after
        #expect(booked?.status == .booked && booked?.text == "File's" && booked?.upstreamID == "a")
    }
}
