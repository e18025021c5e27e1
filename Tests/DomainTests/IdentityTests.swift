import Domain
import Testing

/// Situations in which banks' ids fail, as users of other platforms met them.
@Suite("Identity of transactions")
struct IdentityTests {
    private let window = DayWindow(from: day(1), to: day(30))
    private static let trusted = IdTrust(kept: 1000)
    private static let changing = IdTrust(kept: 10, changed: 90)
    private static let reused = IdTrust(kept: 90, reused: 10)

    private static func day(_ number: Int) -> LocalDate { LocalDate(dayNumber: 19_000 + number) }

    private func row(
        _ id: String?, _ minor: Int64 = -1000, on day: Int = 10, _ text: String = "POS SHOPRITE LEKKI",
        _ status: TransactionStatus = .booked, balance: Int64? = nil, reference: String? = nil, at: Instant? = nil
    ) -> FetchedTransaction {
        FetchedTransaction(
            upstreamID: id, status: status, amount: Money(minor: minor, currency: .ngn), bookedOn: Self.day(day),
            occurredAt: at, text: text, reference: reference,
            runningBalance: balance.map { Money(minor: $0, currency: .ngn) })
    }

    private func stored(_ rows: FetchedTransaction...) -> [StoredTransaction] {
        rows.enumerated().map { StoredTransaction(id: Self.id($0.offset + 1), fetched: $0.element) }
    }

    private static func id(_ number: Int) -> ID<FetchedTransaction> {
        let text = String(number)
        return ID(trusted: String(repeating: "0", count: 24 - text.count) + text)
    }

    private func reconcile(
        _ stored: [StoredTransaction], _ fetched: FetchedTransaction..., trust: IdTrust = .unknown,
        rulings: [Ruling] = []
    ) -> ReconcileResult {
        Reconciler.reconcile(stored: stored, fetched: fetched, window: window, trust: trust, rulings: rulings)
    }

    private func rule(_ result: ReconcileResult) -> MatchRule? {
        (result.modified.first ?? result.renamed.first)?.match.rule
    }

    // MARK: trust

    @Test("trust is what was counted: nothing is decided on few rows, two reused ids are enough")
    func levels() {
        #expect(IdTrust(kept: 19).level == .unknown)
        #expect(IdTrust(kept: 20).level == .trusted)
        #expect(IdTrust(kept: 85, changed: 15).level == .changing)
        #expect(IdTrust(kept: 5, reused: 1).level == .unknown)
        #expect(IdTrust(kept: 5, reused: 2).level == .reused)
        #expect(IdTrust(kept: 1000, reused: 2).level == .trusted)
        #expect(IdTrust(kept: 1, missing: 500).level == .unknown)
    }

    @Test("a window tells how its ids behaved")
    func evidence() {
        let same = reconcile(stored(row("a"), row("b", 5)), row("a"), row("b", 5))
        #expect(same.evidence == IdTrust(kept: 2))
        let changed = reconcile(stored(row("a"), row("b", 5)), row("c"), row("b", 5), row(nil, 9))
        #expect(changed.evidence == IdTrust(kept: 1, changed: 1, missing: 1))
        let posted = reconcile(
            stored(row("p", -1000, on: 10, "POS SHOPRITE", .pending)), row("b", -1000, on: 11, "POS SHOPRITE"))
        #expect(posted.evidence == IdTrust(), "that a posting has another id is usual")
    }

    // MARK: repeated and positional ids

    @Test("ids that are places in a list move with each new row, and no row takes another's place")
    func positional() {
        let old = stored(
            row("10-0", -700, on: 10, "USSD AIRTIME"), row("10-1", -5000, on: 10, "POS SHOPRITE"),
            row("10-2", 90_000, on: 10, "SALARY ACME"))
        let result = reconcile(
            old, row("10-0", -45, on: 10, "NIP CHARGE"), row("10-1", -700, on: 10, "USSD AIRTIME"),
            row("10-2", -5000, on: 10, "POS SHOPRITE"), row("10-3", 90_000, on: 10, "SALARY ACME"))
        #expect(result.added == [row("10-0", -45, on: 10, "NIP CHARGE")])
        #expect(result.modified.isEmpty && result.removed.isEmpty)
        let after = Dictionary(uniqueKeysWithValues: result.renamed.map { ($0.id, $0.after.upstreamID) })
        #expect(after == [Self.id(1): "10-1", Self.id(2): "10-2", Self.id(3): "10-3"])
        #expect(result.evidence.reused >= 3 && result.level == .reused)
    }

