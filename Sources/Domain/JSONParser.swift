import FoundationEssentials

/// Reads JSON (RFC 8259) into `JSONValue`. Request bodies are small and many, so nothing is thrown on the way but
/// the one error of a broken text.
struct JSONParser {
    struct Broken: Error {}
    static let depthMax = 512

    private let source: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ source: [UInt8]) { self.source = source }

    mutating func parse() throws(Broken) -> JSONValue {
        let value = try value()
        skipSpace()
        guard index == source.count else { throw Broken() }
        return value
    }

    private mutating func value() throws(Broken) -> JSONValue {
        skipSpace()
        guard let byte = peek else { throw Broken() }
        switch byte {
        case UInt8(ascii: "{"): return try nested { parser throws(Broken) in .object(try parser.members()) }
        case UInt8(ascii: "["): return try nested { parser throws(Broken) in .array(try parser.elements()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(Broken) -> JSONValue
    ) throws(Broken) -> JSONValue {
        depth += 1
        guard depth <= Self.depthMax else { throw Broken() }
        index += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func members() throws(Broken) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return members }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw Broken() }
            let key = try string()
            guard take(UInt8(ascii: ":")) else { throw Broken() }
            members[key] = try value()
            if take(UInt8(ascii: "}")) { return members }
            guard take(UInt8(ascii: ",")) else { throw Broken() }
        }
    }

    private mutating func elements() throws(Broken) -> [JSONValue] {
        var elements: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value())
            if take(UInt8(ascii: "]")) { return elements }
            guard take(UInt8(ascii: ",")) else { throw Broken() }
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(Broken) -> JSONValue {
        let count = text.utf8CodeUnitCount
        guard index + count <= source.count,
            source[index..<index + count].elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count))
        else { throw Broken() }
        index += count
        return value
    }

    private mutating func number() throws(Broken) -> JSONValue {
        let start = index
        var isWhole = true
        if peek == UInt8(ascii: "-") { index += 1 }
        let first = index
        try digits()
        guard source[first] != UInt8(ascii: "0") || index == first + 1 else { throw Broken() }
        if peek == UInt8(ascii: ".") {
            isWhole = false
            index += 1
            try digits()
        }
        if let byte = peek, byte | 32 == UInt8(ascii: "e") {
            isWhole = false
            index += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        let text = String(decoding: source[start..<index], as: UTF8.self)
        if isWhole, let whole = Int64(text) { return .integer(whole) }
        guard let decimal = Decimal(string: text), decimal.isFinite else { throw Broken() }
        return .decimal(decimal)
    }

    private mutating func digits() throws(Broken) {
        let start = index
        while let byte = peek, (48...57).contains(byte) { index += 1 }
        guard index > start else { throw Broken() }
    }

    private mutating func string() throws(Broken) -> String {
        index += 1
        let start = index
        while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
        if peek == UInt8(ascii: "\"") {
            defer { index += 1 }
            return try text(source[start..<index])
        }
        var bytes = Array(source[start..<index])
        while let byte = peek {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(bytes[...])
            case UInt8(ascii: "\\"): try escape(into: &bytes)
            case 0..<0x20: throw Broken()
            default: bytes.append(byte)
            }
        }
        throw Broken()
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(Broken) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Broken() }
        return text
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(Broken) {
        guard let byte = peek else { throw Broken() }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "f"): bytes.append(12)
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "u"): try unicode(into: &bytes)
        default: throw Broken()
        }
    }

    private mutating func unicode(into bytes: inout [UInt8]) throws(Broken) {
        var code = try hex()
        if (0xD800..<0xDC00).contains(code) {
            guard take2(UInt8(ascii: "\\"), UInt8(ascii: "u")) else { throw Broken() }
            let low = try hex()
            guard (0xDC00..<0xE000).contains(low) else { throw Broken() }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw Broken() }
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private mutating func hex() throws(Broken) -> UInt32 {
        guard index + 4 <= source.count else { throw Broken() }
        var code: UInt32 = 0
        for byte in source[index..<index + 4] {
            guard Hex.isDigit(byte) else { throw Broken() }
            code = code << 4 | UInt32(byte <= 57 ? byte - 48 : (byte | 32) - 87)
        }
        index += 4
        return code
    }

    private var peek: UInt8? { index < source.count ? source[index] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func take2(_ first: UInt8, _ second: UInt8) -> Bool {
        guard index + 1 < source.count, source[index] == first, source[index + 1] == second else { return false }
        index += 2
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }
}
