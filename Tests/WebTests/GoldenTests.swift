import Domain
import Engine
import Foundation
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

/// The shape of a reply as it is kept: every member with its kind of value. What changes from run to run is not kept.
private enum Golden {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")
    static var records: Bool { ProcessInfo.processInfo.environment["GOLDEN"] == "record" }

    /// Ids, instants and whatever is random become their kind; lists become one element that has what any of them has.
    static func normal(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members): return .object(members.mapValues(normal))
        case .array(let elements):
            let shapes = elements.map(normal)
            return .array(shapes.isEmpty ? [] : [shapes.dropFirst().reduce(shapes[0], merged)])
        case .string(let text): return .string(kind(text))
        case .integer, .decimal: return "<number>"
        case .bool: return "<flag>"
        case .null: return .null
        }
    }

    /// One shape of two rows: what is null in one may be told in the other.
    private static func merged(_ one: JSONValue, _ other: JSONValue) -> JSONValue {
        switch (one, other) {
        case (.object(let left), .object(let right)): return .object(left.merging(right, uniquingKeysWith: merged))
        case (.array(let left), .array(let right)):
            guard let first = left.first else { return other }
            return .array([right.first.map { merged(first, $0) } ?? first])
        case (.null, _): return other
        default: return one
        }
    }

    private static func kind(_ text: String) -> String {
        if ID<Golden>(text) != nil { return "<id>" }
        if text.count == 24, Instant(iso: text) != nil { return "<instant>" }
        if text.count == 10, LocalDate(text) != nil { return "<day>" }
        if text.hasPrefix("https://kubewa.example/") { return "<url>" }
        if text.hasPrefix("okr-") { return "<session>" }
        if text.hasPrefix("req_") { return "<request>" }
        if text.hasPrefix("whsec_") { return "<secret>" }
        return "<text>"
    }

    /// What a member that is null in one reply may be in another.
    private static let scalars: Set<String> = ["<text>", "<number>", "<flag>", "<id>", "<instant>", "<day>", "<url>"]

    /// Where `now` lacks what `then` has, or has another kind of it.
    static func differences(_ then: JSONValue, _ now: JSONValue?, at path: String = "") -> [String] {
        guard let now else { return ["\(path) is gone"] }
        switch (then, now) {
        case (.object(let old), .object(let new)):
            return old.sorted { $0.key < $1.key }.flatMap {
                differences($0.value, new[$0.key], at: "\(path).\($0.key)")
            }
        case (.array(let old), .array(let new)):
            guard let first = old.first else { return [] }
            return new.isEmpty ? ["\(path) is empty"] : differences(first, new.first, at: "\(path)[0]")
        case (.string(let old), .string(let new)):
            return old == new || (new == "<text>" && old != "<number>" && old != "<flag>")
                ? [] : ["\(path): \(old) became \(new)"]
        case (.null, .null): return []
        case (.null, .string(let new)) where scalars.contains(new): return []
        case (.string(let old), .null): return ["\(path): \(old) became null"]
        default: return ["\(path) changed its kind"]
        }
    }

    static func check(_ name: String, _ body: JSONValue) throws -> [String] {
        let file = folder.appendingPathComponent("\(name).json")
        let shape = normal(body)
        if records {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data((pretty(shape) + "\n").utf8).write(to: file)
            return []
        }
        guard let kept = try? Data(contentsOf: file) else { return ["no golden file; run with GOLDEN=record"] }
        return differences(try JSONValue(parsing: Array(kept)), shape)
    }

    private static func pretty(_ value: JSONValue, indent: String = "") -> String {
        let deeper = indent + "  "
        switch value {
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map {
                "\(deeper)\"\($0.key)\": \(pretty($0.value, indent: deeper))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let elements) where !elements.isEmpty:
            return "[\n\(deeper)\(pretty(elements[0], indent: deeper))\n\(indent)]"
        default: return value.encoded
        }
    }
}

@Suite("Golden files")
struct GoldenTests {
    /// Pushes of banks, what needs a session of a bank that files feed, or of one with a page of its own, and what
    /// waits for a loop to send; an export is lines, and not one object.
    private let untried: Set<String> = [
        "/upstream/{connector}", "/api/v1/webhook_endpoints/{endpoint}/test", "/api/v1/link_sessions/{session}/file",
        "/api/v1/widget/returns", "/api/v1/deliveries/export",
    ]