    @Test("an id that the bank gives to everything makes neither one row of two nor two of one")
    func constantID() {
        let first = reconcile([], row("9998", -100), row("9998", -250, on: 11, "ATM IKEJA"), row("9998", 900))
        #expect(first.added.count == 3)
        #expect(first.evidence.reused == 2)
        let old = stored(row("9998", -100), row("9998", -250, on: 11, "ATM IKEJA"), row("9998", 900))
        let again = reconcile(old, row("9998", 900), row("9998", -100), row("9998", -250, on: 11, "ATM IKEJA"))
        #expect(again.isEmpty && again.unchanged == 3)
        let more = reconcile(
            old, row("9998", -3, on: 12, "FEE"), row("9998", 900), row("9998", -100),
            row("9998", -250, on: 11, "ATM IKEJA"))
        #expect(more.added == [row("9998", -3, on: 12, "FEE")])
        #expect(more.modified.isEmpty && more.renamed.isEmpty)
    }

    @Test("a reused id never overwrites the transaction that had it before")
    func reusedLater() {
        let result = reconcile(
            stored(row("9998", -100, on: -40, "ATM IKEJA")), row("9998", -77_000, on: 12, "RENT OCTOBER"))
        #expect(result.added.count == 1 && result.modified.isEmpty)
        #expect(result.reused == [0: Self.id(1)])
        let measured = reconcile(
            stored(row("7", -100, on: 12, "ATM IKEJA")), row("7", -77_000, on: 12, "RENT OCTOBER"),
            trust: Self.reused)
        #expect(measured.added.count == 1 && measured.modified.isEmpty, "also in the window, once it is known")
    }

    @Test("a blank id is no id")
    func blank() {
        let first = reconcile([], row("", -100), row(" ", -100), row("", -5))
        #expect(first.added == [row(nil, -100), row(nil, -100), row(nil, -5)])
        let old = stored(row(nil, -100), row(nil, -100), row(nil, -5))
        #expect(reconcile(old, row("", -5), row("", -100), row("", -100)).isEmpty)
    }

    @Test("new ids with every request: the rows stay, and once it is known nothing is written for it")
    func newIDPerRequest() {
        let old = stored(row("x1", -100), row("x2", -250, on: 11, "ATM"), row("x3", -100))
        let first = reconcile(old, row("y1", -250, on: 11, "ATM"), row("y2", -100), row("y3", -100))
        #expect(first.added.isEmpty && first.modified.isEmpty && first.renamed.count == 3)
        let known = reconcile(
            old, row("z1", -250, on: 11, "ATM"), row("z2", -100), row("z3", -100), trust: Self.changing)
        #expect(known.isEmpty && known.unchanged == 3)
        let news = reconcile(
            old, row("z1", -250, on: 11, "ATM"), row("z2", -100), row("z3", -100), row("z4", 5), trust: Self.changing)
        #expect(news.added.count == 1 && news.renamed.count == 3, "ids are brought up to date with other news")
    }

    // MARK: what trust decides

    @Test("a trusted id stands above the content, an untrusted one below it")
    func trustDecides() {
        let old = stored(row("a", -100, on: 10, "POS PENDING AUTH"))
        let fetched = [row("a", -100, on: 10, "SHOPRITE LEKKI"), row("b", -100, on: 10, "POS PENDING AUTH")]
        let trusting = reconcile(old, fetched[0], fetched[1], trust: Self.trusted)
        #expect(trusting.modified.map(\.after.upstreamID) == ["a"] && trusting.added == [fetched[1]])
        let doubting = reconcile(old, fetched[0], fetched[1], trust: Self.reused)
        #expect(doubting.renamed.map(\.after.upstreamID) == ["b"] && doubting.added == [fetched[0]])
    }

    @Test("a correction under a trusted id is the same transaction, and says that it is one")
    func correction() {
        let old = stored(row("a", -100, on: -40, "ATM"))
        let trusted = reconcile(old, row("a", -9000, on: 10, "REVERSAL"), trust: Self.trusted)
        #expect(rule(trusted) == .correction)
        let unknown = reconcile(stored(row("a", -100)), row("a", -9000, on: 12, "REVERSAL"))
        #expect(rule(unknown) == .correction && unknown.modified.first?.match.confidence == 75)
    }

    @Test("where ids are trusted, a new id is a new row however alike it is")
    func newIDIsNewRow() {
        let old = stored(row("a", -100, on: 10, "FEE", balance: 50))
        let fetched = row("b", -100, on: 11, "FEE", balance: 50)
        #expect(reconcile(old, fetched, trust: Self.trusted).added.count == 1)
        #expect(rule(reconcile(old, fetched, trust: Self.changing)) == .moved)
    }

    // MARK: content

