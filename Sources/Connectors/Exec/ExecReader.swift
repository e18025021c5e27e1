import Domain

/// Reads what a program answered, strictly: what is wrong is told by its place, never by its value.
struct ExecReader {
    static let textBytesMax = 4096

    let value: JSONValue
    /// As in `transactions[3].amount_minor`.
    let path: String

    init(_ value: JSONValue, path: String = "") {
        self.value = value
        self.path = path
    }

    /// The answer could not be understood, at this place.
    static func wrong(_ path: String, _ fault: BankFault = .rowUnreadable) -> ConnectorError {
        ConnectorError(.protocolViolation, upstreamCode: String(path.prefix(80)), fault: fault)
    }

    func wrong(_ name: String, _ fault: BankFault = .rowUnreadable) -> ConnectorError {
        Self.wrong(place(name), fault)
    }

    private func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private func member(_ name: String) -> JSONValue? {
        guard let member = value[name], !member.isNull else { return nil }
        return member
    }

    // MARK: members

    func text(_ name: String, bytesMax: Int = textBytesMax) throws(ConnectorError) -> String {
        guard let text = try optionalText(name, bytesMax: bytesMax), !text.isEmpty else { throw wrong(name) }
        return text
    }

    func optionalText(_ name: String, bytesMax: Int = textBytesMax) throws(ConnectorError) -> String? {
        guard let member = member(name) else { return nil }
        guard let text = member.text, text.utf8.count <= bytesMax else { throw wrong(name) }
        return text
    }

    func optional<Value>(_ name: String, _ read: (String) -> Value?) throws(ConnectorError) -> Value? {
        guard let text = try optionalText(name) else { return nil }
        guard let value = read(text) else { throw wrong(name) }
        return value
    }

    func required<Value>(_ name: String, _ read: (String) -> Value?) throws(ConnectorError) -> Value {
        guard let value = try optional(name, read) else { throw wrong(name) }
        return value
    }

    func optionalInteger(_ name: String) throws(ConnectorError) -> Int64? {
        guard let member = member(name) else { return nil }
        guard case .integer(let number) = member else { throw wrong(name) }
        return number
    }

    func bool(_ name: String, or usual: Bool) throws(ConnectorError) -> Bool {
        guard let member = member(name) else { return usual }
        guard case .bool(let bool) = member else { throw wrong(name) }
        return bool
    }

    func object(_ name: String) throws(ConnectorError) -> ExecReader {
        guard let found = try optionalObject(name) else { throw wrong(name) }
        return found
    }

    func optionalObject(_ name: String) throws(ConnectorError) -> ExecReader? {
        guard let member = member(name) else { return nil }
        guard member.members != nil else { throw wrong(name) }
        return ExecReader(member, path: place(name))
    }

    func objects(_ name: String, most: Int) throws(ConnectorError) -> [ExecReader] {
        guard let elements = value[name]?.elements, elements.count <= most else { throw wrong(name) }
        var readers: [ExecReader] = []
        for (index, element) in elements.enumerated() {
            guard element.members != nil else { throw wrong("\(name)[\(index)]") }
            readers.append(ExecReader(element, path: "\(place(name))[\(index)]"))
        }
        return readers
    }

    func texts(_ name: String, most: Int) throws(ConnectorError) -> [String] {
        guard let member = member(name) else { return [] }
        let texts = (member.elements ?? []).compactMap(\.text)
        guard let count = member.elements?.count, count == texts.count, count <= most,
            texts.allSatisfy({ $0.utf8.count <= Self.textBytesMax })
        else { throw wrong(name) }
        return texts
    }

    // MARK: values

    /// A whole number of the currency's smallest unit; anything else is refused, never rounded.
    func optionalMoney(_ name: String, _ currency: Currency) throws(ConnectorError) -> Money? {
        guard let member = member(name) else { return nil }
        switch member {
        case .integer(let minor): return Money(minor: minor, currency: currency)
        case .decimal(let number):
            // As it is written: a number beyond 64 bits has no point.
            throw wrong(name, "\(number)".contains(".") ? .amountTooFine : .amountTooLarge)
        default: throw wrong(name, .amountUnreadable)
        }
    }

    func money(_ name: String, _ currency: Currency) throws(ConnectorError) -> Money {
        guard let money = try optionalMoney(name, currency) else { throw wrong(name, .amountUnreadable) }
        return money
    }

    /// Any code of three capitals; whether it is the account's is the engine's to judge.
    func currency() throws(ConnectorError) -> Currency {
        try required("currency") { code in
            code.utf8.count == 3 && code.utf8.allSatisfy { (65...90).contains($0) } ? Currency(code: code) : nil
        }
    }
}
