/// A step in the life of a transaction that was no plain match of the bank's id.
public struct LineageEntry: Sendable, Equatable {
    /// Who did what to the transaction.
    public enum Kind: String, Sendable {
        /// A refresh took a row of the bank for this transaction.
        case matched
        /// A refresh made it although the bank's id was another's.
        case keptApart = "kept_apart"
        /// By the API it took in another one.
        case merged
        /// By the API it became part of another one.
        case absorbed
        /// By the API a row of the bank was taken out of it.
        case split
        /// By the API it was taken out of another one.
        case separated
    }

    public var id: ID<LineageEntry>
    public var transaction: ID<FetchedTransaction>
    public var kind: Kind
    public var match: Match
    public var other: ID<FetchedTransaction>?
    public var upstreamBefore: String?
    public var upstreamAfter: String?
    /// What it was before; nil where only the bank's id changed.
    public var before: FetchedTransaction?
    /// What the other one was.
    public var otherBefore: FetchedTransaction?
    public var at: Instant
    public var undoneAt: Instant?

    public init(
        id: ID<LineageEntry>, transaction: ID<FetchedTransaction>, kind: Kind, match: Match,
        other: ID<FetchedTransaction>? = nil, upstreamBefore: String? = nil, upstreamAfter: String? = nil,
        before: FetchedTransaction? = nil, otherBefore: FetchedTransaction? = nil, at: Instant,
        undoneAt: Instant? = nil
    ) {
        self.id = id
        self.transaction = transaction
        self.kind = kind
        self.match = match
        self.other = other
        self.upstreamBefore = upstreamBefore
        self.upstreamAfter = upstreamAfter
        self.before = before
        self.otherBefore = otherBefore
        self.at = at
        self.undoneAt = undoneAt
    }
}
