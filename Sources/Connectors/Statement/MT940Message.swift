import Domain

/// One message of an MT940 file while it is read: a statement, or a page of one.
struct MT940Message: Sendable {
    private var header = StatementHeader(currency: StatementHeader.noCurrency)
    private var closing = StatementClosing()
    private var pending: Pending?
    private var hasBegun = false
    private(set) var hasAnything = false
    private(set) var hasRows = false
    private var isOver = false
    private var firstDay: LocalDate?
    private var decoder = StatementText()
    /// Of the message before, for rows that follow its end without a head of their own.
    private var last: StatementHeader?

    private struct Pending: Sendable {
        var line: MT940Line
        var amount: Money
        var details: [UInt8] = []
        var place: Int
    }

    /// True when a balance opened it and nothing else has come: an end here is a page's, which some banks put between.
    var isOnlyOpened: Bool { header.opening != nil && !hasRows && closing.closing == nil }

    /// True when a row was told, the message began with a balance, and nothing has ended it.
    var mustGoOn: Bool { hasRows && header.opening != nil && closing.closing == nil }

    mutating func take(
        _ tag: MT940Parser.Tag, _ field: [UInt8], line: Int,
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        if tag != .details { try endRow(tell) }
        hasAnything = true
        switch tag {
        case .reference, .other: break
        case .account: account(try decoder.read(field, place: line, tell))
        case .number: header.number = StatementText.some(try decoder.read(field, place: line, tell))
        case .opening:
            let balance = try balance(field, line, tell)
            header.currency = balance.amount.currency
            header.opening = balance
        case .row: try row(field, line, tell)
        case .details:
            // Behind the closing balance it is about the statement.
            guard pending != nil, !isOver else { return }
            if pending?.details.isEmpty == false { pending?.details.append(10) }
            pending?.details += field
        case .closing:
            closing.closing = try balance(field, line, tell)
            isOver = true
        case .available: closing.available = try balance(field, line, tell)
        case .floor:
            if let currency = OFXValues.currency(String(decoding: field.prefix(3), as: UTF8.self)) {
                if header.currency == StatementHeader.noCurrency { header.currency = currency }
            }
        }
    }

    /// `12345678/9876543EUR`, `RABO…EUR`, `BIC/number`, `BIC/number/EUR`; 25P has the bank on a line of its own.
    private mutating func account(_ text: String) {
        var number = text.filter { $0 != " " }
        if let currency = MT940Message.currencyAtEnd(number) {
            header.currency = currency
            number.removeLast(3)
            if number.last == "/" { number.removeLast() }
        }
        if let slash = number.firstIndex(of: "/"), slash != number.startIndex {
            header.bankCode = String(number[..<slash])
            number = String(number[number.index(after: slash)...])
        }
        header.accountNumber = StatementText.some(number)
    }

    /// Three capitals behind a figure or a slash, unless they belong to an IBAN whose check digits are right with them.
    private static func currencyAtEnd(_ text: String) -> Currency? {
        let bytes = Array(text.utf8)
        guard bytes.count > 3, bytes.suffix(3).allSatisfy({ (65...90).contains($0) }) else { return nil }
        let before = bytes[bytes.count - 4]
        guard (48...57).contains(before) || before == UInt8(ascii: "/") else { return nil }
        guard !isIBAN(bytes) else { return nil }
        return OFXValues.currency(String(decoding: bytes.suffix(3), as: UTF8.self))
    }

    /// True when the check digits of an IBAN are right.
    private static func isIBAN(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 15, bytes.count <= 34, bytes.prefix(2).allSatisfy({ (65...90).contains($0) }) else {
            return false
        }
        var rest = 0
        for byte in bytes[4...] + bytes[..<4] {
            switch byte {
            case 48...57: rest = (rest * 10 + Int(byte - 48)) % 97
            case 65...90: rest = (rest * 100 + Int(byte - 55)) % 97
            default: return false
            }
        }
        return rest == 1
    }

