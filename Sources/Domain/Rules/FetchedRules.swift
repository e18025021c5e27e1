/// A window of days as it was fetched, with what was not taken of it.
public struct FetchedWindow: Sendable, Equatable {
    public var rows: [FetchedTransaction] = []
    /// The days of which the rows are all; shorter than was asked for when these have more rows than a step takes.
    public var window: DayWindow
    /// The older days that are still to be fetched.
    public var rest: DayWindow?
    public var dropped: [BankFault: Int] = [:]
    public var notes: Set<BankFault> = []
    public init(window: DayWindow) { self.window = window }

    /// Whether a stored row that is missing here is gone. A row that was dropped for its day may be one of them.
    public var isWhole: Bool { dropped[.rowInFuture] == nil && dropped[.rowOutsideWindow] == nil }
}

/// Reads a window page by page, and believes the bank nothing: a lie is an error, or a row that is dropped with its
/// reason; never a wrong row.
///
/// Rows that cannot be of this account make the step fail. Rows that are merely not asked for, as those of days to
/// come, are dropped: they are fetched when their day is.
public struct WindowReader: Sendable {
    /// The rows after which a step ends at the next day.
    public static let stepRowsMax = 2_000
    /// The rows of one page, and of one day.
    public static let rowsMax = 20_000
    public static let pagesMax = 200
    static let emptyPagesMax = 5

    private let asked: DayWindow
    private let currency: Currency
    private let today: LocalDate
    private var found: FetchedWindow
    private var known: [String: Int] = [:]
    private var lastPage: [FetchedTransaction] = []
    private var cursor: String?
    private var pages = 0
    private var emptyPages = 0
    private var isOrdered = true
    private var lastDay: LocalDate?

    public init(_ window: DayWindow, currency: Currency, today: LocalDate) {
        asked = window
        found = FetchedWindow(window: window)
        self.currency = currency
        self.today = today
    }

    /// - Returns: the cursor of the page to ask for next; nil when the window is read.
    public mutating func take(_ page: FetchPage) throws(ConnectorError) -> String? {
        pages += 1
        guard page.rows.count <= Self.rowsMax else { throw lie(.tooManyRows) }
        // Without ids a page that comes again would be taken for other payments that look the same.
        if !page.rows.isEmpty, page.rows == lastPage { throw lie(.pageRepeated) }
        lastPage = page.rows
        emptyPages = page.rows.isEmpty ? emptyPages + 1 : 0
        var isNew = page.rows.isEmpty
        for row in page.rows where try take(row) { isNew = true }
        guard isNew else { throw lie(.pageRepeated) }
        if !isOrdered { found.notes.insert(.rowsOutOfOrder) }
        guard let next = page.nextCursor else { return nil }
        guard next != cursor else { throw lie(.pageRepeated) }
        cursor = next
        if found.rows.count >= Self.stepRowsMax, cut() { return nil }
        guard found.rows.count <= Self.rowsMax else { throw lie(.tooManyRows) }
        guard pages < Self.pagesMax, emptyPages < Self.emptyPagesMax else { throw lie(.pagesEndless) }
        return next
    }

    /// - Returns: whether the row was not there already.
    private mutating func take(_ row: FetchedTransaction) throws(ConnectorError) -> Bool {
        guard row.amount.currency == currency, row.runningBalance.map({ $0.currency == currency }) ?? true else {
            throw lie(.currencyChanged)
        }
        guard row.amount.isTakeable, row.runningBalance?.isTakeable ?? true else { throw lie(.amountTooLarge) }
        if let last = lastDay, row.bookedOn > last { isOrdered = false }
        lastDay = row.bookedOn
        if let id = row.upstreamID {
            // Other content under one id is for the reconciler to judge.
            if let index = known[id], found.rows[index] == row {
                found.dropped[.rowRepeated, default: 0] += 1
                return false
            }
        }
        guard row.bookedOn <= today else {
            found.dropped[.rowInFuture, default: 0] += 1
            return true
        }
        guard asked.contains(row.bookedOn) else {
            found.dropped[.rowOutsideWindow, default: 0] += 1
            return true
        }
        if let id = row.upstreamID { known[id] = found.rows.count }
        found.rows.append(row)
        return true
    }

