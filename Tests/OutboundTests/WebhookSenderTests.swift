import Domain
import NIOCore
import NIOPosix
import TestKit
import Testing

@testable import Outbound

@Suite(.timeLimit(.minutes(30)))
struct WebhookSenderTests {
    @Test("a webhook arrives whole, with its headers and an exact length")
    func arrives() async throws {
        try await withSink { _ in
            .status(201, body: "thanks")
        } _: { sink, rig in
            let outcome = await rig.send(
                sink.url + "?a=b#part", #"{"hello":"wörld"}"#,
                headers: [("webhook-id", "evt_1"), ("Content-Type", "application/json")])
            #expect(outcome == WebhookOutcome(status: 201, responseBody: Array("thanks".utf8)))
            #expect(outcome.isSuccess)
            let seen = await sink.next()
            #expect(seen.method == "POST")
            #expect(seen.target == "/hook?a=b")
            #expect(seen.text == #"{"hello":"wörld"}"#)
            #expect(seen.header("webhook-id") == "evt_1")
            #expect(seen.header("content-length") == "18")
            #expect(seen.header("host") == "127.0.0.1:\(sink.port)")
        }
    }

    @Test("a header cannot smuggle in another, and the sender's own headers are not taken over")
    func headersStayHeaders() async throws {
        try await withSink { _ in
            .ok
        } _: { sink, rig in
            _ = await rig.send(
                sink.url,
                headers: [
                    ("Authorization", "Bearer x\r\nX-Evil: 1"), ("Host", "evil.test"), ("content-LENGTH", "0"),
                    ("Transfer-Encoding", "chunked"), ("bad name", "x"), ("", "x"),
                ])
            let seen = await sink.next()
            #expect(seen.header("authorization") == "Bearer x  X-Evil: 1")
            #expect(
                seen.headers.map { $0.name.lowercased() } == [
                    "host", "accept-encoding", "content-length", "authorization",
                ])
            #expect(seen.header("host") == "127.0.0.1:\(sink.port)")
            #expect(seen.text == "{}")
        }
    }

    @Test("a large body arrives whole")
    func largeBody() async throws {
        try await withSink {
            .status(200, body: String($0.body.count))
        } _: { sink, rig in
            let outcome = await rig.send(sink.url, String(repeating: "x", count: 3_000_000))
            #expect(outcome.responseBody == Array("3000000".utf8))
        }
    }

    @Test("a redirect is the outcome and is not followed", arguments: [301, 302, 303, 307, 308])
    func redirects(status: Int) async throws {
        let elsewhere = try await WebhookSink.start { _ in .ok }
        let target = elsewhere.url
        try await withSink { _ in
            .status(status, headers: [("Location", target)])
        } _: { sink, rig in
            let outcome = await rig.send(sink.url)
            #expect(outcome.status == status)
            #expect(!outcome.isSuccess)
        }
        #expect(elsewhere.connections == 0)
        await elsewhere.stop()
    }

    @Test("Retry-After is read as seconds and as a date")
    func retryAfter() async throws {
        try await withSink { request in
            let value = request.text == "date" ? "Thu, 29 Feb 2024 12:01:30 GMT" : request.text
            return .status(503, headers: [("Retry-After", value)])
        } _: { sink, rig in
            #expect(await rig.send(sink.url, "120").retryAfterSeconds == 120)
            #expect(await rig.send(sink.url, "date").retryAfterSeconds == 90)
            #expect(await rig.send(sink.url, "soon").retryAfterSeconds == nil)
        }
    }

    // MARK: caps

    @Test("an endless body is read up to the cap and no further")
    func endlessBody() async throws {
        let endless = SinkReply([
            .send(SinkReply.head(200, [("Content-Length", "999999999")])),
            .forever(Array(repeating: 65, count: 8192), everyMs: 1),
        ])
        try await withSink { _ in
            endless
        } _: { sink, rig in
            let outcome = await rig.send(sink.url)
            #expect(outcome.status == 200)
            #expect(outcome.error == nil)
            #expect(outcome.responseBody.count == 16 * 1024)
        }
    }

    @Test("an endless chunked body is read up to the cap")
    func endlessChunks() async throws {
        let chunk = Array("400\r\n".utf8) + Array(repeating: 66, count: 1024) + Array("\r\n".utf8)
        let endless = SinkReply([
            .send(SinkReply.head(200, [("Transfer-Encoding", "chunked")])), .forever(chunk, everyMs: 1),
        ])
        try await withSink { _ in
            endless
        } _: { sink, rig in
            #expect(await rig.send(sink.url).responseBody == Array(repeating: 66, count: 16 * 1024))
        }
    }

    @Test("a flood of headers ends the exchange", arguments: [true, false])
    func headerFlood(hasLineEnds: Bool) async throws {
        let line = Array(("X-A: " + String(repeating: "a", count: 900) + (hasLineEnds ? "\r\n" : "")).utf8)
        let flood = SinkReply([.send(Array("HTTP/1.1 200 OK\r\nX: ".utf8)), .forever(line, everyMs: 1)])
        try await withSink { _ in
            flood
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: nil, error: .tooLarge))
        }
    }

    @Test("endless interim replies end the exchange")
    func interimFlood() async throws {
        let flood = SinkReply([
            .forever(SinkReply.head(103, [("Link", String(repeating: "x", count: 900))]), everyMs: 1)
        ])
        try await withSink { _ in
            flood
        } _: { sink, rig in
            #expect(await rig.send(sink.url).error == .tooLarge)
        }
    }

    @Test("an interim reply is passed over")
    func interim() async throws {
        let reply = SinkReply([.send(SinkReply.head(100, [])), .send(SinkReply.head(204, []))])
        try await withSink { _ in
            reply
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: 204))
        }
    }

    // MARK: time

    @Test("a server that says nothing is a time-out")
    func silence() async throws {
        let rig = Rig { $0.exchange = .milliseconds(80) }
        try await withSink(rig) { _ in
            .silence
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: nil, error: .timedOut))
        }
    }

    @Test("a body that drips for ever is cut off in time and keeps its status")
    func drips() async throws {
        let drip = SinkReply([
            .send(SinkReply.head(200, [("Content-Length", "5000")])), .forever([97], everyMs: 20),
        ])
        let turns = Turns()
        try await withSink { _ in
            turns.next() == 1 ? .ok : drip
        } _: { sink, rig in
            // On a kept connection no busy test thread stands between the start of the clock and the request.
            #expect(await rig.send(sink.url).status == 200)
            let found = MultiThreadedEventLoopGroup.singleton.makeIterator().compactMap { loop in
                rig.sender.pool.take(
                    PoolKey(
                        isSecure: false, host: "127.0.0.1", port: sink.port, address: IPAddress(v4: 0x7f00_0001),
                        trust: .standard, loop: ObjectIdentifier(loop)))
            }
            let kept = try #require(found.first)
            let request = RequestWriter.bytes(
                WebhookRequest(url: sink.url, headers: [], body: []), try WebhookURL(sink.url))
            let result = await kept.perform(request, deadline: .now() + .seconds(20), isReused: true)
            guard case .reply(let status, let body, _, let error) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(status == 200)
            #expect(error == .timedOut)
            #expect(body.allSatisfy { $0 == 97 } && body.count < 5000)
        }
    }

    @Test("headers that drip for ever are cut off in time")
    func drippingHead() async throws {
        let drip = SinkReply([.send(Array("HTTP/1.1 200 OK\r\nX: ".utf8)), .forever([97], everyMs: 5)])
        let rig = Rig { $0.exchange = .milliseconds(120) }
        try await withSink(rig) { _ in
            drip
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: nil, error: .timedOut))
        }
    }

    @Test("an idle connection is closed after its time")
    func idleTimeout() async throws {
        let rig = Rig { $0.idle = .milliseconds(1) }
        let closed = Signal()
        let sink = try await WebhookSink.start(
            prepare: { $0.closeFuture.whenComplete { _ in closed.fire() } }, { _ in .ok })
        #expect(await rig.send(sink.url).status == 200)
        await closed.wait()
        #expect(await rig.send(sink.url).status == 200)
        #expect(sink.connections == 2)
        await rig.sender.shutdown()
        await sink.stop()
    }

    // MARK: kept connections

    @Test("one connection serves many exchanges")
    func keepsAlive() async throws {
        try await withSink {
            .status(200, body: $0.text)
        } _: { sink, rig in
            for number in 0..<20 {
                #expect(await rig.send(sink.url, "\(number)").responseBody == Array("\(number)".utf8))
            }
            #expect(sink.connections == 1)
        }
    }

    @Test("many exchanges at once each get their own reply")
    func concurrent() async throws {
        try await withSink {
            .status(200, body: $0.text)
        } _: { sink, rig in
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask { await rig.send(sink.url, "\(number)").responseBody == Array("\(number)".utf8) }
                }
                for await isRight in group { #expect(isRight) }
            }
            #expect(sink.requests.count == 200)
        }
    }

    @Test("a kept connection that the server has dropped is replaced once, without an error")
    func staleConnection() async throws {
        let turns = Turns()
        try await withSink { _ in
            turns.next() == 2 ? SinkReply([.close]) : .ok
        } _: { sink, rig in
            #expect(await rig.send(sink.url).status == 200)
            #expect(await rig.send(sink.url).status == 200)
            #expect(sink.requests.map(\.connection) == [1, 1, 2])
        }
    }

    @Test("a reset of a kept connection is replaced once, a reset of a fresh one is the outcome")
    func resets() async throws {
        let turns = Turns()
        try await withSink { _ in
            turns.next() == 1 ? .ok : SinkReply([.reset])
        } _: { sink, rig in
            #expect(await rig.send(sink.url).status == 200)
            #expect(await rig.send(sink.url) == WebhookOutcome(status: nil, error: .brokenOff))
            #expect(sink.requests.map(\.connection) == [1, 1, 2])
        }
    }

    @Test("a connection that breaks after a reply began is not tried again")
    func brokenReply() async throws {
        let turns = Turns()
        let half = SinkReply([.send(Array("HTTP/1.1 200 OK\r\nContent-Le".utf8)), .close])
        try await withSink { _ in
            turns.next() == 1 ? .ok : half
        } _: { sink, rig in
            #expect(await rig.send(sink.url).status == 200)
            #expect(await rig.send(sink.url) == WebhookOutcome(status: nil, error: .brokenOff))
            #expect(sink.requests.count == 2)
        }
    }

    @Test("a body that breaks off keeps the status")
    func brokenBody() async throws {
        let half = SinkReply([.send(SinkReply.head(500, [("Content-Length", "10")]) + [120, 121]), .close])
        try await withSink { _ in
            half
        } _: { sink, rig in
            let outcome = await rig.send(sink.url)
            #expect(outcome == WebhookOutcome(status: 500, error: .brokenOff, responseBody: [120, 121]))
        }
    }

    @Test("a half-closed connection is not used again")
    func halfClosed() async throws {
        let reply = SinkReply(SinkReply.ok.actions + [.closeOutput])
        try await withSink { _ in
            reply
        } _: { sink, rig in
            #expect(await rig.send(sink.url).status == 200)
            #expect(await rig.send(sink.url).status == 200)
            #expect(sink.connections == 2)
        }
    }

    @Test("what a server says unasked is never taken for the next reply")
    func unaskedBytes() async throws {
        let turns = Turns()
        let doubled = SinkReply([.send(SinkReply.head(200, [("Content-Length", "0")]) + SinkReply.head(418, []))])
        try await withSink { _ in
            turns.next() == 1 ? doubled : .ok
        } _: { sink, rig in
            #expect(await rig.send(sink.url).status == 200)
            #expect(await rig.send(sink.url).status == 200)
            #expect(sink.connections == 2)
        }
    }

    @Test("Connection: close and a body until the end are read, and the connection is not kept")
    func closeDelimited() async throws {
        let reply = SinkReply([.send(SinkReply.head(200, [("Connection", "close")]) + Array("bye".utf8)), .close])
        try await withSink { _ in
            reply
        } _: { sink, rig in
            #expect(await rig.send(sink.url) == WebhookOutcome(status: 200, responseBody: Array("bye".utf8)))
            #expect(await rig.send(sink.url).status == 200)
            #expect(sink.connections == 2)
        }
    }

    @Test("no more idle connections are kept than the limits say", arguments: [true, false])
    func idleLimit(isPerKey: Bool) async throws {
        let rig = Rig { limits in
            if isPerKey { limits.idlePerKeyMax = 0 } else { limits.idleTotalMax = 0 }
        }
        try await withSink(rig) { _ in
            .ok
        } _: { sink, rig in
            #expect(await rig.send(sink.url).status == 200)
            #expect(await rig.send(sink.url).status == 200)
            #expect(sink.connections == 2)
        }
    }

    // MARK: ends

    @Test("nobody listening is a clear error")
    func refusedConnection() async throws {
        try await withDeadPort { port in
            let outcome = await Rig().send("http://127.0.0.1:\(port)/hook")
            #expect(outcome == WebhookOutcome(status: nil, error: .cannotConnect))
        }
    }

    @Test("shutdown ends what is under way, and nothing is sent after it")
    func shutdown() async throws {
        try await withSink { _ in
            .silence
        } _: { sink, rig in
            async let outcome = rig.send(sink.url)
            _ = await sink.next()
            await rig.sender.shutdown()
            #expect(await outcome == WebhookOutcome(status: nil, error: .brokenOff))
            #expect(await rig.send(sink.url).error == .cannotConnect)
            #expect(rig.sender.openConnections == 0)
        }
    }
}
