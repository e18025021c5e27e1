/// A block of addresses such as `10.20.0.0/16`, which an operator lets webhooks go to.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with a range, and what to do.
    public enum Problem: Error, Sendable, Equatable, CustomStringConvertible {
        case unreadable(String)
        case hasHostBits(String)
        case tooWide(String)

        public var description: String {
            switch self {
            case .unreadable(let text): "\(text) is no range of addresses. Write one as 10.20.0.0/16 or fd12:3456::/32."
            case .hasHostBits(let text):
                "\(text) does not begin at the first address of its range. Clear the bits behind the prefix, as in "
                    + "10.20.0.0/16."
            case .tooWide(let text): "\(text) is too wide. Name ranges of /8 or narrower, each network for itself."
            }
        }
    }

    /// No private network is wider, and a wider one would let everything pass.
    private static let bitsMin = 8
    public let base: IPAddress
    /// The length of the prefix.
    public let bits: Int

    /// - Throws: what is wrong with the text.
    public init(_ text: String) throws(Problem) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = IPAddress(String(parts[0])), base == base.unmapped,
            (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
            let bits = Int(parts[1]), bits <= (base.isV4 ? 32 : 128)
        else { throw .unreadable(text) }
        guard bits >= Self.bitsMin else { throw .tooWide(text) }
        self.base = base
        self.bits = bits
        guard Self.masked(base, bits) == base else { throw .hasHostBits(text) }
    }

    /// IPv4 inside IPv6 counts as IPv4.
    public func contains(_ address: IPAddress) -> Bool {
        let plain = address.unmapped
        return plain.isV4 == base.isV4 && Self.masked(plain, bits) == base
    }

    public var description: String { "\(base)/\(bits)" }

    private static func masked(_ address: IPAddress, _ bits: Int) -> IPAddress {
        // A shift by the whole width or more leaves 0, as it should.
        func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : UInt64.max << UInt64(max(0, 64 - bits)) }
        if address.isV4 { return IPAddress(v4: UInt32(truncatingIfNeeded: address.low & mask(bits + 32))) }
        return IPAddress(v6: address.high & mask(bits), address.low & mask(bits - 64))
    }
}
