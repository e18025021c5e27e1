import Domain
import NIOCore
import Outbound
import TestKit
import Testing

/// Servers that answer late, oddly or with something else than HTTP: a typed outcome each, and nothing is stuck.
@Suite(.timeLimit(.minutes(30)))
struct BadReplyTests {
    @Test("a reply that is no HTTP is malformed", arguments: ["SSH-2.0-x\r\n", "HTTP/2 200\r\n", "HTTP/1.1 20\r\n"])
    func notHTTP(text: String) async throws {
        try await withSink { _ in
            SinkReply([.send(Array(text.utf8))])
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: nil, error: .malformed))
        }
    }

    @Test("a body that is no HTTP keeps the status, and the connection is not used again")
    func brokenChunks() async throws {
        let broken = SinkReply([
            .send(SinkReply.head(200, [("Transfer-Encoding", "chunked")])), .send(Array("2\r\nabXY\r\n".utf8)),
        ])
        try await withSink { _ in
            broken
        } _: { sink, rig in
            let outcome = await rig.send(sink.url)
            #expect(outcome == WebhookOutcome(status: 200, error: .malformed, responseBody: Array("ab".utf8)))
            _ = await rig.send(sink.url)
            #expect(sink.connections == 2)
        }
    }

    @Test("a 200 after the time-out is a time-out, and is never taken for the next reply")
    func late() async throws {
        // The second reply comes after the late one has, and has long left until its own time is over.
        let rig = Rig { $0.exchange = .seconds(8) }
        try await withSink(rig) {
            $0.text == "first" ? .status(200, body: "late", afterMs: 9000) : .status(202, body: "own", afterMs: 1500)
        } _: { sink, rig in
            // On the event loop no busy test thread takes from the time of an exchange.
            let (first, second) = await withTaskExecutorPreference(rig.sender.executors[0]) {
                (await rig.send(sink.url, "first"), await rig.send(sink.url, "second"))
            }
            #expect(first == WebhookOutcome(status: nil, error: .timedOut))
            #expect(second == WebhookOutcome(status: 202, responseBody: Array("own".utf8)))
            #expect(sink.connections == 2)
        }
    }

    @Test("a change of protocol is a failure, and what follows on that connection is not listened to")
    func switchesProtocol() async throws {
        let reply = SinkReply([
            .send(SinkReply.head(101, [("Upgrade", "websocket"), ("Connection", "Upgrade")])),
            .send(SinkReply.head(200, [("Content-Length", "0")])),
        ])
        try await withSink { _ in
            reply
        } _: { sink, rig in
            let outcome = await rig.send(sink.url)
            #expect(outcome == WebhookOutcome(status: 101))
            #expect(!outcome.isSuccess)
            _ = await rig.send(sink.url)
            #expect(sink.connections == 2)
        }
    }

    @Test("early hints are passed over, with what they say of waiting", arguments: [100, 102, 103])
    func hints(status: Int) async throws {
        let reply = SinkReply([
            .send(SinkReply.head(status, [("Retry-After", "77"), ("Link", "</a>; rel=preload")])),
            .send(SinkReply.head(503, [("Content-Length", "0")])),
        ])
        try await withSink { _ in
            reply
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: 503))
            #expect(await rig.send(sink.url) == WebhookOutcome(status: 503))
            #expect(sink.connections == 1)
        }
    }

    @Test("a compressed bomb stays as small as it was sent: nothing is asked to be compressed, nothing is unpacked")
    func bomb() async throws {
        // A stored gzip header, and bytes of which a megabyte would unpack to a gigabyte.
        let bomb: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3] + Array(repeating: 0, count: 1 << 20)
        let reply = SinkReply([
            .send(SinkReply.head(200, [("Content-Encoding", "gzip"), ("Content-Length", String(bomb.count))])),
            .send(bomb),
        ])
        try await withSink { _ in
            reply
        } _: { sink, rig in
            let outcome = await rig.send(sink.url, headers: [("accept-encoding", "gzip")])
            #expect(outcome.status == 200)
            #expect(outcome.responseBody == Array(bomb.prefix(16 * 1024)))
            let asked = await sink.next().headers.filter { $0.name.lowercased() == "accept-encoding" }
            #expect(asked.map(\.value) == ["identity"])
        }
    }
}
