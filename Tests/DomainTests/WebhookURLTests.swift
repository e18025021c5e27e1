import Domain
import Testing

struct WebhookURLTests {
    @Test("a URL is taken apart")
    func parts() throws {
        let url = try WebhookURL("HTTPS://Hooks.Example.com.:8443/a/b?c=d&e=%20#frag")
        #expect(url.isSecure)
        #expect(url.host == "hooks.example.com")
        #expect(url.port == 8443)
        #expect(url.target == "/a/b?c=d&e=%20")
        #expect(url.hostHeader == "hooks.example.com:8443")
        #expect(url.address == nil)
    }

    @Test(
        "ports, targets and Host headers have their defaults",
        arguments: [
            ("http://a.test", 80, "/", "a.test"), ("https://a.test?x", 443, "/?x", "a.test"),
            ("https://a.test:443/", 443, "/", "a.test"), ("http://a.test:443/", 443, "/", "a.test:443"),
            ("http://a.test:/x", 80, "/x", "a.test"), ("http://[2001:DB8::1]:81/", 81, "/", "[2001:db8::1]:81"),
            ("https://[::1]#x", 443, "/", "[::1]"), ("http://a_b-c.test/", 80, "/", "a_b-c.test"),
        ])
    func defaults(text: String, port: Int, target: String, header: String) throws {
        let url = try WebhookURL(text)
        #expect(url.port == port)
        #expect(url.target == target)
        #expect(url.hostHeader == header)
    }

    @Test("a host that is an address is known as one", arguments: ["2130706433", "0x7f.1", "0177.0.0.1", "[::1]"])
    func addresses(host: String) throws {
        #expect(try WebhookURL("http://\(host)/").address?.isLoopback == true)
    }

    @Test("a name that only looks like hexadecimal stays a name")
    func names() throws {
        #expect(try WebhookURL("http://0xabc.test/").address == nil)
        #expect(try WebhookURL("http://1.example/").address == nil)
    }

    @Test("a URL that is too long is refused")
    func length() throws {
        let stem = "http://a.test/"
        let rest = String(repeating: "x", count: WebhookURL.lengthMax - stem.utf8.count)
        #expect(try WebhookURL(stem + rest).target.utf8.count == rest.utf8.count + 1)
        #expect(throws: HTTPTransportError.invalidURL) { try WebhookURL(stem + rest + "x") }
    }
}
