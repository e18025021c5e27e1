/// Characters of an XML text as they are meant.
enum XMLText {
    /// A name without its prefix.
    static func local(_ name: String) -> String {
        guard let colon = name.utf8.lastIndex(of: UInt8(ascii: ":")) else { return name }
        return String(name[name.utf8.index(after: colon)...])
    }

    /// Trims, and puts characters in the place of what `&` begins.
    /// - Parameter charset: the encoding of one byte a character that the file names; UTF-8 is read as such all the
    ///   same.
    static func decode(
        _ bytes: [UInt8], in charset: StatementCharset?, _ sawForeignBytes: inout Bool, _ line: Int
    ) throws(StatementError) -> String {
        var slice = bytes[...]
        while let first = slice.first, isXMLSpace(first) { slice.removeFirst() }
        while let last = slice.last, isXMLSpace(last) { slice.removeLast() }
        if slice.isEmpty { return "" }
        for byte in slice where byte < 32 && !isXMLSpace(byte) {
            throw StatementError(
                .malformed, "The file holds a character that XML does not have. Export it again.", place: line)
        }
        let plain = slice.contains(UInt8(ascii: "&")) ? try resolve(slice, line)[...] : slice
        let (text, encoding, _) = StatementText.decode(plain, as: charset ?? .windows1252)
        if encoding == .windows1252, charset == nil { sawForeignBytes = true }
        return text
    }

    private static func resolve(_ bytes: ArraySlice<UInt8>, _ line: Int) throws(StatementError) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            guard bytes[index] == UInt8(ascii: "&") else {
                plain.append(bytes[index])
                index += 1
                continue
            }
            let name = bytes[(index + 1)...].prefix(10).prefix { $0 != UInt8(ascii: ";") }
            guard name.endIndex < bytes.endIndex, bytes[name.endIndex] == UInt8(ascii: ";"),
                let character = character(String(decoding: name, as: UTF8.self))
            else {
                throw StatementError(
                    .malformed, "The file uses an entity that it cannot declare. Export it again.", place: line)
            }
            plain.append(contentsOf: Array(String(character).utf8))
            index = name.endIndex + 1
        }
        return plain
    }

    private static func character(_ name: String) -> Character? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let isHex = name.hasPrefix("#x")
            guard let number = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10),
                number >= 32 || [9, 10, 13].contains(number), let scalar = Unicode.Scalar(number)
            else { return nil }
            return Character(scalar)
        }
    }
}

/// The inside of a start tag.
struct XMLTag {
    private var rest: ArraySlice<UInt8>
    private let charset: StatementCharset?
    private let line: Int

    init(_ bytes: ArraySlice<UInt8>, in charset: StatementCharset?, line: Int) {
        rest = bytes
        self.charset = charset
        self.line = line
    }

    mutating func name() throws(StatementError) -> String {
        let name = rest.prefix { isNamed($0) }
        guard let first = name.first, !(48...57).contains(first), first != UInt8(ascii: "-"),
            first != UInt8(ascii: ".")
        else { throw fault() }
        rest = rest[name.endIndex...]
        return String(decoding: name, as: UTF8.self)
    }

    mutating func attributes(_ sawForeignBytes: inout Bool) throws(StatementError) -> [XMLAttribute] {
        var attributes: [XMLAttribute] = []
        var names: Set<String> = []
        while true {
            let spaces = rest.prefix { isXMLSpace($0) }
            rest = rest[spaces.endIndex...]
            if rest.isEmpty { return attributes }
            guard !spaces.isEmpty else { throw fault() }
            let name = try name()
            guard names.insert(name).inserted else { throw fault() }
            skipSpace()
            guard rest.popFirst() == UInt8(ascii: "=") else { throw fault() }
            skipSpace()
            guard let quote = rest.popFirst(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
                throw fault()
            }
            let value = rest.prefix { $0 != quote }
            guard value.endIndex < rest.endIndex else { throw fault() }
            rest = rest[(value.endIndex + 1)...]
            let text = try XMLText.decode(Array(value), in: charset, &sawForeignBytes, line)
            attributes.append(XMLAttribute(name: XMLText.local(name), value: text))
        }
    }

    private mutating func skipSpace() { rest = rest.drop { isXMLSpace($0) } }

    private func isNamed(_ byte: UInt8) -> Bool {
        byte >= 128 || (48...58).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    private func fault() -> StatementError {
        StatementError(.malformed, "A tag of the file is written wrongly. Export it again.", place: line)
    }
}
