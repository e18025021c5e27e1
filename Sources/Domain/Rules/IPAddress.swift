/// An IPv4 or IPv6 address as a number, so that tables of ranges compare without copies.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    public let isV4: Bool
    /// The upper half of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The lower half of an IPv6 address; the whole of an IPv4 one.
    public let low: UInt64

    public init(v4: UInt32) {
        isV4 = true
        high = 0
        low = UInt64(v4)
    }

    public init(v6 high: UInt64, _ low: UInt64) {
        isV4 = false
        self.high = high
        self.low = low
    }

    /// - Parameter bytes: 4 or 16 bytes in network order; any other count is nil.
    public init?(bytes: some Collection<UInt8>) {
        func number(_ part: some Sequence<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(v4: UInt32(number(bytes)))
        case 16: self.init(v6: number(bytes.prefix(8)), number(bytes.suffix(8)))
        default: return nil
        }
    }

    /// Reads `192.0.2.1` and `2001:db8::1`. Leading zeros, other bases and zone names are not accepted.
    public init?(_ text: String) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = IPv6Text.groups(text) else { return nil }
            self.init(
                v6: groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
                groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) })
        } else {
            guard let value = IPAddress.dotted(text) else { return nil }
            self.init(v4: value)
        }
    }

    /// Reads every spelling of IPv4 that browsers and C libraries take: one to four parts in decimal,
    /// octal (`0177`) or hexadecimal (`0x7f`), the last part filling the rest.
    public init?(looseV4 text: String) {
        var parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count > 1, parts.last == "" { parts.removeLast() }
        guard (1...4).contains(parts.count) else { return nil }
        var numbers: [UInt64] = []
        for part in parts {
            guard let number = IPAddress.looseNumber(part) else { return nil }
            numbers.append(number)
        }
        let last = numbers.removeLast()
        guard numbers.allSatisfy({ $0 < 256 }), last < 1 << (8 * (4 - UInt64(numbers.count))) else { return nil }
        let upper = numbers.enumerated().reduce(UInt64(0)) { $0 | $1.element << (24 - 8 * UInt64($1.offset)) }
        self.init(v4: UInt32(upper | last))
    }

    public var bytes: [UInt8] {
        let shifts = stride(from: UInt64(56), through: 0, by: -8)
        if isV4 { return shifts.suffix(4).map { UInt8(truncatingIfNeeded: low >> $0) } }
        return shifts.map { UInt8(truncatingIfNeeded: high >> $0) }
            + shifts.map { UInt8(truncatingIfNeeded: low >> $0) }
    }

    /// The IPv4 address inside `::ffff:a.b.c.d`; every other address is itself.
    public var unmapped: IPAddress {
        guard !isV4, high == 0, low >> 32 == 0xffff else { return self }
        return IPAddress(v4: UInt32(truncatingIfNeeded: low))
    }

    public var isLoopback: Bool {
        let plain = unmapped
        return plain.isV4 ? plain.low >> 24 == 127 : plain.high == 0 && plain.low == 1
    }

    /// 0.0.0.0 and `::`: as a listener's address, every address of the machine.
    public var isUnspecified: Bool { unmapped.high == 0 && unmapped.low == 0 }

    /// Dotted, or eight groups in hexadecimal without shortening.
    public var description: String {
        let bytes = bytes
        if isV4 { return bytes.map(String.init).joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }.joined(separator: ":")
    }

    fileprivate static func dotted(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard (48...57).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - 48)
            }
            guard number < 256 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    private static func looseNumber(_ part: Substring) -> UInt64? {
        var digits = part.lowercased()[...]
        var radix = 10
        if digits.hasPrefix("0x") {
            radix = 16
            digits = digits.dropFirst(2)
            if digits.isEmpty { return 0 }
        } else if digits.hasPrefix("0"), digits.count > 1 {
            radix = 8
            digits = digits.dropFirst()
        }
        guard digits.first.map({ $0 != "+" && $0 != "-" }) ?? false else { return nil }
        return UInt64(digits, radix: radix)
    }
}

/// The text form of RFC 4291, section 2.2.
private enum IPv6Text {
    static func groups(_ text: String) -> [UInt16]? {
        guard let gap = text.firstRange(of: "::") else {
            guard let all = sequence(text[...]), all.count == 8 else { return nil }
            return all
        }
        let before = text[..<gap.lowerBound]
        let after = text[gap.upperBound...]
        guard let left = before.isEmpty ? [] : sequence(before, mayEndDotted: false),
            let right = after.isEmpty ? [] : sequence(after), left.count + right.count < 8
        else { return nil }
        return left + Array(repeating: 0, count: 8 - left.count - right.count) + right
    }

    private static func sequence(_ text: Substring, mayEndDotted: Bool = true) -> [UInt16]? {
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, mayEndDotted, part.utf8.contains(UInt8(ascii: ".")) {
                guard let dotted = IPAddress.dotted(part) else { return nil }
                groups += [UInt16(dotted >> 16), UInt16(dotted & 0xffff)]
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(Hex.isDigit),
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }
}