    /// `C110522EUR3236,28`; some banks leave the currency out where the statement has it already.
    private func balance(
        _ field: [UInt8], _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) -> StatementBalance {
        // Only the first line: behind the last balance there may be the head of a message that has no end.
        let text = field.prefix { $0 != 10 }.filter { $0 != 32 }
        let named = OFXValues.currency(String(decoding: text.dropFirst(7).prefix(3), as: UTF8.self))
        let known = header.currency == StatementHeader.noCurrency ? nil : header.currency
        guard let mark = text.first, "CDcd".utf8.contains(mark), text.count > 7,
            let day = MT940Line.valueDate(text[1..<7]), let currency = named ?? known,
            let amount = MT940Line.decimal(text.dropFirst(named == nil ? 7 : 10))
        else {
            throw StatementError(
                .malformed, "A balance is not written as the format has it; export the statement again.", place: line)
        }
        let isOut = mark == UInt8(ascii: "D") || mark == UInt8(ascii: "d")
        let money = try StatementAmount.parsed((isOut ? "-" : "") + amount, currency, what: "A balance", place: line)
        if named == nil {
            try tell(.note(.init(.missing, "A balance names no currency; the statement's is taken.", place: line)))
        }
        return StatementBalance(amount: money, on: day)
    }

    private mutating func row(
        _ field: [UInt8], _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard let read = MT940Line(field) else {
            throw StatementError(
                .malformed, "A movement (61) is not written as the format has it; export the statement again.",
                place: line)
        }
        try begin(tell)
        let amount = try StatementAmount.parsed(
            (read.isOut ? "-" : "") + read.amount, header.currency, what: "A movement's amount", place: line)
        pending = Pending(line: read, amount: amount, place: line)
        hasRows = true
        isOver = false
    }

    private mutating func endRow(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        guard let row = pending else { return }
        pending = nil
        let line = row.line
        var lines: [String] = []
        for piece in row.details.split(separator: 10) { lines.append(try decoder.read(piece, place: row.place, tell)) }
        let details = MT940Details(lines)
        let day = line.enteredOn ?? line.valueOn
        firstDay = min(firstDay ?? day, day)
        // Codes between slashes are for machines; they are shown only where there is nothing else.
        let isCode = line.details.hasPrefix("/") && !details.text.isEmpty
        let isKnown =
            line.details.isEmpty || isCode || details.text.contains(line.details)
            || details.counterparty == line.details
        let text = isKnown ? details.text : details.text.isEmpty ? line.details : "\(line.details) \(details.text)"
        var transaction = FetchedTransaction(
            upstreamID: nil, status: line.isExpected ? .pending : .booked, amount: row.amount, bookedOn: day, text: text
        )
        transaction.counterparty = details.counterparty
        transaction.code = StatementText.some(line.type)
        transaction.reference =
            MT940Message.meaningful(line.customerReference) ?? details.reference
            ?? MT940Message.meaningful(line.bankReference)
        var told = StatementRow(transaction: transaction, valueOn: line.valueOn, place: row.place)
        told.customerReference = StatementText.some(line.customerField)
        told.bankReference = StatementText.some(line.bankField)
        try tell(.row(told))
    }

    /// nil for the words that say that there is no reference, or that it stands in field 86.
    private static func meaningful(_ written: String) -> String? {
        let keys = ["KREF+", "EREF+"]
        let reference = keys.contains { written.hasPrefix($0) } ? String(written.dropFirst(5)) : written
        switch reference {
        case "", "NONREF", "N", "EREF", "PREF", "MARF", "KREF", "NOTPROVIDED": return nil
        default: return reference
        }
    }

    private mutating func begin(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        guard !hasBegun else { return }
        hasBegun = true
        if header.currency == StatementHeader.noCurrency, header.accountNumber == nil, let last {
            header.accountNumber = last.accountNumber
            header.bankCode = last.bankCode
            header.currency = last.currency
        }
        if header.currency == StatementHeader.noCurrency, let closing = closing.closing ?? closing.available {
            header.currency = closing.amount.currency
        }
        try tell(.begin(header))
        if header.currency == StatementHeader.noCurrency {
            try tell(.note(.init(.missing, "The statement names no currency before its rows.")))
        }
    }

    /// Tells the message's end and makes ready for the next one. What named nothing at all is no statement.
    mutating func end(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        guard hasAnything else { return }
        try endRow(tell)
        try begin(tell)
        if hasRows, header.opening != nil, closing.closing == nil {
            try tell(
                .note(.init(.missing, "The statement has no closing balance (62F); rows may be missing at its end.")))
        }
        closing.period = period
        try tell(.end(closing))
        var next = MT940Message()
        next.decoder = decoder
        next.last = header
        self = next
    }

    /// From the day after the opening balance, or that day itself where rows are of it, to the closing balance's.
    private var period: DayWindow? {
        guard let opening = header.opening?.on, let end = closing.closing?.on, opening <= end else { return nil }
        let isFirstDayIn = opening == end || firstDay.map { $0 <= opening } == true
        return DayWindow(from: isFirstDayIn ? opening : opening.adding(days: 1), to: end)
    }
}
