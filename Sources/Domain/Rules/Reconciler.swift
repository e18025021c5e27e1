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
    /// A stored row of which the bank now tells something else.
    public struct Change: Sendable, Equatable {
        public var id: ID<FetchedTransaction>
        public var before: FetchedTransaction
        public var after: FetchedTransaction
        public var match: Match
        public init(
            id: ID<FetchedTransaction>, before: FetchedTransaction, after: FetchedTransaction,
            match: Match = Match(.id, 100)
        ) {
            self.id = id
            self.before = before
            self.after = after
            self.match = match
        }
    }

    public var added: [FetchedTransaction] = []
    public var modified: [Change] = []
    /// Rows of which only the bank's id is another. Nobody sees it, so nobody is told.
    public var renamed: [Change] = []
    public var removed: [StoredTransaction] = []
    /// Added rows whose bank id is another transaction's as well, by their place in `added`.
    public var reused: [Int: ID<FetchedTransaction>] = [:]
    public var unchanged = 0
    /// Rows of the bank that a ruling made part of a transaction which has its own row.
    public var absorbed = 0
    /// How far ids were trusted: as measured, or less where the window itself proved them worse.
    public var level = IdTrust.Level.unknown
    /// What this window told of the bank's ids.
    public var evidence = IdTrust()
    /// Whether nothing is to be written.
    public var isEmpty: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty && renamed.isEmpty }

    public init() {}
}

/// Decides which fetched rows are new, which are changes of stored ones, and which stored ones are gone.
public enum Reconciler {
    /// A posted amount may differ from the pending one by this much (tips, fees, rates).
    static let pendingTolerancePercent: UInt64 = 30
    static let pendingDaysMax = 7
    /// So many days lie at most between booking and value of what is matched by them.
    public static let valueDaysMax = 10
    /// Shorter references are not made for one payment.
    static let referenceLengthMin = 6

    /// - Parameters:
    ///   - stored: the account's rows in the window and a day around it, pending ones `pendingDaysMax` around it, none
    ///     removed; its rows of any day and status that carry an id of a fetched one; and those that rulings name.
    ///   - fetched: all rows of the window; it is complete, or the caller does not call.
    ///   - trust: how the bank's ids behaved so far.
    ///   - rulings: those of the account whose rows may be among the fetched ones.
    ///   - replacing: days of which also a booked row is gone when it is not among the fetched ones.
    public static func reconcile(
        stored: [StoredTransaction], fetched: [FetchedTransaction], window: DayWindow, trust: IdTrust = .unknown,
        rulings: [Ruling] = [], replacing: Set<LocalDate> = []
    ) -> ReconcileResult {
        if replacing.isEmpty, let same = unchanged(stored, fetched, window) { return same }
        var matcher = Matcher(
            stored: stored, fetched: fetched, window: window, level: trust.level, rulings: rulings)
        matcher.replacing = replacing
        matcher.climb()
        var result = matcher.result()
        result.level = matcher.level
        // Ids that change with every fetch are not worth a write of their own.
        let isFickle = matcher.level == .changing || matcher.level == .reused
        if isFickle, result.added.isEmpty, result.modified.isEmpty, result.removed.isEmpty {
            result.unchanged += result.renamed.count
            result.renamed = []
        }
        return result
    }

    /// The common case, without sorting: every row came under its id with nothing new.
    private static func unchanged(
        _ stored: [StoredTransaction], _ fetched: [FetchedTransaction], _ window: DayWindow
    ) -> ReconcileResult? {
        guard stored.count >= fetched.count else { return nil }
        var places = [String: Int](minimumCapacity: stored.count)
        for (index, row) in stored.enumerated() {
            guard let id = row.fetched.upstreamID else { continue }
            guard places.updateValue(index, forKey: id) == nil else { return nil }
        }
        var isSeen = [Bool](repeating: false, count: stored.count)
        for row in fetched {
            guard let id = row.upstreamID, let place = places[id], !isSeen[place],
                !isChanged(stored[place].fetched, row)
            else { return nil }
            isSeen[place] = true
        }
        for (index, row) in stored.enumerated() where !isSeen[index] {
            if isGone(row.fetched, window) { return nil }
        }
        var result = ReconcileResult()
        result.unchanged = fetched.count
        result.evidence.kept = Int64(fetched.count)
        return result
    }

    /// A pending row that a complete window no longer has is gone; a booked one is kept.
    static func isGone(_ row: FetchedTransaction, _ window: DayWindow) -> Bool {
        row.status == .pending && window.contains(row.bookedOn)
    }

    /// Whether the bank now tells something else. `supersedes` and `valueOn` only help to match; they are no facts of
    /// the row.
    static func isChanged(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        var old = old
        old.supersedes = new.supersedes
        old.valueOn = new.valueOn
        return old != new
    }
}

/// What speaks for two rows being one transaction.
extension Reconciler {
    /// Whether an id's old and new content can be one transaction's: nothing is asked of trust then.
    static func agrees(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        guard old.amount.currency == new.amount.currency else { return false }
        if old.amount == new.amount {
            return old.bookedOn == new.bookedOn || old.status != .booked || isSimilar(old.text, new.text)
        }
        return old.status != .booked && isNear(old.amount, new.amount)
    }

    /// The content speaks for rows whose id is missing, or unknown on both sides: the window is complete, so
    /// a stored id that it lacks is one that the bank has given up. Two equal rows stay two because each
    /// row matches once.
    static func isSameContent(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        old.status == new.status && old.amount == new.amount && old.bookedOn == new.bookedOn
            && !isBalanceOther(old, new) && ContentKey.normal(old.text) == ContentKey.normal(new.text)
    }

    static func isBalanceOther(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        old.runningBalance != nil && new.runningBalance != nil && old.runningBalance != new.runningBalance
    }

    static func isBalanceSame(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        old.runningBalance != nil && old.runningBalance == new.runningBalance
    }

    static func isReferenceSame(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        guard let reference = new.reference, reference == old.reference else { return false }
        return reference.utf8.count >= referenceLengthMin && !isBalanceOther(old, new)
    }

    /// Some statements date a row by its booking and others by its value; the one's day is then the other's value day.
    static func isByValueDay(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        guard old.amount == new.amount, old.bookedOn != new.bookedOn, !isBalanceOther(old, new) else { return false }
        return old.valueOn == new.bookedOn || new.valueOn == old.bookedOn
    }

    static func isPosting(_ old: FetchedTransaction, _ new: FetchedTransaction) -> Bool {
        old.status == .pending && new.status == .booked && new.supersedes == nil
            && old.amount.currency == new.amount.currency && isNear(old.amount, new.amount)
            && isSimilar(old.text, new.text)
    }

    private static func isNear(_ old: Money, _ new: Money) -> Bool {
        guard (old.minor < 0) == (new.minor < 0) else { return false }
        // Of one sign, so the difference fits.
        let difference = (old.minor - new.minor).magnitude
        return difference.multipliedFullWidth(by: 100)
            <= old.minor.magnitude.multipliedFullWidth(by: pendingTolerancePercent)
    }

    /// Half of the shorter text's words are in the other.
    static func isSimilar(_ left: String, _ right: String) -> Bool {
        let a = Set(left.lowercased().split { !$0.isLetter && !$0.isNumber })
        let b = Set(right.lowercased().split { !$0.isLetter && !$0.isNumber })
        guard !a.isEmpty, !b.isEmpty else { return true }
        return a.intersection(b).count * 2 >= min(a.count, b.count)
    }
}
