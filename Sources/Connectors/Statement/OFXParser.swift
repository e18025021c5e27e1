import Domain

/// Reads OFX 1.x (SGML), OFX 2.x (XML) and QFX: statements of bank accounts, credit cards and the cash of investments.
///
/// A row's day is the one that the bank wrote, and that of a moment in another zone is UTC's; amounts are as signed, +
/// into the account.
public struct OFXParser: StatementParser, Sendable {
    private var tokens: OFXTokens
    /// The known elements that are open, outermost first; what is not known is as if it were not there.
    private var open: [Element] = []
    private var status = Status()
    private var statement = OFXStatement()
    private var hasBegun = false
    private var hasEnded = false

    private struct Status: Sendable {
        var code = ""
        var severity = ""
        var line = 0
    }

    public init(limits: StatementLimits = StatementLimits()) {
        tokens = OFXTokens(bytesMax: limits.fieldBytesMax)
    }

    public mutating func feed(
        _ bytes: UnsafeRawBufferPointer, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        // Held once, so that what is gathered in it is never copied.
        var tokens = OFXTokens(bytesMax: 0)
        swap(&tokens, &self.tokens)
        try tokens.feed(bytes, tell) { token, line throws(StatementError) in try take(token, line, tell) }
        self.tokens = tokens
    }

    public mutating func finish(_ tell: (StatementEvent) throws(StatementError) -> Void) throws(StatementError) {
        var tokens = tokens
        try tokens.finish(tell) { token, line throws(StatementError) in try take(token, line, tell) }
        self.tokens = tokens
        guard hasBegun else {
            throw StatementError(.malformed, "The file holds no <OFX>; export the statement as OFX or QFX again.")
        }
        guard hasEnded, open.isEmpty, tokens.isBetweenTags else {
            throw StatementError(
                .truncated, "The file stops before its end (</OFX>); download it again.", place: tokens.line)
        }
    }

    private enum Element: Sendable, Equatable {
        case ofx, status, statement(OFXStatement.Kind), account, list, row, pendingRow, ledger, available
        /// Holds names and numbers that are not the row's or the account's own.
        case other
        case payee, rowCurrency

        /// Some banks close a card's statement as if it were an account's.
        var isStatement: Bool { if case .statement = self { true } else { false } }
    }

    private static func element(_ name: String) -> Element? {
        switch name {
        case "STMTTRN": .row
        case "OFX": .ofx
        case "STATUS": .status
        case "STMTRS": .statement(.bank)
        case "CCSTMTRS": .statement(.card)
        case "INVSTMTRS": .statement(.investment)
        case "BANKACCTFROM", "CCACCTFROM", "INVACCTFROM": .account
        case "BANKTRANLIST", "BANKTRANLISTP", "INVTRANLIST": .list
        case "STMTTRNP": .pendingRow
        case "LEDGERBAL": .ledger
        case "AVAILBAL": .available
        case "PAYEE": .payee
        case "CURRENCY": .rowCurrency
        case "BANKACCTTO", "CCACCTTO", "ORIGCURRENCY", "BALLIST", "BAL", "EXTDPAYEE", "IMAGEDATA", "SECLIST": .other
        default: nil
        }
    }

    private mutating func take(
        _ token: OFXTokens.Token, _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        switch token {
        case .header: break
        case .open(let name, let text):
            // Of a name that is also a leaf elsewhere, the text decides.
            if text.isEmpty, let element = OFXParser.element(name) { return try begin(element, line, tell) }
            try leaf(name, text, line, tell)
        case .close(let name):
            guard let element = OFXParser.element(name),
                let at = open.lastIndex(where: { $0 == element || $0.isStatement && element.isStatement })
            else { return }
            while open.count > at { try end(open.removeLast(), line, tell) }
        }
    }

    private mutating func begin(
        _ element: Element, _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        switch element {
        case .ofx:
            (hasBegun, hasEnded) = (true, false)
        case .status:
            status = Status(line: line)
        case .statement(let kind):
            // Statements stand beside one another, also where one was not closed.
            while open.contains(where: \.isStatement) { try end(open.removeLast(), line, tell) }
            statement = OFXStatement(kind: kind)
        case .row, .pendingRow:
            // One that nobody closed ends where the next begins.
            while let last = open.last, last != .list, OFXParser.isInRow(last) {
                try end(open.removeLast(), line, tell)
            }
            guard open.contains(where: \.isStatement) else {
                throw StatementError(
                    .malformed, "A row stands outside a statement; download the file again.", place: line)
            }
            statement.beginRow(isPending: element == .pendingRow, line)
        case .ledger, .available:
            guard open.contains(where: \.isStatement) else { return }
            statement.beginBalance(line)
        default: break
        }
        // Elements are few levels deep; a file that opens without closing is none.
        guard open.count < OFXParser.depthMax else {
            throw StatementError(
                .malformed, "Elements are opened and never closed; download the file again.", place: line)
        }
        open.append(element)
    }

    private static let depthMax = 64

    private static func isInRow(_ element: Element) -> Bool {
        switch element {
        case .row, .pendingRow, .payee, .rowCurrency, .other: true
        default: false
        }
    }

    private mutating func end(
        _ element: Element, _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        switch element {
        case .ofx: hasEnded = true
        case .status:
            let isError = status.severity == "ERROR" || (status.severity.isEmpty && status.code != "0")
            if isError { throw OFXValues.bankError(OFXParser.safe(status.code), place: status.line) }
        case .row, .pendingRow: try statement.endRow(tell)
        case .ledger: try statement.endLedger(tell)
        case .available: try statement.endAvailable(tell)
        case .statement: try statement.end(line, tell)
        default: break
        }
    }

    private mutating func leaf(
        _ name: String, _ text: String, _ line: Int, _ tell: (StatementEvent) throws(StatementError) -> Void
    ) throws(StatementError) {
        guard let parent = open.last else { return }
        switch parent {
        case .row, .pendingRow: statement.row(name, text)
        case .payee: if name == "NAME" { statement.row("PAYEE.NAME", text) }
        case .rowCurrency: if name == "CURSYM" { statement.row("CURSYM", text) }
        case .status:
            if name == "CODE" { status.code = text }
            if name == "SEVERITY" { status.severity = text.uppercased() }
        case .account: statement.account(name, text)
        case .list: try statement.list(name, text, line)
        case .ledger, .available: statement.balance(name, text)
        case .statement: if name == "CURDEF" { try statement.currency(text, line) }
        case .ofx, .other: break
        }
        try statement.noteForeign(name, text, line, tell)
    }

    /// A status that is a number as it stands, else nothing of what the file says.
    private static func safe(_ code: String) -> String {
        code.utf8.count <= 6 && !code.isEmpty && code.utf8.allSatisfy { (48...57).contains($0) }
            ? code : "without a number"
    }
}
