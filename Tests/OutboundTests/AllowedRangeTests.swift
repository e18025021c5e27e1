import Domain
import NIOCore
import NIOPosix
import Outbound
import Synchronization
import TestKit
import Testing

/// Private ranges that an operator lets webhooks go to, and names whose answers change.
@Suite(.timeLimit(.minutes(30)))
struct AllowedRangeTests {
    @Test("a range that the operator named is sent to, by name and by address, and its neighbours are not")
    func allowed() async throws {
        let rig = Rig(
            names: ["in.test": ["127.0.0.1"], "out.test": ["127.0.1.1"], "both.test": ["127.0.0.1", "127.0.1.1"]],
            allowsLoopback: false, allowed: [try AddressRange("127.0.0.0/24")])
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            #expect(await rig.send("http://in.test:\(sink.port)/").status == 200)
            #expect(await rig.send("http://[::ffff:7f00:1]:\(sink.port)/").error != .refusedAddress)
            #expect(await rig.send(sink.url).status == 200)
            for host in ["out.test", "both.test", "127.0.1.1", "10.0.0.1", "[::1]", "169.254.169.254"] {
                #expect(await rig.send("http://\(host):\(sink.port)/").error == .refusedAddress)
            }
        }
    }

    @Test("the server's own ports stay refused in a range that is allowed")
    func ownPorts() async throws {
        let sink = try await WebhookSink.start { _ in .ok }
        let rig = Rig(
            allowsLoopback: false, allowed: [try AddressRange("127.0.0.0/8"), try AddressRange("0.0.0.0/8")],
            ownListeners: [("127.0.0.1", sink.port)])
        for host in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::ffff:0.0.0.0]"] {
            #expect(await rig.send("http://\(host):\(sink.port)/").error == .refusedAddress, "\(host)")
        }
        #expect(sink.connections == 0)
        await rig.sender.shutdown()
        await sink.stop()
    }

    @Test("a name that answers otherwise each time is asked once for an attempt, and only what was vetted is met")
    func flipping() async throws {
        let resolver = FlippingResolver(["127.0.0.1"], ["10.1.2.3"])
        let clock = StillClock()
        let sender = WebhookSender(
            group: MultiThreadedEventLoopGroup.singleton, resolver: resolver,
            addressGuard: AddressGuard(allowsLoopback: true), runtime: clock, limits: Rig.limits)
        try await withSink { _ in
            SinkReply(SinkReply.ok.actions + [.close])
        } _: { sink, _ in
            for round in 1...6 {
                let request = WebhookRequest(url: "http://flip.test:\(sink.port)/", headers: [], body: [])
                let outcome = await sender.send(request)
                let isBad = round.isMultiple(of: 2)
                #expect(outcome == WebhookOutcome(status: isBad ? nil : 200, error: isBad ? .refusedAddress : nil))
                #expect(resolver.asked == round)
                clock.advance(ms: 30_000)
            }
            #expect(sink.requests.count == 3)
        }
        await sender.shutdown()
    }
}

/// Answers with one list and with the other by turns.
private final class FlippingResolver: Resolving {
    private let answers: [[String]]
    private let count = Mutex(0)
    init(_ answers: [String]...) { self.answers = answers }

    var asked: Int { count.withLock { $0 } }

    func resolve(host: String) async throws(HTTPTransportError) -> [String] {
        count.withLock { count in
            defer { count += 1 }
            return answers[count % answers.count]
        }
    }
}
