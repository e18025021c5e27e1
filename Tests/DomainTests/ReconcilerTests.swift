import Domain
import Testing

struct ReconcilerTests {
    private let window = DayWindow(from: day(1), to: day(30))

    private static func day(_ number: Int) -> LocalDate { LocalDate(dayNumber: 19_000 + number) }

    private func row(
        _ id: String?, _ minor: Int64 = -1000, on day: Int = 10, _ text: String = "POS SHOPRITE LEKKI",
        _ status: TransactionStatus = .booked, balance: Int64? = nil, supersedes: String? = nil
    ) -> FetchedTransaction {
        FetchedTransaction(
            upstreamID: id, status: status, amount: Money(minor: minor, currency: .ngn), bookedOn: Self.day(day),
            text: text, runningBalance: balance.map { Money(minor: $0, currency: .ngn) }, supersedes: supersedes)
    }

    /// Gives the rows ids 1, 2, 3, … in order.
    private func stored(_ rows: FetchedTransaction...) -> [StoredTransaction] {
        rows.enumerated().map { StoredTransaction(id: Self.id($0.offset + 1), fetched: $0.element) }
    }

    private static func id(_ number: Int) -> ID<FetchedTransaction> {
        let text = String(number)
        return ID(trusted: String(repeating: "0", count: 24 - text.count) + text)
    }

    private func reconcile(_ stored: [StoredTransaction], _ fetched: FetchedTransaction...) -> ReconcileResult {
        Reconciler.reconcile(stored: stored, fetched: fetched, window: window)
    }

    private func modified(_ result: ReconcileResult) -> [ID<FetchedTransaction>] { result.modified.map(\.id) }

    // MARK: ids

    @Test("the same rows again change nothing")
    func same() {
        let result = reconcile(stored(row("a"), row("b", 5)), row("b", 5), row("a"))
        #expect(result.isEmpty)
        #expect(result.unchanged == 2)
    }

    @Test("a row known by its id is the same row whatever else differs, also its day")
    func knownID() {
        let result = reconcile(stored(row("a")), row("a", 77_777, on: 29, "REVERSED"))
        #expect(modified(result) == [Self.id(1)])
        #expect(result.modified.first?.before.amount.minor == -1000)
        #expect(result.modified.first?.after.amount.minor == 77_777)
        #expect(result.added.isEmpty && result.removed.isEmpty)
    }

    @Test("an id that counts the rows of each day takes no row from outside the window", arguments: [true, false])
    func countedIDs(hasBalances: Bool) {
        func fee(_ id: String, _ day: Int, _ to: String, _ balance: Int64) -> FetchedTransaction {
            row(id, -2688, on: day, "NIP TRANSFER COMMISSION + VAT/\(to)", balance: hasBalances ? balance : nil)
        }
        let before = stored(fee("txn_b3", 29, "OKORO BUKOLA", 1000), fee("txn_1", 32, "BELLO SANI", 500))
        let result = reconcile(before, fee("txn_1", 29, "OKORO BUKOLA", 1000))
        #expect(result.added.isEmpty && result.modified.isEmpty && result.removed.isEmpty)
        #expect(result.renamed.map(\.id) == [Self.id(1)])
    }

    @Test("a row that comes on two pages with one id is one row, as the later page tells it")
    func repeated() {
        let fresh = reconcile([], row("a"), row("b"), row("a", -1000, on: 10, "POS SHOPRITE LEKKI NG"))
        #expect(fresh.added == [row("a", -1000, on: 10, "POS SHOPRITE LEKKI NG"), row("b")])
        let posted = reconcile([], row("p", -1000, on: 10, "POS", .pending), row("p", -1000, on: 11, "POS"))
        #expect(posted.added == [row("p", -1000, on: 11, "POS")])
        let known = reconcile(stored(row("a")), row("a"), row("a"))
        #expect(known.isEmpty && known.unchanged == 1)
    }

    @Test("a bank that gives all its rows new ids makes no new rows")
    func changedIDs() {
        let old = stored(row("a1", balance: 50), row("a2", balance: 40), row("b1", -7, on: 11, "USSD AIRTIME"))
        let result = reconcile(
            old, row("x", -7, on: 11, "ussd  airtime"), row("y", balance: 40), row("z", balance: 50))
        #expect(result.added.isEmpty && result.removed.isEmpty)
        #expect(Set(result.renamed.map(\.id) + modified(result)) == Set(old.map(\.id)))
        #expect(result.renamed.first { $0.id == Self.id(2) }?.after.upstreamID == "y")
    }

    @Test("an equal row beside one that is still there is new")
    func twinOfKnown() {
        let result = reconcile(stored(row("a")), row("a"), row("b"))
        #expect(result.added == [row("b")])
        #expect(result.modified.isEmpty && result.unchanged == 1)
    }

    // MARK: no ids

