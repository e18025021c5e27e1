import Connectors
import Domain
import Storage

/// Puts together what a reader tells of a file: rows to be staged, and of each account what the preview shows.
/// It keeps a summary of each account and a few rows, whatever the size of the file.
struct StatementIntake {
    static let accountsMax = 100
    /// A day with more rows cannot be taken over as one.
    static let dayRowsMax = 20_000
    private static let shownRows = 3
    private static let textMax = 140

    private let today: LocalDate
    private let home: Currency
    private(set) var parts: [Part] = []
    private(set) var notes: [StatementPreview.Note] = []
    private var places: [String: Int] = [:]
    private var current: Int?
    /// Rows that are to be written.
    var staged: [StagedRow] = []

    /// - Parameters:
    ///   - today: rows of later days are not taken over.
    ///   - home: of a file that names no currency.
    init(today: LocalDate, home: Currency) {
        self.today = today
        self.home = home
    }

    /// One account over all statements of the file.
    struct Part {
        var account: StatementPreview.Account
        /// False while the file has named no currency, and its home's is only taken for it.
        var hasCurrency: Bool
        var openingOn: LocalDate?
        var firstOn: LocalDate?
        var lastOn: LocalDate?
        var declared: DayWindow?
        var closing: StatementBalance?
        var available: StatementBalance?
        var days: [LocalDate: Int] = [:]
        /// Above 0 when the file has its oldest rows first.
        var order = 0
        var last: FetchedTransaction?
        var newest: FetchedTransaction?
        var sequence: Int64 = 0
    }

    mutating func take(_ event: StatementEvent) throws(StatementError) {
        switch event {
        case .begin(let header): try begin(header)
        case .row(let row): try take(row)
        case .end(let closing): end(closing)
        case .note(let note):
            notes.append(.init(kind: note.kind.rawValue, message: note.message, place: note.place))
        }
    }

    private func known(_ currency: Currency) -> Currency {
        currency == StatementHeader.noCurrency ? home : currency
    }

    private func money(_ money: Money) -> Money { Money(minor: money.minor, currency: known(money.currency)) }

    private mutating func begin(_ header: StatementHeader) throws(StatementError) {
        let place = try place(
            header.accountNumber, header.currency == StatementHeader.noCurrency ? nil : header.currency)
        current = place
        parts[place].account.holder = parts[place].account.holder ?? header.holderName
        parts[place].account.name = parts[place].account.name ?? header.accountName
        parts[place].account.type = parts[place].account.type ?? header.accountType
        parts[place].cover(header.period)
        parts[place].open(header.opening.map { StatementBalance(amount: money($0.amount), on: $0.on) })
    }

    /// Where the account of this number and currency is kept; nil is a currency that the file does not name.
    private mutating func place(_ number: String?, _ currency: Currency?) throws(StatementError) -> Int {
        let number = number.flatMap { $0.isEmpty ? nil : $0 }
        let key = Self.key(number, currency ?? home)
        if let place = places[key] { return place }
        guard parts.count < Self.accountsMax else {
            throw StatementError(
                .tooLarge, "This file holds more than \(Self.accountsMax) accounts. Export fewer at once.")
        }
        var account = StatementPreview.Account(
            part: String(parts.count), currency: currency ?? home, period: DayWindow(from: today, to: today), rows: 0)
        account.number = number
        places[key] = parts.count
        parts.append(Part(account: account, hasCurrency: currency != nil))
        return parts.count - 1
    }

    private static func key(_ number: String?, _ currency: Currency) -> String { "\(number ?? "") \(currency.code)" }

    /// The part that a row belongs to. The first row names the currency where the head of its statement did not; one in
    /// another currency than its account is kept in is of an account beside it, of the same number.
    private mutating func place(of row: StatementRow) throws(StatementError) -> Int {
        let told = row.transaction.amount.currency
        if current == nil { try begin(StatementHeader(currency: told)) }
        guard let current else { return 0 }
        let own = parts[current].account
        guard told != StatementHeader.noCurrency, told != own.currency else { return current }
        if !parts[current].hasCurrency, own.rows == 0, own.opening == nil, places[Self.key(own.number, told)] == nil {
            places[Self.key(own.number, own.currency)] = nil
            places[Self.key(own.number, told)] = current
            parts[current].account.currency = told
            parts[current].hasCurrency = true
            return current
        }
        let other = try place(own.number, told)
        if !parts[current].hasCurrency, own.rows == 0, own.opening == nil {
            // The statement is of an account that came before in the file, with its currency.
            parts[other].cover(parts[current].declared)
            self.current = other
        }
        parts[other].account.holder = parts[other].account.holder ?? own.holder
        parts[other].account.type = parts[other].account.type ?? own.type
        return other
    }

