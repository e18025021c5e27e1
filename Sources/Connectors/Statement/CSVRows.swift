import Domain

/// Makes rows of the records below the headings.
struct CSVRows: Sendable {
    /// Bytes of records that are held back until a date tells the order of day and month.
    static let heldBytesMax = 4 << 20

    let layout: CSVLayout
    /// True when the record that comes last has no line end behind it.
    var isLastOpen = false
    private(set) var cells: CSVCells
    private var order: DateOrder?
    private var orders = CSVDateOrders()
    private var held: [CSVRecord] = []
    private var heldBytes = 0
    private var ambiguousLine: Int?
    private var summary: CSVSummary
    private var narrowest: Int?
    private var isStandingTold = false

    init(layout: CSVLayout, dateOrder: DateOrder?) {
        self.layout = layout
        order = dateOrder
        cells = CSVCells(layout: layout)
        summary = CSVSummary(layout: layout)
        if order == nil, let period = layout.before.period {
            orders.see(period.from)
            orders.see(period.to)
            order = orders.proven
        }
    }

    var isForeign: Bool { cells.isForeign }

    mutating func take(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard record.line > layout.headingLine, !record.isBlank, !isHeading(record) else { return }
        if order == nil {
            for column in [CSVProfile.Column.date, .valueDate] {
                if let date = cells.date(record, column) { orders.see(date) }
            }
            order = orders.proven
            if order == nil, hold(record) { return }
            try release(tell)
        }
        try read(record, tell)
    }

    mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        try release(tell)
        try summary.end(tell)
    }

    // MARK: the order of day and month

    /// - Returns: false when the record can be read as it is.
    private mutating func hold(_ record: CSVRecord) -> Bool {
        let isAmbiguous = cells.date(record, .date)?.isAmbiguous == true
        if isAmbiguous, ambiguousLine == nil { ambiguousLine = record.line }
        guard ambiguousLine != nil, heldBytes < Self.heldBytesMax else { return false }
        held.append(record)
        heldBytes += record.bytes.count + 8 * record.count + 64
        return true
    }

    /// Reads what was held back, now that the order is known or nothing more will tell it.
    private mutating func release(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if order == nil, ambiguousLine != nil {
            order = DateOrder(rawValue: layout.profile.dates.rawValue).flatMap { orders.allows($0) ? $0 : nil }
            if order == nil { throw ambiguous(ambiguousLine) }
        }
        let waiting = held
        held = []
        for record in waiting { try read(record, tell) }
    }

    private func ambiguous(_ line: Int?) -> StatementError {
        let ways =
            orders.isYearUnsure
            ? "with the year first or with the day or the month first" : "as day/month or as month/day"
        return StatementError(
            .ambiguousDates, "The dates of this file can be read \(ways). Say which it is.", place: line)
    }

    // MARK: records

    /// The headings again, as at the top of each page.
    private func isHeading(_ record: CSVRecord) -> Bool {
        guard record.count == layout.headings.count, let date = layout.columns[.date],
            let first = record[date].first, !isDigit(first)
        else { return false }
        return layout.headings.indices.allSatisfy { CSVHeading.plain(record[$0]) == layout.headings[$0] }
    }

    private mutating func read(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        let order = order ?? .dayFirst
        switch CSVDate.read(record[layout.columns[.date] ?? -1]) {
        case .none:
            guard cells.label(record) == nil, cells.hasAmount(record) else { return try readOther(record, tell) }
            throw CSVCells.fault("has an amount and no date that can be read", record)
        case .impossible:
            guard cells.hasAmount(record) else { return try readOther(record, tell) }
            throw CSVCells.fault("has a date that no calendar has", record)
        case .date(let date):
            guard let day = date.day(order) else {
                // Year first is no answer where the year has four digits and stands last.
                if order == .yearFirst, date.isAmbiguous { throw ambiguous(record.line) }
                let isTurned = !date.readings.isEmpty
                guard isTurned else { throw CSVCells.fault("has a date that no calendar has", record) }
                throw CSVCells.fault("has day and month the other way round than the rest of the file", record)
            }
            try readRow(record, date, day, tell)
        }
    }

    private mutating func readRow(
        _ record: CSVRecord, _ date: CSVDate, _ day: LocalDate,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        if isLastOpen, let narrowest, record.count < narrowest {
            throw StatementError(
                .truncated, "The file ends in the middle of a line. Export it again.", place: record.line)
        }
        let currency = try currency(record, tell)
        let amounts = try cells.amounts(record, scale: currency.scale)
        let balance = try cells.balance(record, scale: currency.scale, tell)
        let isNothing = amounts.allSatisfy { $0 == 0 }
        if isNothing || amounts.allSatisfy({ $0 == 0 || $0.magnitude == balance?.magnitude }),
            let kind = cells.label(record), isNothing || kind != .known
        {
            summary.note(kind, balance ?? amounts.first { $0 != 0 })
            return
        }
        guard !amounts.isEmpty else { return try readOther(record, tell) }
        narrowest = min(narrowest ?? record.count, record.count)
        guard let status = try status(record, tell) else { return }
        try summary.account(cells.account(record), currency, day, order ?? .dayFirst, tell)
        for (index, minor) in amounts.enumerated() {
            var row = try cells.row(
                record, date, day, order ?? .dayFirst, Money(minor: minor, currency: currency), tell)
            row.transaction.status = status
            let isLast = index == amounts.count - 1
            if isLast, let balance { row.transaction.runningBalance = Money(minor: balance, currency: currency) }
            summary.add(row)
            try tell(.row(row))
        }
    }

    /// nil, with a note, for a line whose payment did not happen.
    private mutating func status(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> TransactionStatus? {
        switch cells.standing(record) {
        case .booked: return .booked
        case .pending: return .pending
        case .failed:
            try note("A line says that its payment did not happen; it is left out.", record, tell)
            return nil
        case .unknown:
            // Once: the word may be on every line.
            if !isStandingTold {
                try note("What a line says of its status is not known; it is taken as booked.", record, tell)
            }
            isStandingTold = true
            return .booked
        }
    }

    private func note(
        _ message: String, _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        try tell(.note(StatementNote(.notUnderstood, message, place: record.line)))
    }

    private mutating func currency(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> Currency {
        let currency = try cells.currency(record, tell)
        if narrowest == nil, cells.unknownCurrency != nil {
            try tell(
                .note(
                    StatementNote(
                        .notUnderstood, "The file's currency is not known; \(currency.code) is taken.",
                        place: layout.headingLine)))
        }
        return currency
    }

    /// A line without a transaction: a balance, something known that is passed over, or a note.
    private mutating func readOther(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        switch cells.label(record) {
        case let kind?: summary.note(kind, cells.lastNumber(record))
        case nil:
            try tell(
                .note(
                    StatementNote(
                        .notUnderstood, "A line is no transaction and nothing else that is known.", place: record.line))
            )
        }
    }
}