    @Test("without ids two equal rows stay two, and a third is one more")
    func twins() {
        #expect(reconcile([], row(nil), row(nil)).added.count == 2)
        let two = stored(row(nil), row(nil))
        #expect(reconcile(two, row(nil), row(nil)).isEmpty)
        #expect(reconcile(two, row(nil), row(nil), row(nil)).added.count == 1)
        let one = reconcile(two, row(nil))
        #expect(one.isEmpty && one.unchanged == 1, "a booked row that is missing is kept")
    }

    @Test("without ids the running balance tells equal rows apart")
    func runningBalances() {
        let result = reconcile(stored(row(nil, balance: 10)), row(nil, balance: 20), row(nil, balance: 10))
        #expect(result.added == [row(nil, balance: 20)])
        #expect(result.unchanged == 1)
    }

    @Test("a row that gets its id later keeps ours")
    func idLater() {
        let result = reconcile(stored(row(nil)), row("a"))
        #expect(result.renamed.map(\.id) == [Self.id(1)], "nobody sees the bank's id, so nobody is told")
        #expect(result.added.isEmpty && result.modified.isEmpty)
    }

    @Test("an id that the bank leaves out once is not forgotten")
    func idLeftOut() {
        #expect(reconcile(stored(row("a")), row(nil)).isEmpty)
    }

    // MARK: pending

    @Test("a pending row that posts under another id, day and amount keeps our id")
    func posting() {
        let pending = row("p1", -10_000, on: 10, "POS SHOPRITE LEKKI 4411", .pending)
        let booked = row("b9", -11_500, on: 12, "SHOPRITE LEKKI POS PURCHASE")
        let result = reconcile(stored(pending), booked)
        #expect(modified(result) == [Self.id(1)])
        #expect(result.modified.first?.after == booked)
        #expect(result.added.isEmpty && result.removed.isEmpty)
    }

    @Test(
        "what is too far from the pending row is another transaction",
        arguments: [(-13_001, 10), (-6_999, 10), (10_000, 10), (-10_000, 18), (-10_000, 2)] as [(Int64, Int)])
    func notPosting(minor: Int64, day: Int) {
        let pending = row("p1", -10_000, on: 10, "POS SHOPRITE", .pending)
        let result = reconcile(stored(pending), row("b9", minor, on: day, "POS SHOPRITE"))
        #expect(result.added.count == 1)
        #expect(result.removed.map(\.id) == [Self.id(1)])
        #expect(reconcile(stored(pending), row("b9", -10_000, on: 10, "SALARY ACME LTD")).added.count == 1)
    }

    @Test(
        "the edges of the tolerance still match",
        arguments: [(-13_000, 10), (-7_000, 10), (-10_000, 17), (-10_000, 3)] as [(Int64, Int)])
    func tolerance(minor: Int64, day: Int) {
        let pending = row("p1", -10_000, on: 10, "POS SHOPRITE", .pending)
        #expect(modified(reconcile(stored(pending), row("b9", minor, on: day, "POS SHOPRITE"))) == [Self.id(1)])
    }

    @Test("amounts at the end of 64 bits do not trap")
    func hugeAmounts() {
        let pending = row("p1", .min, on: 10, "X", .pending)
        #expect(modified(reconcile(stored(pending), row("b", .min + 1, on: 10, "X"))) == [Self.id(1)])
        #expect(reconcile(stored(pending), row("b", .max, on: 10, "X")).added.count == 1)
        let large = row("p1", .max, on: 10, "X", .pending)
        #expect(reconcile(stored(large), row("b", .max / 2, on: 10, "X")).added.count == 1)
    }

    @Test("the bank's own word on what replaces what comes before likeness")
    func supersedes() {
        let rows = stored(row("p1", -500, on: 9, "HOLD", .pending), row("p2", -900, on: 9, "POS", .pending))
        let result = reconcile(
            rows, row("b", -900, on: 9, "POS", supersedes: "p1"), row("p2", -900, on: 9, "POS", .pending))
        #expect(modified(result) == [Self.id(1)])
        #expect(result.unchanged == 1)
        let unknown = reconcile(
            stored(row("p", -9, on: 9, "POS", .pending)), row("b", -9, on: 9, "POS", supersedes: "z"))
        #expect(unknown.added.count == 1 && unknown.removed.count == 1)
    }

    @Test("a row whose bank goes on naming its pending one is not changed each time")
    func supersedesIsNoFact() {
        let result = reconcile(stored(row("b")), row("b", supersedes: "p1"))
        #expect(result.isEmpty && result.unchanged == 1)
    }

    @Test("equal pending rows post in the order they were made, an exact amount first")
    func order() {
        let rows = stored(
            row("p1", -100, on: 5, "POS", .pending), row("p2", -100, on: 8, "POS", .pending),
            row("p3", -120, on: 5, "POS", .pending))
        let result = reconcile(
            rows, row("b2", -100, on: 9, "POS"), row("b1", -100, on: 6, "POS"), row("b3", -120, on: 6, "POS"))
        let after = Dictionary(uniqueKeysWithValues: result.modified.map { ($0.id, $0.after.upstreamID) })
        #expect(after == [Self.id(1): "b1", Self.id(2): "b2", Self.id(3): "b3"])
    }

