import Domain
import Engine
import Glibc
import HTTPTypes
import Logging
import ServiceLifecycle
import Storage
import Synchronization
import TestKit
import Testing

@testable import Web

@Suite("The server itself")
struct ServerTests {
    @Test("every reply is named, and a sane name of the client is kept")
    func requestIDs() async throws {
        try await onDatabase(.sqlite) { test in
            try await Server.run(on: test.database, linking: false) { server in
                for path in ["/health", "/nowhere", "/v2/banks/list", "/api/v1/accounts"] {
                    #expect(try await server.send(.get, path).requestID?.hasPrefix("req_") == true, "\(path)")
                    let kept = try await server.send(.get, path, headers: [("X-Request-Id", "shop-42.a:b_c")])
                    #expect(kept.requestID == "shop-42.a:b_c")
                    for insane in ["a b", String(repeating: "x", count: 129), "<script>"] {
                        let made = try await server.send(.get, path, headers: [("X-Request-Id", insane)])
                        #expect(made.requestID?.hasPrefix("req_") == true)
                    }
                }
            }
        }
    }

    @Test("probes answer, and metrics count each route without ids")
    func probes() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                #expect(try await server.send(.get, "/health", key: "").status == 200)
                #expect(try await server.send(.head, "/health", key: "").status == 200)
                #expect(try await server.send(.get, "/ready", key: "").json["status"]?.text == "ready")
                _ = try await server.send(.get, "/api/v1/accounts/{account}")
                let text = try await server.send(.get, "/metrics", key: "").text
                #expect(
                    text.contains("{method=\"GET\",route=\"/api/v1/accounts/{account}\",status=\"200\"} 1\n"))
                #expect(!text.contains(server.filled("{account}") + "\""))
            }
        }
    }

    @Test("a database that is gone is a 503 that says so, and not ready")
    func databaseGone() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                #expect(try await server.post("products/accounts").status == 200)
                await database.close()
                let answer = try await server.post("products/accounts")
                #expect(answer.status == 503, "\(answer.text)")
                #expect(answer.json["code"]?.text == "unavailable")
                #expect(try await server.send(.get, "/ready", key: "").status == 503)
                #expect(try await server.send(.get, "/health", key: "").status == 200)
            }
        }
    }

    @Test("an answer that does not come in time is a 503 with the request's name, and the work goes on")
    func deadline() async throws {
        let runtime = ManualRuntime()
        let work = BackgroundWork(runtime: runtime)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work.run() }
            let (began, beginning) = AsyncStream.makeStream(of: Void.self)
            let (finish, finishing) = AsyncStream.makeStream(of: Void.self)
            let (done, ending) = AsyncStream.makeStream(of: Int.self)
            async let answer: Int = work.perform(requestID: "req_1", seconds: 30) {
                beginning.yield()
                for await _ in finish { break }
                ending.yield(7)
                return 7
            }
            for await _ in began { break }
            runtime.advance(milliseconds: 29_000)
            work.sweep()
            runtime.advance(milliseconds: 2000)
            work.sweep()
            do {
                _ = try await answer
                Issue.record("the deadline passed")
            } catch let error as DomainError {
                #expect(error.code == .deadline)
                #expect(error.message.contains("req_1"))
            }
            finishing.yield()
            for await value in done {
                #expect(value == 7)
                break
            }
            group.cancelAll()
        }
    }

    @Test("a server that is asked to end tells those who wait, and ends when they are answered")
    func shutdown() async throws {
        let work = BackgroundWork(runtime: ManualRuntime())
        let server = OneRequest(work: work)
        let group = ServiceGroup(
            configuration: .init(services: [WebServer(work, server)], logger: Logger(label: "test")))
        async let ended: Void = group.run()
        for await _ in server.began { break }
        await group.triggerGracefulShutdown()
        try await ended
        #expect(server.answer.withLock { $0 } == "nothing came")
    }

    @Test("a repeated native request with its key gets the first answer, and another body under it is refused")
    func idempotency() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let body = "{\"url\":\"https://shop.example/a\"}"
                let key = [("Idempotency-Key", "order-1")]
                let first = try await server.send(.post, "/api/v1/webhook_endpoints", body, headers: key)
                #expect(first.status == 201)
                let again = try await server.send(.post, "/api/v1/webhook_endpoints", body, headers: key)
                #expect(again.status == 201)
                #expect(again.text == first.text)
                let list = try await server.send(.get, "/api/v1/webhook_endpoints")
                #expect(list.json["data"]?.elements?.count == 1)
                let other = try await server.send(
                    .post, "/api/v1/webhook_endpoints", "{\"url\":\"https://shop.example/b\"}", headers: key)
                #expect(other.status == 409)
                #expect(other.json["error"]?["code"]?.text == "idempotency_mismatch")
                let failing = [("Idempotency-Key", "order-2")]
                #expect(try await server.send(.post, "/api/v1/webhook_endpoints", "{}", headers: failing).status == 400)
                let mended = "{\"url\":\"https://shop.example/c\"}"
                let retried = try await server.send(.post, "/api/v1/webhook_endpoints", mended, headers: failing)
                #expect(retried.status == 201, "a failed request may be mended: \(retried.text)")
                let long = [("Idempotency-Key", String(repeating: "k", count: 256))]
                #expect(try await server.send(.post, "/api/v1/webhook_endpoints", body, headers: long).status == 400)
            }
        }
    }

    @Test("a URL that gets events already is refused, whether the environment's own or an added one")
    func sameURL() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                _ = try await server.world.services.endpoints.set(
                    in: server.world.environment(), url: "https://shop.example/own", payload: .thin, token: nil)
                for (url, expected) in [("a", 201), ("a", 409), ("own", 409), ("b", 201)] {
                    let body = "{\"url\":\"https://shop.example/\(url)\"}"
                    let answer = try await server.send(.post, "/api/v1/webhook_endpoints", body)
                    #expect(answer.status == expected, "\(url): \(answer.text)")
                }
            }
        }
    }

    @Test("requests at once with one key all get the one answer, wherever the change commits its reply")
    func idempotencyAtOnce() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let requests = [
                    ("/api/v1/webhook_endpoints", "{\"url\":\"https://shop.example/a\"}"),
                    ("/api/v1/refreshes", "{\"connection\":\"{record}\"}"),
                    ("/api/v1/sandbox/clock/advance", "{\"hours\":1}"),
                ]
                for (path, body) in requests {
                    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                        for _ in 0..<6 {
                            group.addTask {
                                try await server.send(.post, path, body, headers: [("Idempotency-Key", path)])
                            }
                        }
                        return try await group.reduce(into: [Answer]()) { $0.append($1) }
                    }
                    let replayed = answers.filter { answer in answer.headers[.init("idempotency-replayed")!] == "true" }
                    #expect(replayed.count == 5, "\(path): \(answers.map(\.status))")
                    #expect(Set(replayed.map(\.text)).count == 1, "\(path)")
                    #expect(Set(answers.map(\.status)).count == 1, "\(path)")
                }
                let list = try await server.send(.get, "/api/v1/webhook_endpoints")
                #expect(list.json["data"]?.elements?.count == 1)
            }
        }
    }

    @Test("the metrics tell how many changes wait for the database")
    func unitsWaiting() async throws {
        try await onDatabase(.sqlite) { test in
            try await Server.run(on: test.database, linking: false) { server in
                let name = "kubewa_database_units_waiting"
                let idle = try await server.send(.get, "/metrics", key: "").text
                #expect(idle.contains("# TYPE \(name) gauge\n\(name) 0.0\n"))
                let gate = Gate()
                let blocking = Task { try await test.database.write { _ in gate.waitInside() } }
                await gate.entered()
                let waiting = (0..<3).map { _ in Task { try await test.database.write { _ in } } }
                while server.world.core.unitsWaiting < 3 { await Task.yield() }
                let busy = try await server.send(.get, "/metrics", key: "").text
                gate.open()
                #expect(busy.contains("\n\(name) 3.0\n"))
                for task in waiting + [blocking] { try await task.value }
            }
        }
    }

    @Test("a key's reply is kept sealed: its secret is not readable in the database")
    func sealedReplies() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.send(
                    .post, "/api/v1/webhook_endpoints", "{\"url\":\"https://shop.example/a\"}",
                    headers: [("Idempotency-Key", "k")])
                let secret = try #require(made.json["secret"]?.text)
                let kept = try await database.read { db in
                    try db.query("SELECT body FROM idempotency", []) { $0.text(0) }
                }
                #expect(kept.count == 1)
                #expect(kept.allSatisfy { !$0.contains(secret) && !$0.isEmpty })
            }
        }
    }

    @Test("beyond the rate limit a request is refused until the minute is over")
    func rateLimit() throws {
        let limiter = RateLimiter(perMinute: 20)
        let now = Instant(ms: 1_700_000_000_000)
        for _ in 0..<20 { try limiter.take(1, at: now) }
        #expect(throws: DomainError.self) { try limiter.take(1, at: now) }
        try limiter.take(2, at: now)
        try limiter.take(1, at: now + 60_000)
        let unlimited = RateLimiter(perMinute: 0)
        for _ in 0..<1000 { try unlimited.take(1, at: now) }
    }
}

/// Holds the thread of a database's writer until it is opened.
private final class Gate: Sendable {
    private let (arrivals, arrived) = AsyncStream<Void>.makeStream()
    private let ends: (read: Int32, write: Int32)

    init() {
        var ends: [Int32] = [0, 0]
        _ = pipe(&ends)
        self.ends = (ends[0], ends[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    func waitInside() {
        arrived.finish()
        var byte: UInt8 = 0
        _ = read(ends.read, &byte, 1)
    }

    func entered() async { for await _ in arrivals {} }

    func open() {
        var byte: UInt8 = 1
        _ = write(ends.write, &byte, 1)
    }
}

/// A server that ends when its only request is answered. That one waits for what never comes.
private final class OneRequest: Service {
    let (began, beginning) = AsyncStream.makeStream(of: Void.self)
    let answer = Mutex("")
    private let work: BackgroundWork

    init(work: BackgroundWork) { self.work = work }

    func run() async throws {
        let text = try await work.perform(requestID: "req_1", seconds: 30) { [beginning] in
            beginning.yield()
            try await gracefulShutdown()
            return "nothing came"
        }
        answer.withLock { $0 = text }
    }
}
