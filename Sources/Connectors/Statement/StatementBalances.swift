import Domain

/// Follows the balances of one statement while its rows pass, whatever their order.
struct StatementBalances: Sendable {
    private enum Order: Sendable {
        case oldestFirst, newestFirst
    }

    /// Where the statement's first row stands.
    private(set) var firstPlace: Int?
    private var order: Order?
    private var currency: Currency?
    private var opening: Int64?
    private var sum: Int64? = 0
    private var before: (balance: Int64, amount: Int64)?
    /// What the first row with a running balance says that the statement began with, were it the oldest; and the last
    /// one, were it that.
    private var atFirst: (opening: Int64?, place: Int)?
    private var atLast: (opening: Int64?, place: Int)?
    private var lastPlace: Int?

    init() {}

    init(_ header: StatementHeader) {
        if header.currency != StatementHeader.noCurrency { currency = header.currency }
        if let told = header.opening, isOurs(told.amount) { opening = told.amount.minor }
    }

    /// - Returns: a note where the row's running balance does not follow from its neighbour's.
    mutating func take(_ row: StatementRow) -> StatementNote? {
        let transaction = row.transaction
        firstPlace = firstPlace ?? row.place
        lastPlace = row.place
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
            if let (opening, place) = atLast { atLast = (opening.flatMap { minus($0, amount.minor) }, place) }
            return nil
        }
        defer { before = (running.minor, amount.minor) }
        if atFirst == nil { atFirst = (sum.flatMap { minus(running.minor, $0) }, row.place) }
        atLast = (minus(running.minor, amount.minor), row.place)
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

    /// - Returns: a note where the opening balance does not lead to the oldest running balance, and one where it and
    ///   the rows do not give the closing balance.
    func end(_ told: StatementClosing) -> [StatementNote] {
        var first = opening
        if first == nil, let told = told.opening, isOurs(told.amount) { first = told.amount.minor }
        guard let first else { return [] }
        var notes: [StatementNote] = []
        if let place = misled(first) {
            notes.append(
                StatementNote(
                    .openingMismatch, "The opening balance does not lead to the running balance of the oldest row.",
                    place: place))
        }
        if let sum, let closing = told.closing, isOurs(closing.amount), plus(first, sum) != closing.amount.minor {
            notes.append(
                StatementNote(
                    .closingMismatch, "The opening balance and the rows up to here do not give the closing balance.",
                    place: lastPlace))
        }
        return notes
    }

    /// Where the oldest running balance does not follow from the opening one; nil where it does, or none is told.
    private func misled(_ opening: Int64) -> Int? {
        guard let atFirst, let atLast else { return nil }
        let (rises, falls) = (atFirst.opening == opening, atLast.opening == opening)
        switch order {
        case .oldestFirst: return rises || atFirst.opening == nil ? nil : atFirst.place
        case .newestFirst: return falls || atLast.opening == nil ? nil : atLast.place
        case nil: return rises || falls || atFirst.opening == nil || atLast.opening == nil ? nil : atFirst.place
        }
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

/// Holds each statement of a file against the one before of the same account: where one is missing between them, the
/// balances show it. The newest may stand first.
struct StatementChain: Sendable {
    private struct Ends: Sendable {
        var opening: Money?
        var closing: Money?
    }

    private var header: StatementHeader?
    private var last: [String: Ends] = [:]

    mutating func begin(_ header: StatementHeader) { self.header = header }

    /// - Parameters:
    ///   - number: the statement's place in the file, from 1.
    ///   - place: where its first row stands.
    mutating func end(_ told: StatementClosing, of number: Int, _ place: Int?) -> [StatementNote] {
        guard let header else { return [] }
        self.header = nil
        let own = Ends(opening: (header.opening ?? told.opening)?.amount, closing: told.closing?.amount)
        guard own.opening != nil || own.closing != nil else { return [] }
        let key = "\(header.accountNumber ?? "") \((own.opening ?? own.closing)?.currency.code ?? "")"
        defer { last[key] = own }
        guard let before = last[key], let closed = before.closing, let opened = own.opening, closed != opened,
            own.closing == nil || own.closing != before.opening
        else { return [] }
        let message = "Statement \(number) of the file does not begin with the balance that the one before ends with."
        return [StatementNote(.openingMismatch, "\(message) One may be missing between them.", place: place)]
    }
}
