import Domain

/// Reads the fields of a record by what its columns hold.
struct CSVCells: Sendable {
    /// What a line without a transaction is.
    enum Label: Sendable {
        case opening, closing, known
    }

    /// What a line says of its payment.
    enum Standing: Sendable {
        case booked, pending, failed, unknown
    }

    private static let textMax = 2000
    private let layout: CSVLayout
    private var text = StatementText()
    private let usual: Currency
    /// What the file calls its currency, in words that are not known.
    let unknownCurrency: String?

    init(layout: CSVLayout) {
        self.layout = layout
        let told = layout.before.text(.currency)
        let known = told.flatMap(CSVCurrency.code)
        unknownCurrency = known == nil ? told : nil
        usual = Currency(code: known ?? layout.currency ?? layout.profile.currency)
    }

    var isForeign: Bool { text.has1252 }

    static func fault(_ message: String, _ record: CSVRecord) -> StatementError {
        StatementError(
            .malformed, "A line \(message). Correct it, or export the statement again.", place: record.line)
    }

    func date(_ record: CSVRecord, _ column: CSVProfile.Column) -> CSVDate? {
        guard let index = layout.columns[column], case .date(let date) = CSVDate.read(record[index]) else { return nil }
        return date
    }

    // MARK: money

    /// What the line's own column names, else what stands at its amount, else the file's.
    func currency(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> Currency {
        if let index = layout.columns[.currency], !record[index].isEmpty {
            if let code = CSVCurrency.code(String(decoding: record[index], as: UTF8.self)) { return currency(code) }
            try tell(
                .note(
                    StatementNote(
                        .notUnderstood, "A currency is not known; \(usual.code) is taken.", place: record.line)))
            return usual
        }
        let places = [CSVProfile.Column.amount, .debit, .credit, .balance].lazy.compactMap { layout.columns[$0] }
        guard let code = places.compactMap({ CSVNumber.currency(record[$0]) }).first else { return usual }
        return currency(code)
    }

    private func currency(_ code: String) -> Currency { code == usual.code ? usual : Currency(code: code) }

    /// True when a column of amounts holds one.
    func hasAmount(_ record: CSVRecord) -> Bool {
        [CSVProfile.Column.debit, .credit, .amount].contains { column in
            guard let index = layout.columns[column] else { return false }
            switch CSVNumber.read(record[index], decimal: layout.decimal, scale: 9) {
            case .number(let number): return number.minor != 0
            case .tooFine, .tooLarge: return true
            case .empty, .notANumber: return false
            }
        }
    }

    /// + is money into the account. Empty when the line says none; two where it says a debit and a credit.
    func amounts(_ record: CSVRecord, scale: Int) throws(StatementError) -> [Int64] {
        if layout.columns[.debit] != nil, layout.columns[.credit] != nil {
            let debit = try number(record, .debit, scale)
            let credit = try number(record, .credit, scale)
            var amounts: [Int64] = []
            if let debit, debit.minor != 0 { amounts.append(debit.minor < 0 ? debit.minor : -debit.minor) }
            if let credit, credit.minor != 0 { amounts.append(credit.minor) }
            return amounts.isEmpty && (debit != nil || credit != nil) ? [0] : amounts
        }
        guard let amount = try number(record, .amount, scale) else { return [] }
        let isDebit: Bool?
        if let told = amount.isDebit { isDebit = told } else { isDebit = try direction(record) }
        if let isDebit {
            let size = amount.minor < 0 ? -amount.minor : amount.minor
            return [isDebit ? -size : size]
        }
        return [layout.profile.sign == .reversed ? -amount.minor : amount.minor]
    }

    /// nil, with a note, where it is no number: a row does not depend on it.
    func balance(
        _ record: CSVRecord, scale: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> Int64? {
        guard let index = layout.columns[.balance] else { return nil }
        switch CSVNumber.read(record[index], decimal: layout.decimal, scale: scale) {
        case .empty: return nil
        case .number(let number): return number.isDebit == true && number.minor > 0 ? -number.minor : number.minor
        case .notANumber, .tooFine, .tooLarge:
            try tell(.note(StatementNote(.notUnderstood, "A running balance is no amount.", place: record.line)))
            return nil
        }
    }

    /// The balance of a line that says only that; the last number of the line where the column is empty.
    func lastNumber(_ record: CSVRecord) -> Int64? {
        let places = [layout.columns[.balance] ?? -1] + (0..<record.count).reversed()
        for place in places {
            if case .number(let number) = CSVNumber.read(record[place], decimal: layout.decimal, scale: usual.scale) {
                return number.isDebit == true && number.minor > 0 ? -number.minor : number.minor
            }
        }
        return nil
    }

    private func number(
        _ record: CSVRecord, _ column: CSVProfile.Column, _ scale: Int
    ) throws(StatementError) -> CSVNumber? {
        guard let index = layout.columns[column] else { return nil }
        switch CSVNumber.read(record[index], decimal: layout.decimal, scale: scale) {
        case .empty: return nil
        case .number(let number): return number
        case .notANumber: throw Self.fault("has an amount that is no number", record)
        case .tooFine: throw Self.fault("has an amount with more decimals than its currency", record)
        case .tooLarge: throw Self.fault("has an amount that is too large", record)
        }
    }

    private func direction(_ record: CSVRecord) throws(StatementError) -> Bool? {
        guard let index = layout.columns[.direction] else { return nil }
        let word = String(decoding: record[index], as: UTF8.self).lowercased()
        if layout.profile.debitWords.contains(word) { return true }
        if layout.profile.creditWords.contains(word) { return false }
        throw Self.fault("does not say whether it is a debit or a credit", record)
    }

    // MARK: words

    /// Booked where no column says anything else.
    func standing(_ record: CSVRecord) -> Standing {
        guard let index = layout.columns[.status] else { return .booked }
        let word = CSVHeading.plain(record[index])
        if word.isEmpty || layout.profile.bookedWords.contains(word) { return .booked }
        if layout.profile.pendingWords.contains(word) { return .pending }
        return layout.profile.failedWords.contains(word) ? .failed : .unknown
    }

    func label(_ record: CSVRecord) -> Label? {
        for index in 0..<record.count {
            let cell = record[index]
            guard let first = cell.first, isLetter(first), index != layout.columns[.date] || date(record, .date) == nil
            else { continue }
            let plain = CSVHeading.plain(cell.prefix(80))
            let labels = layout.profile.labels
            if labels[.opening]?.contains(where: { Self.begins(plain, $0) }) == true { return .opening }
            if labels[.closing]?.contains(where: { Self.begins(plain, $0) }) == true { return .closing }
            if layout.profile.skip.contains(where: { !$0.isEmpty && plain.hasPrefix($0) }) { return .known }
            if index == layout.columns[.text] { return nil }
        }
        return nil
    }

    /// A short label such as `B/F` must be all there is: words of payments begin with it too.
    private static func begins(_ plain: String, _ label: String) -> Bool {
        label.utf8.count < 8 ? plain == label : plain.hasPrefix(label)
    }

    func account(_ record: CSVRecord) -> String? {
        guard let index = layout.columns[.account] else { return nil }
        return CSVAccountNumber.read(String(decoding: record[index], as: UTF8.self))
    }

    mutating func row(
        _ record: CSVRecord, _ date: CSVDate, _ day: LocalDate, _ order: DateOrder, _ amount: Money,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> StatementRow {
        let offset = layout.profile.utcOffsetMinutes
        let counterparty = try words(record, .counterparty, tell)
        let channel = try words(record, .channel, tell)
        let text = try words(record, .text, tell) ?? ""
        var transaction = FetchedTransaction(
            upstreamID: nil, status: .booked, amount: amount, bookedOn: day,
            occurredAt: timed(record, date).instant(order, offsetMinutes: offset),
            text: text.isEmpty ? counterparty ?? channel ?? "" : text)
        transaction.counterparty = counterparty
        transaction.reference = try reference(record, tell)
        transaction.channel = channel
        transaction.branch = try words(record, .branch, tell)
        var row = StatementRow(
            transaction: transaction, valueOn: self.date(record, .valueDate)?.day(order), place: record.line)
        row.customerReference = transaction.reference
        return row
    }

    /// With the time of a column of its own.
    private func timed(_ record: CSVRecord, _ date: CSVDate) -> CSVDate {
        guard date.seconds == nil, let place = layout.columns[.time], let day = layout.columns[.date],
            !record[place].isEmpty, case .date(let both) = CSVDate.read(record[day] + [32] + record[place])
        else { return date }
        return both
    }

    /// As written; spreadsheets put an apostrophe before digits that are no number.
    private mutating func reference(
        _ record: CSVRecord, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> String? {
        guard let index = layout.columns[.reference] else { return nil }
        var field = record[index].prefix(Self.textMax)
        if field.first == UInt8(ascii: "'") { field.removeFirst() }
        while field.first == 32 { field.removeFirst() }
        while field.last == 32 { field.removeLast() }
        guard !field.isEmpty else { return nil }
        let read = try text.read(field, place: record.line, tell)
        return read.allSatisfy { $0 == "-" } ? nil : read
    }

    private mutating func words(
        _ record: CSVRecord, _ column: CSVProfile.Column, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> String? {
        guard let index = layout.columns[column], !record[index].isEmpty else { return nil }
        let read = try text.read(record[index].prefix(Self.textMax), place: record.line, tell)
        let words = StatementText.squeezed(read)
        return words.allSatisfy { $0 == "-" } ? nil : words
    }
}
