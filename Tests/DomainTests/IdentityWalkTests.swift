import Domain
import Testing

/// Months at banks whose ids fail in their own way, with overlapping windows, twins, holds and late postings.
@Suite("Identity over months")
struct IdentityWalkTests {
    enum Ids: CaseIterable {
        case stable, newWithEveryAnswer, places, constant, missing, sometimesMissing, oneForAllHolds, placesOverAll
    }

    @Test("no transaction is lost, doubled or gets another id, however the bank's ids fail", arguments: Ids.allCases)
    func walk(ids: Ids) {
        for seed in 1...4 { if !walk(ids, seed) { return } }
    }

    /// - Returns: false at the first thing that is wrong.
    private func walk(_ ids: Ids, _ seed: Int) -> Bool {
        var bank = FickleBank(seed: UInt64(seed), ids: ids)
        var store = WalkStore()
        for step in 0..<60 {
            bank.live()
            let window = DayWindow(from: bank.today.adding(days: -9), to: bank.today)
            let rows = bank.rows(window)
            store.take(rows, window)
            let isRight = store.contents(window) == WalkStore.contents(rows) && store.wanderers == 0
            let place = "\(ids), KUBEWA_SEED=\(seed), step \(step)"
            #expect(store.contents(window) == WalkStore.contents(rows), "\(place): as many as the bank has")
            #expect(store.wanderers == 0, "\(place): an id wandered to another transaction")
            let writes = store.writes
            store.take(rows, window)
            #expect(store.writes == writes, "\(place): the same answer again changes nothing")
            guard isRight, store.writes == writes else { return false }
        }
        #expect(store.made > 50)
        if ids == .newWithEveryAnswer { #expect(store.trust.level == .changing) }
        if ids == .stable { #expect(store.trust.level == .trusted) }
        if ids == .placesOverAll { #expect(store.trust.level == .reused) }
        return true
    }
}

/// What Storage keeps and finds for the reconciler.
private struct WalkStore {
    private(set) var rows: [ID<FetchedTransaction>: FetchedTransaction] = [:]
    /// Which transaction an id stands for, by the name in its text; twins have none.
    private var names: [ID<FetchedTransaction>: String] = [:]
    private var ids: [String: ID<FetchedTransaction>] = [:]
    private(set) var trust = IdTrust()
    private(set) var made = 0
    private(set) var writes = 0
    private(set) var wanderers = 0

    mutating func take(_ fetched: [FetchedTransaction], _ window: DayWindow) {
        let result = Reconciler.reconcile(
            stored: stored(fetched, window), fetched: fetched, window: window, trust: trust)
        guard !result.isEmpty else { return }
        writes += 1
        trust = trust + result.evidence
        for change in result.modified + result.renamed { put(change.after, change.id) }
        for gone in result.removed { rows[gone.id]?.status = .removed }
        for row in result.added {
            made += 1
            let text = String(made)
            put(row, ID(trusted: String(repeating: "0", count: 24 - text.count) + text))
        }
    }

    private mutating func put(_ row: FetchedTransaction, _ id: ID<FetchedTransaction>) {
        rows[id] = row
        guard let name = row.text.split(separator: "#").dropFirst().first.map(String.init) else { return }
        if names[id] ?? name != name || ids[name] ?? id != id { wanderers += 1 }
        names[id] = name
        ids[name] = id
    }

    private func stored(_ fetched: [FetchedTransaction], _ window: DayWindow) -> [StoredTransaction] {
        let wanted = Set(fetched.compactMap(\.upstreamID))
        func isNear(_ row: FetchedTransaction) -> Bool {
            let reach = row.status == .pending ? 7 : 1
            return row.status != .removed && row.bookedOn >= window.from.adding(days: -reach)
                && row.bookedOn <= window.to.adding(days: reach)
        }
        let near = rows.filter { isNear($0.value) }
        let known = Set(near.values.compactMap(\.upstreamID))
        let unknown = wanted.subtracting(known)
        let far = rows.filter { !isNear($0.value) && unknown.contains($0.value.upstreamID ?? "") }
        return (near.sorted { $0.key < $1.key } + far.sorted { $0.key < $1.key }).map {
            StoredTransaction(id: $0.key, fetched: $0.value)
        }
    }

    func contents(_ window: DayWindow) -> [String: Int] {
        Self.contents(rows.values.filter { $0.status != .removed && window.contains($0.bookedOn) })
    }

    static func contents(_ rows: [FetchedTransaction]) -> [String: Int] {
        Dictionary(rows.map { ("\($0.bookedOn) \($0.status) \($0.amount.minor) \($0.text)", 1) }, uniquingKeysWith: +)
    }
}

/// Books, holds, posts and drops at random; its ids are what they are. A `#` in a text names a transaction for life.
private struct FickleBank {
    private let ids: IdentityWalkTests.Ids
    private var random: SeededRandom
    private var entries: [(name: Int, row: FetchedTransaction)] = []
    private var made = 0
    private var answers = 0
    private(set) var today = LocalDate(dayNumber: 19_000)

    init(seed: UInt64, ids: IdentityWalkTests.Ids) {
        random = SeededRandom(seed: seed)
        self.ids = ids
    }

    mutating func live() {
        if Bool.random(using: &random) { today = today.adding(days: 1) }
        for _ in 0...Int.random(in: 0...3, using: &random) { book() }
        settleHolds()
    }

    private mutating func book() {
        let isTwin = Int.random(in: 0..<5, using: &random) == 0
        let isHold = !isTwin && Int.random(in: 0..<3, using: &random) == 0
        let day = today.adding(days: isHold ? 0 : -Int.random(in: 0...3, using: &random))
        let minor = isTwin ? -5_000 : Int64.random(in: 1_000...900_000, using: &random)
        for _ in 0...(isTwin ? 1 : 0) {
            made += 1
            let text = isTwin ? "USSD AIRTIME" : "POS\(made) SHOP\(made) #\(made)"
            let row = FetchedTransaction(
                upstreamID: nil, status: isHold ? .pending : .booked, amount: Money(minor: minor, currency: .ngn),
                bookedOn: day, text: text)
            entries.append((made, row))
        }
    }

    /// A hold posts or is dropped within five days.
    private mutating func settleHolds() {
        for index in entries.indices.reversed() where entries[index].row.status == .pending {
            let age = today.dayNumber - entries[index].row.bookedOn.dayNumber
            guard age >= 5 || Int.random(in: 0..<6, using: &random) == 0 else { continue }
            if Int.random(in: 0..<8, using: &random) == 0 {
                entries.remove(at: index)
                continue
            }
            made += 1
            entries[index].name = made
            let factor = Bool.random(using: &random) ? 100 : Int64.random(in: 75...125, using: &random)
            let row = entries[index].row
            entries[index].row.amount = Money(minor: row.amount.minor * factor / 100, currency: .ngn)
            entries[index].row.status = .booked
            entries[index].row.bookedOn = min(today, row.bookedOn.adding(days: Int.random(in: 0...3, using: &random)))
        }
    }

    /// Newest first, as banks list.
    mutating func rows(_ window: DayWindow) -> [FetchedTransaction] {
        answers += 1
        var places: [LocalDate: Int] = [:]
        let shown = entries.filter { window.contains($0.row.bookedOn) }.sorted { left, right in
            (left.row.bookedOn, left.name) > (right.row.bookedOn, right.name)
        }
        return shown.enumerated().map { index, entry in
            var row = entry.row
            let place = places[row.bookedOn, default: 0]
            places[row.bookedOn] = place + 1
            row.upstreamID = id(entry.name, index, "\(row.bookedOn)-\(place)", row.status)
            return row
        }
    }

    private func id(_ name: Int, _ index: Int, _ place: String, _ status: TransactionStatus) -> String? {
        switch ids {
        case .stable: "u\(name)"
        case .newWithEveryAnswer: "\(answers)-\(index)"
        case .places: place
        case .placesOverAll: String(index)
        case .constant: "9998"
        case .missing: nil
        case .sometimesMissing: name % 3 == 0 || (name + answers) % 7 == 0 ? nil : "u\(name)"
        case .oneForAllHolds: status == .pending ? "PENDING" : "u\(name)"
        }
    }
}
