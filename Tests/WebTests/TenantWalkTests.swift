import Domain
import Engine
import HTTPTypes
import TestKit
import Testing
import Web

@Suite("Tenants never meet")
struct TenantWalkTests {
    /// Members of a reply that would tell of the other tenant. Ids of institutions are everybody's.
    private static let secrets = ["account", "balance", "record", "customer", "auth", "identity", "transaction", "bvn"]

    /// Operations that say which of the ids that they were sent are unknown.
    private static let echoed = ["record": "/callback/trigger", "transaction": "/transactions/lookup"]

    @Test("with every id of another tenant, every operation tells a stranger nothing")
    func walk() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let keys = server.stranger.environments
                for route in APICatalog.routes where route.access != .open {
                    let kind = route.kind ?? .sandbox
                    let key = try #require(keys.first { $0.environment.kind == kind }).keys.secretKey
                    let (path, body) = request(route)
                    let answer = try await server.send(route.method, path, body, key: key)
                    check(answer, route, server)
                    if let without = unknown(route) {
                        let twin = try await server.send(route.method, without.path, without.body, key: key)
                        #expect(twin.status == answer.status, "\(route.path): others' and unknown ids differ")
                    }
                }
                let mine = try await server.post("products/accounts")
                #expect(mine.text.contains(server.filled("{account}")), "the owner still sees it")
            }
        }
    }

    @Test("the owner's own production key sees nothing of the sandbox")
    func environments() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let key = server.world.keys(.production).secretKey
                for route in APICatalog.routes where route.access == .secretKey && route.kind != .sandbox {
                    let (path, body) = request(route)
                    check(try await server.send(route.method, path, body, key: key), route, server)
                }
            }
        }
    }

    private func request(_ route: Route) -> (path: String, body: String?) {
        guard route.method == .get, let members = try? JSONValue(parsing: Array(route.example.utf8)).members else {
            return (route.path, route.example)
        }
        let query = members.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text ?? "")" }
        return (query.isEmpty ? route.path : "\(route.path)?\(query.joined(separator: "&"))", nil)
    }

    /// The same request with an id that nobody has; nil when it names none.
    private func unknown(_ route: Route) -> (path: String, body: String?)? {
        let (path, body) = request(route)
        func without(_ text: String) -> String {
            ["account", "balance", "record", "customer", "auth", "identity", "transaction"].reduce(text) { text, name in
                text.replacing("{\(name)}", with: "ffffffffffffffffffffffff")
            }
        }
        let changed = (path: without(path), body: body.map(without))
        return changed.path == path && changed.body == body ? nil : changed
    }

    private func check(_ answer: Answer, _ route: Route, _ server: Server) {
        let what = "\(route.method) \(route.path): \(answer.status) \(answer.text.prefix(200))"
        #expect(answer.status < 500, "\(what)")
        for name in Self.secrets {
            guard let id = server.ids[name], Self.echoed[name].map({ !route.path.hasSuffix($0) }) ?? true else {
                continue
            }
            #expect(!answer.text.contains(id), "\(name) leaks: \(what)")
        }
        guard (200..<300).contains(answer.status), !route.path.contains("/banks/") else { return }
        for key in [
            "accounts", "auths", "balance", "balances", "transaction", "trans", "identity", "identities", "records",
        ] {
            if case .array(let rows)? = answer.data[key] { #expect(rows.isEmpty, "\(what)") }
        }
        // The walk itself made endpoints, logins and links.
        let own = [
            "/webhook_endpoints", "/sandbox/customers", "/sandbox/scenarios", "/links", "/apps", "/institutions",
        ]
        let isOwn = own.contains { route.path.hasSuffix($0) }
        if !isOwn, route.wire == .native, case .array(let rows)? = answer.json["data"], route.method == .get {
            #expect(rows.isEmpty, "\(what)")
        }
    }
}
