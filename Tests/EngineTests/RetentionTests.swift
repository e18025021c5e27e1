import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct RetentionTests {
    private func numbers(_ world: World, _ sql: String) async throws -> [Int64] {
        try await world.core.database.read { db in
            try db.query(sql, [.integer(world.scope.environmentID)]) { $0.int(0) }
        }
    }

    private func events(_ world: World) async throws -> [Int64] {
        try await numbers(world, "SELECT id FROM event WHERE environment_id = $1 ORDER BY id")
    }

    @Test("events and attempts are forgotten when they were delivered ninety days ago, what waits never")
    func events() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let delivered = try await events(world)
            let housekeeper = Housekeeper(core: world.core)
            world.runtime.advance(milliseconds: 89 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await events(world) == delivered, "eighty-nine days")

            // These events are never delivered: nobody sends.
            while try await world.refreshes.tick() > 0 {}
            let waiting = try await events(world).filter { !delivered.contains($0) }
            #expect(!waiting.isEmpty)
            world.runtime.advance(milliseconds: 2 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await events(world) == waiting, "ninety-one days")
            #expect(try await numbers(world, "SELECT event_id FROM attempt WHERE environment_id = $1").isEmpty)
            world.runtime.advance(milliseconds: 200 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await events(world) == waiting, "they still wait")
            try await world.settle()
            #expect(world.webhooks.requests.count >= delivered.count + waiting.count)
        }
    }

    @Test("the lanes of removed connections and endpoints are taken away once nothing waits in them")
    func lanes() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var wish = EndpointChange()
            wish.url = World.webhookURL
            wish.ordering = .connection
            let endpoint = try await world.services.endpoints.create(wish, in: world.environment()).endpoint
            let kept = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            let removed = try #require(try await world.link("otp") { $0.historyMonths = 1 }.connectionID)
            try await world.settle()
            func subjects() async throws -> Set<String> {
                try await database.read { db in
                    Set(try db.query("SELECT subject FROM lane WHERE kind = 'delivery'", []) { $0.text(0) })
                }
            }
            func lane(_ connection: String) -> String { "\(endpoint.id):\(connection)" }
            let before = try await subjects()
            #expect(before.isSuperset(of: [endpoint.id.hex, lane(kept), lane(removed)]))
            // The last event still waits.
            try await world.services.connections.remove(removed, in: world.environment())
            let housekeeper = Housekeeper(core: world.core)
            try await housekeeper.tick()
            #expect(try await subjects() == before)
            try await world.settle()
            world.runtime.advance(milliseconds: 3_600_000)
            try await housekeeper.tick()
            #expect(try await subjects() == before.subtracting([lane(removed)]))
            #expect(try world.webhooks.bodies("record.removed").count == 1)
            try await world.services.endpoints.remove(endpoint.id.hex, in: world.environment())
            try await world.settle()
            world.runtime.advance(milliseconds: 3_600_000)
            try await housekeeper.tick()
            #expect(try await subjects().filter { $0.hasPrefix(endpoint.id.hex) }.isEmpty)
        }
    }

    @Test("what a bank answered is kept as it came, sealed, for seven days")
    func payloads() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let id = try #require(view.connectionID)
            let environment = world.environment()
            let kept = try await world.services.connections.payloads(of: id, in: environment)
            #expect(Set(kept.map(\.operation)) == ["balance", "transactions", "identity"])
            let balance = try #require(kept.first { $0.operation == "balance" })
            let found = try await world.services.connections.payload(balance.id, of: id, in: environment)
            let value = try JSONValue(parsing: found.body)
            #expect(value.members?.isEmpty == false)
            #expect(found.summary.byteCount == Int64(found.body.count) && !found.summary.isTruncated)
            let stored = try await database.read { db in
                try db.query("SELECT sealed FROM raw_payload", []) { $0.blob(0) }
            }
            #expect(stored.count == kept.count)
            #expect(stored.allSatisfy { !$0.contains(found.body.prefix(12)) })

            let housekeeper = Housekeeper(core: world.core)
            world.runtime.advance(milliseconds: 7 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await world.services.connections.payloads(of: id, in: environment) == kept, "seven days")
            world.runtime.advance(milliseconds: Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await world.services.connections.payloads(of: id, in: environment).isEmpty, "eight days")
        }
    }

    @Test("another business cannot list or read them")
    func payloadsOfOthers() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let id = try #require(view.connectionID)
            let number = try #require(
                try await world.services.connections.payloads(of: id, in: world.environment()).first?.id)
            let stranger = try await world.services.tenants.create(name: "Stranger").environments[0].environment
            await #expect(throws: DomainError.self) {
                try await world.services.connections.payloads(of: id, in: stranger)
            }
            await #expect(throws: DomainError.self) {
                _ = try await world.services.connections.payload(number, of: id, in: stranger)
            }
        }
    }

    @Test("a body beyond a mebibyte is cut off and says so, and a step keeps no more than it may")
    func bounds() {
        let payloads = RawPayloads()
        payloads.add("identity", [UInt8](repeating: 1, count: 10))
        #expect(payloads.all.map(\.operation) == ["identity"])
        #expect(payloads.all[0].body.count == 10 && !payloads.all[0].isTruncated)
        let large = [UInt8](repeating: 2, count: RawPayloads.bodyBytesMax + 1)
        for _ in 0..<20 { payloads.add("transactions", large) }
        #expect(payloads.all.count == 21)
        #expect(payloads.all[1].isTruncated && payloads.all[1].body.count == RawPayloads.bodyBytesMax)
        #expect(payloads.all.map(\.body.count).reduce(0, +) == RawPayloads.stepBytesMax)
        #expect(payloads.all.last?.byteCount == large.count)
    }

    // MARK: years

    private static let insertSQL = """
        INSERT INTO account_transaction (environment_id, id, connection_id, account_id, customer_id, institution,
            status, amount_minor, currency, booked_on, description, revision, created_at_ms, updated_at_ms)
        VALUES ($1, $2, 'c', 'a', 'p', 'access-bank', 'booked', 1, 'NGN', $3, 'x', 1, 0, 0)
        """
    private static let days = ["1999-12-31", "2024-02-29", "2032-12-31", "2033-01-01", "2034-07-01", "2050-05-05"]

    private func insert(_ world: World) async throws {
        try await world.core.database.write { tx in
            for (number, day) in Self.days.enumerated() {
                try tx.db.run(
                    Self.insertSQL, [.integer(world.scope.environmentID), .text("t\(number)"), .text(day)])
            }
        }
    }

    private func booked(_ world: World, in table: String = "account_transaction") async throws -> [String] {
        try await world.core.database.read { db in
            try db.query("SELECT booked_on FROM \(table) ORDER BY booked_on", []) { $0.text(0) }
        }
    }

    @Test("a row of 1999 and one of 2050 have their place")
    func anyDay() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await insert(world)
            #expect(try await booked(world) == Self.days)
        }
    }

    @Test("a year is cut off the open-ended last partition two years before it comes, with the rows that are in it")
    func years() async throws {
        try await onDatabase(.postgres) { test in
            let world = try await World.make(on: test.database)
            try await insert(world)
            let start = try #require(LocalDate(year: 2033, month: 6, day: 1)).start()
            world.runtime.advance(to: start)
            try await Housekeeper(core: world.core).tick()
            #expect(try await booked(world) == Self.days)
            #expect(try await booked(world, in: "account_transaction_before") == ["1999-12-31"])
            #expect(try await booked(world, in: "account_transaction_2032") == ["2032-12-31"])
            #expect(try await booked(world, in: "account_transaction_2033") == ["2033-01-01"])
            #expect(try await booked(world, in: "account_transaction_2034") == ["2034-07-01"])
            #expect(try await booked(world, in: "account_transaction_2035").isEmpty)
            #expect(try await booked(world, in: "account_transaction_after") == ["2050-05-05"])
            let again = try await test.database.write { try Partitions.ensure(through: 2035, $0) }
            #expect(again == nil)
        }
    }
}
