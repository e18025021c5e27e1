/// A stored transaction, as far as matching needs it.
public struct StoredTransaction: Sendable, Equatable {
    public var id: ID<FetchedTransaction>
    public var fetched: FetchedTransaction
    public init(id: ID<FetchedTransaction>, fetched: FetchedTransaction) {
        self.id = id
        self.fetched = fetched
    }
}

/// What a fetched window changes. Ids are for life: a match keeps the stored id whatever else differs.
public struct ReconcileResult: Sendable, Equatable {
    public var added: [FetchedTransaction] = []
    public var modified: [(id: ID<FetchedTransaction>, before: FetchedTransaction, after: FetchedTransaction)] = []
    public var removed: [StoredTransaction] = []
    public var unchanged = 0
    public var isEmpty: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }

    public static func == (left: Self, right: Self) -> Bool {
        left.added == right.added && left.removed == right.removed && left.unchanged == right.unchanged
            && left.modified.elementsEqual(right.modified, by: { $0.id == $1.id && $0.after == $1.after })
    }
}

/// Decides which fetched rows are new, which are changes of stored ones, and which stored ones are gone.
public enum Reconciler {
    /// A posted amount may differ from the pending one by this much (tips, fees, rates).
    static let pendingTolerancePercent: UInt64 = 30
    static let pendingDaysMax = 7

    /// - Parameters:
    ///   - stored: the account's rows in the window and, for pending ones, `pendingDaysMax` around it, none removed;
    ///     and its rows of any day and status that carry an id of a fetched one.
    ///   - fetched: all rows of the window; it is complete, or the caller does not call.
    public static func reconcile(
        stored: [StoredTransaction], fetched: [FetchedTransaction], window: DayWindow
    ) -> ReconcileResult {
        var matcher = Matcher(stored: stored, fetched: fetched)
        matcher.matchIDs { $0.upstreamID }
        matcher.matchIDs { $0.supersedes }
        matcher.matchDays(within: 0, hasExactAmount: true) { isSameContent($0, $1) && window.contains($0.bookedOn) }
        matcher.matchDays(within: pendingDaysMax, hasExactAmount: true, rule: isPosting)
        matcher.matchDays(within: pendingDaysMax, hasExactAmount: false, rule: isPosting)
        return matcher.result(window: window)
    }

    /// The content speaks for rows whose id is missing, or unknown on both sides: the window is complete, so
    /// a stored id that it lacks is one that the bank has given up. Two equal rows stay two because each
    /// row matches once.
    private static func isSameContent(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        old.status == new.status && old.amount == new.amount && old.bookedOn == new.bookedOn
            && normal(old.text) == normal(new.text)
            && (old.runningBalance == nil || new.runningBalance == nil || old.runningBalance == new.runningBalance)
    }

    private static func isPosting(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        guard old.status == .pending, new.status == .booked, new.supersedes == nil,
            old.amount.currency == new.amount.currency, (old.amount.minor < 0) == (new.amount.minor < 0)
        else { return false }
        // Of one sign, so the difference fits.
        let difference = (old.amount.minor - new.amount.minor).magnitude
        return difference.multipliedFullWidth(by: 100)
            <= old.amount.minor.magnitude.multipliedFullWidth(by: pendingTolerancePercent)
            && isSimilar(old.text, new.text)
    }

    private static func normal(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 > 32 }, as: UTF8.self).lowercased()
    }

    /// Half of the shorter text's words are in the other.
    static func isSimilar(_ left: String, _ right: String) -> Bool {
        let a = Set(left.lowercased().split { !$0.isLetter && !$0.isNumber })
        let b = Set(right.lowercased().split { !$0.isLetter && !$0.isNumber })
        guard !a.isEmpty, !b.isEmpty else { return true }
        return a.intersection(b).count * 2 >= min(a.count, b.count)
    }

    /// Whether the bank now tells something else. `supersedes` only helps to match; it is no fact of the row.
    static func isChanged(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        var old = old
        old.supersedes = new.supersedes
        return old != new
    }
}

