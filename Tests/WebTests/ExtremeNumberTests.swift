import Domain
import HTTPTypes
import TestKit
import Testing
import Web

/// A sum that overflows ends the process with every tenant's requests in it, so no number of a caller may bring one
/// about.
@Suite("The least and the greatest numbers")
struct ExtremeNumberTests {
    private static let numbers = [Int64.min, .min + 1, -1, 0, .max - 1, .max]
    private static let walks = ["event", "connection", "feed", "queue", "failed"]

    /// Cursors of every list whose numbers a reader can write himself.
    private static let places: [String] = walks.flatMap { walk in
        numbers.flatMap { first in
            [Int64.min, 0, .max].flatMap { second in [Int64.min, .max].map { "\(walk)_\(first)_\(second)_\($0)" } }
        }
    }

    @Test("a list of deliveries takes any cursor, or refuses it, whatever its filter")
    func deliveries() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                try await server.world.listen()
                _ = try await server.post("balance/refresh", "{\"account_id\":\"{account}\"}")
                try await server.world.settle()
                let filters = [
                    "event": "event={event}", "connection": "connection={record}", "feed": "",
                    "queue": "status=waiting",
                    "failed": "status=dead",
                ]
                for cursor in Self.places {
                    let filter = filters[String(cursor.prefix { $0 != "_" })] ?? ""
                    let path = "/api/v1/deliveries?\(filter)&cursor=\(cursor)"
                    let answer = try await server.send(.get, path)
                    #expect(answer.status == (cursor.contains("_-") ? 400 : 200), "\(path): \(answer.text)")
                }
            }
        }
    }

    @Test("no number in a path or a query ends the server")
    func queries() async throws {
        let names = ["limit", "wait", "last", "months", "from", "to", "event_id", "after"]
        let texts = [Int64.min, 0, .max].map(String.init) + ["evt_\(Int64.min)", "evt_1_\(Int64.min)"]
        let cursors =
            texts + ["\(Int64.max)-50"] + [Int64.min, .max].flatMap { ["att_\($0)_\($0)_\($0)", "rpl_\($0)"] }
        let ids = texts + [Int64.min, .max].flatMap { ["dlv_\($0)_\($0)", "att_\($0)_\($0)_\($0)", "rpl_\($0)"] }
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for route in APICatalog.routes where route.method == .get && route.path.hasPrefix("/api/v1") {
                    let path = server.filled(route.path)
                    for cursor in cursors {
                        let answer = try await server.send(.get, "\(path)?cursor=\(cursor)")
                        #expect(answer.status != 500, "\(path) \(cursor): \(answer.text)")
                    }
                    for (name, text) in names.flatMap({ name in texts.map { (name, $0) } }) {
                        let answer = try await server.send(.get, "\(path)?\(name)=\(text)")
                        #expect(answer.status != 500, "\(path) \(name)=\(text): \(answer.text)")
                    }
                    guard let brace = route.path.firstIndex(of: "{") else { continue }
                    for id in ids {
                        let answer = try await server.send(.get, "\(route.path[..<brace])\(id)")
                        #expect(answer.status != 500, "\(route.path) \(id): \(answer.text)")
                    }
                }
            }
        }
    }

    @Test("no number in a body ends the server")
    func bodies() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for route in APICatalog.routes where route.method != .get && route.kind != .production {
                    let example = try? JSONValue(parsing: Array(server.filled(route.example).utf8))
                    let members = example?.members ?? [:]
                    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                        guard case .integer = value, name != "wait_seconds" else { continue }
                        for number in Self.numbers {
                            var changed = members
                            changed[name] = .integer(number)
                            let body = JSONValue.object(changed).encoded
                            let answer = try await server.send(route.method, server.filled(route.path), body)
                            #expect(answer.status != 500, "\(route.path) \(body): \(answer.text)")
                        }
                    }
                }
                // Refused for its days, which are read after the seconds that one would wait.
                for number in Self.numbers {
                    let answer = try await server.send(
                        .post, "/api/v1/sandbox/clock/advance", "{\"days\":1000000000,\"wait_seconds\":\(number)}")
                    #expect(answer.status == 400, "\(answer.text)")
                }
            }
        }
    }
}
