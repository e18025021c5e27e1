import Domain
import Engine
import HTTPTypes
import Storage
import Synchronization
import TestKit
import Testing
import Web

/// Requests of the golden files that need an endpoint of their own.
enum EndpointExamples {
    static func request(_ route: Route, _ server: Server) async throws -> (path: String, body: String?)? {
        guard route.path.contains("{endpoint}") || route.path == "/api/v1/webhook_keys" else { return nil }
        let made = try await server.send(
            .post, "/api/v1/webhook_endpoints",
            "{\"url\":\"https://shop.example/\(server.world.runtime.ids.next(at: Instant(ms: 0)) as ID<Route>)\","
                + "\"signatures\":[\"v1\",\"v1a\"]}")
        let id = made.json["id"]?.text ?? ""
        let query = route.path == "/api/v1/webhook_keys" ? "?endpoint=\(id)" : ""
        return (
            route.path.replacing("{endpoint}", with: id) + query, route.method == .get ? nil : route.example
        )
    }
}

@Suite("Webhook endpoints over HTTP")
struct WebhookEndpointTests {
    private static let path = "/api/v1/webhook_endpoints"
    /// A test looks so often what became of its event.
    private static let pauseMs: Int64 = 50

    @Test("an endpoint is made, changed, read and removed; its secrets are told once")
    func life() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.send(
                    .post, Self.path,
                    """
                    {"url":"https://shop.example/a","description":"ledger","event_types":["balance.*"],
                     "payload":"complete","payloads":[{"event_type":"identity.*","payload":"thin"}],
                     "signatures":["v1","v1a"],"token":"planted-token","headers":{"X-Team":"planted-value"},
                     "rate_per_second":50,"in_flight_max":4,"ordering":"connection","retry_seconds":[5,60],
                     "splits_transactions":true}
                    """)
                #expect(made.status == 201, "\(made.text)")
                let id = try #require(made.json["id"]?.text)
                #expect(made.json["secret"]?.text?.hasPrefix("whsec_") == true)
                let read = try await server.send(.get, "\(Self.path)/\(id)")
                for name in ["description", "ordering", "retry_seconds", "payloads", "rate_per_second", "signatures"] {
                    #expect(read.json[name] == made.json[name], "\(name)")
                }
                #expect(read.json["has_token"] == true && read.json["header_names"] == ["x-team"])
                #expect(!read.text.contains("planted") && !read.text.contains("whsec_"))
                let changed = try await server.send(
                    .patch, "\(Self.path)/\(id)", "{\"ordering\":null,\"token\":null,\"event_types\":[\"record.*\"]}")
                #expect(changed.status == 200, "\(changed.text)")
                #expect(changed.json["ordering"] == "none" && changed.json["has_token"] == false)
                #expect(changed.json["event_types"] == ["record.*"] && changed.json["rate_per_second"] == 50)
                #expect(!changed.text.contains("whsec_"))
                for (verb, status) in [
                    ("pause", "paused"), ("resume", "active"), ("disable", "disabled"),
                    ("enable", "active"),
                ] {
                    let turned = try await server.send(.post, "\(Self.path)/\(id)/\(verb)")
                    #expect(turned.status == 200 && turned.json["status"]?.text == status, "\(verb): \(turned.text)")
                    let reason = status == "active" ? JSONValue.null : "manual"
                    #expect(turned.json["status_reason"] == reason)
                }
                #expect(try await server.send(.delete, "\(Self.path)/\(id)").status == 204)
                #expect(try await server.send(.get, "\(Self.path)/\(id)").status == 404)
                #expect(try await server.send(.get, "/api/v1/webhook_keys?endpoint=\(id)", key: "").status == 404)
            }
        }
    }

    @Test("public keys are told to whoever asks, secrets to nobody")
    func publicKeys() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.send(
                    .post, Self.path, "{\"url\":\"https://shop.example/a\",\"signatures\":[\"v1a\"]}")
                let id = try #require(made.json["id"]?.text)
                #expect(made.json["secret"] == nil, "there is no shared secret")
                let rotated = try await server.send(.post, "\(Self.path)/\(id)/rotate", "{\"overlap_seconds\":60}")
                #expect(rotated.status == 201 && rotated.json["secret"] == .null, "\(rotated.text)")
                let told = try await server.send(.get, "/api/v1/webhook_keys?endpoint=\(id)", key: "")
                let keys = try #require(told.json["data"]?.elements).map { $0["public_key"] }
                #expect(keys == [rotated.json["public_key"], made.json["public_key"]])
                let missing = try await server.send(.get, "/api/v1/webhook_keys", key: "")
                #expect(missing.status == 400 && missing.json["error"]?["field"]?.text == "endpoint")
                let kind = try await server.send(.post, "\(Self.path)/\(id)/rotate", "{\"kind\":\"v3\"}")
                #expect(kind.status == 400 && kind.json["error"]?["field"]?.text == "kind")
                let list = try await server.send(.get, "\(Self.path)/\(id)/keys")
                #expect(list.json["data"]?.elements?.count == 2 && !list.text.contains("whsec_"))
            }
        }
    }

    @Test("a test tells what the first attempt came to")
    func test() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let world = server.world
                let made = try await server.send(.post, Self.path, "{\"url\":\"https://shop.example/a\"}")
                let id = try #require(made.json["id"]?.text)
                world.webhooks.answer { _ in WebhookOutcome(status: 404) }
                let told = try await tested(id, server) { try await world.settle() }
                #expect(told.status == 200 && told.json["outcome"]?.text == "failed", "\(told.text)")
                #expect(told.json["status"] == 404)
                // Nobody sends: after twenty seconds it says so.
                let waiting = try await tested(id, server) {}
                #expect(waiting.status == 202 && waiting.json["outcome"]?.text == "waiting", "\(waiting.text)")
            }
        }
    }

    /// Asks for a test, lets something happen when its event is written, and then moves the clock until it is answered.
    private func tested(
        _ id: String, _ server: Server, _ happen: () async throws -> Void
    ) async throws -> Answer {
        let events = try await count(server)
        let isDone = Mutex(false)
        async let answer = {
            defer { isDone.withLock { $0 = true } }
            return try await server.send(.post, "\(Self.path)/\(id)/test")
        }()
        while try await count(server) == events, !isDone.withLock({ $0 }) { await Task.yield() }
        try await happen()
        // Longer than a test waits, and shorter than any request may take.
        var leftMs: Int64 = 25_000
        let runtime = server.world.runtime
        while !isDone.withLock({ $0 }) {
            if leftMs > 0 {
                runtime.advance(milliseconds: 100)
                leftMs -= 100
            } else if let pause = runtime.nextDeadline, pause - runtime.now() <= Self.pauseMs {
                // At the end one more pause may have begun. Others sleep longer: the request's own deadline is not met.
                runtime.advance(to: pause)
            }
            _ = try await count(server)
        }
        return try await answer
    }

    private func count(_ server: Server) async throws -> Int64? {
        try await server.world.core.database.read { try $0.first("SELECT COUNT(id) FROM event", []) { $0.int(0) } }
    }

    @Test("endpoints of a record are made under it, listed by it, paged, and end with it")
    func ofRecord() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let urls = ["a", "b", "c"].map { "https://shop.example/\($0)" }
                for url in urls {
                    let made = try await server.send(
                        .post, "/api/v1/connections/{record}/webhook_endpoints", "{\"url\":\"\(url)\"}")
                    #expect(made.status == 201 && made.json["connection"]?.text == server.ids["record"], "\(made.text)")
                }
                let first = try await server.send(.get, "\(Self.path)?connection={record}&limit=2")
                let cursor = try #require(first.json["next_cursor"]?.text)
                let next = try await server.send(.get, "\(Self.path)?connection={record}&limit=2&cursor=\(cursor)")
                let listed = [first, next].flatMap { $0.json["data"]?.elements ?? [] }.compactMap { $0["url"]?.text }
                #expect(listed == urls && next.json["has_more"] == false)
                let unknown = "{\"url\":\"https://shop.example/d\",\"connection\":\"ffffffffffffffffffffffff\"}"
                #expect(try await server.send(.post, Self.path, unknown).status == 404)
                #expect(try await server.send(.delete, "/api/v1/connections/{record}").status == 204)
                try await server.world.settle()
                let told = try server.world.webhooks.bodies("record.removed", url: urls[0])
                #expect(told.count == 1, "its last event is still sent")
                try await Housekeeper(core: server.world.core).tick()
                #expect(try await server.send(.get, Self.path).json["data"]?.elements?.isEmpty == true)
            }
        }
    }
}
