/// One pass per rule, the surest first and oldest rows first, each row at most once.
struct Matcher {
    private typealias Rule = (_ old: FetchedTransaction, _ new: FetchedTransaction) -> Match?

    /// An id of more transactions says nothing of any.
    static let holdersMax = 8
    /// So many rows that are alike are looked at for one; whoever stands among more is told from none of them.
    private static let triesMax = 256

    private let stored: [StoredTransaction]
    private let fetched: [FetchedTransaction]
    private let window: DayWindow
    private let same: [Ruling]
    private let apart: [ID<FetchedTransaction>: [RowPrint]]
    /// Ids that came with several contents in this one fetch.
    private let repeated: Set<String>
    /// What is measured of the ids, unless this window itself proves worse.
    private(set) var level: IdTrust.Level
    /// Days of which nothing stays that was not fetched.
    var replacing: Set<LocalDate> = []
    private var isTaken: [Bool]
    /// For each fetched row the stored one it is, and why.
    private var partner: [(place: Int, match: Match)?]
    private var isAbsorbed: [Bool]
    /// Fetched rows from old to new; a bank lists the newest first.
    private let oldestFirst: [Int]

    init(
        stored: [StoredTransaction], fetched: [FetchedTransaction], window: DayWindow, level: IdTrust.Level,
        rulings: [Ruling]
    ) {
        let stored = stored.sorted { ($0.fetched.bookedOn, $0.id) < ($1.fetched.bookedOn, $1.id) }
        let (fetched, repeated) = RowPages.once(fetched, level)
        self.stored = stored
        self.fetched = fetched
        self.window = window
        self.repeated = repeated
        self.level = level
        same = rulings.filter { $0.kind == .same }
        apart = Dictionary(grouping: rulings.filter { $0.kind == .apart }, by: \.transaction)
            .mapValues { $0.map(\.row) }
        isTaken = Array(repeating: false, count: stored.count)
        partner = Array(repeating: nil, count: fetched.count)
        isAbsorbed = Array(repeating: false, count: fetched.count)
        oldestFirst = fetched.indices.sorted { (fetched[$0].bookedOn, $1) < (fetched[$1].bookedOn, $0) }
    }

    /// The ladder. A trusted id stands above the content, one that is reused below it; while nothing is known, an id
    /// and a likeness together stand above the content, and an id alone below it.
    mutating func climb() {
        matchIDs(\.upstreamID) { Reconciler.isSameContent($0, $1) ? Match(.id, 100) : nil }
        if level != .reused, provesReuse() { level = .reused }
        applyRulings()
        if level != .reused { matchAgreeing(needsLikeness: level != .trusted) }
        matchIDs(\.supersedes) { _, _ in Match(.supersedes, 99) }
        matchContent()
        if level == .unknown || level == .changing { matchAgreeing(needsLikeness: false) }
        matchPostings()
        if level != .reused { matchCorrections() }
        matchLoosely()
        if level == .reused { matchAgreeing(needsLikeness: true) }
    }

    // MARK: rungs

    private mutating func matchAgreeing(needsLikeness: Bool) {
        let (repeated, window, isTrusted) = (repeated, window, level == .trusted)
        let shown = isTrusted ? [] : storedContents()
        matchIDs(\.upstreamID) { old, new in
            guard Reconciler.agrees(old, new), !repeated.contains(new.upstreamID ?? "") else { return nil }
            // A row outside the window may still be in its place, under an id that counts a day's rows.
            if !isTrusted, old.status == .booked, !window.contains(old.bookedOn) {
                guard !Reconciler.isBalanceOther(old, new), !shown.contains(ContentKey(new)) else { return nil }
            }
            return !needsLikeness || Reconciler.isSimilar(old.text, new.text) ? Match(.id, 100) : nil
        }
    }

    /// Of rows in the window that stand for none of the fetched yet.
    private func storedContents() -> Set<ContentKey> {
        var contents: Set<ContentKey> = []
        for (place, old) in stored.enumerated() where !isTaken[place] && window.contains(old.fetched.bookedOn) {
            contents.insert(ContentKey(old.fetched))
        }
        return contents
    }

