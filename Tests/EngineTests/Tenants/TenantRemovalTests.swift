import Connectors
import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("A removed business", .timeLimit(.minutes(30))) struct TenantRemovalTests {
    // MARK: what a business may have

    /// A world whose business has something of everything, and deliveries that wait.
    private func filled(_ database: Database, runtime: ManualRuntime? = nil) async throws -> World {
        let world = try await World.make(on: database, runtime: runtime)
        let environment = world.environment()
        try await world.listen(payload: .complete, token: "bearer")
        let view = try await world.link { $0.historyMonths = 2 }
        try await world.settle()
        let account = try #require(
            try await database.read { try AccountStore.list(ID(trusted: view.connectionID ?? ""), world.scope, $0) }
                .first)
        _ = try await world.services.incomes.ask(account: account.id.hex, months: nil, in: environment)
        _ = try await world.services.sandbox.setScenario("ada", ["seed": 7, "volume": "low"], in: environment)
        let order = SandboxOrder(username: "success", amountMinor: 100, narration: "Gift")
        _ = try await world.services.sandbox.post(order, in: environment)
        _ = try await world.services.shortLinks.create(NewWidgetLink(name: "x"), in: environment)
        _ = try await world.services.shortLinks.createReauth(connection: view.connectionID ?? "", in: environment)
        _ = try await world.services.links.begin(BeginLink(institution: "access-bank"), in: environment)
        try await world.advance(days: 2)
        _ = try await world.linkStatement(Statement([("240105", -100, "Bread"), ("240131", 500, "Pay")]).text)
        _ = try await world.upload(Statement([("240201", -100, "Milk")]).text, institution: "zenith-bank")
        try await once(world)
        try await fail(world, view.connectionID ?? "")
        let session = try await world.services.links.begin(BeginLink(institution: "access-bank"), in: environment)
        try await database.write { tx in
            for (table, columns, values) in Self.rare {
                try tx.db.run(
                    "INSERT INTO \(table) (environment_id, \(columns)) VALUES ($1, \(values))",
                    [.integer(environment.id)])
            }
            let reference = "\(environment.id)"
            try LinkReturnStore.create(
                session: session.id, revision: 1, referenceIndex: reference, environment.scope, tx)
        }
        return world
    }

    /// Rows that only rare cases have.
    private static let rare: [(String, String, String)] = [
        (
            "account_gap", "account_id, id, from_on, to_on, amount_minor, basis, state, found_at_ms",
            "'a', 1, '2024-01-01', '2024-01-02', 1, 'x', 'open', 1"
        ),
        ("bank", "institution", "'access-bank'"),
        ("bank_share", "institution, node_id, share, since_ms, until_ms", "'access-bank', 'n', 1, 1, 1"),
        ("feed_floor", "feed, batch, place", "'events', 0, 0"),
        ("sandbox_count", "scenario, institution, username, counter, slot, calls", "'a', 'b', 'c', 'd', 1, 1"),
        ("sandbox_counter", "customers", "1"),
        (
            "sandbox_customer",
            """
            id, position, institution, bank, name, username, password, kind, volume, account_count, identity_percent,
            internet_speed, created_at_ms
            """, "'a', 1, 'b', 'c', 'd', 'e', 'f', 'ind', 'low', 1, 1, 1, 1"
        ),
        ("statement_value_day", "account_id, value_on, transaction_id", "'a', '2024-01-01', 't'"),
        (
            "transaction_lineage", "transaction_id, id, account_id, kind, rule, confidence, at_ms",
            "'t', 'a', 'a', 'matched', 'x', 1, 1"
        ),
        (
            "transaction_ruling", "account_id, id, kind, transaction_id, other_id, content, at_ms",
            "'a', 'b', 'same', 'c', 'd', 'e', 1"
        ),
    ]

    private func once(_ world: World) async throws {
        let request = try IdempotencyService(core: world.core).request("k", content: [1], in: world.environment())
        var change = EndpointChange()
        change.url = "https://shop.example/second"
        change.inFlightMax = 1
        change.ordering = .connection
        let made = try await world.services.endpoints.create(
            change, in: world.environment(), once: Once(request) { _ in .init(status: 201, body: [1]) })
        change.url = "https://shop.example/moved"
        _ = try await world.services.endpoints.update(made.endpoint.id.hex, change, in: world.environment())
    }

    /// The receiver is away: a refresh's events wait for their second attempt, and a replay for its first.
    private func fail(_ world: World, _ connection: String) async throws {
        world.webhooks.answer { _ in WebhookOutcome(status: 503) }
        _ = try await world.services.refreshes.request(
            scope: world.scope, accountID: nil, connectionID: connection, products: [.balance], cause: .demand)
        try await world.settle()
        let endpoint = try #require(try await world.services.endpoints.list(in: world.environment()).first)
        var everything = ReplayRequest()
        everything.types = ["balance.success"]
        _ = try await world.services.replays.create(
            .init(everything, endpoint: endpoint.id.hex, url: "https://shop.example/again"), in: world.environment())
        _ = try await ReplayWork(world.services.replays).tick()
    }

    private func environments(_ world: World) -> [Int64] { world.tenant.environments.map(\.environment.id) }

    private func erase(_ world: World) async throws {
        while try await TenantEraser(core: world.core).tick() {}
    }

    // MARK: everything goes

    @Test("every table with rows of environments is one that a removal empties, or a proof that stays")
    func tables() async throws {
        try await onEveryDatabase { database in
            let tables = try await TenantRows(database: database).tables()
            #expect(
                tables == (ErasureStore.environmentTables + ErasureStore.keptTables).sorted(),
                "a new table belongs into the list of `ErasureStore`")
        }
    }

    @Test("nothing is left of it but the proofs, and all of another business stays as it is")
    func everything() async throws {
        try await onEveryDatabase { database in
            let world = try await filled(database)
            let other = try await filled(database, runtime: world.runtime)
            let rows = TenantRows(database: database)
            let before = try await rows.all(environments(world))
            let empty = Set(ErasureStore.environmentTables).subtracting(before.keys)
            #expect(empty.isEmpty, "nothing fills these; give them a row")
            let kept = try await rows.all(environments(other))
            _ = try await world.services.tenants.remove(world.tenant.clientToken)
            try await erase(world)
            let after = try await rows.all(environments(world))
            #expect(Set(after.keys) == ["consent", "removal"], "\(after.mapValues(\.count))")
            #expect(try await rows.all(environments(other)) == kept)
            let ended = try await database.read { db in
                try db.query("SELECT done_at_ms FROM removal", []) { $0.intOrNil(0) != nil }
            }
            #expect(!ended.isEmpty && ended.allSatisfy { $0 })
            let listed = try await world.services.tenants.list()
            #expect(listed.map(\.id) == [other.tenant.id, world.tenant.id])
            #expect(listed.map { $0.erasedAt != nil } == [false, true])
        }
    }
}
