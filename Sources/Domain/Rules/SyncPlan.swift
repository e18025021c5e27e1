/// A step of a refresh run: small enough to be one transaction, and kept as text.
public enum SyncStep: Hashable, Sendable {
    /// Which accounts there are and what they are called.
    case accounts
    case balance(account: String)
    case transactions(account: String, window: DayWindow)
    case identity
    /// Rows of an uploaded statement, which no bank is asked for.
    case statement(account: String, upload: String, window: DayWindow)

    public init?(_ text: String) {
        let parts = text.split(separator: ":").map(String.init)
        switch (parts.first, parts.count) {
        case ("accounts", 1): self = .accounts
        case ("identity", 1): self = .identity
        case ("balance", 2): self = .balance(account: parts[1])
        case ("transactions", 4):
            guard let from = LocalDate(parts[2]), let to = LocalDate(parts[3]) else { return nil }
            self = .transactions(account: parts[1], window: DayWindow(from: from, to: to))
        case ("statement", 5):
            guard let from = LocalDate(parts[3]), let to = LocalDate(parts[4]) else { return nil }
            self = .statement(account: parts[1], upload: parts[2], window: DayWindow(from: from, to: to))
        default: return nil
        }
    }

    public var text: String {
        switch self {
        case .accounts: "accounts"
        case .identity: "identity"
        case .balance(let account): "balance:\(account)"
        case .transactions(let account, let window): "transactions:\(account):\(window.from):\(window.to)"
        case .statement(let account, let upload, let window):
            "statement:\(account):\(upload):\(window.from):\(window.to)"
        }
    }
}

/// What a run fetches and in which order: balances, the newest transactions, identity, then history month by month.
public enum SyncPlan {
    /// A refresh looks back at least this far, for rows that banks post late or change.
    static let overlapDays = 7
    static let recentDays = 30

    /// - Parameters:
    ///   - syncedTo: transactions are complete up to this day; nil before the first run.
    ///   - windowDaysMax: the bank's limit for one request.
    public static func steps(
        accounts: [String], products: Set<Product>, today: LocalDate, syncedTo: LocalDate?, historyMonths: Int,
        windowDaysMax: Int
    ) -> [SyncStep] {
        var steps: [SyncStep] = []
        if products.contains(.balance) { steps += accounts.map(SyncStep.balance) }
        let days = max(1, min(recentDays, windowDaysMax))
        let oldest = syncedTo.map { min($0, today).adding(days: -overlapDays) }
            ?? today.adding(days: -historyMonths * 30 - historyMonths / 2)
        if products.contains(.transactions) {
            let newest = DayWindow(from: max(oldest, today.adding(days: 1 - days)), to: today)
            steps += accounts.map { .transactions(account: $0, window: newest) }
        }
        if products.contains(.identity) { steps.append(.identity) }
        guard products.contains(.transactions) else { return steps }
        var end = today.adding(days: -days)
        while end >= oldest {
            let window = DayWindow(from: max(oldest, end.adding(days: 1 - days)), to: end)
            steps += accounts.map { .transactions(account: $0, window: window) }
            end = end.adding(days: -days)
        }
        return steps
    }
}
