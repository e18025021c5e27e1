import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

@Suite("Incomes and bank statements by the API")
struct IncomeRouteTests {
    private let path = "/api/v1/accounts/{account}/income"
    private let statement = "/api/v1/accounts/{account}/bank_statement"

    private func total(_ rows: [JSONValue]) -> Int64 {
        rows.reduce(0) { sum, row in if case .integer(let minor)? = row["amount_minor"] { sum + minor } else { sum } }
    }

    @Test("the sandbox bank makes an income of what is earned, and each account has one profile")
    func income() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let none = try await server.send(.get, path)
                #expect(none.status == 404 && none.json["error"]?["code"] == "not_found")
                let asked = try await server.send(.post, path, "{\"months\":12}")
                #expect(asked.status == 200 && asked.json["state"] == "ready", "\(asked.text)")
                let shown = try await server.send(.get, path)
                #expect(shown.json == asked.json)
                var streams: [JSONValue] = []
                for account in try await server.send(.get, "/api/v1/accounts").json["data"]?.elements ?? [] {
                    let income = "/api/v1/accounts/\(account["id"]?.text ?? "")/income"
                    streams += try await server.send(.post, income, "{}").json["income"]?["streams"]?.elements ?? []
                }
                #expect(streams.contains { $0["kind"] == "salary" && $0["frequency"] == "monthly" })
                let again = try await server.send(.post, path, "{}")
                #expect(again.json["id"] == asked.json["id"] && again.json["months"] == .null)
                for body in ["{\"months\":0}", "{\"months\":13}", "{\"months\":\"six\"}", "{\"month\":6}"] {
                    #expect(try await server.send(.post, path, body).status == 400, "\(body)")
                }
                for id in ["ffffffffffffffffffffffff", "none"] {
                    let reply = try await server.send(.post, "/api/v1/accounts/\(id)/income", "{}")
                    #expect(reply.status == 404 && reply.json["error"]?["code"] == "not_found")
                }
            }
        }
    }

    @Test("a statement has the booked rows of its months, as many as it says, and keeps none")
    func statements() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let read = try await server.send(.get, statement + "?months=1")
                #expect(read.status == 200, "\(read.text)")
                let rows = read.json["rows"]?.elements ?? []
                #expect(!rows.isEmpty && read.json["count"] == .integer(Int64(rows.count)))
                let from = try #require(read.json["from"]?.text)
                var known: [JSONValue] = []
                var cursor = ""
                repeat {
                    let page = try await server.send(
                        .get, "/api/v1/accounts/{account}/transactions?limit=200&from=\(from)\(cursor)")
                    known += (page.json["data"]?.elements ?? []).filter { $0["status"] == "booked" }
                    cursor = page.json["next_cursor"]?.text.map { "&cursor=\($0)" } ?? ""
                } while !cursor.isEmpty
                #expect(rows.count == known.count && total(rows) == total(known))
                let newest = rows.map { $0["booked_on"]?.text ?? "" }
                #expect(newest == newest.sorted(by: >))
                for query in ["", "?months=0", "?months=13", "?months=x", "?months=1&format=pdf"] {
                    #expect(try await server.send(.get, statement + query).status == 400, "\(query)")
                }
            }
        }
    }

    @Test("an account that is fed by files has neither, and says so; an institution says what it has")
    func unsupported() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let offered = try await server.send(.get, "/api/v1/institutions/access-bank")
                #expect(offered.json["offers"]?["income"] == true && offered.json["offers"]?["bank_statement"] == true)
                let live = server.world.keys(.production).secretKey
                let files = try await server.send(.get, "/api/v1/institutions/access-bank", key: live)
                #expect(files.json["offers"]?["income"] == false && files.json["offers"]?["bank_statement"] == false)
                try await database.write { tx in
                    try tx.db.run("UPDATE connection SET connector = 'file'", [])
                }
                for (method, path) in [
                    (HTTPRequest.Method.post, path), (.get, path), (.get, statement + "?months=1"),
                ] {
                    let reply = try await server.send(method, path, method == .post ? "{}" : nil)
                    #expect(reply.status == 404 && reply.json["error"]?["code"] == "unsupported", "\(reply.text)")
                }
            }
        }
    }
}
