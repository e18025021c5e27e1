/// What one step of a run asked its bank, how the bank answered, and what came of it. A step that was tried twice has
/// two of them.
public struct StepTrace: Sendable, Equatable {
    /// As `SyncStep` names it: `accounts`, `balance`, `transactions`, `identity` or `statement`; `grant` when access
    /// was renewed.
    public var operation: String
    public var accountID: String?
    public var window: DayWindow?
    /// The environment's time at which it began.
    public var at: Instant
    public var durationMs: Int64 = 0
    /// Requests to the bank, pages and repeats included.
    public var calls: Int64 = 0
    /// `ok`, or the code of the error.
    public var outcome = StepTrace.ok
    /// What exactly was wrong, as `BankFault` names it.
    public var detail: String?
    /// The bank's own code.
    public var upstreamCode: String?
    public var added: Int64 = 0
    public var modified: Int64 = 0
    public var removed: Int64 = 0
    /// Rows that were not taken, by the reason.
    public var dropped: [BankFault: Int] = [:]
    /// What was odd and did no harm.
    public var notes: Set<BankFault> = []

    public static let ok = "ok"

    public init(operation: String, accountID: String? = nil, window: DayWindow? = nil, at: Instant) {
        self.operation = operation
        self.accountID = accountID
        self.window = window
        self.at = at
    }

    /// The trace of a step that begins now.
    public init(_ step: SyncStep?, at: Instant) {
        switch step {
        case .balance(let account): self.init(operation: "balance", accountID: account, at: at)
        case .transactions(let account, let window):
            self.init(operation: "transactions", accountID: account, window: window, at: at)
        case .statement(let account, _, let window):
            self.init(operation: "statement", accountID: account, window: window, at: at)
        case .accounts: self.init(operation: "accounts", at: at)
        case .identity: self.init(operation: "identity", at: at)
        case nil: self.init(operation: "unknown", at: at)
        }
    }

    /// Notes how it went wrong.
    public mutating func fail(_ error: ConnectorError) {
        outcome = error.code.rawValue
        detail = error.fault?.rawValue
        upstreamCode = error.upstreamCode.map { String($0.prefix(80)) }
    }
}
