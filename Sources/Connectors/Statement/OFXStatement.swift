import Domain

/// One statement of an OFX file while it is read.
struct OFXStatement: Sendable {
    enum Kind: Sendable, Equatable { case bank, card, investment }

    private var kind = Kind.bank
    private var header = StatementHeader(currency: StatementHeader.noCurrency)
    private var hasCurrency = false
    private var hasTold = false
    private var from: LocalDate?
    private var closing = StatementClosing()
    private var balanceAmount: String?
    private var balanceOn: String?
    private var line = 0
    private var isPending = false
    private var fields = RowFields()
    private var hasForeignRow = false

    private struct RowFields: Sendable {
        var type = ""
        var posted = ""
        var available: String?
        var amount: String?
        var id: String?
        var reference: String?
        var check: String?
        var name: String?
        var payee: String?
        var memo: String?
        var currency: String?
    }

    init(kind: Kind = .bank) { self.kind = kind }

    mutating func currency(_ text: String, _ line: Int) throws(StatementError) {
        guard !text.isEmpty else { return }
        guard let currency = OFXValues.currency(text) else {
            throw StatementError(.malformed, "CURDEF is no currency; download the file again.", place: line)
        }
        header.currency = currency
        hasCurrency = true
    }

    mutating func account(_ name: String, _ text: String) {
        switch name {
        case "ACCTID": header.accountNumber = StatementText.some(text.filter { $0 != " " })
        case "BANKID", "BROKERID": header.bankCode = StatementText.some(text)
        case "ACCTTYPE": header.accountType = StatementText.some(OFXValues.accountType(text))
        default: break
        }
    }

    mutating func list(_ name: String, _ text: String, _ line: Int) throws(StatementError) {
        guard name == "DTSTART" || name == "DTEND" else { return }
        // Some banks fill it with zeros; only rows need their days.
        guard let day = OFXValues.day(text) else { return }
        if name == "DTSTART" {
            from = day
        } else if let from, from <= day {
            header.period = DayWindow(from: from, to: day)
        }
    }

    mutating func beginBalance(_ line: Int) { (balanceAmount, balanceOn, self.line) = (nil, nil, line) }

    mutating func balance(_ name: String, _ text: String) {
        if name == "BALAMT" { balanceAmount = text }
        if name == "DTASOF" { balanceOn = text }
    }

    /// The ledger balance is what a statement is checked against: one with a day that is no number refuses the file.
    mutating func endLedger(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if (balanceAmount ?? "").isEmpty, (balanceOn ?? "").isEmpty { return }
        let money = try StatementAmount.money(
            balanceAmount ?? "", header.currency, what: "The balance (BALAMT)", place: line)
        guard let day = OFXValues.day(balanceOn ?? "") ?? header.period?.to else {
            try tellBegin(tell)
            return try tell(.note(.init(.missing, "The closing balance has no day (DTASOF).", place: line)))
        }
        closing.closing = StatementBalance(amount: money, on: day)
    }

    mutating func endAvailable(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        guard let amount = balanceAmount, !amount.isEmpty, let day = OFXValues.day(balanceOn ?? "") else {
            try tellBegin(tell)
            return try tell(
                .note(.init(.missing, "The available balance (AVAILBAL) has no amount or no day.", place: line)))
        }
        let money = try StatementAmount.money(
            amount, header.currency, what: "The available balance (BALAMT)", place: line)
        closing.available = StatementBalance(amount: money, on: day)
    }

    mutating func beginRow(isPending: Bool, _ line: Int) {
        (fields, self.isPending, self.line) = (RowFields(), isPending, line)
    }

    mutating func row(_ name: String, _ text: String) {
        switch name {
        case "TRNTYPE": fields.type = text
        case "DTPOSTED", "DTTRAN": fields.posted = text
        case "DTAVAIL": fields.available = text
        case "TRNAMT": fields.amount = text
        case "FITID": fields.id = StatementText.some(text)
        case "REFNUM": fields.reference = StatementText.some(text)
        case "CHECKNUM": fields.check = StatementText.some(text)
        case "NAME": fields.name = StatementText.some(StatementText.squeezed(text))
        case "PAYEE.NAME": fields.payee = StatementText.some(StatementText.squeezed(text))
        case "MEMO": fields.memo = StatementText.some(StatementText.squeezed(text))
        case "CURSYM": fields.currency = text
        default: break
        }
    }

    mutating func endRow(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        if !hasTold, !hasCurrency, let named = fields.currency.flatMap(OFXValues.currency) {
            (header.currency, hasCurrency) = (named, true)
        }
        try tellBegin(tell)
        guard let date = OFXValues.posted(fields.posted) else {
            throw StatementError(
                .malformed, "A row has no day, or one that does not exist (DTPOSTED); download the file again.",
                place: line)
        }
        var currency = header.currency
        if let other = fields.currency, let found = OFXValues.currency(other), found != currency {
            currency = found
            if !hasForeignRow {
                hasForeignRow = true
                try tell(
                    .note(
                        .init(.notUnderstood, "A row is in \(found.code), not in the account's currency.", place: line))
                )
            }
        }
        let amount = try StatementAmount.money(
            fields.amount ?? "", currency, what: "A row's amount (TRNAMT)", place: line)
        var transaction = FetchedTransaction(
            upstreamID: fields.id, status: isPending ? .pending : .booked, amount: amount, bookedOn: date.day,
            occurredAt: date.at, text: text)
        transaction.counterparty = fields.payee ?? fields.name
        let reference = fields.reference ?? fields.check
        transaction.reference = reference.flatMap { value in value.utf8.allSatisfy { $0 == 48 } ? nil : value }
        transaction.code = StatementText.some(fields.type.uppercased())
        transaction.channel = ["ATM": "atm", "POS": "pos"][fields.type.uppercased()]
        var row = StatementRow(transaction: transaction, place: line)
        row.valueOn = fields.available.flatMap(OFXValues.day)
        row.customerReference = reference
        row.bankReference = fields.id
        try tell(.row(row))
    }

    /// Name and memo without saying the same twice.
    private var text: String {
        let name = fields.name ?? fields.payee ?? ""
        guard let memo = fields.memo else { return name }
        if name.isEmpty || memo.hasPrefix(name) { return memo }
        return name.hasPrefix(memo) ? name : "\(name) \(memo)"
    }

    /// Investments' own movements are no rows of an account; the first is told and none is dropped in silence.
    mutating func noteForeign(
        _ name: String, _ text: String, _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard kind == .investment, name == "UNITPRICE" || name == "UNITS", !hasForeignRow else { return }
        hasForeignRow = true
        try tellBegin(tell)
        try tell(
            .note(
                .init(
                    .notUnderstood, "Trades and holdings of an investment account are not read, only its payments.",
                    place: line)))
    }

    mutating func end(_ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        try tellBegin(tell)
        if closing.closing == nil, kind != .investment {
            try tell(.note(.init(.missing, "The statement has no closing balance (LEDGERBAL).", place: line)))
        }
        try tell(.end(closing))
        self = OFXStatement()
    }

    private mutating func tellBegin(
        _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard !hasTold else { return }
        hasTold = true
        if kind == .card { header.accountType = header.accountType ?? "credit_card" }
        try tell(.begin(header))
        if !hasCurrency {
            try tell(.note(.init(.missing, "The statement names no currency (CURDEF).")))
        }
    }
}
