/// Field 86 of an MT940: what a movement is about, as banks structure it.
struct MT940Details: Sendable, Equatable {
    var text = ""
    var counterparty: String?
    /// The end-to-end or customer reference inside the text.
    var reference: String?

    /// - Parameter lines: the field's lines, decoded.
    init(_ lines: [String]) {
        let joined = lines.joined()
        if let fields = MT940Details.subfields(joined) {
            structured(fields)
        } else if let parts = MT940Details.slashes(joined.trimmingSpaces) {
            slashed(parts)
        } else {
            text = MT940Details.free(lines)
        }
    }

    /// The width at which banks cut a line wherever a word may be.
    private static let fullLine = 65

    /// Lines that were cut at full width go on where they stopped; others are parted by a space.
    private static func free(_ lines: [String]) -> String {
        var text = ""
        var wasFull = true
        for line in lines {
            text += (wasFull ? "" : " ") + line
            wasFull = line.unicodeScalars.count == fullLine
        }
        return StatementText.squeezed(text)
    }
}

// MARK: - German and Polish banks: a code, and numbered fields behind a mark of the bank's own choice

extension MT940Details {
    struct Subfield: Sendable, Equatable {
        var number: Int
        var text: String
    }

    /// `171?00DEBIT?20EREF+…?32NAME`, `>20…>31…`; nil when the text is not built so.
    static func subfields(_ text: String) -> [Subfield]? {
        let bytes = Array(text.trimmingSpaces.utf8)
        let code = bytes.prefix { isDigit($0) }.count
        guard code == 3 || code == 0, code + 2 < bytes.count, isMark(bytes[code]), isDigit(bytes[code + 1]),
            isDigit(bytes[code + 2])
        else { return nil }
        let mark = bytes[code]
        var fields: [Subfield] = []
        var (number, start, at) = (0, code, code)
        func close(_ end: Int) {
            guard start > code else { return }
            fields.append(Subfield(number: number, text: String(decoding: bytes[start..<end], as: UTF8.self)))
        }
        while at < bytes.count {
            guard bytes[at] == mark, at + 2 < bytes.count, isDigit(bytes[at + 1]), isDigit(bytes[at + 2]) else {
                at += 1
                continue
            }
            close(at)
            number = Int(bytes[at + 1] - 48) * 10 + Int(bytes[at + 2] - 48)
            at += 3
            start = at
        }
        close(bytes.count)
        return fields
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    private static func isMark(_ byte: UInt8) -> Bool { "?><^~|@+&".utf8.contains(byte) }

    private static let purposeFieldCount = 27

    private mutating func structured(_ fields: [Subfield]) {
        let purposes = fields.filter { (20...29).contains($0.number) || (60...63).contains($0.number) }.map(\.text)
        let names = fields.filter { $0.number == 32 || $0.number == 33 }.map(\.text)
        counterparty = StatementText.some(StatementText.squeezed(MT940Details.lines(names)))
        // With keywords the fields are one text cut anywhere; without, each is a line of its own unless it is full.
        let parts = MT940Details.keywords(purposes.joined())
        reference = parts.first { $0.key == "KREF" }?.text ?? parts.first { $0.key == "EREF" }?.text
        if reference == "NOTPROVIDED" { reference = nil }
        let said = parts.first { $0.key == "SVWZ" }?.text ?? (parts.isEmpty ? MT940Details.lines(purposes) : "")
        text = StatementText.squeezed(said)
        if text.isEmpty { text = StatementText.squeezed(parts.first { $0.key.isEmpty }?.text ?? "") }
        if text.isEmpty { text = StatementText.squeezed(fields.first { $0.number == 0 }?.text ?? "") }
    }

    private static func lines(_ purposes: [String]) -> String {
        purposes.reduce(into: "") { text, line in
            text += line + (line.unicodeScalars.count < purposeFieldCount ? " " : "")
        }
    }

    private static let sepaKeys: [String] = [
        "EREF", "KREF", "MREF", "CRED", "DEBT", "COAM", "OAMT", "SVWZ", "ABWA", "ABWE", "IBAN", "BIC",
    ]

    /// What stands behind each `EREF+`, `SVWZ+` …, in order; what stands before the first has an empty key. Nothing
    /// when there is none.
    private static func keywords(_ text: String) -> [(key: String, text: String)] {
        let bytes = Array(text.utf8)
        var parts: [(key: String, text: String)] = []
        var (current, start, at) = ("", 0, 0)
        while at < bytes.count {
            guard let found = key(bytes, at) else {
                at += 1
                continue
            }
            parts.append((current, StatementText.squeezed(String(decoding: bytes[start..<at], as: UTF8.self))))
            current = found
            at += found.utf8.count + 1
            start = at
        }
        guard !current.isEmpty else { return [] }
        parts.append((current, StatementText.squeezed(String(decoding: bytes[start...], as: UTF8.self))))
        return parts
    }

    private static func key(_ bytes: [UInt8], _ at: Int) -> String? {
        guard (65...90).contains(bytes[at]) else { return nil }
        // Keys have three or four letters, and a plus behind them.
        let length = at + 4 < bytes.count && bytes[at + 4] == UInt8(ascii: "+") ? 4 : 3
        guard at + length < bytes.count, bytes[at + length] == UInt8(ascii: "+") else { return nil }
        let word = String(decoding: bytes[at..<at + length], as: UTF8.self)
        return sepaKeys.contains(word) ? word : nil
    }
}

// MARK: - Dutch banks: words between slashes

extension MT940Details {
    private static let slashKeys: Set<String> = [
        "TRTP", "TRCD", "IBAN", "BIC", "NAME", "REMI", "EREF", "MARF", "CSID", "ORDP", "BENM", "ISDT", "PREF", "RTRN",
        "RTYP", "CNTP", "PURP", "ULTC", "ULTB", "ULTD", "SVCL", "OCMT", "CHGS", "ADDR", "ID", "BETA",
    ]

    /// `/EREF/…/BENM//NAME/…/REMI/…`; nil when the text does not begin so.
    static func slashes(_ text: String) -> [(key: String, values: [String])]? {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var parts: [(key: String, values: [String])] = []
        for piece in text.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            if slashKeys.contains(String(piece)) {
                parts.append((String(piece), []))
            } else if parts.isEmpty {
                return nil
            } else {
                parts[parts.count - 1].values.append(String(piece))
            }
        }
        return parts
    }

    private mutating func slashed(_ parts: [(key: String, values: [String])]) {
        func value(_ key: String) -> String? {
            guard let part = parts.first(where: { $0.key == key && $0.values.contains { !$0.isEmpty } }) else {
                return nil
            }
            var values = part.values
            while values.last == "" { values.removeLast() }
            return StatementText.some(StatementText.squeezed(values.joined(separator: "/")))
        }
        counterparty = value("NAME")
        // The other side as account, bank's code, name, town.
        if counterparty == nil, let other = parts.first(where: { $0.key == "CNTP" }), other.values.count >= 3 {
            counterparty = StatementText.some(StatementText.squeezed(other.values[2]))
        }
        reference = value("EREF")
        if reference == "NOTPROVIDED" { reference = nil }
        var said = value("REMI") ?? ""
        if said.hasPrefix("USTD//") { said.removeFirst(6) }
        // Without words of the payer the kind of payment says what it was.
        text = said.isEmpty ? value("TRTP") ?? "" : said
        if text.isEmpty { text = counterparty ?? "" }
        if text.isEmpty { text = parts.flatMap { [$0.key] + $0.values }.filter { !$0.isEmpty }.joined(separator: " ") }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var rest = self[...]
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
