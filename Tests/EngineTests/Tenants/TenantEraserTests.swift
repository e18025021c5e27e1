import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("A removal of a business", .timeLimit(.minutes(30))) struct TenantEraserTests {
    private func left(_ world: World, _ database: Database) async throws -> Set<String> {
        let environments = world.tenant.environments.map(\.environment.id)
        return Set(try await TenantRows(database: database).all(environments).keys)
    }

    private func linked(_ database: Database) async throws -> (world: World, connection: String) {
        let world = try await World.make(on: database)
        try await world.listen()
        let view = try await world.link { $0.historyMonths = 1 }
        try await world.settle()
        return (world, try #require(view.connectionID))
    }

    @Test("goes on from where it was when its process dies after any step")
    func crashes() async throws {
        try await onEveryTestDatabase { test in
            let (world, _) = try await linked(test.database)
            _ = try await world.services.tenants.remove(world.tenant.clientToken)
            let found = try await test.database.read { [now = world.runtime.now()] in
                try TenantStore.toErase(at: now, limit: 10, $0)
            }
            #expect(found.map(\.kind) == [.sandbox, .production])
            var steps = 0
            for environment in found {
                var isDone = false
                while !isDone {
                    let next = try await World.make(on: test.reopened(), sameAs: world)
                    isDone = try await TenantEraser(core: next.core).step(environment) == .done
                    steps += 1
                }
            }
            #expect(steps > 6)
            #expect(try await left(world, test.database) == ["consent", "removal"])
        }
    }

    @Test("deletes at most two thousand rows at a time, however many there are")
    func boundedSteps() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let scope = world.scope
            try await database.write { tx in
                for number in 0..<4500 {
                    try tx.db.run(
                        """
                        INSERT INTO attempt (environment_id, delivery_id, number, event_id, endpoint_id, at_ms,
                            duration_ms, outcome)
                        VALUES ($1, $2, 1, $2, 'x', 0, 1, 'delivered')
                        """, [.integer(scope.environmentID), .integer(Int64(number))])
                }
            }
            var counts: [Int] = []
            while let count = try await rest(of: scope, database) { counts.append(count) }
            #expect(counts.count >= 3)
            #expect(counts.reduce(0, +) >= 4500)
            #expect(counts.prefix(2) == [ErasureStore.rowsMax, ErasureStore.rowsMax])
            #expect(try await left(world, database).contains("attempt") == false)
        }
    }

    private func rest(of scope: Scope, _ database: Database) async throws -> Int? {
        let count = try await database.write { try ErasureStore.rest(scope, $0) }
        return count > 0 ? count : nil
    }

    @Test("is taken over when the node that was at it is dead, and not before")
    func takenOver() async throws {
        try await onEveryTestDatabase { test in
            let (world, _) = try await linked(test.database)
            _ = try await world.services.tenants.remove(world.tenant.clientToken)
            let now = world.runtime.now()
            for each in world.tenant.environments {
                let isClaimed = try await test.database.write {
                    try TenantStore.claimErasing(each.environment.scope, until: now + 60_000, now: now, $0)
                }
                #expect(isClaimed)
            }
            let next = try await World.make(on: test.reopened(), sameAs: world)
            while try await TenantEraser(core: next.core).tick() {}
            #expect(try await left(world, test.database).count > 10)
            world.runtime.advance(milliseconds: 60_000)
            while try await TenantEraser(core: next.core).tick() {}
            #expect(try await left(world, test.database) == ["consent", "removal"])
        }
    }

    @Test("takes removals over that were under way, and holds up none of another business")
    func beganBefore() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(database)
            let other = try await World.make(on: database, runtime: world.runtime)
            let others = try #require(try await other.link { $0.historyMonths = 1 }.connectionID)
            _ = try await world.services.connections.mark(ID(trusted: connection), world.environment())
            _ = try await other.services.connections.mark(ID(trusted: others), other.environment())
            _ = try await world.services.tenants.remove(world.tenant.clientToken)
            try await Housekeeper(core: other.core).tick()
            #expect(try await database.read { try RemovalStore.open(limit: 10, $0) }.isEmpty)
            while try await TenantEraser(core: world.core).tick() {}
            let open = try await database.read { db in
                try db.query("SELECT subject FROM removal WHERE done_at_ms IS NULL", []) { $0.text(0) }
            }
            #expect(open.isEmpty)
            #expect(try await left(world, database) == ["consent", "removal"])
        }
    }

    @Test("what a request wrote after it is forgotten within the hour")
    func late() async throws {
        try await onEveryDatabase { database in
            let (world, _) = try await linked(database)
            let other = try await World.make(on: database, runtime: world.runtime)
            try await other.listen()
            _ = try await world.services.tenants.remove(world.tenant.clientToken)
            while try await TenantEraser(core: world.core).tick() {}
            let before = try await TenantRows(database: database).all([other.scope.environmentID])
            try await world.listen()
            #expect(try await left(world, database).contains("webhook_endpoint"))
            world.runtime.advance(milliseconds: 3_600_000)
            try await Housekeeper(core: world.core).tick()
            #expect(try await left(world, database) == ["consent", "removal"])
            #expect(try await TenantRows(database: database).all([other.scope.environmentID]) == before)
        }
    }

    @Test("says before what it would take, and takes nothing")
    func preview() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(database)
            world.webhooks.answer { _ in WebhookOutcome(status: 503) }
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: connection, products: [.balance], cause: .demand)
            try await world.settle()
            let rows = TenantRows(database: database)
            let environments = world.tenant.environments.map(\.environment.id)
            let before = try await rows.all(environments)
            let found = try await world.services.tenants.holdings(of: world.tenant.clientToken)
            #expect(found.tenant.removedAt == nil)
            #expect(found.environments.map(\.kind) == [.sandbox, .production])
            #expect(found.environments.map(\.connections) == [1, 0])
            #expect(found.environments.map(\.endpoints) == [1, 0])
            #expect(found.environments.map(\.waiting) == [before["delivery"]?.count ?? 0, 0])
            #expect(found.environments[0].waiting > 0)
            #expect(try await rows.all(environments) == before)
            _ = try await world.services.keys.authenticate(bearer: world.keys().secretKey, route: nil)
        }
    }

    @Test("that is asked for again says the same, and one of nobody says where to look")
    func again() async throws {
        try await onEveryDatabase { database in
            let (world, _) = try await linked(database)
            let tenants = world.services.tenants
            let first = try await tenants.remove(world.tenant.clientToken)
            #expect(first.removedAt == world.runtime.now() && first.erasedAt == nil)
            world.runtime.advance(milliseconds: 5000)
            #expect(try await tenants.remove(world.tenant.clientToken) == first)
            while try await TenantEraser(core: world.core).tick() {}
            let last = try await tenants.remove(world.tenant.clientToken)
            #expect(last.removedAt == first.removedAt && last.erasedAt == world.runtime.now())
            #expect(try await tenants.list() == [last])
            for token in ["ffffffffffffffffffffffff", "nobody", ""] {
                for isAsked in [true, false] {
                    do {
                        _ = isAsked ? try await tenants.holdings(of: token).tenant : try await tenants.remove(token)
                        Issue.record("found \(token)")
                    } catch {
                        let error = try #require(error as? DomainError)
                        #expect(error.code == .notFound)
                        #expect(error.message.contains("kubewa tenants list"))
                    }
                }
            }
        }
    }
}
