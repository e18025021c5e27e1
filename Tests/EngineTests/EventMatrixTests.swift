import Domain
import Storage
import TestKit
import Testing

@testable import Engine

/// Every product comes to an end that is told, good or bad, and what is told is as its schema says.
@Suite("Events by product and outcome")
struct EventMatrixTests {
    private static let thinURL = "https://other.example/hook"
    /// What nothing fires yet.
    private static let planned: Set<String> = ["payment"]
    private static let products = ["auth", "accounts", "balance", "transaction", "identity", "income", "payment"]

    /// Sends complete bodies to the environment's URL and thin ones to the link's.
    private func linked(
        _ database: Database, _ user: String, _ password: String = "pass", months: Int = 1,
        _ change: @escaping (inout BeginLink) -> Void = { _ in }
    ) async throws -> World {
        let world = try await World.make(on: database)
        try await world.listen(payload: .complete)
        _ = try await world.link(user, password: password) {
            $0.historyMonths = months
            $0.callbackURL = Self.thinURL
            change(&$0)
        }
        try await world.settle()
        return world
    }

    private func ask(_ world: World, _ connection: String, _ products: [Product]) async throws {
        _ = try await world.services.refreshes.request(
            scope: world.scope, accountID: nil, connectionID: connection, products: Set(products), cause: .demand)
        try await world.settle()
    }

    /// Another login, which is refreshed on demand alone.
    /// - Returns: its connection.
    private func login(_ world: World, _ name: String, _ script: String) async throws -> String {
        let view = try await world.link(name, password: script) {
            $0.historyMonths = 1
            $0.callbackURL = Self.thinURL
            $0.refresh = false
        }
        try await world.settle()
        return try #require(view.connectionID)
    }

    /// Checks every body that a world has sent.
    /// - Returns: the names of the events.
    private func check(_ world: World) throws -> Set<String> {
        var names: Set<String> = []
        for request in world.webhooks.requests {
            let body = try JSONValue(parsing: request.body)
            let name = try #require(body["event"]?.text)
            let type = try #require(EventCatalog.find(name))
            #expect(!type.isPlanned, "\(name) was fired")
            let isComplete = request.url == World.webhookURL && type.hasComplete
            // What has no complete body is sent thin to everyone.
            let schemas = isComplete ? [true, false] : [false]
            let problems = schemas.map {
                SchemaCheck().problems(body, type.schema(isComplete: $0).json)
            }
            #expect(problems.contains { $0.isEmpty }, "\(name): \(problems[0])")
            names.insert(name)
        }
        return names
    }

    @Test("each product that is offered tells of its success and of its failure, thin and complete as its schema says")
    func matrix() async throws {
        try await onEveryDatabase { database in
            let world = try await linked(database, "success")
            // A login that is locked while linking.
            _ = try await world.link("locked") { $0.callbackURL = Self.thinURL }
            let unread = try await login(
                world, "ada", #"{"rules": [{"from": "1h", "on": ["balance", "transactions"], "error": "bank_error"}]}"#)
            let unlisted = try await login(
                world, "bola", #"{"rules": [{"from": "1h", "on": ["accounts"], "error": "user_locked"}]}"#)
            _ = try await login(world, "chi", #"{"rules": [{"on": ["identity"], "error": "user_locked"}]}"#)
            try await incomes(world)
            let failed = try world.webhooks.requests.filter {
                try JSONValue(parsing: $0.body)["event"]?.text == "auth.failed"
            }
            #expect(Set(failed.map(\.url)) == [World.webhookURL, Self.thinURL], "both endpoints hear of it")
            try await world.advance(days: 2)
            try await ask(world, unread, [.balance, .transactions])
            try await ask(world, unlisted, [.balance])
            try await world.advance(days: 1)
            let told = try check(world)
            for product in Self.products {
                for outcome in EventType.Outcome.allCases {
                    let name = "\(product).\(outcome.rawValue)"
                    let type = try #require(EventCatalog.find(name), "\(name) is in no catalogue")
                    #expect(type.isPlanned == Self.planned.contains(product))
                    #expect(told.contains(name) == !type.isPlanned, "\(name)")
                }
            }
        }
    }

    /// One that is made, and one that cannot be.
    private func incomes(_ world: World) async throws {
        for (name, script) in [
            ("eno", #"{"about": "as usual"}"#),
            ("femi", #"{"rules": [{"on": ["income"], "error": "data_incomplete"}]}"#),
        ] {
            let connection = ID<Connection>(trusted: try await login(world, name, script))
            let accounts = try await world.core.database.read { try AccountStore.list(connection, world.scope, $0) }
            let account = try #require(accounts.first).id.hex
            _ = try await world.services.incomes.ask(account: account, months: nil, in: world.environment())
        }
        try await world.settle()
    }

    @Test("what happens to records in time is told as its schema says")
    func life() async throws {
        try await onEveryDatabase { database in
            let script = """
                {"consent": "20d", "rows": [{"amount_minor": -1250000, "narration": "POS AUTH", "pending": true,
                  "posts_after": "2d", "posts_amount_minor": -1312050, "posts_narration": "POS PUR"}]}
                """
            let world = try await linked(database, "ada", script)
            try await world.advance(days: 25)
            _ = try await world.services.schedules.change(
                try #require(try await connection(world)), RefreshChange(isPaused: true), in: world.environment())
            try await world.settle()
            let told = try check(world)
            for name in [
                "consent.expiring", "consent.expired", "record.reauth_required", "refresh.phase_changed",
                "refresh.interval_changed", "transaction.updated",
            ] {
                #expect(told.contains(name), "\(name)")
            }
        }
    }

    private func connection(_ world: World) async throws -> String? {
        try await world.core.database.read {
            try $0.first("SELECT id FROM connection ORDER BY id LIMIT 1") { $0.text(0) }
        }
    }

    @Test("names are unique, each outcome of a product is told apart, and every example is as its schema says")
    func examples() throws {
        #expect(Set(EventCatalog.all.map(\.name)).count == EventCatalog.all.count)
        for type in EventCatalog.all {
            for isComplete in type.hasComplete ? [false, true] : [false] {
                let example = try JSONValue(parsing: EventExamples.body(of: type, isComplete: isComplete))
                let problems = SchemaCheck().problems(example, type.schema(isComplete: isComplete).json)
                #expect(problems.isEmpty, "\(type.name): \(problems)")
            }
            #expect(type.isError == (type.outcome == .failed) || type.outcome == nil, "\(type.name)")
        }
    }

    @Test("the check of schemas finds what is wrong")
    func check() throws {
        let schema = EventCatalog.balance.schema(isComplete: false).json
        let example = try JSONValue(parsing: EventExamples.body(of: EventCatalog.balance, isComplete: false))
        var members = try #require(example.members)
        members["surprise"] = true
        #expect(SchemaCheck().problems(.object(members), schema) == ["$: surprise is told of nowhere"])
        #expect(SchemaCheck(isStrict: false).problems(.object(members), schema).isEmpty)
        members["surprise"] = nil
        members["sequence"] = "3"
        members["event_id"] = "evt_3"
        members["status"] = "is_error"
        members["created_at"] = nil
        #expect(SchemaCheck().problems(.object(members), schema).count == 4)
    }
}