    /// Ends the step at the last whole day when the rows came in order, so that no transaction grows without bound.
    private mutating func cut() -> Bool {
        guard isOrdered, let oldest = found.rows.last?.bookedOn, let newest = found.rows.first?.bookedOn,
            newest > oldest
        else { return false }
        found.rows.removeAll { $0.bookedOn <= oldest }
        found.window = DayWindow(from: oldest.adding(days: 1), to: asked.to)
        found.rest = DayWindow(from: asked.from, to: oldest)
        return true
    }

    private func lie(_ fault: BankFault) -> ConnectorError {
        ConnectorError(.protocolViolation, fault.meaning, fault: fault)
    }

    public var result: FetchedWindow { found }
}

/// What is taken of a bank's other answers.
public enum FetchedRules {
    /// A list of accounts without those that it names twice.
    public static func accounts(
        _ listed: [FetchedAccount]
    ) -> (accounts: [FetchedAccount], dropped: [BankFault: Int], notes: Set<BankFault>) {
        var ids: Set<String> = []
        let accounts = listed.filter { ids.insert($0.upstreamID).inserted }
        let numbers = accounts.compactMap(\.number)
        let dropped = listed.count - accounts.count
        return (
            accounts, dropped > 0 ? [.duplicateAccount: dropped] : [:],
            Set(numbers).count < numbers.count ? [.duplicateNumber] : []
        )
    }

    /// A statement as the bank gives it, newest first.
    /// - Throws: `protocol_violation` when it cannot be of this account, or has one row twice.
    public static func statement(
        _ rows: [FetchedTransaction], currency: Currency
    ) throws(ConnectorError) -> [FetchedTransaction] {
        var ids: Set<String> = []
        var fault: BankFault? = rows.count > WindowReader.rowsMax ? .tooManyRows : nil
        for row in rows where fault == nil {
            let amounts = [row.amount, row.runningBalance].compactMap { $0 }
            if amounts.contains(where: { $0.currency != currency }) { fault = .currencyChanged }
            if amounts.contains(where: { !$0.isTakeable }) { fault = .amountTooLarge }
            if let id = row.upstreamID, !ids.insert(id).inserted { fault = .rowRepeated }
        }
        if let fault { throw ConnectorError(.protocolViolation, fault.meaning, fault: fault) }
        // The bank's order counts within a day, whichever way it goes.
        let isOldestFirst = rows.first.map { first in rows.last.map { first.bookedOn < $0.bookedOn } ?? false } ?? false
        return (isOldestFirst ? rows.reversed() : rows).enumerated().sorted { one, other in
            (other.element.bookedOn, one.offset) < (one.element.bookedOn, other.offset)
        }.map(\.element)
    }

    /// A balance in the account's own currency, and not of a time to come.
    /// - Throws: `protocol_violation` when the currency is another one, or the amount is larger than is taken.
    public static func balance(
        _ fetched: FetchedBalance, currency: Currency, now: Instant
    ) throws(ConnectorError) -> (balance: FetchedBalance, notes: Set<BankFault>) {
        for money in [fetched.ledger, fetched.available] {
            guard let money else { continue }
            let fault: BankFault? =
                money.currency != currency ? .currencyChanged : money.isTakeable ? nil : .amountTooLarge
            guard let fault else { continue }
            throw ConnectorError(.protocolViolation, fault.meaning, fault: fault)
        }
        guard fetched.asOf > now + 60_000 else { return (fetched, []) }
        var balance = fetched
        balance.asOf = now
        return (balance, [.balanceInFuture])
    }
}
