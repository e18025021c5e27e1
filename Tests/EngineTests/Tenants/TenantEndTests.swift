import Domain
import Storage
import TestKit
import Testing

@testable import Engine

/// What is under way, and what still asks, when a business is removed.
@Suite("When a business is removed", .timeLimit(.minutes(30))) struct TenantEndTests {
    private let url = "https://shop.example/hook"
    private let othersURL = "https://other.example/hook"

    private func remove(_ world: World) async throws -> TenantRow {
        try await world.services.tenants.remove(world.tenant.clientToken)
    }

    private func erase(_ world: World) async throws {
        while try await TenantEraser(core: world.core).tick() {}
    }

    private func left(_ world: World) async throws -> [String: Int] {
        let environments = world.tenant.environments.map(\.environment.id)
        return try await TenantRows(database: world.core.database).all(environments).mapValues(\.count)
    }

    private func expect(_ code: ErrorCode, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("was answered, not refused with \(code)")
        } catch {
            #expect((error as? DomainError)?.code == code, "\(error)")
        }
    }

    // MARK: deliveries

    @Test("what waits is not sent, what was under way ends, and another's deliveries go on")
    func deliveries() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let others = Mailroom(
                world: try await World.make(on: database, runtime: room.runtime), receivers: room.receivers)
            let endpoint = try await room.endpoint(url) { $0.inFlightMax = 1 }
            let other = try await others.endpoint(othersURL)
            room.receivers.answer(url) { [room] _, _ in
                do { _ = try await remove(room.world) } catch { Issue.record(error) }
                return WebhookOutcome(status: 503)
            }
            try await room.post(10, to: [endpoint])
            try await others.post(10, to: [other])
            let loop = room.loop()
            try await room.settle(loop)
            #expect(room.receivers.received(url).count == 1)
            #expect(room.receivers.taken(othersURL).count == 10)
            #expect(try await room.waiting(endpoint) == 0)
            try await erase(room.world)
            #expect(try await left(room.world) == [:])
            try await others.post(5, to: [other])
            try await room.settle(loop)
            #expect(room.receivers.taken(othersURL).count == 15)
            let lanes = try await database.read { db in
                try db.query("SELECT environment_id FROM lane", []) { $0.int(0) }
            }
            #expect(lanes == [others.scope.environmentID])
        }
    }

    @Test("a node that was not told sends nothing more after two seconds")
    func elsewhere() async throws {
        try await onEveryTestDatabase { test in
            let room = try await Mailroom.open(on: test.database)
            let node = try await World.make(on: test.reopened(), sameAs: room.world)
            let endpoint = try await room.endpoint(url) { $0.inFlightMax = 1 }
            room.receivers.answer(url) { [room] _, nth in
                if nth == 3 {
                    do { _ = try await remove(node) } catch { Issue.record(error) }
                    room.runtime.advance(milliseconds: 2001)
                }
                return WebhookOutcome(status: 200)
            }
            try await room.post(10, to: [endpoint])
            try await room.settle()
            #expect(room.receivers.received(url).count == 3)
            #expect(try await room.waiting(endpoint) == 0)
        }
    }

    @Test("a lane is left to its owner until it is given back or its lease ends, and then nothing is written in it")
    func ownedLane() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            try await room.post(3, to: [endpoint])
            let now = room.runtime.now()
            let leases = try await database.write {
                try LaneStore.claim(.delivery, now: now, leaseEnd: now + 15_000, token: 7, limit: 10, $0)
            }
            let lease = try #require(leases.first)
            _ = try await remove(room.world)
            try await erase(room.world)
            #expect(try await left(room.world)["lane"] == 1)
            #expect(try await room.world.services.tenants.list().first?.erasedAt == nil)
            try await database.write { try LaneStore.renew(lease, until: now + 15_000, $0) }
            room.runtime.advance(milliseconds: 15_001)
            try await erase(room.world)
            #expect(try await left(room.world) == [:])
            await #expect(throws: LeaseLost.self) {
                try await database.write { try LaneStore.renew(lease, until: now + 99_000, $0) }
            }
        }
    }

    // MARK: fetching

    @Test("what a bank answers meanwhile is not written, and nothing more is asked of it")
    func fetching() async throws {
        try await onEveryDatabase { database in
            let hook = Hook()
            let world = try await World.make(on: database) { HookedTransport($0, hook) }
            _ = try await world.link { $0.historyMonths = 3 }
            hook.onTransactions { _ = try await remove(world) }
            await #expect(throws: LeaseLost.self) { while try await world.refreshes.tick() > 0 {} }
            #expect(hook.hasRun)
            #expect(try await left(world)["account_transaction"] == nil)
            #expect(try await world.refreshes.tick() == 0)
            world.runtime.advance(milliseconds: Instant.dayMs)
            #expect(try await world.refreshes.tick() == 0)
            try await erase(world)
            #expect(Set(try await left(world).keys) == ["consent", "removal"])
        }
    }

    @Test("its access ends at the bank, and a bank that cannot be reached holds up nothing", arguments: [false, true])
    func bank(isDown: Bool) async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database) { inner in
                FaultyTransport(inner) { request, _ in
                    isDown && request.url.hasSuffix("/revoke") ? .cannotConnect : nil
                }
            }
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            _ = try await remove(world)
            let now = world.runtime.now()
            let found = try await database.read { try TenantStore.toErase(at: now, limit: 9, $0) }
            let environment = try #require(found.first { $0.kind == .sandbox })
            let eraser = TenantEraser(core: world.core)
            var connections = 1
            while connections > 0 {
                _ = try await eraser.step(environment)
                connections = try await left(world)["connection"] ?? 0
            }
            let ended = try await database.read { db in
                try db.query("SELECT ended FROM sandbox_grant", []) { $0.textOrNil(0) }
            }
            #expect(ended == [isDown ? nil : "revoked"])
            let ledger = try await database.read { db in
                try ConsentStore.list(ID(trusted: view.connectionID ?? ""), world.scope, db).map(\.action)
            }
            #expect(ledger == [.granted, .revoked])
            try await erase(world)
            #expect(Set(try await left(world).keys) == ["consent", "removal"])
        }
    }

    // MARK: asking

    @Test("its keys, links, sessions and feeds are refused, also where a key was known a moment ago")
    func asking() async throws {
        try await onEveryTestDatabase { test in
            let world = try await World.make(on: test.database)
            let node = try await World.make(on: test.reopened(), sameAs: world)
            let environment = world.environment()
            let link = try await world.services.shortLinks.create(NewWidgetLink(name: "x"), in: environment)
            let session = try await world.services.links.begin(BeginLink(institution: "access-bank"), in: environment)
            let (key, publicKey) = (world.keys().secretKey, world.keys().publicKey)
            _ = try await world.services.keys.authenticate(bearer: key, route: nil)
            _ = try await remove(node)
            world.runtime.advance(milliseconds: 2001)
            for isErased in [false, true] {
                let refused: ErrorCode = isErased ? .unknownKey : .revokedKey
                for services in [world.services, node.services] {
                    await expect(refused) { _ = try await services.keys.authenticate(bearer: key, route: nil) }
                    await expect(refused) {
                        var begin = BeginLink(institution: "access-bank")
                        begin.clientToken = world.tenant.clientToken
                        begin.publicKey = publicKey
                        _ = try await services.links.begin(widget: begin)
                    }
                    await expect(.notFound) { _ = try await services.links.environment(of: session.id) }
                    await expect(.linkUnknown) { _ = try await services.widgets.find(link: link.slug) }
                    await expect(.revokedKey) {
                        let query = EventQuery(limit: 10, start: .beginning)
                        _ = try await services.feeds.events(query, in: environment)
                    }
                    await expect(.notFound) {
                        _ = try await services.tenants.environment(of: world.tenant.clientToken, .sandbox)
                    }
                }
                try await erase(world)
                world.runtime.advance(milliseconds: 2001)
            }
        }
    }

    @Test("nothing that walks over environments comes to it")
    func walks() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database, environments: [.sandbox, .production])
            _ = try await world.link { $0.historyMonths = 1 }
            let banks = { @Sendable (db: any SQLConnection) in
                try BankStore.environments(with: "access-bank", .sandbox, db)
            }
            _ = try await world.services.sandbox.advance(world.environment(), byMs: Instant.dayMs)
            #expect(try await database.read(banks) == [world.scope.environmentID])
            #expect(try await database.read { try ClockStore.jobs($0) }.count == 1)
            _ = try await remove(world)
            #expect(try await database.read(banks).isEmpty)
            #expect(try await database.read { try ClockStore.jobs($0) }.isEmpty)
            #expect(try await database.read { try RetentionStore.environments(after: 0, limit: 9, $0) }.isEmpty)
            #expect(try await world.core.sumOverScopes { _ in 1 } == 0)
            let now = world.runtime.now() + Instant.dayMs
            #expect(try await database.write { try LaneStore.sweep(.refresh, now: now, $0) } == 0)
        }
    }
}
