import Domain

/// What every event of a file passes: limits, and whether balances follow from rows.
struct StatementGate: Sendable {
    private(set) var statements = 0
    private(set) var rows = 0
    private(set) var notesDropped = 0
    private var notes = 0
    private var balances = StatementBalances()
    private let limits: StatementLimits

    init(limits: StatementLimits) { self.limits = limits }

    mutating func pass(
        _ event: StatementEvent, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        switch event {
        case .begin(let header):
            statements += 1
            guard statements <= limits.statementsMax else {
                throw StatementError(
                    .tooLarge, "The file holds more than \(limits.statementsMax) statements. Split it.")
            }
            balances = StatementBalances(header)
            try tell(event)
        case .row(let row):
            rows += 1
            guard rows <= limits.rowsMax else {
                throw StatementError(.tooLarge, "The file holds more than \(limits.rowsMax) rows. Split it by periods.")
            }
            try tell(event)
            if let note = balances.take(row) { try pass(.note(note), tell) }
        case .end(let closing):
            if let note = balances.end(closing) { try pass(.note(note), tell) }
            try tell(event)
        case .note:
            notes += 1
            guard notes <= limits.notesMax else {
                notesDropped += 1
                return
            }
            try tell(event)
        }
    }
}

/// Follows the balances of one statement while its rows pass, whatever their order.
struct StatementBalances: Sendable {
    private enum Order: Sendable {
        case oldestFirst, newestFirst
    }

    private var order: Order?
    private var currency: Currency?
    private var opening: Int64?
    private var sum: Int64? = 0
    private var before: (balance: Int64, amount: Int64)?

    init() {}

    init(_ header: StatementHeader) {
        if header.currency != StatementHeader.noCurrency { currency = header.currency }
        if let told = header.opening, isOurs(told.amount) { opening = told.amount.minor }
    }

    /// - Returns: a note where the row's running balance does not follow from its neighbour's.
    mutating func take(_ row: StatementRow) -> StatementNote? {
        let transaction = row.transaction
        guard transaction.status == .booked else { return nil }
        let amount = transaction.amount
        if currency == nil { currency = amount.currency }
        guard isOurs(amount) else {
            sum = nil
            return nil
        }
        sum = sum.flatMap { plus($0, amount.minor) }
        guard let running = transaction.runningBalance, isOurs(running) else {
            // The rows between two balances count together.
            if let (balance, last) = before, let moved = plus(balance, amount.minor), order != .newestFirst {
                before = (moved, last)
            } else {
                before = nil
            }
            return nil
        }
        defer { before = (running.minor, amount.minor) }
        guard let before else { return nil }
        let rises = plus(before.balance, amount.minor) == running.minor
        let falls = minus(before.balance, before.amount) == running.minor
        switch order {
        case .oldestFirst where rises, .newestFirst where falls: return nil
        case nil where rises && falls: return nil
        case nil where rises || falls:
            order = rises ? .oldestFirst : .newestFirst
            return nil
        default:
            return StatementNote(
                .balanceMismatch, "The running balance does not follow from the row before and the amount.",
                place: row.place)
        }
    }

    /// - Returns: a note where opening balance and rows do not give the closing balance.
    func end(_ told: StatementClosing) -> StatementNote? {
        var first = opening
        if first == nil, let told = told.opening, isOurs(told.amount) { first = told.amount.minor }
        guard let first, let sum, let closing = told.closing, isOurs(closing.amount) else { return nil }
        guard plus(first, sum) != closing.amount.minor else { return nil }
        return StatementNote(.closingMismatch, "The opening balance and the rows do not give the closing balance.")
    }

    private func isOurs(_ money: Money) -> Bool { currency == nil || currency == money.currency }

    private func plus(_ left: Int64, _ right: Int64) -> Int64? {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? nil : sum
    }

    private func minus(_ left: Int64, _ right: Int64) -> Int64? {
        let (rest, overflow) = left.subtractingReportingOverflow(right)
        return overflow ? nil : rest
    }
}
