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
