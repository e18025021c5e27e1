/// The moments for which a connection must be looked at, in its environment's time.
public struct DueTimes: Sendable, Equatable {
    public var balance: Instant?
    public var transactions: Instant?
    /// When its person must be told of the consent's end; a pause does not stop that.
    public var consent: Instant?
    public var isPaused: Bool

    public init(balance: Instant?, transactions: Instant?, consent: Instant? = nil, isPaused: Bool = false) {
        self.balance = balance
        self.transactions = transactions
        self.consent = consent
        self.isPaused = isPaused
    }

    /// The first of them; nil when nothing will be due by itself.
    public var next: Instant? {
        let fetches = isPaused ? [] : [balance, transactions].compactMap { $0 }
        return (fetches + [consent].compactMap { $0 }).min()
    }
}
