/// Makes UTF-8 of UTF-16, in pieces; what is no character becomes U+FFFD.
struct StatementTranscoder: Sendable {
    private let isLittle: Bool
    private var half: UInt8?
    private var high: UInt32?

    init(_ wide: StatementSniffer.Wide) { isLittle = wide == .littleEndian }

    mutating func take(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        for byte in bytes {
            guard let first = half else {
                half = byte
                continue
            }
            half = nil
            let unit = isLittle ? UInt32(byte) << 8 | UInt32(first) : UInt32(first) << 8 | UInt32(byte)
            take(unit, &text)
        }
        return text
    }

    /// What is left of a character that was cut off.
    mutating func finish() -> [UInt8] {
        guard half != nil || high != nil else { return [] }
        (half, high) = (nil, nil)
        return Array("\u{FFFD}".utf8)
    }

    private mutating func take(_ unit: UInt32, _ text: inout [UInt8]) {
        if let first = high {
            high = nil
            if (0xDC00..<0xE000).contains(unit) {
                return append(0x10000 + (first - 0xD800) << 10 + (unit - 0xDC00), &text)
            }
            append(0xFFFD, &text)
        }
        switch unit {
        case 0xD800..<0xDC00: high = unit
        case 0xDC00..<0xE000: append(0xFFFD, &text)
        case 0xFEFF: break
        default: append(unit, &text)
        }
    }

    private func append(_ scalar: UInt32, _ text: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: text.append(UInt8(scalar))
        case 0x80..<0x800:
            text.append(UInt8(0xC0 | scalar >> 6))
            text.append(UInt8(0x80 | scalar & 63))
        case 0x800..<0x10000:
            text.append(UInt8(0xE0 | scalar >> 12))
            text.append(UInt8(0x80 | scalar >> 6 & 63))
            text.append(UInt8(0x80 | scalar & 63))
        default:
            text.append(UInt8(0xF0 | scalar >> 18))
            text.append(UInt8(0x80 | scalar >> 12 & 63))
            text.append(UInt8(0x80 | scalar >> 6 & 63))
            text.append(UInt8(0x80 | scalar & 63))
        }
    }
}