    @Test("no reply loses a member or changes its kind")
    func replies() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                var checked: Set<String> = []
                for route in APICatalog.routes where route.kind != .production && !untried.contains(route.path) {
                    let (name, answer) = try await reply(route, server)
                    guard answer.status != 204 else { continue }
                    #expect((200..<300).contains(answer.status), "\(name): \(answer.status) \(answer.text.prefix(300))")
                    let problems = try Golden.check(name, answer.json)
                    #expect(problems.isEmpty, "\(name): \(problems.joined(separator: "; "))")
                    #expect(checked.insert(name).inserted, "\(name) names two replies")
                }
            }
        }
    }

    /// A file of the account that every id in the examples belongs to.
    private func statement(_ minor: Int, _ server: Server) async throws -> String {
        let account = try await server.send(.get, "/api/v1/accounts/{account}")
        return """
            :20:X\r\n:25:\(account.json["number"]?.text ?? "")\r\n:28C:1/1\r\n:60F:C200101NGN1,00\r
            :61:2001010101C0,0\(minor)NMSCNONREF\r\n:86:Interest\r\n:62F:C200101NGN1,0\(minor)\r\n-\r\n
            """
    }

    private func reply(_ route: Route, _ server: Server) async throws -> (String, Answer) {
        var path = route.path
        var body: String? = route.example
        if route.method == .get {
            let members = try JSONValue(parsing: Array(route.example.utf8)).members ?? [:]
            let query = members.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text ?? "")" }
            if !query.isEmpty { path += "?" + query.joined(separator: "&") }
            body = nil
        }
        switch route.path {
        case "/api/v1/link_sessions/{session}/answers":
            let made = try await server.send(.post, "/api/v1/link_sessions", "{\"institution\":\"access-bank\"}")
            path = "/api/v1/link_sessions/\(made.json["id"]?.text ?? "")/answers"
            body = "{\"fields\":{\"username\":\"otp\",\"password\":\"pass\"}}"
        case "/api/v1/connections/{record}/statements" where route.method == .post:
            body = try await statement(1, server)
        case let text where text.hasPrefix("/api/v1/statements/{statement}"):
            let made = try await server.send(
                .post, "/api/v1/connections/{record}/statements", try await statement(2, server))
            path = text.replacing("{statement}", with: made.json["id"]?.text ?? "")
        case "/api/v1/sandbox/transactions":
            body =
                "{\"username\":\"success\",\"institution\":\"access-bank\",\"amount_minor\":5000,\"narration\":\"x\"}"
        case "/api/v1/sandbox/customers" where route.method == .post:
            body = route.example.replacing("{nonce}", with: "9")
        case "/v2/sandbox/transactions/getByType": body = "{\"type\":\"credit\"}"
        case "/v2/sandbox/balance/getByType":
            let known = try await server.post("balance/getById", "{\"id\":\"{balance}\"}")
            let ledger = known.data["balance"]?["ledger_balance"] ?? .null
            body = "{\"type\":\"ledger_balance\",\"value\":\(ledger.encoded)}"
        case "/v2/sandbox/accounts/getByName":
            let known = try await server.post("accounts/getById", "{\"id\":\"{account}\"}")
            body = "{\"name\":\(known.list("accounts").first?["name"]?.encoded ?? "null")}"
        case "/v2/sandbox/customers/find-customers-by": body = "{\"key\":\"bvn\",\"value\":\"{bvn}\"}"
        case "/v2/sandbox/sandbox/customers/list":
            _ = try await server.post("customers/generate", "{\"number\":1,\"create\":true}")
        default: if let text = body { body = widened(text) }
        }
        let name = (route.method.rawValue.lowercased() + route.path).split(separator: "/").map { part in
            String(part.filter { $0 != "{" && $0 != "}" })
        }.joined(separator: "-")
        if let found = try await EndpointExamples.request(route, server) { (path, body) = found }
        if route.path == "/api/v1/links/{link}" {
            let made = try await server.send(.post, "/api/v1/links", "{\"name\":\"x\"}")
            path = "/api/v1/links/\(made.json["id"]?.text ?? "")"
        }
        if route.method == .delete, route.path.hasSuffix("/connections/{record}") || route.path.contains("/customers/")
        {
            path = try await goneWith(route, server)
        }
        if let found = try await LogExamples.request(route, server) { (path, body) = found }
        if route.path.hasPrefix("/api/v1/events/{event}") {
            try await server.world.listen()
            _ = try await server.post("balance/refresh", "{\"account_id\":\"{account}\"}")
            try await server.world.settle()
            path = route.path.replacing("{event}", with: try lastEvent(server))
        }
        return (name, try await server.send(route.method, path, body))
    }

    /// A connection and a customer that no other reply needs.
    private func goneWith(_ route: Route, _ server: Server) async throws -> String {
        let view = try await server.world.link("otp", institution: "zenith-bank") { $0.historyMonths = 1 }
        let id = route.path.contains("/customers/") ? view.customerID : view.connectionID
        return "/api/v1/\(route.path.contains("/customers/") ? "customers" : "connections")/\(id ?? "")"
    }

    private func lastEvent(_ server: Server) throws -> String {
        try #require(try server.world.webhooks.bodies().last?["event_id"]?.text)
    }

    /// The examples' days, wide enough for the world's.
    private func widened(_ text: String) -> String {
        text.replacing("2024-01-01", with: "2020-01-01").replacing("2024-12-31", with: "2030-12-31")
    }

    @Test("a customer linked, told, read: the whole of both wires is what it was", arguments: ["error"])
    func errors(_ name: String) async throws {
        try await onDatabase(.sqlite) { test in
            try await Server.run(on: test.database, linking: false) { server in
                let okra = try await server.post("transactions/getByAccount", "{}")
                #expect(try Golden.check("okra-error", okra.json).isEmpty)
                let native = try await server.send(.get, "/api/v1/accounts?limit=0")
                #expect(try Golden.check("native-error", native.json).isEmpty)
            }
        }
    }

    @Test("every kind of webhook keeps its members")
    func webhooks() async throws {
        for payload in ["thin", "complete"] {
            try await onEveryDatabase { database in
                let world = try await World.make(on: database)
                try await world.listen(payload: payload == "thin" ? .thin : .complete)
                let view = try await world.link()
                try await world.settle()
                try await logInAgain(world)
                _ = try await world.services.schedules.change(
                    try #require(view.connectionID), RefreshChange(balance: .every(.oneHour), transactions: .onDemand),
                    in: world.environment())
                try await world.settle()
                try await world.services.connections.remove(
                    try #require(view.connectionID), in: world.environment())
                try await world.settle()
                var seen: Set<String> = []
                for body in try world.webhooks.bodies() {
                    let event = try #require(body["event"]?.text)
                    guard seen.insert(event).inserted else { continue }
                    let problems = try Golden.check("webhook-\(payload)-\(event)", body)
                    #expect(problems.isEmpty, "\(payload) \(event): \(problems.joined(separator: "; "))")
                }
                #expect(seen.count >= 8, "\(seen)")
            }
        }
    }

    /// A login dies and comes back by the link of its event.
    private func logInAgain(_ world: World) async throws {
        _ = try await world.link("consent_expires", institution: "zenith-bank") { $0.historyMonths = 1 }
        try await world.settle()
        try await world.advance(days: 9)
        let event = try #require(try world.webhooks.bodies("record.reauth_required").last)
        let opening = try WidgetOpening(
            options: nil, ref: event["data"]?["reauth_url"]?.text, origin: nil, mode: "page")
        let begun = try await world.services.widgets.begin(opening, institution: "zenith-bank", loginType: nil)
        _ = try await world.services.links.answer(
            sessionID: begun.id, in: world.scope,
            answer: StepAnswer(fields: ["username": "consent_expires", "password": "pass"]), revision: nil)
        try await world.settle()
    }

    @Test("a lost member, a changed kind and a new null are found; an added member passes")
    func detects() throws {
        let then: JSONValue = ["a": "<text>", "b": ["<id>"], "c": ["d": "<number>"], "e": .null]
        #expect(
            Golden.differences(then, ["a": "<text>", "b": ["<id>"], "c": ["d": "<number>"], "e": .null, "f": 1]).isEmpty
        )
        #expect(Golden.differences(then, ["a": "<text>", "b": ["<id>"], "c": [:], "e": .null]) == [".c.d is gone"])
        #expect(
            Golden.differences(then, ["a": "<flag>", "b": ["<id>"], "c": ["d": "<number>"], "e": .null]).count == 1)
        #expect(
            Golden.differences(then, ["a": .null, "b": ["<id>"], "c": ["d": "<number>"], "e": "<text>"]).count == 1)
        #expect(Golden.differences(then, ["a": "<text>", "b": "<id>", "c": ["d": "<number>"], "e": .null]).count == 1)
    }
}
