import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

/// Every operation that changes something can be repeated under its `Idempotency-Key`, also when the process died
/// between the change and its answer.
@Suite("Repeated requests")
struct RepeatTests {
    /// The bank answers in the middle of these, so they commit more than once.
    private let inSteps: Set<String> = [
        "/api/v1/link_sessions/{session}/answers",
        // A second file finds another step.
        "/api/v1/link_sessions/{session}/file",
    ]
    /// It waits for a delivery, which nobody makes here: IdempotencyTests try it.
    private let waiting = "/api/v1/webhook_endpoints/{endpoint}/test"

    @Test("every operation either changes nothing, or commits its answer together with what it changes")
    func walk() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let tables = try await Tables(database)
                var changing = 0
                for route in APICatalog.routes
                where route.method != .get && route.access != .open && route.kind != .production {
                    guard route.path != waiting else {
                        #expect(route.commitsReply)
                        continue
                    }
                    guard !inSteps.contains(route.path) else {
                        #expect(route.keepsReply || route.path.hasSuffix("/file"), "\(route.path)")
                        continue
                    }
                    let sample = try await Sample(route, server)
                    if route.commitsReply {
                        changing += 1
                        try await changes(sample, tables, server)
                    } else {
                        let before = try await tables.content()
                        _ = try await sample.send("untouched", server)
                        let after = try await tables.content()
                        #expect(
                            before == after,
                            "\(sample.name) changes \(tables.different(before, after)) without `commitsReply`")
                    }
                }
                #expect(changing > 20)
            }
        }
    }

    /// One that dies before its answer is kept has changed nothing; one that is done answers again what it answered.
    private func changes(_ sample: Sample, _ tables: Tables, _ server: Server) async throws {
        let before = try await tables.content()
        try await tables.refuseAnswers()
        let broken = try await sample.send(sample.key, server)
        try await tables.takeAnswers()
        #expect(broken.status >= 400, "\(sample.name) answers without keeping the answer: \(broken.status)")
        let unchanged = try await tables.content()
        #expect(
            before == unchanged,
            "\(sample.name) commits \(tables.different(before, unchanged)) before its answer is kept")

        let first = try await sample.send(sample.key, server)
        #expect((200..<300).contains(first.status), "\(sample.name): \(first.status) \(first.text.prefix(300))")
        let changed = try await tables.content()
        #expect(changed != unchanged, "\(sample.name) changed nothing, so this proves nothing")

        let again = try await sample.send(sample.key, server)
        #expect(again.status == first.status, "\(sample.name): \(again.text.prefix(300))")
        #expect(again.text == first.text, "\(sample.name)")
        #expect(again.headers[.init("idempotency-replayed")!] == "true", "\(sample.name)")
        let repeated = try await tables.content()
        #expect(repeated == changed, "\(sample.name) changes \(tables.different(changed, repeated)) again")

        let other = try await sample.send(sample.key, server, body: sample.body + " ")
        #expect(
            other.status == 409 && other.code == "idempotency_mismatch", "\(sample.name): \(other.text.prefix(300))")
        try await server.world.settle()
    }

    @Test("answers of a link session are kept after the last of their steps")
    func steps() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.send(.post, "/api/v1/link_sessions", "{\"institution\":\"access-bank\"}")
                let path = "/api/v1/link_sessions/\(made.json["id"]?.text ?? "")/answers"
                let body = "{\"fields\":{\"username\":\"otp\",\"password\":\"pass\"}}"
                let key = [("Idempotency-Key", "answer-1")]
                let first = try await server.send(.post, path, body, headers: key)
                #expect(first.status == 200)
                let again = try await server.send(.post, path, body, headers: key)
                #expect(again.text == first.text && again.headers[.init("idempotency-replayed")!] == "true")
                let other = try await server.send(.post, path, "{\"fields\":{\"otp\":\"0000\"}}", headers: key)
                #expect(other.status == 409)
            }
        }
    }

    @Test("a key belongs to its environment, and to one operation")
    func environments() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false, environments: [.sandbox, .production]) { server in
                let key = [("Idempotency-Key", "one")]
                let body = "{\"name\":\"x\"}"
                let mine = try await server.send(.post, "/api/v1/links", body, headers: key)
                #expect(mine.status == 201)
                for other in [server.world.keys(.production), server.stranger.environments[0].keys] {
                    let theirs = try await server.send(.post, "/api/v1/links", body, key: other.secretKey, headers: key)
                    #expect(theirs.status == 201 && theirs.json["id"] != mine.json["id"])
                }
                let elsewhere = try await server.send(.post, "/v2/sandbox/links/new", body, headers: key)
                #expect(elsewhere.status == 409, "another operation is another request")
            }
        }
    }
}

/// A request that an operation takes, with whatever it needs made before.
private struct Sample {
    let route: Route
    let name: String
    let key: String
    var path: String
    var body: String

    init(_ route: Route, _ server: Server) async throws {
        self.route = route
        name = "\(route.method.rawValue) \(route.path)"
        key = "key-of-\(route.method.rawValue)-\(route.path)"
        path = route.path
        body = route.example.replacing("{nonce}", with: String(route.path.count))
            .replacing("https://example.com/hook", with: "https://example.com/\(route.path.count)")
        try await prepare(server)
    }

    func send(_ key: String, _ server: Server, body: String? = nil) async throws -> Answer {
        try await server.send(route.method, path, body ?? self.body, headers: [("Idempotency-Key", key)])
    }