    @Test("a text that the bank rewrites is the same row when its balance or half of its words are")
    func rewritten() {
        let byBalance = reconcile(
            stored(row(nil, -100, on: 10, "TRF", balance: 900)),
            row(nil, -100, on: 10, "NIP TRANSFER ADA", balance: 900))
        #expect(rule(byBalance) == .balance)
        let byWords = reconcile(
            stored(row(nil, -100, on: 10, "TRF TO ADA")), row(nil, -100, on: 10, "TRF TO ADA OBI 0091"))
        #expect(rule(byWords) == .similar)
        let two = reconcile(
            stored(row(nil, -100, on: 10, "TRF TO ADA")), row(nil, -100, on: 10, "TRF TO ADA OBI"),
            row(nil, -100, on: 10, "TRF TO ADA EZE"))
        #expect(two.modified.isEmpty && two.added.count == 2, "of two alike neither is guessed")
    }

    @Test("a day that is off by one is the same row when the moment or the balance says so")
    func offByOne() {
        let at = Instant(ms: 1_700_000_000_000)
        for (old, new) in [
            (row(nil, -100, on: 10, "TRF", balance: 900), row(nil, -100, on: 11, "TRF", balance: 900)),
            (row("a", -100, on: 10, "TRF", at: at), row("b", -100, on: 9, "TRF", at: at)),
            (row("a", -100, on: 10, "TRF", at: at), row("a", -100, on: 9, "TRF", at: at)),
        ] {
            let result = reconcile(stored(old), new)
            #expect(result.modified.map(\.id) == [Self.id(1)] && result.added.isEmpty)
        }
        let unknown = reconcile(stored(row(nil, -100, on: 10, "FEE")), row(nil, -100, on: 11, "FEE"))
        #expect(unknown.added.count == 1, "yesterday's charge is not today's")
    }

    @Test("the same reference within a week is the same row, pending or booked")
    func references() {
        let result = reconcile(
            stored(row("p1", -100, on: 10, "HOLD", .pending, reference: "000013240110")),
            row("b1", -100, on: 14, "COMPLETELY OTHER", reference: "000013240110"))
        #expect(rule(result) == .reference && result.added.isEmpty && result.removed.isEmpty)
        let short = reconcile(
            stored(row("p1", -100, on: 10, "HOLD", .pending, reference: "TRF")),
            row("b1", -100, on: 14, "COMPLETELY OTHER", reference: "TRF"))
        #expect(short.added.count == 1, "a short one is made for many")
    }

    @Test("how sure a match is depends on its rule and on how many it could have been")
    func confidence() {
        let one = reconcile(stored(row("p", -100, on: 9, "POS", .pending)), row("b", -100, on: 10, "POS"))
        #expect(one.modified.first?.match == Match(.posting, 90))
        let two = reconcile(
            stored(row("p", -100, on: 9, "POS", .pending), row("q", -100, on: 8, "POS", .pending)),
            row("b", -100, on: 10, "POS"))
        #expect(two.modified.first?.id == Self.id(2) && two.modified.first?.match.confidence == 75)
        let tip = reconcile(stored(row("p", -100, on: 9, "POS", .pending)), row("b", -120, on: 10, "POS"))
        #expect(tip.modified.first?.match == Match(.postingAmount, 70))
    }

    // MARK: rulings

    @Test("what was ruled to be one stays one, though the bank shows both")
    func ruledSame() {
        let (mine, theirs) = (row("a", -100, on: 9, "POS"), row("b", -105, on: 10, "CARD 4411"))
        let rulings = [Ruling(.same, Self.id(1), RowPrint(mine)), Ruling(.same, Self.id(1), RowPrint(theirs))]
        let both = reconcile(stored(theirs), mine, theirs, rulings: rulings)
        #expect(both.isEmpty && both.absorbed == 1 && both.unchanged == 1)
        let one = reconcile(stored(theirs), mine, rulings: rulings)
        #expect(one.added.isEmpty && one.modified.map(\.id) == [Self.id(1)])
    }

    @Test("what was ruled to be two stays two")
    func ruledApart() {
        let (hold, booked) = (row("p", -100, on: 9, "POS", .pending), row("b", -100, on: 10, "POS"))
        let rulings = [Ruling(.apart, Self.id(1), RowPrint(booked)), Ruling(.apart, Self.id(2), RowPrint(hold))]
        let known = reconcile(stored(hold, booked), hold, booked, rulings: rulings)
        #expect(known.isEmpty)
        let renamed = reconcile(stored(hold, row("b", -100, on: 3, "OTHER")), booked, rulings: rulings)
        #expect(!renamed.modified.contains { $0.id == Self.id(1) })
        let twins = [Ruling(.apart, Self.id(1), RowPrint(row(nil))), Ruling(.apart, Self.id(2), RowPrint(row(nil)))]
        #expect(reconcile(stored(row(nil), row(nil)), row(nil), row(nil), rulings: twins).isEmpty)
    }
}