    private mutating func matchContent() {
        let window = window
        matchDays(within: 0, by: .statementLine, costOfTwins: 0) { old, new in
            guard Reconciler.isBalanceSame(old, new), window.contains(old.bookedOn) else { return nil }
            return Reconciler.isSameContent(old, new) ? Match(.content, 99) : nil
        }
        matchDays(within: 0, by: .content, costOfTwins: 0) { old, new in
            Reconciler.isSameContent(old, new) && window.contains(old.bookedOn) ? Match(.content, 95) : nil
        }
    }

    /// An id with quite another content. A bank may correct what it shows; it does not hide a booked row and give its
    /// id to another, so without trust the row must have left its place.
    private mutating func matchCorrections() {
        let (isTrusted, window, repeated) = (level == .trusted, window, repeated)
        matchIDs(\.upstreamID) { old, new in
            guard old.amount.currency == new.amount.currency, !repeated.contains(new.upstreamID ?? "") else {
                return nil
            }
            if isTrusted { return Match(.correction, 95) }
            let hasLeft = old.status == .booked && window.contains(old.bookedOn)
            return old.status == .pending || hasLeft ? Match(.correction, 75) : nil
        }
    }

    private mutating func matchPostings() {
        let days = Reconciler.pendingDaysMax
        matchDays(within: days, by: .reference, costOfTwins: 15) { old, new in
            let isOneLife = old.status == new.status || (old.status == .pending && new.status == .booked)
            return isOneLife && Reconciler.isReferenceSame(old, new) ? Match(.reference, 95) : nil
        }
        matchDays(within: days, of: .pending, costOfTwins: 15) { old, new in
            Reconciler.isPosting(old, new) ? Match(.posting, 90) : nil
        }
        matchDays(within: days, by: .day, of: .pending, costOfTwins: 15) { old, new in
            Reconciler.isPosting(old, new) ? Match(.postingAmount, 70) : nil
        }
    }

    private var hasValueDays: Bool {
        fetched.contains { $0.valueOn != nil } || stored.contains { $0.fetched.valueOn != nil }
    }

    /// Where ids are trusted, a new id is a new row.
    private mutating func matchLoosely() {
        let (level, window) = (level, window)
        func mayBe(_ old: FetchedTransaction, _ new: FetchedTransaction, _ isStrong: Bool) -> Bool {
            guard old.status == .booked, new.status == .booked else { return false }
            if old.upstreamID == nil || new.upstreamID == nil || level == .changing || level == .reused { return true }
            return isStrong && level == .unknown && window.contains(old.bookedOn)
        }
        matchDays(within: 0, by: .balance, costOfTwins: 15) { old, new in
            Reconciler.isBalanceSame(old, new) && mayBe(old, new, true) ? Match(.balance, 90) : nil
        }
        matchDays(within: 1, by: .content, costOfTwins: 15) { old, new in
            let isSameMoment = old.occurredAt != nil && old.occurredAt == new.occurredAt
            guard isSameMoment || Reconciler.isBalanceSame(old, new), !Reconciler.isBalanceOther(old, new),
                ContentKey.normal(old.text) == ContentKey.normal(new.text)
            else { return nil }
            return mayBe(old, new, true) ? Match(.moved, 88) : nil
        }
        matchAlone { old, new in
            guard Reconciler.isSimilar(old.text, new.text), !Reconciler.isBalanceOther(old, new) else { return nil }
            return mayBe(old, new, false) && window.contains(old.bookedOn) ? Match(.similar, 70) : nil
        }
        guard hasValueDays else { return }
        for isAlike in [true, false] {
            matchDays(within: Reconciler.valueDaysMax, costOfTwins: 15) { old, new in
                guard Reconciler.isByValueDay(old, new), mayBe(old, new, false) else { return nil }
                return !isAlike || Reconciler.isSimilar(old.text, new.text) ? Match(.valueDay, 80) : nil
            }
        }
    }

