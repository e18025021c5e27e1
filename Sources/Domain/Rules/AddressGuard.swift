/// Which addresses a webhook may go to: a pure table.
///
/// Private, reserved, documentation, multicast and tunnelled ranges are refused; an IPv4 address mapped into
/// an IPv6 one is unwrapped first.
public struct AddressGuard: Sendable {
    /// Lets loopback pass: for development, never for production.
    public let allowsLoopback: Bool
    /// Lets the ranges of private networks pass, for a host that an operator named. Link-local addresses, where clouds
    /// keep their credentials, stay refused.
    public let allowsPrivate: Bool
    /// Ranges that an operator lets pass; addresses where clouds keep their credentials stay refused.
    public let allowed: [AddressRange]
    public init(allowsLoopback: Bool, allowsPrivate: Bool = false, allowed: [AddressRange] = []) {
        self.allowsLoopback = allowsLoopback
        self.allowsPrivate = allowsPrivate
        self.allowed = allowed
    }

    /// Where clouds hand out credentials beside the link-local ranges: AWS, Google, Alibaba, Oracle and Azure, whose
    /// address looks like a public one.
    private static let credentials: Set<IPAddress> = [
        IPAddress(v6: 0xfd00_0ec2_0000_0000, 0x254), IPAddress(v6: 0xfd20_00ce_0000_0000, 0x254),
        IPAddress(v4: 0x6464_64c8), IPAddress(v4: 0xc000_00c0), IPAddress(v4: 0xa83f_8110),
    ]

    /// 10/8, 172.16/12, 192.168/16 and the carriers' 100.64/10.
    private static let privateV4: [(base: UInt64, bits: UInt64)] = [
        (0x0a00_0000, 8), (0xac10_0000, 12), (0xc0a8_0000, 16), (0x6440_0000, 10),
    ]

    private static let v4: [(base: UInt64, bits: UInt64)] = [
        (0x0000_0000, 8), (0x0a00_0000, 8), (0x6440_0000, 10), (0x7f00_0000, 8), (0xa9fe_0000, 16),
        (0xac10_0000, 12), (0xc000_0000, 24), (0xc000_0200, 24), (0xc058_6300, 24), (0xc0a8_0000, 16),
        (0xc612_0000, 15), (0xc633_6400, 24), (0xcb00_7100, 24), (0xe000_0000, 4), (0xf000_0000, 4),
    ]

    /// Upper halves. Only 2000::/3 is given out as global unicast, so these are the holes inside it; all of
    /// the rest (loopback, v4-compatible, NAT64, unique local, link local, multicast, …) is refused at once.
    private static let v6: [(base: UInt64, bits: UInt64)] = [
        (0x2001_0000_0000_0000, 32), (0x2001_0db8_0000_0000, 32), (0x2002_0000_0000_0000, 16),
        (0x3fff_0000_0000_0000, 20),
    ]

    /// True for public unicast addresses and, where that is set, for loopback; IPv4 inside IPv6 counts as IPv4.
    public func allows(_ address: IPAddress) -> Bool {
        let plain = address.unmapped
        if plain.isLoopback, allowsLoopback { return true }
        let isNamed = allowsPrivate && isPrivate(plain) || allowed.contains { $0.contains(plain) }
        if isNamed, !Self.holdsCredentials(plain) { return true }
        if plain.isLoopback || Self.credentials.contains(plain) { return false }
        if plain.isV4 { return !AddressGuard.v4.contains { (plain.low ^ $0.base) >> (32 - $0.bits) == 0 } }
        return plain.high >> 61 == 1 && !AddressGuard.v6.contains { (plain.high ^ $0.base) >> (64 - $0.bits) == 0 }
    }

    private static func holdsCredentials(_ plain: IPAddress) -> Bool {
        credentials.contains(plain) || (plain.isV4 ? plain.low >> 16 == 0xa9fe : plain.high >> 54 == 0xfe80 >> 6)
    }

    private func isPrivate(_ plain: IPAddress) -> Bool {
        // fd00::/8 are the unique local addresses in use.
        plain.isV4
            ? Self.privateV4.contains { (plain.low ^ $0.base) >> (32 - $0.bits) == 0 } : plain.high >> 56 == 0xfd
    }

    /// - Parameter bytes: 4 or 16 bytes in network order; any other count is refused.
    public func allows(_ bytes: [UInt8]) -> Bool { IPAddress(bytes: bytes).map(allows) ?? false }
}
