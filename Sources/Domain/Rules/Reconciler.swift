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
    static let pendingTolerancePercent: Int64 = 30
    static let pendingDaysMax = 7

    /// - Parameters:
    ///   - stored: the account's rows in the window and, for pending ones, `pendingDaysMax` around it; none removed.
    ///   - fetched: all rows of the window; it is complete, or the caller does not call.
    public static func reconcile(
        stored: [StoredTransaction], fetched: [FetchedTransaction], window: DayWindow
    ) -> ReconcileResult {
        var matcher = Matcher(stored: stored, fetched: fetched)
        matcher.match { $0.upstreamID != nil && $0.upstreamID == $1.upstreamID }
        matcher.match { $1.supersedes != nil && $0.upstreamID == $1.supersedes }
        matcher.match(isSameContent)
        matcher.match(isPosting)
        return matcher.result(window: window)
    }

    /// Without a usable id the content speaks; two equal rows stay two because each row matches once.
    private static func isSameContent(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        (old.upstreamID == nil || new.upstreamID == nil)
            && old.status == new.status && old.amount == new.amount && old.bookedOn == new.bookedOn
            && normal(old.text) == normal(new.text)
            && (old.runningBalance == nil || new.runningBalance == nil || old.runningBalance == new.runningBalance)
    }

    private static func isPosting(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        guard old.status == .pending, new.status == .booked, new.supersedes == nil,
            old.amount.currency == new.amount.currency, (old.amount.minor < 0) == (new.amount.minor < 0),
            abs(new.bookedOn.dayNumber - old.bookedOn.dayNumber) <= pendingDaysMax
        else { return false }
        let difference = (old.amount.minor - new.amount.minor).magnitude
        return difference.multipliedReportingOverflow(by: 100).partialValue
            <= old.amount.minor.magnitude.multipliedReportingOverflow(by: UInt64(pendingTolerancePercent)).partialValue
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
}

/// One pass per rule, oldest first, each row at most once.
private struct Matcher {
    var stored: [StoredTransaction]
    var fetched: [FetchedTransaction]
    var pairs: [(stored: StoredTransaction, fetched: FetchedTransaction)] = []

    init(stored: [StoredTransaction], fetched: [FetchedTransaction]) {
        self.stored = stored.sorted { ($0.fetched.bookedOn, $0.id) < ($1.fetched.bookedOn, $1.id) }
        self.fetched = fetched
    }

    mutating func match(_ rule: (FetchedTransaction, FetchedTransaction) -> Bool) {
        guard !stored.isEmpty else { return }
        var rest: [FetchedTransaction] = []
        var buckets = Buckets(stored)
        for row in fetched {
            if let hit = buckets.take(for: row, where: { rule($0.fetched, row) }) {
                pairs.append((hit, row))
            } else {
                rest.append(row)
            }
        }
        fetched = rest
        stored = buckets.rest
    }

    func result(window: DayWindow) -> ReconcileResult {
        var result = ReconcileResult()
        result.added = fetched
        for pair in pairs {
            if pair.stored.fetched == pair.fetched {
                result.unchanged += 1
            } else {
                result.modified.append((pair.stored.id, pair.stored.fetched, pair.fetched))
            }
        }
        // A pending row that a complete window no longer has is gone; a booked one is kept.
        result.removed = stored.filter { $0.fetched.status == .pending && window.contains($0.fetched.bookedOn) }
        return result
    }
}

/// Stored rows by id and by day, so that a window of thousands does not cost its square.
private struct Buckets {
    private var rows: [StoredTransaction]
    private var isTaken: [Bool]
    private var byID: [String: [Int]] = [:]
    private var byDay: [LocalDate: [Int]] = [:]

    init(_ rows: [StoredTransaction]) {
        self.rows = rows
        isTaken = Array(repeating: false, count: rows.count)
        for (index, row) in rows.enumerated() {
            if let id = row.fetched.upstreamID { byID[id, default: []].append(index) }
            byDay[row.fetched.bookedOn, default: []].append(index)
        }
    }

    mutating func take(for row: FetchedTransaction, where rule: (StoredTransaction) -> Bool) -> StoredTransaction? {
        for id in [row.upstreamID, row.supersedes] {
            if let id, let hit = byID[id]?.first(where: { !isTaken[$0] && rule(rows[$0]) }) { return take(hit) }
        }
        for distance in -Reconciler.pendingDaysMax...Reconciler.pendingDaysMax {
            let day = row.bookedOn.adding(days: distance)
            if let hit = byDay[day]?.first(where: { !isTaken[$0] && rule(rows[$0]) }) { return take(hit) }
        }
        return nil
    }

    private mutating func take(_ index: Int) -> StoredTransaction {
        isTaken[index] = true
        return rows[index]
    }

    var rest: [StoredTransaction] { rows.indices.filter { !isTaken[$0] }.map { rows[$0] } }
}
