import Domain

/// What the bank makes of an account's computed rows.
extension SandboxBank {
    /// Of the money that a person earns: what they move between their own accounts is none.
    private static let earned: [(kind: SandboxRowKind, name: String, frequency: String)] = [
        (.salary, "salary", "monthly"), (.sale, "sales", "variable"), (.interest, "interest", "monthly"),
    ]
    /// A statement has at most so many rows.
    private static let statementRowsMax = 20_000

    /// `GET accounts/<id>/income?months=`: 1 to 12, or all that there is.
    func income(
        _ caller: SandboxCaller, _ account: SandboxAccount, _ request: SandboxRequest
    ) throws(SandboxProblem) -> SandboxReply {
        let today = caller.now.day()
        let from = try months(request).map { Self.day(today, back: $0) } ?? account.ledger.epoch
        let window = DayWindow(from: max(from, account.ledger.epoch), to: today)
        let streams = streams(account.ledger, window, caller.now)
        let count = max(1, SandboxMonth(today).index - SandboxMonth(window.from).index)
        let total = streams.reduce(0) { $0 + $1.totalMinor }
        return SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            out.member("currency", caller.show.lie == .otherCurrency ? "GHS" : "NGN")
            out.member("from", window.from.iso)
            out.member("to", window.to.iso)
            out.member("months", count)
            out.decimal("total", total)
            out.decimal("monthly", total / Int64(count))
            out.array("streams") { list in
                for stream in streams { list.object { stream.write(&$0, months: count, narrator(caller, account)) } }
            }
        }
    }

    /// `GET accounts/<id>/statement?months=`: 1 to 12. All booked rows, newest first, with their number.
    func statement(
        _ caller: SandboxCaller, _ account: SandboxAccount, _ request: SandboxRequest
    ) throws(SandboxProblem) -> SandboxReply {
        guard let months = try months(request) else {
            throw SandboxProblem(400, "bad_request", "`months` is missing.").delayed(caller.persona)
        }
        let today = caller.now.day()
        let window = DayWindow(from: Self.day(today, back: months), to: today)
        let shown = statement(account, caller.persona, caller.history, at: caller.now, caller.show)
        let entries = shown.entries(in: window, after: nil, limit: Self.statementRowsMax)
            .filter { $0.status == .booked }
        let page = SandboxPage(
            account: account.upstreamID, window: window, after: nil, entries: entries, hasMore: false, now: caller.now,
            show: caller.show)
        return SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            out.member("count", entries.count)
            page.write(&out)
        }
    }

    private func months(_ request: SandboxRequest) throws(SandboxProblem) -> Int? {
        guard let text = request.query["months"] else { return nil }
        guard let number = Int(text), (1...12).contains(number) else {
            throw SandboxProblem(400, "bad_request", "`months` is 1 to 12.")
        }
        return number
    }

    /// The same day of an earlier month, or its last one.
    private static func day(_ today: LocalDate, back months: Int) -> LocalDate {
        let month = SandboxMonth(index: SandboxMonth(today).index - months)
        return month.firstDay.adding(days: min(today.civil.day, month.days) - 1)
    }

    private func narrator(_ caller: SandboxCaller, _ account: SandboxAccount) -> SandboxNarrator {
        SandboxNarrator(nipCode: account.nipCode, holder: caller.persona.name.uppercased())
    }

    private func streams(_ ledger: SandboxLedger, _ window: DayWindow, _ now: Instant) -> [SandboxStream] {
        var found: [SandboxRowKind: SandboxStream] = [:]
        var month = SandboxMonth(window.from)
        while month <= SandboxMonth(window.to) {
            for row in ledger.rows(of: month) where window.contains(row.day) && row.instant <= now {
                guard let earned = Self.earned.first(where: { $0.kind == row.kind }) else { continue }
                found[row.kind, default: SandboxStream(earned.name, earned.frequency, row)].add(row)
            }
            month = month.next
        }
        return Self.earned.compactMap { found[$0.kind] }
    }
}

/// One kind of income of an account.
struct SandboxStream {
    let name: String
    let frequency: String
    private let first: SandboxRow
    private var last: SandboxRow
    private var count = 0
    private var inMonths: Set<SandboxMonth> = []
    private(set) var totalMinor: Int64 = 0

    init(_ name: String, _ frequency: String, _ first: SandboxRow) {
        self.name = name
        self.frequency = frequency
        self.first = first
        last = first
    }

    mutating func add(_ row: SandboxRow) {
        last = row
        count += 1
        totalMinor += row.amountMinor
        inMonths.insert(SandboxMonth(row.day))
    }

    func write(_ out: inout JSONWriter, months: Int, _ narrator: SandboxNarrator) {
        out.member("kind", name)
        out.member("frequency", frequency)
        out.decimal("monthly", totalMinor / Int64(months))
        out.decimal("average", totalMinor / Int64(max(1, count)))
        out.member("first_on", first.day.iso)
        out.member("last_on", last.day.iso)
        out.decimal("last", last.amountMinor)
        out.member("narration", narrator.text(last).narration)
        out.member("count", count)
        out.member("months_with_income", inMonths.count)
    }
}
