import Domain
import Engine
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Storage
import TestKit
import Testing
import Web

/// A server over a world, with a linked customer and a second tenant that must never see it.
struct Server: Sendable {
    let world: World
    let app: WebApp
    let client: any TestClientProtocol
    /// Ids of what the first tenant linked, by the names that examples use.
    let ids: [String: String]
    let stranger: CreatedTenant

    /// Some months of history are enough for most tests, and quicker to fetch than all.
    static let months = 4

    static func run(
        on database: Database, linking: Bool = true, environments: Set<EnvironmentKind> = [.sandbox],
        settings: WebSettings = WebSettings(logsRequests: false),
        _ body: @Sendable @escaping (Server) async throws -> Void
    ) async throws {
        let world = try await World.make(on: database, environments: environments)
        if linking {
            _ = try await world.link {
                $0.options = ["user": "42"]
                $0.historyMonths = months
            }
            try await world.settle()
        }
        let stranger = try await world.services.tenants.create(name: "Stranger")
        let app = WebApp(services: world.services, settings: settings)
        let ids = linking ? try await knownIDs(world) : [:]
        try await Application(responder: app, services: [app.background]).test(.router) { client in
            try await body(Server(world: world, app: app, client: client, ids: ids, stranger: stranger))
        }
    }

    var secret: String { world.keys().secretKey }

    /// `body` may name ids as examples do: `{customer}`.
    func send(
        _ method: HTTPRequest.Method = .post, _ path: String, _ body: String? = nil, key: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        var fields = HTTPFields()
        fields[.authorization] = (key ?? secret).isEmpty ? nil : "Bearer \(key ?? secret)"
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        let response = try await client.execute(
            uri: filled(path), method: method, headers: fields, body: body.map { ByteBuffer(string: filled($0)) })
        return Answer(
            status: response.status.code, text: String(buffer: response.body), headers: response.headers)
    }

    func post(_ name: String, _ body: String? = nil, key: String? = nil) async throws -> Answer {
        try await send(.post, "/v2/sandbox/\(name)", body, key: key)
    }

    func filled(_ text: String) -> String {
        ids.reduce(text) { text, id in text.replacing("{\(id.key)}", with: id.value) }
    }

    private static func knownIDs(_ world: World) async throws -> [String: String] {
        let environment = world.environment()
        let scope = environment.scope
        let accounts = try await world.services.reads.accounts(
            .all, PageRequest(limit: 1), in: environment, as: TestItems.account)
        let account = try JSONValue(parsing: accounts.items)
        var ids: [String: String] = ["bank": "access-bank", "nonce": "1"]
        ids["client_token"] = world.tenant.clientToken
        ids["public_key"] = world.keys().publicKey
        ids["event_type"] = "balance.success"
        ids["app"] = try await world.services.schedules.apps(in: world.environment()).first?.id
        for name in ["account", "balance", "record", "customer", "nuban"] { ids[name] = account[name]?.text }
        let statements: [(String, String)] = [
            ("transaction", "SELECT id FROM account_transaction WHERE environment_id = $1 ORDER BY id LIMIT 1"),
            (
                "other_transaction",
                """
                SELECT id FROM account_transaction WHERE environment_id = $1 AND account_id = (
                    SELECT account_id FROM account_transaction WHERE environment_id = $1 ORDER BY id LIMIT 1)
                ORDER BY id DESC LIMIT 1
                """
            ),
            ("auth", "SELECT auth_id FROM connection WHERE environment_id = $1"),
            ("identity", "SELECT id FROM identity WHERE environment_id = $1"),
            ("session", "SELECT id FROM link_session WHERE environment_id = $1"),
        ]
        for (name, sql) in statements {
            ids[name] = try await world.core.database.read { db in
                try db.first(sql, [.integer(scope.environmentID)]) { $0.text(0) }
            }
        }
        ids["refresh"] = try await number("SELECT id FROM refresh WHERE environment_id = $1", scope, world).map(
            String.init)
        ids["event"] = try await number("SELECT MIN(id) FROM event WHERE environment_id = $1", scope, world)
            .map { EventID.text($0) }
        let people = try await world.services.reads.identities(
            .all, PageRequest(limit: 1), in: environment, as: TestItems.identity)
        ids["bvn"] = try JSONValue(parsing: people.items)["bvn"]?.text
        return ids
    }

    private static func number(_ sql: String, _ scope: Scope, _ world: World) async throws -> Int64? {
        try await world.core.database.read { db in try db.first(sql, [.integer(scope.environmentID)]) { $0.int(0) } }
    }
}

/// A reply with its body read.
struct Answer: Sendable {
    let status: Int
    let text: String
    let headers: HTTPFields

    var json: JSONValue { (try? JSONValue(parsing: Array(text.utf8))) ?? .null }
    var data: JSONValue { json["data"] ?? .null }
    func list(_ key: String) -> [JSONValue] { data[key]?.elements ?? [] }
    var requestID: String? { HTTPField.Name("x-request-id").flatMap { headers[$0] } }
}

/// Items of the tests' own, so that ids are found without the wire under test.
private enum TestItems {
    static let account = ItemForm(
        RowTemplate(
            AccountColumn.self,
            """
            {"account":$id,"balance":$balance_id,"record":$connection,"customer":$customer_id,"nuban":$number}
            """), TestForms())
    static let identity = ItemForm(RowTemplate(IdentityColumn.self, "{$details}"), TestForms())

    private struct TestForms: RowForms {
        func bank(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func bankDetail(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func bankNamed(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func customer(id: String, name: String?, _ out: inout JSONWriter) { out.null() }
        func account(_ account: AccountFacts, _ out: inout JSONWriter) { out.null() }
        func balanceAccount(_ account: AccountFacts, _ institution: Institution, _ out: inout JSONWriter) { out.null() }
        func periodic(_ balances: [EarlierBalance], owner: String, _ out: inout JSONWriter) { out.null() }
        func status(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
        func products(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
        func usedProducts(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
        func credentials(_ logins: [(ConnectionFacts, AccountFacts, Institution)], _ out: inout JSONWriter) {
            out.null()
        }
        func identity(_ details: IdentityDetails, _ out: inout JSONWriter) { out.member("bvn", details.bvn) }
    }
}