    private mutating func prepare(_ server: Server) async throws {
        switch route.path {
        case "/v2/sandbox/customers/generate": body = "{\"number\":2,\"create\":true}"
        case "/api/v1/sandbox/transactions":
            body =
                "{\"username\":\"success\",\"institution\":\"access-bank\",\"amount_minor\":5000,\"narration\":\"x\"}"
        case "/api/v1/connections/{record}/statements": body = try await statement(1, server)
        default: break
        }
        path = path.replacing("{scenario}", with: "mine")
        if path.contains("{statement}") {
            let made = try await server.send(
                .post, "/api/v1/connections/{record}/statements", try await statement(body.utf8.count + 2, server))
            path = path.replacing("{statement}", with: try made.id("statement"))
        }
        if path.contains("{session}") {
            let made = try await server.send(.post, "/api/v1/link_sessions", "{\"institution\":\"access-bank\"}")
            path = path.replacing("{session}", with: try made.id("session"))
        }
        if path.contains("{link}") {
            path = path.replacing(
                "{link}", with: try await server.send(.post, "/api/v1/links", "{\"name\":\"x\"}").id("link"))
        }
        if path.contains("{endpoint}") {
            path = path.replacing("{endpoint}", with: try await endpoint(server))
            for (state, before) in [("resume", "pause"), ("enable", "disable")] where path.hasSuffix("/\(state)") {
                _ = try await server.send(.post, path.replacing("/\(state)", with: "/\(before)"))
            }
        }
        if body.contains("{endpoint}") { body = body.replacing("{endpoint}", with: try await endpoint(server)) }
        if path.contains("{replay}") {
            let order = "{\"event\":\"{event}\",\"endpoint\":\"\(try await endpoint(server))\"}"
            let made = try await server.send(.post, "/api/v1/replays", order)
            path = path.replacing("{replay}", with: try made.id("replay"))
        }
        guard route.method == .delete else { return }
        if path.hasSuffix("/connections/{record}") || path.hasSuffix("/customers/{customer}") {
            let view = try await server.world.link("otp", institution: "zenith-bank") { $0.historyMonths = 1 }
            try await server.world.settle()
            path = path.replacing("{record}", with: view.connectionID ?? "")
            path = path.replacing("{customer}", with: view.customerID ?? "")
        }
    }

    private func endpoint(_ server: Server) async throws -> String {
        let url = "https://shop.example/\(name.filter(\.isLetter))"
        return try await server.send(.post, "/api/v1/webhook_endpoints", "{\"url\":\"\(url)\"}").id("endpoint")
    }

    /// A file of the account that every id in the examples belongs to.
    private func statement(_ minor: Int, _ server: Server) async throws -> String {
        let account = try await server.send(.get, "/api/v1/accounts/{account}")
        return """
            :20:X\r\n:25:\(account.json["number"]?.text ?? "")\r\n:28C:1/1\r\n:60F:C200101NGN1,00\r
            :61:2001010101C\(minor),00NMSCNONREF\r\n:86:Interest\r\n:62F:C200101NGN\(minor + 1),00\r\n-\r\n
            """
    }
}

/// What stands in all tables, but for those of the machinery.
private struct Tables: Sendable {
    /// Numbers are taken in advance, and burnt when they are not used; keys are what is tried here.
    private static let ignored: Set<String> = ["idempotency", "id_block"]

    private let database: Database
    private let columns: [String: [String]]

    init(_ database: Database) async throws {
        self.database = database
        let isSQLite = database.dialect == .sqlite
        columns = try await database.read { db in
            let names = try db.query(
                isSQLite
                    ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                    : "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", []
            ) { $0.text(0) }
            var columns: [String: [String]] = [:]
            for name in names where !Self.ignored.contains(name) {
                columns[name] =
                    isSQLite ? try db.query("SELECT name FROM pragma_table_info('\(name)')", []) { $0.text(0) } : []
            }
            return columns
        }
    }

    func content() async throws -> [String: Int] {
        let columns = columns
        let isSQLite = database.dialect == .sqlite
        return try await database.read { db in
            try columns.reduce(into: [String: Int]()) { found, table in
                let sql: String
                if isSQLite {
                    let row = table.value.map { "quote(\($0))" }.joined(separator: " || ',' || ")
                    sql =
                        """
                        SELECT COALESCE(group_concat(x, char(10)), '')
                        FROM (SELECT \(row) AS x FROM \(table.key) ORDER BY 1)
                        """
                } else {
                    sql = "SELECT COALESCE(string_agg(t::text, chr(10) ORDER BY t::text), '') FROM \(table.key) t"
                }
                found[table.key] = try db.first(sql, []) { $0.text(0).hashValue }
            }
        }
    }

    func different(_ one: [String: Int], _ other: [String: Int]) -> [String] {
        one.keys.filter { one[$0] != other[$0] }.sorted()
    }

    /// From here on the moment at which an answer is kept is the moment at which the process dies.
    func refuseAnswers() async throws {
        let isSQLite = database.dialect == .sqlite
        try await database.write { tx in
            if isSQLite {
                _ = try tx.db.run(
                    "CREATE TRIGGER refused BEFORE UPDATE ON idempotency BEGIN SELECT RAISE(ABORT, 'dies'); END", [])
            } else {
                _ = try tx.db.run(
                    """
                    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'dies'; END $$
                    """, [])
                _ = try tx.db.run(
                    "CREATE TRIGGER refused BEFORE UPDATE ON idempotency FOR EACH ROW EXECUTE FUNCTION refuse()", [])
            }
        }
    }

    func takeAnswers() async throws {
        let isSQLite = database.dialect == .sqlite
        try await database.write { tx in
            _ = try tx.db.run(isSQLite ? "DROP TRIGGER refused" : "DROP TRIGGER refused ON idempotency", [])
        }
    }
}

extension Answer {
    var code: String? { (json["error"]?["code"] ?? json["code"])?.text }

    fileprivate func id(_ what: String) throws -> String {
        try #require(json["id"]?.text, "no \(what): \(status) \(text.prefix(200))")
    }
}