    private mutating func take(_ row: StatementRow) throws(StatementError) {
        let current = try place(of: row)
        var fact = row.transaction
        fact.amount = money(fact.amount)
        // A balance in another currency is not what the row leaves behind.
        fact.runningBalance = fact.runningBalance.map(money).flatMap {
            $0.currency == fact.amount.currency ? $0 : nil
        }
        fact.valueOn = row.valueOn == fact.bookedOn ? nil : row.valueOn
        if fact.text.isEmpty { fact.text = fact.counterparty ?? fact.reference ?? "No description" }
        let count = parts[current].days[fact.bookedOn, default: 0] + 1
        guard count <= Self.dayRowsMax else {
            throw StatementError(
                .tooLarge, "This statement has more than \(Self.dayRowsMax) rows of one day.", place: row.place)
        }
        parts[current].add(
            fact, count: count, shown: Self.shownRows, textMax: Self.textMax, isFuture: fact.bookedOn > today)
        staged.append(StagedRow(part: current, sequence: parts[current].sequence, transaction: fact))
    }

    private mutating func end(_ closing: StatementClosing) {
        guard let current else { return }
        func known(_ balance: StatementBalance?) -> StatementBalance? {
            balance.map { StatementBalance(amount: money($0.amount), on: $0.on) }
        }
        parts[current].cover(closing.period)
        parts[current].open(known(closing.opening))
        if let end = known(closing.closing), parts[current].closing.map({ $0.on <= end.on }) ?? true {
            parts[current].closing = end
            parts[current].available = known(closing.available)
        }
        self.current = nil
    }

    /// The accounts that have rows, and those of which the file says that nothing moved; finished.
    func finished() -> [(account: StatementPreview.Account, part: StatementPart)] {
        parts.filter { $0.account.rows > 0 || $0.isStill && ($0.hasCurrency || parts.count == 1) }
            .map { $0.finished() }
    }
}

extension StatementIntake.Part {
    mutating func cover(_ period: DayWindow?) {
        guard let period, period.from <= period.to else { return }
        declared = declared.map { DayWindow(from: min($0.from, period.from), to: max($0.to, period.to)) } ?? period
    }

    mutating func open(_ opening: StatementBalance?) {
        guard let opening, opening.amount.currency == account.currency else { return }
        // Of several statements the earliest one's, wherever it stands in the file.
        if let openingOn, openingOn <= opening.on { return }
        (account.opening, openingOn) = (opening.amount, opening.on)
    }

    /// Whether a statement without rows says something: its period or balance, and no balances that differ.
    var isStill: Bool {
        guard account.rows == 0, declared != nil || closing != nil else { return false }
        guard let opening = account.opening, let closing, closing.amount.currency == account.currency else {
            return true
        }
        return opening == closing.amount
    }

    mutating func add(_ fact: FetchedTransaction, count: Int, shown: Int, textMax: Int, isFuture: Bool) {
        days[fact.bookedOn] = count
        sequence += 1
        account.rows += 1
        if isFuture { account.futureRows += 1 }
        if let last { order += Self.vote(last, fact) }
        last = fact
        firstOn = firstOn.map { min($0, fact.bookedOn) } ?? fact.bookedOn
        lastOn = lastOn.map { max($0, fact.bookedOn) } ?? fact.bookedOn
        // Of several rows of the last day the file's order decides, which is known at its end.
        if newest.map({ $0.bookedOn < fact.bookedOn || $0.bookedOn == fact.bookedOn && order >= 0 }) ?? true {
            newest = fact
        }
        let row = StatementPreview.Row(
            bookedOn: fact.bookedOn, amount: fact.amount, text: String(fact.text.prefix(textMax)))
        if account.firstRows.count < shown {
            account.firstRows.append(row)
        } else {
            account.lastRows.append(row)
            if account.lastRows.count > shown { account.lastRows.removeFirst() }
        }
    }

    /// Whether the second row comes after the first in time: by its day, and within a day by the running balances.
    private static func vote(_ first: FetchedTransaction, _ second: FetchedTransaction) -> Int {
        if first.bookedOn != second.bookedOn { return first.bookedOn < second.bookedOn ? 2 : -2 }
        guard let before = first.runningBalance?.minor, let after = second.runningBalance?.minor else { return 0 }
        if after &- second.amount.minor == before { return 1 }
        return before &- first.amount.minor == after ? -1 : 0
    }

    func finished() -> (account: StatementPreview.Account, part: StatementPart) {
        var account = account
        let balances = closing.map { DayWindow(from: min(openingOn ?? $0.on, $0.on), to: $0.on) }
        let known = declared ?? (firstOn == nil ? balances : nil) ?? account.period
        let first = firstOn ?? known.from
        let last = lastOn ?? known.to
        account.period = DayWindow(from: min(declared?.from ?? first, first), to: max(declared?.to ?? last, last))
        let end = closing.flatMap { $0.amount.currency == account.currency ? $0 : nil }
        account.closing = end?.amount ?? newest?.runningBalance
        var part = StatementPart(
            part: Int(account.part) ?? 0, currency: account.currency, period: account.period,
            closingOn: end?.on ?? account.period.to, rows: account.rows)
        part.closingMinor = account.closing?.minor
        part.availableMinor = available.flatMap { $0.amount.currency == account.currency ? $0.amount.minor : nil }
        part.isNewestFirst = order < 0
        return (account, part)
    }
}
