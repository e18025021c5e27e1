import Domain
import Foundation
import NIOCore
import NIOPosix
import Outbound
import TestKit
import Testing

/// Where a webhook may go, by name and by address.
@Suite(.timeLimit(.minutes(30)))
struct AddressTests {
    @Test(
        "a literal address in any spelling is judged, not looked up",
        arguments: [
            "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
            "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
            "[0:0:0:0:0:0:0:1]", "10.0.0.1", "0xa000001", "169.254.169.254", "2852039166", "0251.0376.0251.0376",
            "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "192.168.0.1", "172.16.0.1",
            "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[::FFFF:127.0.0.1]",
            "[0:0:0:0:0:ffff:7f00:1]", "[0000:0000:0000:0000:0000:FFFF:7F00:0001]", "[::ffff:a9fe:a9fe]",
            "[::ffff:10.0.0.1]", "[::ffff:0:127.0.0.1]", "[::10.0.0.1]", "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::10.0.0.1]", "[2002:a00:1::1]", "[2001:0:a00:1::1]", "[2001::]", "[fc00::1]", "[fec0::1]",
            "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[5f00::1]", "[4000::1]", "[fd00:ec2::254]",
        ])
    func literals(host: String) async {
        let rig = Rig(allowsLoopback: false)
        #expect(await rig.send("http://\(host):9/hook") == WebhookOutcome(status: nil, error: .refusedAddress))
        #expect(await rig.send("https://\(host)/hook").error == .refusedAddress)
        #expect(rig.resolver.asked == 0)
    }

    @Test(
        "a URL that can be read in two ways is refused",
        arguments: [
            "ftp://hooks.test/", "file:///etc/passwd", "gopher://hooks.test/", "hooks.test/hook", "http:hooks.test",
            "http://user@hooks.test/", "http://user:pw@hooks.test/", "http://hooks.test:80:90/", "http://hooks.test:0/",
            "http://hooks.test:65536/", "http://hooks.test:+80/", "http:///hook", "http://hooks .test/",
            "http://hooks.test/a b", "http://hooks.test/\r\nX: y", "http://hooks.test\\@evil.test/",
            "http://hoöks.test/",
            "http://%6cocalhost/", "http://[::1/", "http://[::1]x/", "http://[fe80::1%25eth0]/", "http://1.2.3.4.5/",
            "http://256.0.0.1/", "http://hooks..test/", "http://09.0.0.1/", "", "http://",
        ])
    func unclearURLs(url: String) async {
        let rig = Rig(names: ["hooks.test": ["127.0.0.1"]])
        #expect(await rig.send(url) == WebhookOutcome(status: nil, error: .invalidURL))
        #expect(rig.resolver.asked == 0)
    }

