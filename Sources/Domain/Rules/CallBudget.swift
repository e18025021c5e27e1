/// How many calls a bank takes for one connection in a rolling day. Empty is without a limit.
public struct CallBudget: Sendable, Equatable {
    /// Of all operations together.
    public var total: Int?
    /// Of one operation.
    public var each: [BankOperation: Int]

    public init(total: Int? = nil, each: [BankOperation: Int] = [:]) {
        self.total = total
        self.each = each
    }

    public var isLimited: Bool { total != nil || !each.isEmpty }

    /// How many calls of an operation are left in the rolling day, the one that is kept for a present person included;
    /// nil without a limit.
    /// - Parameter calls: `Schedule.calls`, as `CallLedger` writes it.
    public func left(_ operation: BankOperation, calls: String, at now: Instant) -> Int? {
        guard total != nil || each[operation] != nil else { return nil }
        return left(operation, CallLedger(text: calls), at: now, isUserPresent: true)
    }

    func left(_ operation: BankOperation, _ ledger: CallLedger, at now: Instant, isUserPresent: Bool) -> Int? {
        let ofAll = total.map { Self.usable($0, isUserPresent) - ledger.count(at: now) }
        let ofOne = each[operation].map { Self.usable($0, isUserPresent) - ledger.count(operation, at: now) }
        return [ofAll, ofOne].compactMap { $0 }.min().map { max(0, $0) }
    }

    /// One call is kept for a person who is present, where there is more than one.
    private static func usable(_ limit: Int, _ isUserPresent: Bool) -> Int {
        isUserPresent || limit < 2 ? limit : limit - 1
    }

    /// Takes one call from the budget.
    /// - Returns: nil when it is taken; else the first moment at which it can be.
    public func take(
        _ operation: BankOperation, _ ledger: inout CallLedger, at now: Instant, isUserPresent: Bool
    ) -> Instant? {
        if let left = left(operation, ledger, at: now, isUserPresent: isUserPresent), left < 1 {
            let ofAll = total.map {
                ledger.free(BankOperation.allCases, limit: Self.usable($0, isUserPresent), at: now)
            }
            let ofOne = each[operation].map {
                ledger.free([operation], limit: Self.usable($0, isUserPresent), at: now)
            }
            return [ofAll, ofOne].compactMap { $0 }.max().map { max($0, now + 1000) } ?? now + Instant.dayMs
        }
        if isLimited { ledger.add(operation, at: now) }
        return nil
    }

    /// The first moment at which all these calls can be made without a person; the first at which one can be, when the
    /// budget never holds all of them at once.
    public func ready(for operations: [BankOperation], calls: String, at now: Instant) -> Instant {
        let known = CallLedger(text: calls)
        var time = now
        var first: Instant?
        // Each round ends at the moment at which one more call has left the day.
        for _ in 0..<256 where time - now <= Instant.dayMs + 2000 {
            var ledger = known
            var denied: Instant?
            for (index, operation) in operations.enumerated() where denied == nil {
                denied = take(operation, &ledger, at: time, isUserPresent: false)
                if denied == nil, index == 0, first == nil { first = time }
            }
            guard let denied else { return time }
            time = denied
        }
        return first ?? time
    }

    /// Notes that the bank itself says that nothing is left before an instant.
    public func exhaust(
        _ operation: BankOperation, _ ledger: inout CallLedger, until: Instant, at now: Instant
    ) {
        let left = left(operation, ledger, at: now, isUserPresent: true) ?? 0
        guard left > 0, until > now else { return }
        ledger.add(operation, left, leaving: min(until, now + Instant.dayMs), at: now)
    }

    /// The shortest intervals, in milliseconds, that the budget carries for good; nil where it sets no limit.
    ///
    /// Each product costs one call an account and run. Where both draw on one total, each gets what it asks for up to
    /// half, and what the other leaves; what a day's look at the accounts takes is set aside.
    public func sustainable(_ setting: RefreshSetting, accounts: Int) -> (balanceMs: Int64?, transactionsMs: Int64?) {
        let cost = Double(max(1, accounts))
        func asked(_ interval: RefreshInterval?) -> Double {
            interval.map { Double(Instant.dayMs) / Double($0.ms) * cost } ?? 0
        }
        let wanted = (balance: asked(setting.balance), transactions: asked(setting.transactions))
        var given = (balance: Double.infinity, transactions: Double.infinity)
        if let total {
            let calls = max(1, Double(Self.usable(total, false) - 1))
            given.balance = max(calls / 2, calls - wanted.transactions)
            given.transactions = max(calls / 2, calls - wanted.balance)
        }
        if let limit = each[.balance] { given.balance = min(given.balance, Double(Self.usable(limit, false))) }
        if let limit = each[.transactions] {
            given.transactions = min(given.transactions, Double(Self.usable(limit, false)))
        }
        func interval(_ calls: Double, _ asked: RefreshInterval?) -> Int64? {
            guard asked != nil, calls.isFinite else { return nil }
            return Int64((Double(Instant.dayMs) * cost / max(calls, 0.01)).rounded(.up))
        }
        return (interval(given.balance, setting.balance), interval(given.transactions, setting.transactions))
    }
}

extension CallBudget {
    /// `total=24,balance=4`
    public var text: String {
        let ofAll = total.map { ["total=\($0)"] } ?? []
        return (ofAll + each.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue)=\($0.value)" })
            .joined(separator: ",")
    }

    /// Reads what `text` writes; nil when a part is not an operation and a number above 0.
    public init?(text: String) {
        self.init()
        for part in text.split(separator: ",") {
            let pieces = part.split(separator: "=")
            guard pieces.count == 2, let count = Int(pieces[1]), count > 0 else { return nil }
            if pieces[0] == "total" {
                total = count
            } else if let operation = BankOperation(rawValue: String(pieces[0])) {
                each[operation] = count
            } else {
                return nil
            }
        }
    }
}
