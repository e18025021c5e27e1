import Domain
import Engine
import HTTPTypes
import TestKit
import Testing
import Web

/// A name that is misspelt is refused before anything is done: a filter that is not looked at is no filter.
@Suite("Names that a request does not take")
struct UnknownNameTests {
    /// What refuses by itself, or takes any name.
    private static let free: Set<String> = [
        "/api/v1/links", "/api/v1/sandbox/customers", "/api/v1/sandbox/scenarios/{scenario}",
        "/api/v1/webhook_endpoints", "/api/v1/connections/{record}/webhook_endpoints",
        "/api/v1/webhook_endpoints/{endpoint}", "/api/v1/connections/{record}/refresh",
    ]

    @Test("every operation of the native API refuses a parameter and a member that it does not know, and names it")
    func everyRoute() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for route in APICatalog.routes where route.wire == .native && route.access == .secretKey {
                    let path = route.path.replacing("{nonce}", with: "1")
                    let body = route.method == .get ? nil : "{}"
                    let answer = try await server.send(route.method, path + "?no_such_parameter=1", body)
                    #expect(answer.status == 400, "\(route.method) \(path): \(answer.text)")
                    #expect(answer.json["error"]?["field"]?.text == "no_such_parameter", "\(path): \(answer.text)")
                    guard route.method != .get, !route.path.hasSuffix("/statements"), !Self.free.contains(route.path)
                    else { continue }
                    let refused = try await server.send(route.method, path, "{\"no_such_member\":null}")
                    #expect(refused.status == 400, "\(route.method) \(path): \(refused.text)")
                    #expect(refused.json["error"]?["field"]?.text == "no_such_member", "\(path): \(refused.text)")
                }
            }
        }
    }

    private struct Slip {
        let method: HTTPRequest.Method
        let path: String
        var body: String?
        let name: String
        let meant: String
    }

    @Test("a slip of the pen is answered with the name that was meant, and nothing is sent, listed or changed")
    func slips() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let made = try await server.send(
                    .post, "/api/v1/webhook_endpoints", "{\"url\":\"https://shop.example/hook\"}")
                let endpoint = try #require(made.json["id"]?.text)
                let keys = try await server.send(.get, "/api/v1/webhook_endpoints/\(endpoint)/keys").text
                for slip in [
                    Slip(
                        method: .post, path: "replays",
                        body: "{\"endpoint\":\"\(endpoint)\",\"type\":[\"balance.*\"],\"from\":\"2020-01-01\"}",
                        name: "type", meant: "types"),
                    Slip(method: .get, path: "deliveries?typ=balance.*", name: "typ", meant: "types"),
                    Slip(method: .get, path: "deliveries/export?evnt=1", name: "evnt", meant: "event"),
                    Slip(method: .get, path: "attempts?outcomes=retry", name: "outcomes", meant: "outcome"),
                    Slip(method: .get, path: "events?aftr=now", name: "aftr", meant: "after"),
                    Slip(
                        method: .post, path: "webhook_endpoints/\(endpoint)/rotate", body: "{\"overlap\":0}",
                        name: "overlap", meant: "overlap_seconds"),
                    Slip(
                        method: .patch, path: "webhook_endpoints/\(endpoint)", body: "{\"event_type\":[\"balance.*\"]}",
                        name: "event_type", meant: "event_types"),
                ] {
                    let answer = try await server.send(slip.method, "/api/v1/\(slip.path)", slip.body)
                    #expect(answer.status == 400, "\(slip.path): \(answer.text)")
                    #expect(answer.json["error"]?["code"]?.text == "invalid_field", "\(answer.text)")
                    #expect(answer.json["error"]?["field"]?.text == slip.name, "\(answer.text)")
                    #expect(
                        answer.json["error"]?["message"]?.text?.contains("`\(slip.meant)`") == true, "\(answer.text)")
                }
                let format = try await server.send(.get, "/api/v1/deliveries/export?format=csv")
                #expect(format.status == 400 && format.json["error"]?["field"]?.text == "format", "\(format.text)")
                let replays = try await server.send(.get, "/api/v1/replays")
                #expect(replays.json["data"]?.elements?.isEmpty == true, "\(replays.text)")
                #expect(try await server.send(.get, "/api/v1/webhook_endpoints/\(endpoint)/keys").text == keys)
            }
        }
    }

    @Test("the feed of events pages by `cursor` too, as every other list")
    func cursor() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let first = try await server.send(.get, "/api/v1/events?limit=1")
                let next = try #require(first.json["next_cursor"]?.text)
                let byAfter = try await server.send(.get, "/api/v1/events?limit=1&after=\(next)")
                let byCursor = try await server.send(.get, "/api/v1/events?limit=1&cursor=\(next)")
                #expect(byCursor.text == byAfter.text)
                #expect(byCursor.json["data"]?.elements?.count == 1)
                #expect(byCursor.text != first.text)
                let both = try await server.send(.get, "/api/v1/events?after=now&cursor=\(next)")
                #expect(both.status == 400 && both.json["error"]?["field"]?.text == "cursor", "\(both.text)")
            }
        }
    }
}