    @Test("a pending row that is gone is removed inside the window and kept outside, a booked one is kept")
    func removal() {
        let rows = stored(
            row("p1", on: 10, "A", .pending), row("p2", on: 31, "B", .pending), row("p0", on: 0, "C", .pending),
            row("b", on: 10, "D"))
        let result = reconcile(rows)
        #expect(result.removed.map(\.id) == [Self.id(1)])
        #expect(result.added.isEmpty && result.modified.isEmpty)
    }

    @Test("a row outside the window is never taken for one that the bank gave up")
    func outside() {
        let result = reconcile(stored(row("p1", on: 31, "A", .pending)), row("p2", on: 31, "A", .pending))
        #expect(result.added.count == 1)
        #expect(result.modified.isEmpty && result.removed.isEmpty)
    }

    // MARK: many

    @Test("a walk through months of a moody bank keeps every id and never doubles a row", arguments: 1...6)
    func walk(seed: Int) {
        var bank = MoodyBank(seed: UInt64(seed))
        var store: [ID<FetchedTransaction>: FetchedTransaction] = [:]
        var ids: [String: ID<FetchedTransaction>] = [:]
        var made = 0
        for step in 0..<90 {
            bank.step()
            let page = bank.page
            let rows = store.map { StoredTransaction(id: $0.key, fetched: $0.value) }
            let result = Reconciler.reconcile(stored: rows, fetched: page, window: bank.window)
            for change in result.modified + result.renamed { store[change.id] = change.after }
            for gone in result.removed { store[gone.id] = nil }
            for new in result.added {
                made += 1
                store[Self.id(made)] = new
            }
            let again = Reconciler.reconcile(
                stored: store.map { StoredTransaction(id: $0.key, fetched: $0.value) }, fetched: page,
                window: bank.window)
            #expect(again.isEmpty && again.unchanged == page.count, "seed \(seed), step \(step): twice changes nothing")
            #expect(store.count == page.count, "seed \(seed), step \(step): as many rows as the bank has")
            for (id, row) in store {
                #expect(ids[row.text, default: id] == id, "seed \(seed), step \(step): \(row.text) keeps its id")
                ids[row.text] = id
            }
        }
        #expect(made > 30)
    }

    @Test("a window of thousands of rows is matched in good time")
    func large() {
        let rows = (0..<20_000).map { row("s\($0)", Int64($0), on: $0 % 30 + 1, "T\($0)") }
        let known = rows.enumerated().map { StoredTransaction(id: Self.id($0.offset + 1), fetched: $0.element) }
        let renamed = rows.map {
            row($0.upstreamID.map { "n" + $0 }, $0.amount.minor, on: $0.bookedOn.dayNumber - 19_000, $0.text)
        }
        let result = Reconciler.reconcile(stored: known, fetched: renamed, window: window)
        #expect(result.renamed.count == rows.count)
    }
}

/// Books, holds, posts, drops and renames at random. The text names a transaction for its life.
private struct MoodyBank {
    private var random: SeededRandom
    private var rows: [FetchedTransaction] = []
    private var made = 0
    let window = DayWindow(from: LocalDate(dayNumber: 19_000), to: LocalDate(dayNumber: 19_200))

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    var page: [FetchedTransaction] { rows.sorted { $0.bookedOn > $1.bookedOn } }

    mutating func step() {
        for _ in 0...Int.random(in: 0...3, using: &random) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: make()
            case 5..<8: post()
            case 8: drop()
            default: rename()
            }
        }
    }

    private mutating func id() -> String? {
        made += 1
        return Int.random(in: 0..<5, using: &random) == 0 ? nil : "u\(made)"
    }

    private mutating func make() {
        let id = id()
        let minor = Int64.random(in: 1_000...500_000, using: &random) * (Bool.random(using: &random) ? 1 : -1)
        rows.append(
            FetchedTransaction(
                upstreamID: id, status: Bool.random(using: &random) ? .booked : .pending,
                amount: Money(minor: minor, currency: .ngn),
                bookedOn: LocalDate(dayNumber: 19_000 + Int.random(in: 0...180, using: &random)), text: "N\(made)"))
    }

    private mutating func post() {
        guard let index = rows.indices.filter({ rows[$0].status == .pending }).randomElement(using: &random) else {
            return
        }
        let factor = Int64.random(in: 75...125, using: &random)
        rows[index].amount = Money(minor: rows[index].amount.minor * factor / 100, currency: .ngn)
        rows[index].status = .booked
        rows[index].bookedOn = rows[index].bookedOn.adding(days: Int.random(in: 0...7, using: &random))
        rows[index].upstreamID = id()
    }

    private mutating func drop() {
        guard let index = rows.indices.filter({ rows[$0].status == .pending }).randomElement(using: &random) else {
            return
        }
        rows.remove(at: index)
    }

    private mutating func rename() {
        for index in rows.indices { rows[index].upstreamID = id() }
    }
}
