/// What happened to a transaction.
public enum FeedChange: Sendable, Hashable { case added, modified, removed }

/// What one commit did to the transactions of one account, in the order of commits.
public struct ChangedTransactions: Sendable, Equatable {
    public let place: FeedPlace
    public let account: String
    public let added: [String]
    public let modified: [String]
    public let removed: [String]
    /// The days that the added and modified ones had then.
    public let from: String
    public let to: String

    public init(
        place: FeedPlace, account: String, added: [String], modified: [String], removed: [String], from: String,
        to: String
    ) {
        self.place = place
        self.account = account
        self.added = added
        self.modified = modified
        self.removed = removed
        self.from = from
        self.to = to
    }

    public var count: Int { added.count + modified.count + removed.count }

    /// Every change with its transaction, always in the same order.
    public var changes: [(id: String, change: FeedChange)] {
        added.map { ($0, .added) } + modified.map { ($0, .modified) } + removed.map { ($0, .removed) }
    }
}

/// Folds the changes of one page, so that a transaction stands in it once, as what it came to.
public struct FeedPage: Sendable {
    /// A transaction of the page.
    public struct Entry: Sendable, Equatable {
        public let id: String
        public let account: String
        public let first: FeedChange
        public var last: FeedChange
        /// Days to look for it first.
        public var from: String
        public var to: String
    }

    public private(set) var entries: [Entry] = []
    /// Where the next page begins.
    public private(set) var after: FeedPlace
    public private(set) var skipped: Int
    /// Changes that may still be taken.
    public private(set) var room: Int
    private var places: [String: Int] = [:]

    public init(after: FeedPlace, skipped: Int, room: Int) {
        self.after = after
        self.skipped = skipped
        self.room = room
    }

    /// Takes as many of the commit's changes as there is room for.
    public mutating func take(_ changed: ChangedTransactions) {
        let rest = changed.changes.dropFirst(skipped)
        for (id, change) in rest.prefix(room) { take(id, change, changed) }
        if rest.count > room {
            skipped += room
            room = 0
        } else {
            room -= rest.count
            skipped = 0
            after = changed.place
        }
    }

    private mutating func take(_ id: String, _ change: FeedChange, _ changed: ChangedTransactions) {
        if let place = places[id] {
            entries[place].last = change
            entries[place].from = changed.from
            entries[place].to = changed.to
        } else {
            places[id] = entries.count
            entries.append(
                Entry(
                    id: id, account: changed.account, first: change, last: change, from: changed.from, to: changed.to))
        }
    }

    /// How a transaction of the page is told, by whether it is there now; nil when it came and went within the page.
    public static func told(_ entry: Entry, isThere: Bool) -> FeedChange? {
        if isThere { return entry.first == .added ? .added : .modified }
        return entry.first == .added ? nil : .removed
    }
}
