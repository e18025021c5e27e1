/// Writes JSON straight into bytes: lists and webhook bodies go from row to wire without a model between.
///
/// Commas are placed by the writer. Members come in the order they are written.
public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    public init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: structure

    /// An object; `body` writes its members.
    public mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "{"))
        try body(&self)
        close(UInt8(ascii: "}"))
    }

    /// An array; `body` writes its values.
    public mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "["))
        try body(&self)
        close(UInt8(ascii: "]"))
    }

    /// A member's name, written as it is: it must need no escapes. The value comes next.
    public mutating func key(_ name: StaticString) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A member's name with escapes where it needs them. The value comes next.
    public mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A member that is an object.
    public mutating func object(_ name: StaticString, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try object(body)
    }

    /// A member that is an array.
    public mutating func array(_ name: StaticString, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try array(body)
    }

    /// A member that is an array of texts.
    public mutating func texts(_ name: StaticString, _ values: some Sequence<String>) {
        array(name) { out in for value in values { out.string(value) } }
    }

    // MARK: members

    /// A text, or null.
    public mutating func member(_ name: StaticString, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    /// A whole number, or null.
    public mutating func member(_ name: StaticString, _ value: Int64?) {
        key(name)
        if let value { integer(value) } else { null() }
    }

    /// A whole number.
    public mutating func member(_ name: StaticString, _ value: Int) { member(name, Int64(value)) }

    /// `true` or `false`.
    public mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// An instant as ISO 8601 text, or null.
    public mutating func member(_ name: StaticString, _ value: Instant?) { member(name, value?.iso) }

    /// An id as its 24 hexadecimal digits, or null.
    public mutating func member<Owner>(_ name: StaticString, _ value: ID<Owner>?) { member(name, value?.hex) }

    /// Any JSON.
    public mutating func member(_ name: StaticString, _ value: JSONValue) {
        key(name)
        self.value(value)
    }

    /// A member that is null.
    public mutating func null(_ name: StaticString) {
        key(name)
        null()
    }

    /// An exact decimal from minor units.
    public mutating func amount(_ name: StaticString, minor: Int64?, scale: Int = 2) {
        key(name)
        if let minor { amount(minor: minor, scale: scale) } else { null() }
    }

    // MARK: values

    /// A null.
    public mutating func null() { literal("null") }
    /// `true` or `false`.
    public mutating func bool(_ value: Bool) { value ? literal("true") : literal("false") }

    /// A whole number.
    public mutating func integer(_ value: Int64) {
        comma()
        digits(value.magnitude, isNegative: value < 0)
    }

    /// An exact decimal of major units from minor ones: 15337 at scale 2 is `153.37`.
    public mutating func amount(minor: Int64, scale: Int) {
        comma()
        guard scale == 2 else {
            bytes.append(contentsOf: Money.decimal(minor: minor, scale: scale).utf8)
            return
        }
        let (whole, fraction) = minor.magnitude.quotientAndRemainder(dividingBy: 100)
        digits(whole, isNegative: minor < 0)
        guard fraction != 0 else { return }
        bytes.append(UInt8(ascii: "."))
        bytes.append(UInt8(48 + fraction / 10))
        if fraction % 10 != 0 { bytes.append(UInt8(48 + fraction % 10)) }
    }

    /// A text between quotes, with escapes where it needs them.
    public mutating func string(_ value: String) {
        comma()
        var value = value
        value.withUTF8 { escaped($0) }
    }

    /// An instant as ISO 8601 text.
    public mutating func instant(_ value: Instant) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        value.appendISO(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A day as the instant of its midnight, the form that Okra's dates have.
    public mutating func midnight(utf8 day: UnsafeBufferPointer<UInt8>) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: day)
        literalTail("T00:00:00.000Z\"")
    }

    private mutating func literalTail(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// UTF-8 text as the database holds it.
    public mutating func string(utf8 value: UnsafeBufferPointer<UInt8>) {
        comma()
        escaped(value)
    }

    /// JSON that is already written, such as a stored metadata object.
    public mutating func raw(_ json: some Collection<UInt8>) {
        comma()
        bytes.append(contentsOf: json)
    }

    /// A member whose value is JSON already; it is not checked.
    public mutating func raw(_ name: StaticString, _ json: String) {
        key(name)
        raw(json.utf8)
    }

    /// Members that are already written, without their braces.
    public mutating func members(_ json: some Collection<UInt8>) {
        if !json.isEmpty { raw(json) }
    }

    /// Any JSON; the members of an object come sorted by name, so equal values give equal bytes.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .decimal(let value): raw("\(value)".utf8)
        case .string(let value): string(value)
        case .array(let values): array { out in for value in values { out.value(value) } }
        case .object(let values):
            object { out in
                for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                    out.key(name)
                    out.value(value)
                }
            }
        }
    }

    // MARK: bytes

    private mutating func open(_ byte: UInt8) {
        comma()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func comma() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func literal(_ text: StaticString) {
        comma()
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func digits(_ magnitude: UInt64, isNegative: Bool) {
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { scratch in
            var rest = magnitude
            var index = 20
            repeat {
                index -= 1
                scratch[index] = UInt8(48 + rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: scratch[index..<20]))
        }
    }

    private mutating func escaped(_ source: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        for index in source.indices {
            let byte = source[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start..<index]))
            start = index + 1
            escape(byte)
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start..<source.count]))
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        default: bytes.append(contentsOf: "u00\(Hex.encode([byte]))".utf8)
        }
    }
}
