/// One item of a list as it goes out: JSON with holes, filled from a row without a model between.
///
/// The text is JSON in which `$name` stands for a whole value and `${name}` for the characters of a column that
/// needs no escaping, inside a text. White space between the members is dropped once, when the template is made.
/// What a noun's names are is said by its column enumeration; an unknown one is a mistake of the programmer.
public struct RowTemplate: Sendable {
    /// Constant bytes and the column behind them, if one is.
    public struct Part: Sendable {
        /// In `constants`.
        public let start: Int
        public let length: Int
        public let form: ColumnForm?
    }

    public let constants: [UInt8]
    public let parts: [Part]

    public init<Column: RowColumn>(_ columns: Column.Type, _ json: StaticString) {
        var parser = TemplateParser(source: Array(json.description.utf8))
        parser.parse { name, isBare in
            guard let column = Column(rawValue: name) else {
                preconditionFailure("no column `\(name)` in \(Column.self)")
            }
            guard isBare, case .text(let index) = column.form else { return column.form }
            return .bare(index)
        }
        constants = parser.constants
        parts = parser.parts
    }
}

/// What can be shown of a noun's rows, by name.
public protocol RowColumn: RawRepresentable<String>, CaseIterable, Sendable {
    var form: ColumnForm { get }
}

/// How a column of a row becomes JSON. Numbers count the columns of the noun's statement.
public enum ColumnForm: Sendable, Equatable {
    case text(Int)
    /// A text's characters without quotes: ids and days only.
    case bare(Int)
    case integer(Int)
    case flag(Int)
    /// Minor units as an exact decimal of major units of the currency in another column; null stays null.
    case amount(Int, currency: Int)
    /// The amount when money came in, else null.
    case credit(Int, currency: Int)
    /// The amount without its sign when money went out, else null.
    case debit(Int, currency: Int)
    /// Milliseconds as an ISO instant.
    case instant(Int)
    /// A day as the instant of its midnight.
    case midnight(Int)
    /// Comma-separated names as an array.
    case names(Int)
    /// Stored JSON.
    case json(Int)
    /// What the reader puts there: names of other rows, opened secrets, constants of the environment.
    case slot(RowSlot)
}

/// Values that are not columns of the row itself; `RowForms` says how they are written.
public enum RowSlot: Sendable, CaseIterable {
    /// The environment's name in Okra's data, the business's id, its project's id.
    case environment, owner, project
    /// The row's institution: shortly, with all that is known, by id and name, and its id alone.
    case bank, bankDetail, bankNamed, bankID
    /// The row's customer and account by name.
    case customer, account
    /// The opened account number.
    case number
    /// Whether the number's last digit fits the row's institution; null where that says nothing.
    case nubanValid
    /// The row's own account as a balance shows it, and its earlier balances.
    case balanceAccount, periodic
    /// The data status of the row's connection, and what was asked of it.
    case status, products, usedProducts
    /// The logins of a customer.
    case credentials, records
    /// The opened details of a person.
    case identity
    /// How many transactions the row's connection has.
    case transactions
    /// When the row's connection is refreshed.
    case refresh
    /// How the row's connection stands, its last run, its products, and when it last went well.
    case state, lastExecution, productStatus, lastSuccess
}

/// Cuts a template into constant bytes and holes.
private struct TemplateParser {
    let source: [UInt8]
    var constants: [UInt8] = []
    var parts: [RowTemplate.Part] = []
    private var start = 0

    init(source: [UInt8]) { self.source = source }

    mutating func parse(_ form: (_ name: String, _ isBare: Bool) -> ColumnForm) {
        var index = 0
        var isInText = false
        while index < source.count {
            let byte = source[index]
            if byte == UInt8(ascii: "$") {
                let (name, isBare, end) = hole(after: index)
                finish(form(name, isBare))
                index = end
                continue
            }
            if byte == UInt8(ascii: "\"") { isInText.toggle() }
            if isInText || !(byte == 0x20 || byte == 0x0A) { constants.append(byte) }
            index += 1
        }
        finish(nil)
    }

    private func hole(after dollar: Int) -> (name: String, isBare: Bool, end: Int) {
        var start = dollar + 1
        let isBare = start < source.count && source[start] == UInt8(ascii: "{")
        if isBare { start += 1 }
        var end = start
        while end < source.count, isNameByte(source[end]) { end += 1 }
        let name = String(decoding: source[start..<end], as: UTF8.self)
        return (name, isBare, isBare ? end + 1 : end)
    }

    private func isNameByte(_ byte: UInt8) -> Bool { (97...122).contains(byte) || byte == UInt8(ascii: "_") }

    private mutating func finish(_ form: ColumnForm?) {
        parts.append(RowTemplate.Part(start: start, length: constants.count - start, form: form))
        start = constants.count
    }
}
