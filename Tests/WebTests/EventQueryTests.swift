import Domain
import Foundation
import HTTPTypes
import Storage
import TestKit
import Testing

@testable import Engine

/// A thin webhook leads to exactly what has changed: each is followed over HTTP, as a receiver does.
@Suite("Where thin events lead")
struct EventQueryTests {
    /// A pending row that posts, and one that vanishes.
    private static let script = """
        {"consent": "30d", "rows": [
          {"amount_minor": -1250000, "narration": "POS AUTH ONE", "pending": true, "posts_after": "2d",
           "posts_amount_minor": -1312050, "posts_narration": "POS PUR ONE"},
          {"amount_minor": -800000, "narration": "POS AUTH TWO", "pending": true, "vanishes_after": "1d"}]}
        """

    @Test("following the query of every thin event gets exactly the rows that it tells of")
    func follow() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let world = server.world
                try await world.listen()
                let view = try await world.link("ada", password: Self.script) { $0.historyMonths = 1 }
                try await world.settle()
                let record = try #require(view.connectionID)
                _ = try await world.link("locked")
                try await incomes(server)
                var followed = try await followAll(server)
                try await world.advance(days: 5)
                followed.formUnion(try await followAll(server))
                try await tellRest(server, record)
                followed.formUnion(try await followAll(server))
                #expect(try await server.send(.delete, "/api/v1/connections/\(record)").status == 204)
                try await world.settle()
                followed.formUnion(try await followAll(server))
                let live = Set(EventCatalog.all.filter { !$0.isPlanned }.map(\.name))
                #expect(followed == live, "not followed: \(live.subtracting(followed).sorted())")
            }
        }
    }

    /// One that is made; the other one is told by `drafts`.
    private func incomes(_ server: Server) async throws {
        let list = try await server.send(.get, "/api/v1/accounts?limit=1")
        let account = try #require(list.json["data"]?.elements?.first?["id"]?.text)
        let asked = try await server.send(.post, "/api/v1/accounts/\(account)/income", "{}")
        #expect(asked.status == 200 && asked.json["state"] == "ready", "\(asked.text)")
        try await server.world.settle()
    }

    /// Follows what came since the last time.
    /// - Returns: the names of the events.
    private func followAll(_ server: Server) async throws -> Set<String> {
        let bodies = try server.world.webhooks.bodies()
        server.world.webhooks.forget()
        var names: Set<String> = []
        for body in bodies {
            let name = try #require(body["event"]?.text)
            names.insert(name)
            try await follow(body, name, server)
        }
        return names
    }

    private func follow(_ body: JSONValue, _ name: String, _ server: Server) async throws {
        let query = try #require(body["data"]?["query"])
        let path = try #require(query["path"]?.text)
        let method = try #require(query["method"]?.text.flatMap { HTTPRequest.Method($0) })
        let reply = try await server.send(method, path, query["body"]?.unlessNull?.encoded)
        #expect(reply.status == 200, "\(name): \(path) answers \(reply.text)")
        let ids = (query["ids"]?.elements ?? []).compactMap(\.text)
        #expect(query["count"] == .integer(Int64(ids.count)))
        #expect(shown(reply.json).sorted() == ids.sorted(), "\(name): \(path)")
        guard name.hasPrefix("transaction."), name != "transaction.failed" else { return }
        let gone = Set((reply.json["gone"]?.elements ?? []).compactMap(\.text))
        for row in reply.json["data"]?.elements ?? [] { #expect(row["account"] == body["data"]?["account"], "\(name)") }
        if name == "transaction.removed" { #expect(gone == Set(ids)) }
        if name == "transaction.updated" { #expect(gone.isEmpty) }
    }

    /// The ids of what a reply shows.
    private func shown(_ reply: JSONValue) -> [String] {
        if let rows = reply["data"]?.elements {
            let gone = reply["gone"]?.elements ?? []
            return rows.compactMap { ($0["event_id"] ?? $0["id"])?.text } + gone.compactMap(\.text)
        }
        return [(reply["id"] ?? reply["account"] ?? reply["connection"])?.text].compactMap { $0 }
    }

    // MARK: what takes its time, or has its own tests

    private func tellRest(_ server: Server, _ record: String) async throws {
        let world = server.world
        let environment = world.environment()
        _ = try await world.services.schedules.change(record, RefreshChange(isPaused: true), in: environment)
        let endpoint = try #require(
            try await world.core.database.read { try EndpointStore.list(environment.scope, source: .environment, $0) }
                .first)
        try await merge(server)
        try await world.core.sequence.fill()
        let id = try #require(ID<Connection>(record))
        try await world.core.database.write { tx in
            let outbox = Outbox(core: world.core)
            let now = environment.virtual(world.runtime.now())
            let connection = try #require(try ConnectionStore.find(id, environment.scope, tx.db))
            let refresh = try #require(
                try tx.db.first("SELECT id FROM refresh WHERE connection_id = $1 LIMIT 1", [.id(id)]) { $0.int(0) })
            let account = try #require(try AccountStore.list(id, environment.scope, tx.db).first)
            let context = EventContext(
                environment: environment, connection: connection, customerName: nil, bvn: nil, startedAt: now,
                now: now, publicURL: "https://kubewa.example", refreshID: refresh)
            try outbox.emit(drafts(account, now), context, tx)
            let income = try #require(
                try AccountStore.list(id, environment.scope, tx.db).compactMap {
                    try IncomeStore.find($0.id, environment.scope, tx.db)
                }.first)
            try outbox.emit([Drafts.incomeFailed(income, ConnectorError(.dataIncomplete))], context, tx)
            for draft in [
                Drafts.endpointTest(endpoint.id),
                Drafts.endpointFailing(endpoint.id, hours: 24, since: now, failures: 3, lastError: "timeout"),
                Drafts.endpointDisabled(endpoint.id, reason: "manual", since: nil),
            ] {
                try outbox.emit(draft, in: environment, at: now, tx)
            }
        }
        let notice = HealthNotice(core: world.core)
        for health in [InstitutionHealth.degraded, .down, .healthy] {
            world.runtime.advance(milliseconds: BankGate.healthMs)
            let now = environment.virtual(world.runtime.now())
            try await notice.change(BankKey("access-bank", environment), to: health, at: now)
        }
        try await world.settle()
    }

    private func drafts(_ account: Account, _ now: Instant) -> [EventDraft] {
        let error = ConnectorError(.providerUnavailable)
        let gap = CompletenessGap(window: DayWindow(from: now.day(), to: now.day()), minor: 100)
        let link = "https://kubewa.example/l/abc"
        let failed = [
            (Product.accounts, "ACCOUNTS"), (.balance, "BALANCE"), (.transactions, "TRANSACTIONS"),
            (.identity, "IDENTITY"),
        ]
        return failed.map { Drafts.failed($0.0, method: $0.1, error) } + [
            Drafts.gap(gap, of: account, isClosed: false), Drafts.gap(gap, of: account, isClosed: true),
            Drafts.healed(consentExpiresAt: nil), Drafts.reauthRequired(error, url: link, until: nil),
            Drafts.consentExpiring(daysLeft: 3, at: nil, url: link, until: nil),
            Drafts.consentExpired(at: nil, url: link, until: nil),
            Drafts.statementDue(since: now.day(), on: now.day(), url: link, until: nil),
        ]
    }

    /// Two rows are ruled to be one, and then two again.
    private func merge(_ server: Server) async throws {
        let list = try await server.send(.get, "/api/v1/accounts?limit=1")
        let account = try #require(list.json["data"]?.elements?.first?["id"]?.text)
        let rows = try await server.send(.get, "/api/v1/accounts/\(account)/transactions?limit=2")
        let ids = (rows.json["data"]?.elements ?? []).compactMap { $0["id"]?.text }
        try #require(ids.count == 2)
        let merged = try await server.send(
            .post, "/api/v1/transactions/\(ids[0])/merge", "{\"with\":\"\(ids[1])\"}")
        #expect(merged.status == 200, "\(merged.text)")
        try await server.world.settle()
        let split = try await server.send(.post, "/api/v1/transactions/\(ids[0])/split", "{}")
        #expect(split.status == 200, "\(split.text)")
    }

    @Test("a lookup refuses what it cannot look up, and names what is gone")
    func lookup() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let path = "/api/v1/transactions/lookup"
                let unknown = "ffffffffffffffffffffffff"
                let mixed = try await server.send(.post, path, "{\"ids\":[\"\(unknown)\",\"{transaction}\"]}")
                #expect(mixed.status == 200)
                #expect(mixed.json["data"]?.elements?.map { $0["id"]?.text } == [server.filled("{transaction}")])
                #expect(mixed.json["gone"] == [.string(unknown)])
                #expect(mixed.json["freshness"]?.elements?.count == 1)
                for (body, status) in [
                    ("{}", 400), ("{\"event_id\":\"nothing\"}", 400), ("{\"event_id\":\"evt_9\"}", 404),
                    ("{\"event_id\":\"{event}\"}", 400), ("{\"ids\":[],\"event_id\":\"{event}\"}", 400),
                ] {
                    #expect(try await server.send(.post, path, body).status == status, "\(body)")
                }
                let stranger = server.stranger.environments[0].keys.secretKey
                let others = try await server.send(.post, path, "{\"ids\":[\"{transaction}\"]}", key: stranger)
                #expect(others.json["data"] == [] && others.json["gone"] == [.string(server.filled("{transaction}"))])
            }
        }
    }

    @Test("the catalogue is told to anyone, each event with its schema and its example")
    func catalogue() async throws {
        try await onDatabase(.sqlite) { test in try await Server.run(on: test.database, linking: false, told) }
    }

    private var told: @Sendable (Server) async throws -> Void {
        { server in
            let list = try await server.send(.get, "/api/v1/event_types", key: "")
            let names = (list.json["data"]?.elements ?? []).compactMap { $0["name"]?.text }
            #expect(names == EventCatalog.all.map(\.name))
            for name in names {
                let one = try await server.send(.get, "/api/v1/event_types/\(name)", key: "")
                #expect(one.status == 200)
                for extent in ["thin", "complete"] {
                    guard let schema = one.json["schemas"]?[extent]?.unlessNull else { continue }
                    let example = try #require(one.json["examples"]?[extent])
                    #expect(SchemaCheck().problems(example, schema).isEmpty, "\(name) \(extent)")
                }
            }
            #expect(try await server.send(.get, "/api/v1/event_types/balance.error", key: "").status == 404)
        }
    }
}
