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
    private var isSettled: Bool
    private var held: [CSVRecord] = []
    private var heldBytes = 0
    private var ambiguousLine: Int?
    private var summary: CSVSummary
    private var narrowest: Int?

    init(layout: CSVLayout, dateOrder: DateOrder?) {
        self.layout = layout
        order = dateOrder
        isSettled = dateOrder != nil
        cells = CSVCells(layout: layout)
        summary = CSVSummary(layout: layout)
        if order == nil, let period = layout.before.period {
            order = period.from.proves ?? period.to.proves
        }
    }

    var isForeign: Bool { cells.isForeign }

    mutating func take(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard record.line > layout.headingLine, !record.isBlank, !isHeading(record) else { return }
        if order == nil {
            order = cells.date(record, .date)?.proves ?? cells.date(record, .valueDate)?.proves
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
            switch layout.profile.dates {
            case .dayFirst: order = .dayFirst
            case .monthFirst: order = .monthFirst
            case .ask:
                throw StatementError(
                    .ambiguousDates,
                    "The dates of this file can be read as day/month or as month/day. Say which it is.",
                    place: ambiguousLine)
            }
        }
        let waiting = held
        held = []
        for record in waiting { try read(record, tell) }
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
                let isTurned = date.day(.dayFirst) != nil || date.day(.monthFirst) != nil
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
        try summary.account(cells.account(record), currency, day, order ?? .dayFirst, tell)
        for (index, minor) in amounts.enumerated() {
            var row = try cells.row(
                record, date, day, order ?? .dayFirst, Money(minor: minor, currency: currency), tell)
            let isLast = index == amounts.count - 1
            if isLast, let balance { row.transaction.runningBalance = Money(minor: balance, currency: currency) }
            summary.add(row)
            try tell(.row(row))
        }
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
