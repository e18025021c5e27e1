/// A place in the order of commits: after everything that was committed before, and before what comes later.
public struct FeedPlace: Sendable, Hashable, Comparable {
    /// The number of the committing transaction; 0 where the place alone orders.
    public let batch: Int64
    public let place: Int64

    public init(batch: Int64, place: Int64) {
        self.batch = batch
        self.place = place
    }

    /// Before everything.
    public static let start = FeedPlace(batch: Int64.min, place: 0)

    public static func < (left: Self, right: Self) -> Bool {
        (left.batch, left.place) < (right.batch, right.place)
    }
}

/// Which part of an environment's feed is asked for.
public enum FeedFilter: Sendable, Hashable {
    case all
    case connection(String)
    case account(String)

    /// Whether who has read the feed of `wider` has read all of this one too.
    public func isWithin(_ wider: FeedFilter) -> Bool { wider == .all || wider == self }

    var text: String {
        switch self {
        case .all: "*"
        case .connection(let id): "c\(id)"
        case .account(let id): "a\(id)"
        }
    }

    init?(text: some StringProtocol) {
        switch text.first {
        case "*" where text.count == 1: self = .all
        case "c": self = .connection(String(text.dropFirst()))
        case "a": self = .account(String(text.dropFirst()))
        default: return nil
        }
    }
}

/// How far a reader of a feed has come. Readers keep it as text and change nothing in it.
public struct FeedCursor: Sendable, Hashable {
    /// What is read next.
    public enum Stage: Sendable, Hashable {
        /// Rows as they are, newest day first, behind this day and id; then what changed after `from`.
        case history(day: String, id: String, from: FeedPlace)
        /// What changed after a place, without the first `skipped` of the change behind it, up to `until`: nil where
        /// the next batch is yet to be begun.
        case changes(after: FeedPlace, skipped: Int, until: FeedPlace?)
    }

    public var filter: FeedFilter
    public var stage: Stage
    /// The life of the database in which it was given.
    public var epoch: Int64

    public init(filter: FeedFilter, stage: Stage, epoch: Int64 = 1) {
        self.filter = filter
        self.stage = stage
        self.epoch = epoch
    }

    /// The cursor without its signature.
    public var text: String {
        let head = epoch == 1 ? filter.text : "\(filter.text)@\(epoch)"
        switch stage {
        case .history(let day, let id, let from):
            return "\(head);h;\(from.batch);\(from.place);\(day);\(id)"
        case .changes(let after, let skipped, let until):
            let end = until.map { ";\($0.batch);\($0.place)" } ?? ""
            return "\(head);c;\(after.batch);\(after.place);\(skipped)\(end)"
        }
    }

    /// A cursor that names no epoch is of the first.
    private static func head(_ text: Substring) -> (FeedFilter, Int64)? {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let filter = parts.first.flatMap(FeedFilter.init(text:)) else { return nil }
        guard parts.count == 2 else { return (filter, 1) }
        guard let epoch = Int64(parts[1]), epoch > 1 else { return nil }
        return (filter, epoch)
    }

    /// nil for what `text` never wrote.
    public init?(text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count >= 5, let (filter, epoch) = Self.head(parts[0]), let batch = Int64(parts[2]),
            let place = Int64(parts[3])
        else { return nil }
        let start = FeedPlace(batch: batch, place: place)
        switch (parts[1], parts.count) {
        case ("h", 6):
            self.init(
                filter: filter, stage: .history(day: String(parts[4]), id: String(parts[5]), from: start),
                epoch: epoch)
        case ("c", 5), ("c", 7):
            guard let skipped = Int(parts[4]), skipped >= 0 else { return nil }
            var until: FeedPlace?
            if parts.count == 7 {
                guard let batch = Int64(parts[5]), let place = Int64(parts[6]) else { return nil }
                until = FeedPlace(batch: batch, place: place)
            }
            self.init(filter: filter, stage: .changes(after: start, skipped: skipped, until: until), epoch: epoch)
        default: return nil
        }
    }
}
