import Domain

/// Turns the elements of a CAMT message into events of a statement.
struct CAMTMessage: Sendable, XMLVisitor {
    private(set) var format: StatementFormat?

    private var events: [StatementEvent] = []
    private var path: [CAMTTag] = []
    /// How deep the message's own element lies, envelopes around it included.
    private var messageDepth = 0
    private var part: CAMTPart?
    private var entry: CAMTEntry?
    private var balance: CAMTBalance?
    /// The `Ccy` of the amount that is being read.
    private var amountCurrency: String?
    private var entries = 0
    private var parts = 0
    private var createdOn: LocalDate?

    /// Gives away what was told since the last time.
    mutating func take() -> [StatementEvent] {
        defer { events.removeAll(keepingCapacity: true) }
        return events
    }

    func finish() throws(StatementError) {
        guard format != nil else {
            throw StatementError(
                .unknownFormat,
                "This XML is no account statement. Export a CAMT.052, CAMT.053 or CAMT.054 message, or a CSV.")
        }
        guard parts > 0 else {
            throw StatementError(.malformed, "The message holds no statement. Export it again.")
        }
    }

    mutating func sawForeignBytes(line: Int) {
        events.append(
            .note(StatementNote(.encoding, "Some characters are in another encoding than the file says.", place: line)))
    }

    mutating func begin(_ name: String, _ attributes: [XMLAttribute]) throws(StatementError) {
        let tag = CAMTTag(rawValue: name) ?? .other
        path.append(tag)
        if let found = CAMTKind.format(name) {
            guard messageDepth == 0 else {
                throw StatementError(.malformed, "A message stands within another. Export the statement again.")
            }
            guard format == nil || format == found else {
                throw StatementError(.malformed, "The file mixes messages of several kinds. Upload them one by one.")
            }
            format = found
            messageDepth = path.count
            return
        }
        guard messageDepth > 0 else { return }
        switch tag {
        case .report, .statement, .notification:
            if path.count == messageDepth + 1 {
                part = CAMTPart()
                parts += 1
            }
        case .entry:
            if path.count == messageDepth + 2, part != nil { beginEntry() }
        case .balance:
            if path.count == messageDepth + 2, part != nil { balance = CAMTBalance() }
        case .details:
            entry?.payments += 1
        case .amount:
            amountCurrency = attributes.first { $0.name == "Ccy" }?.value
        default: break
        }
    }

    mutating func end(_ name: String, _ text: String) throws(StatementError) {
        let tag = path.popLast() ?? .other
        let parent = path.last ?? .other
        let above = path.dropLast().last ?? .other
        guard messageDepth > 0 else { return }
        if path.count < messageDepth {
            messageDepth = 0
            return
        }
        if tag == .entry, path.count == messageDepth + 1 {
            try endEntry()
        } else if entry != nil {
            try entry?.read(tag, parent, above, text, currency: amountCurrency)
        } else if tag == .balance, path.count == messageDepth + 1 {
            try endBalance()
        } else if balance != nil {
            balance?.read(tag, parent, text, currency: amountCurrency)
        } else if path.count == messageDepth, part != nil {
            try endPart()
        } else if part != nil {
            part?.read(tag, Array(path[(messageDepth + 1)...]), text)
        } else if tag == .createdAt, parent == .groupHeader {
            createdOn = CAMTText.day(text)
        }
    }

    // MARK: parts

    private mutating func beginEntry() {
        tellBegin()
        entries += 1
        entry = CAMTEntry(place: entries)
    }

    private mutating func endEntry() throws(StatementError) {
        guard let read = entry else { return }
        entry = nil
        let day = part?.createdOn ?? createdOn
        for event in try read.events(currency: part?.currency, createdOn: day) { events.append(event) }
    }

    private mutating func endBalance() throws(StatementError) {
        guard let read = balance else { return }
        balance = nil
        guard let told = try read.told() else { return }
        if part?.currency == nil { part?.currency = told.amount.currency.code }
        part?.balances.append((read.type, told))
    }

    private mutating func tellBegin() {
        guard part?.isTold == false, let header = part?.header else { return }
        part?.isTold = true
        events.append(.begin(header))
    }

