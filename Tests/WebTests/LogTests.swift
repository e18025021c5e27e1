import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

/// Requests for what the log has, for tests of every route.
enum LogExamples {
    /// nil for routes that ask for nothing of the log.
    static func request(_ route: Route, _ server: Server) async throws -> (path: String, body: String?)? {
        let path = route.path
        let isOfLog = ["/deliveries", "/attempts", "/replays"].contains { path.hasPrefix("/api/v1\($0)") }
        guard isOfLog || path.hasSuffix("callback/trigger") else { return nil }
        try await server.world.listen()
        _ = try await server.post("balance/refresh", "{\"account_id\":\"{account}\"}")
        try await server.world.settle()
        let log = server.world.services.deliveries
        let environment = server.world.environment()
        let found = try await log.deliveries(
            LogFilter(states: [.delivered]), cursor: nil, limit: 1, in: environment)
        let one = try #require(found.rows.first)
        let body = "{\"event\":\"\(one.eventID)\",\"endpoint\":\"\(one.endpointID)\"}"
        switch path {
        case "/api/v1/deliveries/{delivery}": return ("/api/v1/deliveries/\(one.id)", nil)
        case "/api/v1/attempts/{attempt}": return ("/api/v1/attempts/\(try #require(one.attempts.last).id)", nil)
        case "/api/v1/replays" where route.method == .post: return (path, body)
        case "/api/v1/replays":
            _ = try await server.send(.post, path, body)
            return (path, nil)
        case let text where text.hasPrefix("/api/v1/replays/{replay}"):
            let made = try await server.send(.post, "/api/v1/replays", body)
            return (text.replacing("{replay}", with: made.json["id"]?.text ?? ""), nil)
        case "/api/v1/deliveries": return ("\(path)?types=balance.*&status=delivered", nil)
        case "/api/v1/attempts": return ("\(path)?endpoint=\(one.endpointID)", nil)
        default: return (path, "{\"recordIds\":[\"{record}\"],\"method\":\"BALANCE\"}")
        }
    }
}

