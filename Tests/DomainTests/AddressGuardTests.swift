import Domain
import Testing

/// The table of published ranges, each by its first and last address and its neighbours.
struct AddressGuardTests {
    private let strict = AddressGuard(allowsLoopback: false)
    private let lenient = AddressGuard(allowsLoopback: true)

    private static let refused: [(range: String, first: String, last: String)] = [
        ("0/8", "0.0.0.0", "0.255.255.255"), ("10/8", "10.0.0.0", "10.255.255.255"),
        ("100.64/10", "100.64.0.0", "100.127.255.255"), ("127/8", "127.0.0.0", "127.255.255.255"),
        ("169.254/16", "169.254.0.0", "169.254.255.255"), ("172.16/12", "172.16.0.0", "172.31.255.255"),
        ("192.0.0/24", "192.0.0.0", "192.0.0.255"), ("192.0.2/24", "192.0.2.0", "192.0.2.255"),
        ("192.88.99/24", "192.88.99.0", "192.88.99.255"), ("192.168/16", "192.168.0.0", "192.168.255.255"),
        ("198.18/15", "198.18.0.0", "198.19.255.255"), ("198.51.100/24", "198.51.100.0", "198.51.100.255"),
        ("203.0.113/24", "203.0.113.0", "203.0.113.255"), ("224/4", "224.0.0.0", "239.255.255.255"),
        ("240/4", "240.0.0.0", "255.255.255.255"),
        ("::", "::", "::"), ("::1", "::1", "::1"),
        ("fc00::/7", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fec0::/10", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ff00::/8", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("3fff::/20", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("100::/64", "100::", "100::ffff:ffff:ffff:ffff"),
        ("2002::/16", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("64:ff9b::/96", "64:ff9b::", "64:ff9b::255.255.255.255"),
        ("64:ff9b:1::/48", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("2001::/32", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("5f00::/16", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("outside 2000::/3", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::"),
    ]

    /// The addresses just outside of the ranges, and a few well-known ones.
    private static let allowed = [
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255",
        "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
        "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8", "41.58.0.1",
        "2000::", "2001:1::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::",
        "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::",
        "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2606:4700:4700::1111", "2c0f:f248::1",
    ]

    @Test("both ends of every published range are refused", arguments: refused.indices)
    func refuses(row: Int) throws {
        let entry = AddressGuardTests.refused[row]
        for text in [entry.first, entry.last] {
            let address = try #require(IPAddress(text))
            #expect(!strict.allows(address), "\(entry.range) holds \(text)")
            #expect(!strict.allows(address.bytes))
            #expect(lenient.allows(address) == address.isLoopback, "only loopback is let through")
        }
    }

    @Test("the neighbours of the ranges are allowed", arguments: allowed)
    func allows(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(strict.allows(address))
        #expect(strict.allows(address.bytes))
    }

    @Test("an IPv4 address mapped into IPv6 is judged as IPv4, a v4-compatible one is refused")
    func embedded() throws {
        for entry in AddressGuardTests.refused where !entry.first.contains(":") {
            for text in [entry.first, entry.last] {
                #expect(!strict.allows(try #require(IPAddress("::ffff:" + text))), "\(text)")
                #expect(!strict.allows(try #require(IPAddress("::" + text))), "\(text)")
            }
        }
        #expect(strict.allows(try #require(IPAddress("::ffff:8.8.8.8"))))
        #expect(!strict.allows(try #require(IPAddress("::8.8.8.8"))))
        #expect(lenient.allows(try #require(IPAddress("::ffff:127.0.0.1"))))
        #expect(!lenient.allows(try #require(IPAddress("::127.0.0.1"))))
        #expect(!lenient.allows(try #require(IPAddress("::ffff:0:7f00:1"))))
    }

    @Test("loopback passes only where it is allowed")
    func loopback() throws {
        for text in ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"] {
            let address = try #require(IPAddress(text))
            #expect(address.isLoopback)
            #expect(!strict.allows(address))
            #expect(lenient.allows(address))
        }
    }

    @Test("bytes of another length are refused", arguments: [0, 3, 5, 15, 17])
    func lengths(count: Int) {
        #expect(!lenient.allows(Array(repeating: 8, count: count)))
        #expect(IPAddress(bytes: Array(repeating: 8, count: count)) == nil)
    }

    @Test(
        "addresses are read in their one strict form",
        arguments: [
            ("1.2.3.4", "1.2.3.4"), ("255.255.255.255", "255.255.255.255"), ("::", "0:0:0:0:0:0:0:0"),
            ("1::", "1:0:0:0:0:0:0:0"), ("::1:2", "0:0:0:0:0:0:1:2"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1::7:8", "1:0:0:0:0:0:7:8"), ("ABCD::00ef", "abcd:0:0:0:0:0:0:ef"), ("::1.2.3.4", "0:0:0:0:0:0:102:304"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ])
    func reads(text: String, full: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == full)
        #expect(IPAddress(full) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(
        "other spellings are no addresses here",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", "0x7f.0.0.1", "1..2.3", ":",
            ":::",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7::8", "12345::", "g::", "::1%lo", "::1.2.3",
            "1.2.3.4::", "::1.2.3.4:5", "1:", ":1", "::+1", "[::1]",
        ])
    func refusesSpelling(text: String) { #expect(IPAddress(text) == nil) }

    @Test(
        "the loose spellings of IPv4 all mean the same",
        arguments: [
            "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0X7F.1", "0177.0.0.01", "017700000001",
            "127.0.0.1.", "0x7f.0x0.0x1",
        ])
    func loose(text: String) { #expect(IPAddress(looseV4: text)?.description == "127.0.0.1") }

    @Test(
        "what no spelling of IPv4 is, is none",
        arguments: [
            "", ".", "1.2.3.4.5", "256.1.1.1", "4294967296", "1.16777216", "09.1", "0xg", "1.2..3", "-1", "+1", "a",
        ])
    func notLoose(text: String) { #expect(IPAddress(looseV4: text) == nil) }
}