/// One pass per rule, oldest first, each row at most once.
private struct Matcher {
    private let stored: [StoredTransaction]
    private let fetched: [FetchedTransaction]
    private var isTaken: [Bool]
    /// For each fetched row the stored one it is.
    private var partner: [Int?]
    /// Fetched rows from old to new; a bank lists the newest first.
    private let oldestFirst: [Int]

    init(stored: [StoredTransaction], fetched: [FetchedTransaction]) {
        let stored = stored.sorted { ($0.fetched.bookedOn, $0.id) < ($1.fetched.bookedOn, $1.id) }
        let fetched = Matcher.once(fetched)
        self.stored = stored
        self.fetched = fetched
        isTaken = Array(repeating: false, count: stored.count)
        partner = Array(repeating: nil, count: fetched.count)
        oldestFirst = fetched.indices.sorted { (fetched[$0].bookedOn, $1) < (fetched[$1].bookedOn, $0) }
    }

    /// A row that moved to the next page while pages were read comes twice with one id: the later word counts.
    private static func once(_ rows: [FetchedTransaction]) -> [FetchedTransaction] {
        var place: [String: Int] = [:]
        var kept: [FetchedTransaction] = []
        for row in rows {
            if let id = row.upstreamID, let index = place[id] {
                kept[index] = row
            } else {
                if let id = row.upstreamID { place[id] = kept.count }
                kept.append(row)
            }
        }
        return kept
    }

    mutating func matchIDs(_ wanted: (FetchedTransaction) -> String?) {
        var places: [String: [Int]] = [:]
        for index in stored.indices where !isTaken[index] {
            if let id = stored[index].fetched.upstreamID { places[id, default: []].append(index) }
        }
        for row in oldestFirst where partner[row] == nil {
            guard let id = wanted(fetched[row]), let hit = places[id]?.first(where: { !isTaken[$0] }) else { continue }
            pair(hit, row)
        }
    }

    private struct Place: Hashable {
        var day: Int
        /// nil where any amount may match.
        var minor: Int64?
    }

    /// Looks only at the days around a row, and at its amount if it must be equal, so that a window of
    /// thousands does not cost its square.
    mutating func matchDays(
        within days: Int, hasExactAmount: Bool, rule: (FetchedTransaction, FetchedTransaction) -> Bool
    ) {
        var places: [Place: [Int]] = [:]
        for index in stored.indices where !isTaken[index] {
            let old = stored[index].fetched
            let place = Place(day: old.bookedOn.dayNumber, minor: hasExactAmount ? old.amount.minor : nil)
            places[place, default: []].append(index)
        }
        guard !places.isEmpty else { return }
        for row in oldestFirst where partner[row] == nil {
            let new = fetched[row]
            for day in new.bookedOn.dayNumber - days...new.bookedOn.dayNumber + days {
                let near = places[Place(day: day, minor: hasExactAmount ? new.amount.minor : nil)] ?? []
                guard let hit = near.first(where: { !isTaken[$0] && rule(stored[$0].fetched, new) }) else { continue }
                pair(hit, row)
                break
            }
        }
    }

    private mutating func pair(_ stored: Int, _ row: Int) {
        isTaken[stored] = true
        partner[row] = stored
    }

    func result(window: DayWindow) -> ReconcileResult {
        var result = ReconcileResult()
        for (row, new) in fetched.enumerated() {
            guard let index = partner[row] else {
                result.added.append(new)
                continue
            }
            let old = stored[index]
            if Reconciler.isChanged(old.fetched, new) {
                result.modified.append((old.id, old.fetched, new))
            } else {
                result.unchanged += 1
            }
        }
        // A pending row that a complete window no longer has is gone; a booked one is kept.
        for (index, old) in stored.enumerated() where !isTaken[index] {
            if old.fetched.status == .pending, window.contains(old.fetched.bookedOn) { result.removed.append(old) }
        }
        return result
    }
}
