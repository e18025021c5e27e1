import Domain

/// What a CSV says of an account as a whole: its own words before the headings and between rows, and what rows prove.
struct CSVSummary: Sendable {
    private struct Point: Sendable {
        let day: LocalDate
        let amount: Int64
        let balance: Int64?
    }

    private let layout: CSVLayout
    private var isBegun = false
    private var account: String?
    private var currency: Currency?
    private var order = DateOrder.dayFirst
    private var opening: Int64?
    private var closing: Int64?
    private var first: Point?
    private var last: Point?
    private var earliest: LocalDate?
    private var latest: LocalDate?
    /// Rows whose balance follows from the one above, and from the one below.
    private var rising = 0
    private var falling = 0

    init(layout: CSVLayout) { self.layout = layout }

    /// A balance that the file states.
    mutating func note(_ kind: CSVCells.Label, _ value: Int64?) {
        guard let value else { return }
        switch kind {
        case .opening: if opening == nil { opening = value }
        case .closing: closing = value
        case .known: break
        }
    }

    /// Begins a statement with the first row, and another one where the account changes.
    mutating func account(
        _ account: String?, _ currency: Currency, _ day: LocalDate, _ order: DateOrder,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        if isBegun, account == self.account { return }
        if isBegun {
            try tell(.end(told()))
            self = CSVSummary(layout: layout)
        }
        self.account = account
        self.currency = currency
        self.order = order
        try begin(tell)
    }

    mutating func add(_ row: StatementRow) {
        let transaction = row.transaction
        earliest = min(earliest ?? transaction.bookedOn, transaction.bookedOn)
        latest = max(latest ?? transaction.bookedOn, transaction.bookedOn)
        // What is pending has moved no balance.
        guard transaction.status == .booked else { return }
        let point = Point(
            day: transaction.bookedOn, amount: transaction.amount.minor, balance: transaction.runningBalance?.minor)
        if let before = last, let above = before.balance, let balance = point.balance {
            if above.addingReportingOverflow(point.amount) == (balance, false) { rising += 1 }
            if above.subtractingReportingOverflow(before.amount) == (balance, false) { falling += 1 }
        }
        if first == nil { first = point }
        last = point
    }

    mutating func end(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if !isBegun {
            guard opening != nil || closing != nil || layout.before.text(.accountNumber) != nil else {
                throw StatementError(.noRows, "The file has headings and no row. Export a period with transactions.")
            }
            try begin(tell)
        }
        try tell(.end(told()))
    }

    // MARK: events

    private mutating func begin(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        isBegun = true
        let before = layout.before
        let own = currency ?? Currency(code: layout.profile.currency)
        let number = before.text(.accountNumber).flatMap(CSVAccountNumber.read)
        var header = StatementHeader(accountNumber: account ?? number, currency: own)
        header.holderName = before.text(.holderName)
        header.accountType = before.text(.accountType)
        header.period = period
        if let minor = opening ?? stated(.opening), let from = header.period?.from {
            header.opening = StatementBalance(amount: Money(minor: minor, currency: own), on: from)
        }
        try tell(.begin(header))
    }

    private func told() -> StatementClosing {
        var told = StatementClosing()
        let period = period
        told.period = period ?? earliest.flatMap { from in latest.map { DayWindow(from: from, to: $0) } }
        let own = currency ?? Currency(code: layout.profile.currency)
        let (oldest, newest) = isNewestFirst ? (last, first) : (first, last)
        let derived = oldest.flatMap { point in
            point.balance.flatMap { balance in
                let (rest, overflow) = balance.subtractingReportingOverflow(point.amount)
                return overflow ? nil : rest
            }
        }
        if let minor = opening ?? stated(.opening) ?? derived, let on = told.period?.from {
            told.opening = StatementBalance(amount: Money(minor: minor, currency: own), on: on)
        }
        if let minor = closing ?? stated(.closing) ?? newest?.balance, let on = told.period?.to {
            told.closing = StatementBalance(amount: Money(minor: minor, currency: own), on: on)
        }
        return told
    }

    private var period: DayWindow? {
        guard let (from, to) = layout.before.period, let first = from.day(order), let last = to.day(order),
            first <= last
        else { return nil }
        return DayWindow(from: first, to: last)
    }

    private var isNewestFirst: Bool {
        switch layout.profile.order {
        case .oldestFirst: return false
        case .newestFirst: return true
        case .detect:
            guard let first, let last, first.day == last.day else {
                return (first?.day).map { $0 > last?.day ?? $0 } ?? false
            }
            return falling > rising
        }
    }

    private func stated(_ label: CSVProfile.Label) -> Int64? {
        guard let bytes = layout.before.values[label] else { return nil }
        let scale = currency?.scale ?? Currency.usualScale
        guard case .number(let number) = CSVNumber.read(bytes[...], decimal: layout.decimal, scale: scale) else {
            return nil
        }
        return number.isDebit == true && number.minor > 0 ? -number.minor : number.minor
    }
}
