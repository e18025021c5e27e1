/// A change of one connection's rhythm; what is nil stays as it is.
public struct RefreshChange: Sendable, Equatable {
    /// How often a product is asked for.
    public enum Rhythm: Sendable, Equatable {
        case every(RefreshInterval)
        case onDemand

        /// nil is on demand.
        public var interval: RefreshInterval? {
            switch self {
            case .every(let interval): interval
            case .onDemand: nil
            }
        }
    }

    public var balance: Rhythm?
    public var transactions: Rhythm?
    public var isPaused: Bool?

    public init(balance: Rhythm? = nil, transactions: Rhythm? = nil, isPaused: Bool? = nil) {
        self.balance = balance
        self.transactions = transactions
        self.isPaused = isPaused
    }

    private static let known: Set<String> = ["interval", "balance", "transactions", "paused"]

    /// Reads `{interval, balance, transactions, paused}`; `interval` stands for both products. An interval is a name,
    /// `true` for daily, or `false` for on demand only.
    public init(members: [String: JSONValue]) throws(DomainError) {
        if let other = members.keys.sorted().first(where: { !Self.known.contains($0) }) {
            throw .invalid(
                String(other.prefix(40)), "is not known here. Use interval, balance, transactions or paused.")
        }
        let both = try Self.rhythm(members["interval"], "interval")
        balance = try Self.rhythm(members["balance"], "balance") ?? both
        transactions = try Self.rhythm(members["transactions"], "transactions") ?? both
        switch members["paused"] {
        case nil, .null: isPaused = nil
        case .bool(let flag): isPaused = flag
        default: throw .invalid("paused", "must be true or false.")
        }
        guard self != RefreshChange() else { throw .missing("interval") }
    }

    private static func rhythm(_ value: JSONValue?, _ field: String) throws(DomainError) -> Rhythm? {
        switch value {
        case nil, .null: return nil
        case .bool(true): return .every(.daily)
        case .bool(false): return .onDemand
        case .string(let name):
            do throws(DomainError) {
                return .every(try RefreshInterval(wire: name))
            } catch {
                throw error.renaming(["refresh.interval": field])
            }
        default: throw .invalid(field, "must be an interval such as \"one_hour\", true or false.")
        }
    }

    /// The setting with this change made.
    public func applied(to setting: RefreshSetting) -> RefreshSetting {
        var changed = setting
        if let balance { changed.balance = balance.interval }
        if let transactions { changed.transactions = transactions.interval }
        return changed
    }
}