    private mutating func endPart() throws(StatementError) {
        tellBegin()
        if let closing = part?.closing { events.append(.end(closing)) }
        part = nil
    }
}

/// A report, statement or notification without its entries.
struct CAMTPart: Sendable {
    var currency: String?
    var balances: [(type: String, balance: StatementBalance)] = []
    /// Whether its beginning was told.
    var isTold = false
    private(set) var createdOn: LocalDate?

    private var number: String?
    private var legalNumber: String?
    private var id: String?
    private var from: LocalDate?
    private var to: LocalDate?
    private var account: String?
    private var accountName: String?
    private var accountType: String?
    private var owner: String?
    private var bank: String?

    /// - Parameter path: the elements from the part's own child down to the element's parent.
    mutating func read(_ tag: CAMTTag, _ path: [CAMTTag], _ text: String) {
        guard !text.isEmpty else { return }
        switch (path.first, path.count, tag) {
        case (nil, _, .id): id = text
        case (nil, _, .legalNumber): legalNumber = text
        case (nil, _, .electronicNumber): number = text
        case (nil, _, .createdAt): createdOn = CAMTText.day(text)
        case (.period, 1, .from): from = CAMTText.day(text)
        case (.period, 1, .to): to = CAMTText.day(text)
        case (.account, _, _): readAccount(tag, Array(path.dropFirst()), text)
        default: break
        }
    }

    private mutating func readAccount(_ tag: CAMTTag, _ path: [CAMTTag], _ text: String) {
        switch (path, tag) {
        case ([.id], .iban), ([.id, .otherID], .id):
            account = account ?? text.filter { !$0.isWhitespace }
        case ([], .currency): currency = text
        case ([], .name): accountName = text
        case ([.type], .code), ([.type], .proprietary): accountType = text
        case ([.owner], .name), ([.owner, .party], .name): owner = text
        case ([.servicer, .institution], .bic), ([.servicer, .institution], .bicfi): bank = text
        default: if path.first == .servicer, tag == .member, bank == nil { bank = text }
        }
    }

    var header: StatementHeader {
        var header = StatementHeader(
            accountNumber: account, currency: currency.map { Currency(code: $0) } ?? StatementHeader.noCurrency)
        header.holderName = owner
        header.accountName = accountName
        header.accountType = accountType
        header.bankCode = bank
        header.number = legalNumber ?? number ?? id
        header.period = period
        header.opening = opening
        return header
    }

    var closing: StatementClosing {
        var closing = StatementClosing(closing: newest("CLBD", "ITBD"))
        closing.available = newest("CLAV", "ITAV")
        closing.period = period
        closing.opening = opening
        return closing
    }

    private var period: DayWindow? {
        guard let from, let to, from <= to else { return nil }
        return DayWindow(from: from, to: to)
    }

    /// The balance before the first entry; the closing balance of the statement before is the same.
    private var opening: StatementBalance? {
        balances.first { $0.type == "OPBD" }?.balance ?? balances.first { $0.type == "PRCD" }?.balance
    }

    private func newest(_ types: String...) -> StatementBalance? {
        for type in types {
            if let found = balances.last(where: { $0.type == type }) { return found.balance }
        }
        return nil
    }
}

/// A balance of a part.
struct CAMTBalance: Sendable {
    private(set) var type = ""
    private var amount: String?
    private var currency: String?
    private var isDebit = false
    private var on: LocalDate?

    mutating func read(_ tag: CAMTTag, _ parent: CAMTTag, _ text: String, currency code: String?) {
        switch (parent, tag) {
        case (.codeOrProprietary, .code), (.type, .code), (.codeOrProprietary, .proprietary):
            if type.isEmpty { type = text }
        case (.balance, .amount): (amount, currency) = (text, code)
        case (.balance, .direction): isDebit = text == "DBIT"
        case (.day, .day), (.day, .moment), (.balance, .day): if !text.isEmpty { on = CAMTText.day(text) }
        default: break
        }
    }

    /// nil where a member is missing: a balance is a help, and rows do not depend on it.
    func told() throws(StatementError) -> StatementBalance? {
        guard let amount, let currency, let on else { return nil }
        let money = try CAMTText.money(amount, currency, isDebit: isDebit, place: nil)
        return StatementBalance(amount: money, on: on)
    }
}