@Suite("The log and replays over HTTP")
struct LogTests {
    private func run(_ body: @Sendable @escaping (Server) async throws -> Void) async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                try await server.world.listen()
                _ = try await server.post("balance/refresh", "{\"account_id\":\"{account}\"}")
                try await server.world.settle()
                try await body(server)
            }
        }
    }

    private func settle(_ server: Server) async throws {
        let work = ReplayWork(server.world.services.replays)
        while try await work.tick() == 0 {}
        try await server.world.settle()
    }

    @Test("pages of the lists are led through by their cursors")
    func pages() async throws {
        try await run { server in
            for path in ["deliveries?limit=1", "attempts?limit=1&outcome=delivered"] {
                var seen: [String] = []
                var next = ""
                repeat {
                    let answer = try await server.send(.get, "/api/v1/\(path)&cursor=\(next)")
                    #expect(answer.status == 200, "\(answer.text)")
                    seen += answer.json["data"]?.elements?.compactMap { $0["id"]?.text } ?? []
                    next = answer.json["next_cursor"]?.text ?? ""
                    #expect((answer.json["has_more"] == true) == !next.isEmpty)
                } while !next.isEmpty
                #expect(seen.count == server.world.webhooks.requests.count && Set(seen).count == seen.count, "\(path)")
            }
        }
    }

    @Test("an export is one object a line, and as long as the list")
    func export() async throws {
        try await run { server in
            let answer = try await server.send(.get, "/api/v1/deliveries/export")
            let lines = answer.text.split(separator: "\n")
            #expect(lines.count == server.world.webhooks.requests.count && answer.text.hasSuffix("\n"))
            for line in lines {
                let row = try JSONValue(parsing: Array(line.utf8))
                #expect(row["attempts"]?.elements?.count == 1 && row["status"]?.text == "delivered")
            }
            let type = try #require(HTTPField.Name("content-type"))
            #expect(answer.headers[type] == "application/x-ndjson")
            let none = try await server.send(.get, "/api/v1/deliveries/export?status=dead")
            #expect(none.status == 200 && none.text.isEmpty)
        }
    }

    @Test("each attempt says its place in the trace of its event, the log shows the same, and the receiver reads it")
    func traces() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                try await server.world.listen()
                let second = "https://other.example/hook"
                _ = try await server.send(.post, "/api/v1/webhook_endpoints", "{\"url\":\"\(second)\"}")
                server.world.webhooks.answer { WebhookOutcome(status: $0.url == second ? 500 : 200) }
                _ = try await server.post("balance/refresh", "{\"account_id\":\"{account}\"}")
                try await server.world.settle()
                server.world.webhooks.answer { _ in WebhookOutcome(status: 200) }
                server.world.runtime.advance(milliseconds: 60_000)
                try await server.world.settle()
                var sent: [String: Set<TraceParent>] = [:]
                for request in server.world.webhooks.requests {
                    func header(_ name: String) -> String { request.headers.first { $0.name == name }?.value ?? "" }
                    let place = try #require(TraceParent(header: header("traceparent")), "\(request.headers)")
                    sent[header("webhook-id"), default: []].insert(place)
                }
                #expect(sent.values.allSatisfy { Set($0.map(\.traceID)).count == 1 }, "an event is one trace")
                #expect(Set(sent.values.flatMap { $0.map(\.traceID) }).count == sent.count, "and no other event's")
                #expect(sent.values.reduce(0) { $0 + $1.count } == server.world.webhooks.requests.count)
                #expect(sent.values.contains { $0.count == 3 }, "two endpoints, one of them again")
                let rows = try await server.send(.get, "/api/v1/attempts?limit=200").json["data"]?.elements ?? []
                #expect(rows.count == server.world.webhooks.requests.count)
                for row in rows {
                    let detail = try await server.send(.get, "/api/v1/attempts/\(row["id"]?.text ?? "")")
                    let headers = detail.json["request"]?["headers"]?.elements ?? []
                    let shown = headers.first { $0["name"]?.text == "traceparent" }?["value"]?.text
                    let place = try #require(shown.flatMap(TraceParent.init(header:)), "\(detail.text)")
                    #expect(sent[row["event"]?.text ?? ""]?.remove(place) != nil, "\(detail.text)")
                }
            }
        }
    }

    @Test("a trigger sends the last event of each product again, with its id, and names ids that nobody has")
    func trigger() async throws {
        try await run { server in
            let feed = try await server.send(.get, "/api/v1/events?limit=200")
            let told = try #require(feed.json["data"]?.elements)
            server.world.webhooks.forget()
            let stranger = "5d6fe57a4099cc4b210bbec0"
            let answer = try await server.post(
                "callback/trigger", "{\"recordIds\":[\"{record}\",\"\(stranger)\",\"nonsense\"]}")
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.list("unknown").compactMap(\.text) == [stranger, "nonsense"])
            let named = answer.list("events").compactMap { $0["event_id"]?.text }
            let products = Set(answer.list("events").compactMap { $0["event"]?.text?.prefix { $0 != "." } })
            #expect(products.isSuperset(of: ["auth", "accounts", "balance", "transaction", "identity"]))
            try await settle(server)
            let again = try server.world.webhooks.bodies()
            #expect(Set(again.compactMap { $0["event_id"]?.text }) == Set(named) && again.count == named.count)
            #expect(again.allSatisfy { $0["replayed"] == true })
            for body in again {
                let type = body["event"]?.text
                let account = body["data"]?["account"]?.text
                let last = told.last { $0["event"]?.text == type && $0["data"]?["account"]?.text == account }
                #expect(last?["event_id"] == body["event_id"], "the last one of \(type ?? "")")
            }
        }
    }

    @Test("a trigger takes one method, and another URL")
    func triggerElsewhere() async throws {
        try await run { server in
            server.world.webhooks.forget()
            let answer = try await server.post(
                "callback/trigger",
                "{\"recordIds\":\"{record}\",\"method\":\"balance\",\"url\":\"https://other.example/hook\"}")
            #expect(answer.status == 200, "\(answer.text)")
            try await settle(server)
            let bodies = try server.world.webhooks.bodies()
            #expect(!bodies.isEmpty && bodies.allSatisfy { $0["method"]?.text?.contains("BALANCE") == true })
            #expect(server.world.webhooks.requests.allSatisfy { $0.url == "https://other.example/hook" })
            let replays = try await server.send(.get, "/api/v1/replays")
            let row = replays.json["data"]?.elements?.first
            #expect(row?["url"]?.text == "https://other.example/hook" && row?["waiting"] == 0)
            #expect(row?["delivered"] == .integer(Int64(bodies.count)))
        }
    }

    @Test("a trigger to a URL works without any endpoint, and without either it says so")
    func triggerAlone() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let none = try await server.post("callback/trigger", "{\"recordIds\":[\"{record}\"]}")
                #expect(none.status == 409 && none.json["code"]?.text == "conflict", "\(none.text)")
                let sent = try await server.post(
                    "callback/trigger", "{\"recordIds\":[\"{record}\"],\"url\":\"https://other.example/hook\"}")
                #expect(sent.status == 200, "\(sent.text)")
                try await server.world.settle()
                let bodies = try server.world.webhooks.bodies(url: "https://other.example/hook")
                #expect(!bodies.isEmpty && bodies.allSatisfy { $0["nuban"]?.text?.count ?? 4 == 4 }, "thin")
            }
        }
    }

    private static let bad: [(path: String, body: String?, status: Int, code: String, field: String?)] = [
        ("deliveries?status=lost", nil, 400, "invalid_field", "status"),
        ("deliveries?types=never", nil, 400, "invalid_field", "types"),
        ("deliveries?from=yesterday", nil, 400, "invalid_date", "from"),
        ("deliveries?from=2024-02-02&to=2024-02-01", nil, 400, "invalid_date", "from"),
        ("deliveries?cursor=x", nil, 400, "invalid_field", "cursor"),
        ("deliveries?limit=0", nil, 400, "invalid_field", "limit"),
        ("deliveries/dlv_1_1", nil, 404, "not_found", nil),
        ("deliveries/nonsense", nil, 404, "not_found", nil),
        ("deliveries/export?status=lost", nil, 400, "invalid_field", "status"),
        ("attempts?outcome=fine", nil, 400, "invalid_field", "outcome"),
        ("attempts?cursor=x", nil, 400, "invalid_field", "cursor"),
        ("attempts/att_1_1_1", nil, 404, "not_found", nil),
        ("replays/rpl_1", nil, 404, "not_found", nil),
        ("replays/nonsense", nil, 404, "not_found", nil),
        ("replays?cursor=x", nil, 400, "invalid_field", "cursor"),
        ("replays", "{}", 400, "missing_field", "endpoint"),
        ("replays", "{\"endpoint\":\"5d6fe57a4099cc4b210bbec0\"}", 400, "missing_field", "event"),
        ("replays", "{\"endpoint\":\"5d6fe57a4099cc4b210bbec0\",\"event\":\"evt_1\"}", 404, "not_found", nil),
        ("replays", "{\"endpoint\":\"x\",\"event\":\"1\"}", 404, "not_found", nil),
        (
            "replays", "{\"endpoint\":\"x\",\"event\":\"evt_1\",\"types\":[\"balance.*\"]}", 400, "invalid_field",
            "event"
        ),
        ("replays", "{\"delivery\":\"dlv_1_1\"}", 404, "not_found", nil),
        ("replays", "{\"endpoint\":\"x\",\"types\":[\"never\"]}", 400, "invalid_field", "types"),
        ("replays", "{\"endpoint\":\"x\",\"status\":[\"lost\"]}", 400, "invalid_field", "status"),
        ("replays", "{\"endpoint\":\"x\",\"from\":\"2024-02-30\"}", 400, "invalid_date", "from"),
        ("replays", "{\"endpoint\":\"x\",\"never_attempted\":1}", 400, "invalid_field", "never_attempted"),
        ("replays", "{\"endpoint\":\"x\",\"event\":\"evt_1\",\"url\":\"nowhere\"}", 400, "url_refused", "url"),
        ("replays/rpl_1/cancel", "", 404, "not_found", nil),
    ]

    @Test("bad input gets a code and a field, never a 500")
    func badInput() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for one in Self.bad {
                    let answer = try await server.send(one.body == nil ? .get : .post, "/api/v1/\(one.path)", one.body)
                    let what = "\(one.path) \(one.body ?? ""): \(answer.text)"
                    let error = answer.json["error"]
                    #expect(answer.status == one.status && error?["code"]?.text == one.code, "\(what)")
                    if let field = one.field { #expect(error?["field"]?.text == field, "\(what)") }
                }
                for body in [
                    "{}", "{\"recordIds\":[]}", "{\"recordIds\":[1]}", "{\"recordIds\":{}}",
                    "{\"recordIds\":[\"{record}\"],\"method\":\"GOLD\"}",
                    "{\"recordIds\":[\"{record}\"],\"url\":\"http://10.0.0.1/x\"}",
                ] {
                    let answer = try await server.post("callback/trigger", body)
                    #expect(answer.status == 400, "\(body): \(answer.text)")
                    #expect(answer.json["message"]?.text?.isEmpty == false)
                }
            }
        }
    }

    @Test("one key asks for one replay, however often it is sent")
    func idempotent() async throws {
        try await run { server in
            let first = try #require(try server.world.webhooks.bodies().first?["event_id"]?.text)
            let listed = try await server.send(.get, "/api/v1/deliveries?event=\(first)")
            let endpoint = try #require(listed.json["data"]?.elements?.first?["endpoint"]?.text)
            let body = "{\"event\":\"\(first)\",\"endpoint\":\"\(endpoint)\"}"
            var ids: Set<String> = []
            for _ in 0..<3 {
                let answer = try await server.send(
                    .post, "/api/v1/replays", body, headers: [("idempotency-key", "replay-1")])
                #expect(answer.status == 201)
                ids.insert(answer.json["id"]?.text ?? "")
            }
            #expect(ids.count == 1)
            server.world.webhooks.forget()
            try await server.world.settle()
            #expect(server.world.webhooks.requests.count == 1)
        }
    }
}