    /// Whether an id came with other content while its old content is in this window under another id.
    private func provesReuse() -> Bool {
        let free = fetched.indices.filter { partner[$0] == nil }
        guard !free.isEmpty, isTaken.contains(false) else { return false }
        var rows: [String: [Int]] = [:]
        var contents: [ContentKey: [Int]] = [:]
        for row in free { if let id = fetched[row].upstreamID { rows[id, default: []].append(row) } }
        guard !rows.isEmpty else { return false }
        for row in free { contents[ContentKey(fetched[row]), default: []].append(row) }
        for (place, old) in stored.enumerated() where !isTaken[place] && old.fetched.status == .booked {
            guard let id = old.fetched.upstreamID, let now = rows[id],
                !now.contains(where: { Reconciler.agrees(old.fetched, fetched[$0]) })
            else { continue }
            let found = contents[ContentKey(old.fetched)] ?? []
            if found.contains(where: { Reconciler.isSameContent(old.fetched, fetched[$0]) }) { return true }
        }
        return false
    }

    private mutating func applyRulings() {
        guard !same.isEmpty else { return }
        let places = Dictionary(stored.indices.map { (stored[$0].id, $0) }) { first, _ in first }
        var isUsed = Array(repeating: false, count: same.count)
        for row in oldestFirst where partner[row] == nil {
            let hit = same.indices.first {
                !isUsed[$0] && places[same[$0].transaction] != nil && same[$0].row.matches(fetched[row])
            }
            guard let hit, let place = places[same[hit].transaction] else { continue }
            isUsed[hit] = true
            if isTaken[place] {
                isAbsorbed[row] = true
            } else {
                pair(place, row, Match(.ruling, 100))
            }
        }
    }

    // MARK: passes

    private mutating func matchIDs(_ wanted: (FetchedTransaction) -> String?, rule: Rule) {
        var places: [String: [Int]] = [:]
        for index in stored.indices where !isTaken[index] {
            if let id = stored[index].fetched.upstreamID { places[id, default: []].append(index) }
        }
        guard !places.isEmpty else { return }
        for row in oldestFirst where isFree(row) {
            guard let id = wanted(fetched[row]), let near = places[id], near.count <= Self.holdersMax else { continue }
            for place in near where !isTaken[place] {
                guard let match = rule(stored[place].fetched, fetched[row]), !isForbidden(place, row) else { continue }
                pair(place, row, match)
                break
            }
        }
    }

    /// Looks only at the rows of the days around that are alike, and at no more of them than `triesMax`.
    private mutating func matchDays(
        within days: Int, by key: RowPlaces.Key = .amount, of status: TransactionStatus? = nil, costOfTwins: Int,
        rule: Rule
    ) {
        var places = places(key, status)
        guard !places.isEmpty else { return }
        for row in oldestFirst where isFree(row) {
            let new = fetched[row]
            var hit: (place: Int, match: Match)?
            var tries = 0
            search: for day in new.bookedOn.dayNumber - days...new.bookedOn.dayNumber + days {
                for place in places.alike(new, on: day, isTaken: isTaken) where !isTaken[place] {
                    tries += 1
                    guard tries <= Self.triesMax else { break search }
                    guard let match = rule(stored[place].fetched, new), !isForbidden(place, row) else { continue }
                    guard hit == nil else {
                        hit?.match.confidence -= costOfTwins
                        break search
                    }
                    hit = (place, match)
                    if costOfTwins == 0 { break search }
                }
            }
            if let hit { pair(hit.place, row, hit.match) }
        }
    }

