/// Why a fetched row was taken for a stored one. The ladder's order is in `docs/concepts/identity.md`.
public enum MatchRule: String, Sendable, CaseIterable {
    /// The bank's id, and nothing speaks against it. Leaves no trace in the lineage.
    case id
    /// Somebody said so by the API.
    case ruling
    /// The bank says which pending row this one replaces.
    case supersedes
    /// Same status, day, amount and text.
    case content
    /// Same day, amount and running balance; the text is another.
    case balance
    /// Same amount and reference.
    case reference
    /// Same amount and text on the day before or after, at the same instant or running balance.
    case moved
    /// A pending row that is booked under another id, with the same amount.
    case posting
    /// The same with another amount, as with tips, fees and rates.
    case postingAmount = "posting_amount"
    /// The bank's id, though day, amount or text are quite another.
    case correction
    /// Same day and amount, a text with half of the words; the only such row.
    case similar
    /// Same amount, and the day of one is the other's day of value, as two statements of one account may have it.
    case valueDay = "value_day"
    /// No match: the bank's id was another transaction's before, and the row became one of its own.
    case reuse
}

/// A rule with how sure it is.
public struct Match: Sendable, Equatable {
    public var rule: MatchRule
    /// Percent.
    public var confidence: Int
    public init(_ rule: MatchRule, _ confidence: Int) {
        self.rule = rule
        self.confidence = confidence
    }
}

/// What somebody decided by the API about rows of the bank, remembered so that no refresh decides it again.
public struct Ruling: Sendable, Equatable {
    /// Which way it was decided.
    public enum Kind: String, Sendable {
        /// The bank's row is this transaction.
        case same
        /// The bank's row is not this transaction.
        case apart
    }

    public var kind: Kind
    public var transaction: ID<FetchedTransaction>
    public var row: RowPrint

    public init(_ kind: Kind, _ transaction: ID<FetchedTransaction>, _ row: RowPrint) {
        self.kind = kind
        self.transaction = transaction
        self.row = row
    }
}

/// How a row of the bank is known again.
public struct RowPrint: Hashable, Sendable {
    public var upstreamID: String?
    /// Day, amount, currency, running balance and text.
    public var content: String

    public init(upstreamID: String?, content: String) {
        self.upstreamID = upstreamID
        self.content = content
    }

    public init(_ row: FetchedTransaction) {
        let balance = row.runningBalance.map { String($0.minor) } ?? ""
        let key = ContentKey(row)
        upstreamID = row.upstreamID
        content = [row.bookedOn.iso, String(key.minor), row.amount.currency.code, balance, key.text]
            .joined(separator: "|")
    }

    /// Equal ids mean nothing without the amount, where a bank uses them again.
    public func matches(_ row: FetchedTransaction) -> Bool {
        let other = RowPrint(row)
        if content == other.content {
            return upstreamID == nil || other.upstreamID == nil || upstreamID == other.upstreamID
        }
        return upstreamID != nil && upstreamID == other.upstreamID
            && content.split(separator: "|").dropFirst().prefix(2)
                == other.content.split(separator: "|").dropFirst().prefix(2)
    }
}

/// What makes a row's content: its day, its amount and the letters of its text.
struct ContentKey: Hashable {
    let day: Int
    let minor: Int64
    let text: String

    init(_ row: FetchedTransaction) {
        day = row.bookedOn.dayNumber
        minor = row.amount.minor
        text = Self.normal(row.text)
    }

    static func normal(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 > 32 }, as: UTF8.self).lowercased()
    }
}

/// Which of two transactions that are one is shown.
public enum MergeRule {
    /// Whether the other one's facts are: a booked row before a pending one, before one that the bank took back; of
    /// equals the later one, which the bank shows now.
    public static func showsOther(_ one: StoredTransaction, _ other: StoredTransaction) -> Bool {
        func rank(_ status: TransactionStatus) -> Int {
            switch status {
            case .booked: 2
            case .pending: 1
            case .removed: 0
            }
        }
        let (mine, theirs) = (rank(one.fetched.status), rank(other.fetched.status))
        return mine == theirs ? one.id < other.id : mine < theirs
    }
}
