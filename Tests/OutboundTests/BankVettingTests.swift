import Domain
import NIOCore
import NIOPosix
import Outbound
import TestKit
import Testing

/// Where a bank's URL may lead.
@Suite(.timeLimit(.minutes(30)))
struct BankVettingTests {
    private func error(
        _ url: String, names: [String: [String]] = [:], privateHosts: Set<String> = [], loopback: Bool = false,
        own: [(String, Int)] = []
    ) async -> (error: HTTPTransportError?, asked: Int) {
        let resolver = ScriptedResolver(names)
        let client = BankHTTPClient(
            group: MultiThreadedEventLoopGroup.singleton,
            vetting: BankVetting(
                resolver: resolver, runtime: StillClock(), privateHosts: privateHosts, allowsLoopback: loopback,
                ownListeners: own))
        var found: HTTPTransportError?
        do throws(HTTPTransportError) {
            _ = try await client.send(HTTPRequestData(method: "GET", url: url, timeoutSeconds: 120))
        } catch {
            found = error
        }
        await client.shutdown()
        return (found, resolver.asked)
    }

    @Test("plain http is refused before anything is looked up")
    func plain() async {
        let found = await error("http://bank.example/", names: ["bank.example": ["8.8.8.8"]])
        #expect(found.error == .notSecure && found.asked == 0)
    }

    @Test(
        "private, reserved and local addresses are refused, whatever names them",
        arguments: [
            "https://10.1.2.3/", "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/",
            "https://169.254.169.254/latest/meta-data", "https://[::ffff:10.0.0.1]/", "https://inside.example/",
            "https://half.example/",
        ])
    func refused(_ url: String) async {
        let names = ["inside.example": ["192.168.1.5"], "half.example": ["8.8.8.8", "10.0.0.1"]]
        #expect(await error(url, names: names).error == .refusedAddress)
    }

    @Test(
        "what is no plain URL is refused",
        arguments: ["ftp://a.example/", "https://u:p@a.example/", "https://a b/", ""])
    func unreadable(_ url: String) async {
        #expect(await error(url).error == .invalidURL)
    }

    @Test("a host that the operator named may be in a private network, and no other; clouds' own addresses stay out")
    func named() async {
        // Nobody listens on port 1 of this machine; that it is tried at all is what counts.
        let names = ["gateway.bank": ["169.254.169.254"], "other.bank": ["10.255.255.1"]]
        #expect(
            await error("https://gateway.bank/", names: names, privateHosts: ["gateway.bank"]).error == .refusedAddress)
        #expect(
            await error("https://other.bank/", names: names, privateHosts: ["gateway.bank"]).error == .refusedAddress)
        let guarded = AddressGuard(allowsLoopback: false, allowsPrivate: true)
        for address in ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"] {
            #expect(IPAddress(address).map(guarded.allows) == true, "\(address)")
        }
        for address in ["169.254.169.254", "127.0.0.1", "172.32.0.1.5", "fe80::1", "224.0.0.1", "0.0.0.0", "fc00::1"] {
            #expect(IPAddress(address).map(guarded.allows) != true, "\(address)")
        }
    }

    @Test("the development switch lets plain http reach this machine, no other host and not the server itself")
    func development() async throws {
        let sink = try await WebhookSink.start { _ in .status(200, body: "here") }
        let port = sink.port
        #expect(await error(sink.url, loopback: true).error == nil)
        let named = "http://local.example:\(port)/"
        #expect(await error(named, names: ["local.example": ["127.0.0.1"]], loopback: true).error == nil)
        #expect(
            await error("http://bank.example/", names: ["bank.example": ["8.8.8.8"]], loopback: true).error
                == .notSecure)
        #expect(await error(sink.url, loopback: true, own: [("127.0.0.1", port)]).error == .refusedAddress)
        await sink.stop()
    }

    @Test("the connection goes to the address that was looked at, and to the next one when nobody is there")
    func pinned() async throws {
        let sink = try await WebhookSink.start { .status(200, body: $0.header("Host") ?? "") }
        let port = sink.port
        let resolver = ScriptedResolver(["nowhere.invalid": ["::1", "127.0.0.1"]])
        let client = BankHTTPClient(
            group: MultiThreadedEventLoopGroup.singleton,
            vetting: BankVetting(resolver: resolver, runtime: StillClock(), allowsLoopback: true))
        for _ in 0..<3 {
            let reply = try await client.send(
                HTTPRequestData(method: "GET", url: "http://nowhere.invalid:\(port)/", timeoutSeconds: 120))
            #expect(String(decoding: reply.body, as: UTF8.self) == "nowhere.invalid:\(port)")
        }
        #expect(resolver.asked == 1)
        await client.shutdown()
        await #expect(throws: HTTPTransportError.self) {
            try await client.send(HTTPRequestData(method: "GET", url: "http://nowhere.invalid:\(port)/"))
        }
        await sink.stop()
    }
}