    /// Matches a row of a day and an amount that is the only one on both sides.
    private mutating func matchAlone(rule: Rule) {
        var places = places(.amount, .booked)
        guard !places.isEmpty else { return }
        var alike = RowPlaces(.amount)
        for row in fetched.indices where isFree(row) { alike.add(row, fetched[row]) }
        let isNone = Array(repeating: false, count: fetched.count)
        for row in oldestFirst where isFree(row) {
            let new = fetched[row]
            let day = new.bookedOn.dayNumber
            guard alike.alike(new, on: day, isTaken: isNone).count == 1 else { continue }
            let near = places.alike(new, on: day, isTaken: isTaken)
            guard near.count == 1, let place = near.first, !isForbidden(place, row),
                let match = rule(stored[place].fetched, new)
            else { continue }
            pair(place, row, match)
        }
    }

    private func places(_ key: RowPlaces.Key, _ status: TransactionStatus?) -> RowPlaces {
        var places = RowPlaces(key)
        guard partner.indices.contains(where: isFree) else { return places }
        for index in stored.indices where !isTaken[index] {
            let old = stored[index].fetched
            guard old.status != .removed, status == nil || status == old.status else { continue }
            places.add(index, old)
        }
        return places
    }

    private func isFree(_ row: Int) -> Bool { partner[row] == nil && !isAbsorbed[row] }

    /// A ruling keeps a row apart from a transaction, unless it is that transaction's own.
    private func isForbidden(_ place: Int, _ row: Int) -> Bool {
        guard !apart.isEmpty, let prints = apart[stored[place].id] else { return false }
        return prints.contains { $0.matches(fetched[row]) } && !RowPrint(stored[place].fetched).matches(fetched[row])
    }

    private mutating func pair(_ place: Int, _ row: Int, _ match: Match) {
        isTaken[place] = true
        partner[row] = (place, match)
    }

    // MARK: result

    func result() -> ReconcileResult {
        var result = ReconcileResult()
        var holders: [String: [Int]] = [:]
        for (place, row) in stored.enumerated() where row.fetched.status != .removed {
            if let id = row.fetched.upstreamID { holders[id, default: []].append(place) }
        }
        var seen: Set<String> = []
        for (row, new) in fetched.enumerated() where !isAbsorbed[row] {
            let held = new.upstreamID.flatMap { holders[$0] } ?? []
            count(row, held, &result.evidence)
            // The first row of an id is no news.
            if let id = new.upstreamID, repeated.contains(id), !seen.insert(id).inserted, held.isEmpty {
                result.evidence.reused += 1
            }
            guard let (place, match) = partner[row] else {
                if let other = held.first { result.reused[result.added.count] = stored[other].id }
                result.added.append(new)
                continue
            }
            add(stored[place], new, match, &result)
        }
        result.absorbed = isAbsorbed.count { $0 }
        for (place, old) in stored.enumerated() where !isTaken[place] {
            let isReplaced = replacing.contains(old.fetched.bookedOn) && window.contains(old.fetched.bookedOn)
            if isReplaced || Reconciler.isGone(old.fetched, window) { result.removed.append(old) }
        }
        return result
    }

    private func add(
        _ old: StoredTransaction, _ new: FetchedTransaction, _ match: Match, _ result: inout ReconcileResult
    ) {
        var after = new
        // A bank that leaves its ids out now and then has not changed them.
        after.upstreamID = new.upstreamID ?? old.fetched.upstreamID
        guard Reconciler.isChanged(old.fetched, after) else {
            result.unchanged += 1
            return
        }
        let change = ReconcileResult.Change(id: old.id, before: old.fetched, after: after, match: match)
        var renamed = old.fetched
        renamed.upstreamID = after.upstreamID
        if Reconciler.isChanged(renamed, after) {
            result.modified.append(change)
        } else {
            result.renamed.append(change)
        }
    }

    private func count(_ row: Int, _ holders: [Int], _ evidence: inout IdTrust) {
        guard fetched[row].upstreamID != nil else {
            evidence.missing += 1
            return
        }
        let place = partner[row]?.place
        if let place, holders.contains(place) {
            evidence.kept += 1
        } else if !holders.isEmpty {
            evidence.reused += 1
        } else if let place, stored[place].fetched.status == fetched[row].status,
            stored[place].fetched.upstreamID != nil
        {
            evidence.changed += 1
        }
    }
}
