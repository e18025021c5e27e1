import Domain
import NIOCore
import NIOPosix
import Outbound
import TestKit
import Testing

@Suite(.timeLimit(.minutes(30)))
struct BankHTTPClientTests {
    private func withBank(
        cap: Int = BankHTTPClient.bodyBytesMax, _ script: @escaping @Sendable (SinkRequest) -> SinkReply,
        _ body: (String, BankHTTPClient) async throws -> Void
    ) async throws {
        let sink = try await WebhookSink.start(script)
        let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton, bodyBytesMax: cap)
        do { try await body(sink.url, client) } catch { Issue.record(error) }
        await client.shutdown()
        await sink.stop()
    }

    @Test("a reply comes whole, whatever its status")
    func whole() async throws {
        try await withBank {
            .status(
                418, headers: [("X-Bank", "1")], body: "\($0.method) \($0.target) \($0.header("A") ?? "") \($0.text)")
        } _: { (url: String, client: BankHTTPClient) async throws in
            let reply = try await client.send(
                HTTPRequestData(
                    method: "PUT", url: url + "?q=1", headers: [(name: "A", value: "b")], body: [104, 105],
                    timeoutSeconds: 120))
            #expect(reply.status == 418)
            #expect(reply.header("x-bank") == "1")
            #expect(String(decoding: reply.body, as: UTF8.self) == "PUT /hook?q=1 b hi")
        }
    }

    @Test("a redirect is the reply")
    func redirect() async throws {
        try await withBank { _ in
            .status(302, headers: [("Location", "http://127.0.0.1:1/")])
        } _: { (url: String, client: BankHTTPClient) async throws in
            let request = HTTPRequestData(method: "GET", url: url, timeoutSeconds: 120)
            #expect(try await client.send(request).status == 302)
        }
    }

    @Test("a body over the cap is refused, said beforehand or not")
    func tooLarge() async throws {
        try await withBank(cap: 1000) {
            $0.text == "exact"
                ? .status(200, body: String(repeating: "x", count: 1000))
                : $0.text == "said"
                    ? .status(200, body: String(repeating: "x", count: 1001))
                    : SinkReply([
                        .send(SinkReply.head(200, [])), .forever(Array(repeating: 65, count: 300), everyMs: 1),
                    ])
        } _: { (url: String, client: BankHTTPClient) async throws in
            let exact = HTTPRequestData(method: "POST", url: url, body: Array("exact".utf8), timeoutSeconds: 120)
            #expect(try await client.send(exact).body.count == 1000)
            for text in ["said", "unsaid"] {
                await #expect(throws: HTTPTransportError.tooLarge) {
                    try await client.send(
                        HTTPRequestData(method: "POST", url: url, body: Array(text.utf8), timeoutSeconds: 120))
                }
            }
        }
    }

    @Test("the deadline covers silence and a body that drips")
    func deadline() async throws {
        try await withBank {
            $0.text == "drip"
                ? SinkReply([.send(SinkReply.head(200, [("Content-Length", "9999")])), .forever([97], everyMs: 20)])
                : .silence
        } _: { (url: String, client: BankHTTPClient) async throws in
            for text in ["drip", "silence"] {
                await #expect(throws: HTTPTransportError.timedOut) {
                    try await client.send(
                        HTTPRequestData(method: "POST", url: url, body: Array(text.utf8), timeoutSeconds: 1))
                }
            }
        }
    }

    @Test("half a body and a reset are broken off")
    func brokenOff() async throws {
        try await withBank {
            $0.text == "half"
                ? SinkReply([.send(SinkReply.head(200, [("Content-Length", "9")]) + [120]), .close])
                : SinkReply([.reset])
        } _: { (url: String, client: BankHTTPClient) async throws in
            for text in ["half", "reset"] {
                await #expect(throws: HTTPTransportError.brokenOff) {
                    try await client.send(
                        HTTPRequestData(method: "POST", url: url, body: Array(text.utf8), timeoutSeconds: 120))
                }
            }
        }
    }

    @Test("nobody listening, an unknown name, a bad URL and plain HTTP under https each have their error")
    func errors() async throws {
        let sink = try await WebhookSink.start { _ in .ok }
        let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)
        func error(_ url: String) async -> HTTPTransportError? {
            do {
                _ = try await client.send(HTTPRequestData(method: "GET", url: url, timeoutSeconds: 120))
                return nil
            } catch { return error }
        }
        #expect(await error("https://127.0.0.1:\(sink.port)/") == .tls)
        try await withDeadPort { port in
            #expect(await error("http://127.0.0.1:\(port)/") == .cannotConnect)
        }
        #expect(await error("http://no-such-name.invalid/") == .dns)
        for url in ["", "127.0.0.1", "ftp://bank.test/", "http://", "http://a b/"] {
            #expect(await error(url) == .invalidURL, "\(url)")
        }
        await client.shutdown()
        #expect(await error(sink.url) == .cannotConnect)
        await sink.stop()
    }

    @Test("a cancelled request ends at once")
    func cancelled() async throws {
        let sink = try await WebhookSink.start { _ in .silence }
        let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)
        let url = sink.url
        let task = Task { try await client.send(HTTPRequestData(method: "GET", url: url, timeoutSeconds: 600)) }
        _ = await sink.next()
        task.cancel()
        await #expect(throws: HTTPTransportError.self) { try await task.value }
        await client.shutdown()
        await sink.stop()
    }
}
