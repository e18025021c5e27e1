import Domain
import Testing

/// What an operator may open, and what stays shut.
struct AddressRangeTests {
    @Test(
        "a range holds its first and last address and not its neighbours",
        arguments: [
            ("10.20.0.0/16", "10.20.0.0", "10.20.255.255", "10.19.255.255", "10.21.0.0"),
            ("10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("192.168.7.9/32", "192.168.7.9", "192.168.7.9", "192.168.7.8", "192.168.7.10"),
            ("192.168.7.8/31", "::ffff:192.168.7.8", "192.168.7.9", "192.168.7.7", "192.168.7.10"),
            ("fd00::/8", "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fcff::", "fe00::"),
            ("fd12:3456::/64", "fd12:3456::", "fd12:3456::ffff:ffff:ffff:ffff", "fd12:3455:ffff::", "fd12:3456:0:1::"),
            ("fd12::8/125", "fd12::8", "fd12::f", "fd12::7", "fd12::10"),
            ("fd12::8/128", "fd12::8", "fd12::8", "fd12::7", "fd12::9"),
        ])
    func holds(text: String, first: String, last: String, before: String, after: String) throws {
        let range = try AddressRange(text)
        let guarded = AddressGuard(allowsLoopback: false, allowed: [range])
        for inside in [first, last] {
            let address = try #require(IPAddress(inside))
            #expect(range.contains(address))
            #expect(guarded.allows(address))
        }
        for outside in [before, after] {
            #expect(!range.contains(try #require(IPAddress(outside))))
        }
    }

    @Test(
        "what is no range says so, and what to write instead",
        arguments: [
            ("10.0.0.0", "no range"), ("10.0.0.0/", "no range"), ("10.0.0.0/33", "no range"), ("/8", "no range"),
            ("10.0.0.0/+8", "no range"), ("10.0.0.0/8/8", "no range"), ("010.0.0.0/8", "no range"),
            ("::ffff:10.0.0.0/104", "no range"), ("fd00::/129", "no range"), ("internal", "no range"),
            ("10.20.0.1/16", "first address"), ("fd12::1/64", "first address"), ("0.0.0.0/0", "too wide"),
            ("::/0", "too wide"), ("8.0.0.0/7", "too wide"),
        ])
    func refuses(text: String, words: String) {
        do {
            let range = try AddressRange(text)
            Issue.record("\(range) was read")
        } catch {
            #expect(error.description.contains(words))
            #expect(error.description.hasPrefix(text))
        }
    }

    @Test(
        "where clouds keep their credentials is refused in every range that may hold it",
        arguments: [
            ("169.254.0.0/16", "169.254.169.254"), ("169.254.0.0/16", "::ffff:169.254.169.254"),
            ("fe80::/10", "fe80::1"), ("fe80::/10", "febf::a9fe:a9fe"), ("fd00::/8", "fd00:ec2::254"),
            ("fd00::/8", "fd20:ce::254"), ("100.64.0.0/10", "100.100.100.200"), ("192.0.0.0/24", "192.0.0.192"),
            ("168.63.0.0/16", "168.63.129.16"),
        ])
    func credentials(range: String, text: String) throws {
        let address = try #require(IPAddress(text))
        let range = try AddressRange(range)
        #expect(range.contains(address))
        #expect(!AddressGuard(allowsLoopback: true).allows(address))
        #expect(!AddressGuard(allowsLoopback: true, allowed: [range]).allows(address))
        #expect(!AddressGuard(allowsLoopback: true, allowsPrivate: true, allowed: [range]).allows(address))
    }
}