    @Test("a name goes to the resolved address, with the name in the Host header")
    func pinned() async throws {
        let rig = Rig(names: ["hooks.test": ["127.0.0.1"]])
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            #expect(await rig.send("http://Hooks.Test:\(sink.port)/x").status == 200)
            #expect(await sink.next().header("host") == "hooks.test:\(sink.port)")
        }
    }

    @Test("loopback by name is refused where it is not allowed, and no connection is made")
    func loopbackByName() async throws {
        let rig = Rig(names: ["hooks.test": ["127.0.0.1"], "six.test": ["::1"]], allowsLoopback: false)
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            #expect(await rig.send("http://hooks.test:\(sink.port)/").error == .refusedAddress)
            #expect(await rig.send("http://six.test:\(sink.port)/").error == .refusedAddress)
            #expect(sink.connections == 0)
        }
    }

    @Test(
        "one bad address among good ones refuses the host",
        arguments: ["10.0.0.1", "169.254.169.254", "fd00::1", "::ffff:192.168.1.1", "not an address", "fe80::1%lo"])
    func mixed(bad: String) async throws {
        for addresses in [["127.0.0.1", bad], [bad, "127.0.0.1"]] {
            let rig = Rig(names: ["hooks.test": addresses])
            try await withSink(rig) { _ in
                .ok
            } _: { sink, rig in
                #expect(await rig.send("http://hooks.test:\(sink.port)/").error == .refusedAddress)
                #expect(sink.connections == 0)
            }
        }
    }

    @Test("a name that turns to a private address is refused once its answer is 30 s old, kept connection or not")
    func rebinding() async throws {
        let rig = Rig(names: ["hooks.test": ["127.0.0.1"]])
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            let url = "http://hooks.test:\(sink.port)/"
            #expect(await rig.send(url).status == 200)
            rig.resolver.set("hooks.test", ["10.1.2.3"])
            rig.clock.advance(ms: 29_999)
            #expect(await rig.send(url).status == 200)
            #expect(rig.resolver.asked == 1)
            rig.clock.advance(ms: 1)
            #expect(await rig.send(url).error == .refusedAddress)
            #expect(rig.resolver.asked == 2)
            #expect(sink.requests.count == 2)
        }
    }

    @Test("a clock that is set back does not keep an old answer")
    func clockSetBack() async throws {
        let rig = Rig(names: ["hooks.test": ["127.0.0.1"]])
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            #expect(await rig.send("http://hooks.test:\(sink.port)/").status == 200)
            rig.clock.advance(ms: -3_600_000)
            #expect(await rig.send("http://hooks.test:\(sink.port)/").status == 200)
            #expect(rig.resolver.asked == 2)
        }
    }

    @Test("a name without an answer is an error that is asked again next time")
    func unresolved() async throws {
        let rig = Rig(names: ["empty.test": []])
        #expect(await rig.send("http://gone.test/") == WebhookOutcome(status: nil, error: .dns))
        #expect(await rig.send("http://empty.test/").error == .dns)
        rig.resolver.fail("slow.test", .timedOut)
        #expect(await rig.send("http://slow.test/").error == .timedOut)
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            rig.resolver.set("gone.test", ["127.0.0.1"])
            #expect(await rig.send("http://gone.test:\(sink.port)/").status == 200)
        }
    }

    @Test("the next address is tried when the first does not answer")
    func secondAddress() async throws {
        let rig = Rig(names: ["hooks.test": ["127.9.9.9", "127.0.0.1"]])
        try await withSink(rig) { _ in
            SinkReply(SinkReply.ok.actions + [.close])
        } _: { sink, rig in
            #expect(await rig.send("http://hooks.test:\(sink.port)/").status == 200)
            #expect(await rig.send("http://hooks.test:\(sink.port)/").status == 200)
        }
    }

    @Test("many at once ask for a name once")
    func oneQuestion() async throws {
        let clock = StillClock()
        let resolver = GatedResolver(clock: clock, opensAt: 40)
        let sender = WebhookSender(
            group: MultiThreadedEventLoopGroup.singleton, resolver: resolver,
            addressGuard: AddressGuard(allowsLoopback: true), runtime: clock, limits: Rig.limits)
        try await withSink { _ in
            .ok
        } _: { sink, _ in
            let url = "http://hooks.test:\(sink.port)/"
            await withTaskGroup(of: Int?.self) { group in
                for _ in 0..<40 {
                    group.addTask { await sender.send(WebhookRequest(url: url, headers: [], body: [])).status }
                }
                for await status in group { #expect(status == 200) }
            }
        }
        #expect(resolver.inner.asked == 1)
        await sender.shutdown()
    }

    @Test(
        "the server's own ports are refused on every loopback address",
        arguments: [("127.0.0.1", true), ("0.0.0.0", true), ("localhost", true), ("::", true), ("8.8.8.8", false)])
    func ownPorts(listener: (host: String, isRefused: Bool)) async throws {
        let sink = try await WebhookSink.start { _ in .ok }
        let rig = Rig(
            names: ["me.test": ["127.0.0.1"], "mapped.test": ["::ffff:127.0.0.1"]],
            ownListeners: [(listener.host, sink.port)])
        let expected: HTTPTransportError? = listener.isRefused ? .refusedAddress : nil
        #expect(await rig.send(sink.url).error == expected)
        #expect(await rig.send("http://me.test:\(sink.port)/").error == expected)
        if listener.isRefused {
            #expect(await rig.send("http://mapped.test:\(sink.port)/").error == expected)
            #expect(sink.connections == 0)
        }
        await rig.sender.shutdown()
        await sink.stop()
    }

    @Test("the machine's resolver answers localhost with loopback addresses, and an unknown name with an error")
    func systemResolver() async throws {
        let resolver = SystemResolver(group: MultiThreadedEventLoopGroup.singleton)
        let addresses = try await resolver.resolve(host: "localhost")
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { IPAddress($0)?.isLoopback ?? false })
        await #expect(throws: HTTPTransportError.dns) { try await resolver.resolve(host: "no-such-name.invalid") }
        await resolver.shutdown()
        await #expect(throws: HTTPTransportError.dns) { try await resolver.resolve(host: "localhost") }
    }
}

/// Holds its answer back until the clock was read so many times: each sender reads it before it asks.
private struct GatedResolver: Resolving {
    let inner = ScriptedResolver(["hooks.test": ["127.0.0.1"]])
    let clock: StillClock
    let opensAt: Int

    func resolve(host: String) async throws(HTTPTransportError) -> [String] {
        while clock.reads < opensAt { await Task.yield() }
        return try await inner.resolve(host: host)
    }
}
