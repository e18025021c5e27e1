/// Which addresses a webhook may go to: a pure table.
///
/// Private, reserved, documentation, multicast and tunnelled ranges are refused; an IPv4 address inside an
/// IPv6 one is unwrapped first.
public struct AddressGuard: Sendable {
    /// Lets loopback pass: for development, never for production.
    public let allowsLoopback: Bool
    public init(allowsLoopback: Bool) { self.allowsLoopback = allowsLoopback }

    private static let v4: [([UInt8], Int)] = [
        ([0, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([127, 0, 0, 0], 8), ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12), ([192, 0, 0, 0], 24), ([192, 0, 2, 0], 24), ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16), ([198, 18, 0, 0], 15), ([198, 51, 100, 0], 24), ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4), ([240, 0, 0, 0], 4),
    ]
    private static let v6: [([UInt8], Int)] = [
        ([0xfc], 7), ([0xfe, 0x80], 10), ([0xfe, 0xc0], 10), ([0xff], 8), ([0x20, 0x01, 0x0d, 0xb8], 32),
        ([0x3f, 0xff, 0x00], 20), ([0x01, 0, 0, 0, 0, 0, 0, 0], 64), ([0x20, 0x02], 16),
        ([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], 96), ([0, 0x64, 0xff, 0x9b, 0, 1], 48),
        ([0x20, 0x01, 0, 0], 32), ([0x5f, 0], 16),
    ]

    /// - Parameter bytes: 4 or 16 bytes in network order.
    public func allows(_ bytes: [UInt8]) -> Bool {
        if bytes.count == 16 {
            if bytes[0..<15].allSatisfy({ $0 == 0 }) { return bytes[15] == 1 && allowsLoopback }
            let isMapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
            let isCompatible = bytes[0..<12].allSatisfy { $0 == 0 }
            if isMapped || isCompatible { return allows(Array(bytes[12...])) }
            return !AddressGuard.v6.contains { AddressGuard.matches(bytes, $0.0, $0.1) }
        }
        guard bytes.count == 4 else { return false }
        if bytes[0] == 127 { return allowsLoopback }
        return !AddressGuard.v4.contains { AddressGuard.matches(bytes, $0.0, $0.1) }
    }

    private static func matches(_ bytes: [UInt8], _ prefix: [UInt8], _ bits: Int) -> Bool {
        let padded = prefix + Array(repeating: 0, count: max(0, bytes.count - prefix.count))
        let whole = bits / 8
        guard bytes[0..<whole] == padded[0..<whole] else { return false }
        let rest = bits % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> rest)
        return bytes[whole] & mask == padded[whole] & mask
    }
}
