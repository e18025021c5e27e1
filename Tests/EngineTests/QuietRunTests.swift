import Connectors
import Domain
import Synchronization
import TestKit
import Testing

@testable import Engine
@testable import Storage

/// Scheduled runs that are fetched first and written afterwards.
@Suite(.timeLimit(.minutes(30))) struct QuietRunTests {
    private static let minute: Int64 = 60_000

    /// A connection that is refreshed every minute, linked and quiet.
    private func linked(_ world: World, _ username: String = "success") async throws -> ID<Connection> {
        let view = try await world.link(username) { $0.refresh = ["interval": "one_minute"] }
        try await world.settle()
        // The first of the scheduled runs may still find what came since the link.
        world.runtime.advance(milliseconds: Self.minute)
        try await world.settle()
        return try #require(view.connectionID.flatMap { ID<Connection>($0) })
    }

    private func nextMinute(_ world: World) async throws {
        world.runtime.advance(milliseconds: Self.minute)
        try await world.settle()
    }

    @Test("a run that finds nothing new writes its schedule and nothing else")
    func nothingNew() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let connection = try await linked(world)
            let before = try await state(world)
            let was = try await schedule(connection, world)
            let accounts = try await texts(world, "SELECT updated_at_ms || ':' || balance_updated_at_ms FROM account")
            try await nextMinute(world)
            #expect(try await state(world) == before, "no refresh, no event, no transaction")
            #expect(
                try await texts(world, "SELECT updated_at_ms || ':' || balance_updated_at_ms FROM account") == accounts)
            let now = try await schedule(connection, world)
            #expect(now.dueAt > was.dueAt)
            #expect(now.dueAt > world.runtime.now())
            #expect(now.balanceSeen.okAt == world.runtime.now())
            #expect(now.transactionsSeen == now.balanceSeen)
            #expect(now.failures == 0)
            #expect(world.core.refreshesRun.first { $0.of == "done" }?.count ?? 0 >= 2, "it is counted all the same")
        }
    }

    @Test("a run that finds something is kept with its rows and events in one piece")
    func somethingNew() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let connection = try await linked(world)
            let before = try await state(world)
            world.webhooks.forget()
            try await post("NEW ARRIVAL", world)
            try await nextMinute(world)
            let after = try await state(world)
            #expect(after.transactions == before.transactions + 1)
            #expect(after.refreshes.count == before.refreshes.count + 1)
            #expect(after.refreshes.allSatisfy { $0 == "done" })
            let run = try await texts(
                world, "SELECT causes || ' ' || added || ' ' || steps_done FROM refresh ORDER BY id DESC LIMIT 1")
            #expect(run.first?.hasPrefix("schedule 1 ") == true, "\(run)")
            #expect(try world.webhooks.bodies("transaction.success").count == 1)
            #expect(try world.webhooks.bodies("balance.success").count == 1)
            #expect(try await schedule(connection, world).dueAt > world.runtime.now())
            let running = try await texts(world, "SELECT is_running || status FROM connection")
            #expect(running == ["0active"])
        }
    }

    @Test("a request that comes while a quiet run is under way gets a run of its own, and is served right after")
    func requested() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { $0.url.contains("/balance") }
            gate.open()
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            try await world.listen()
            let connection = try await linked(world)
            gate.close()
            world.runtime.advance(milliseconds: Self.minute)
            let quiet = Task { try await world.refreshes.tick() }
            await gate.reached()
            let ticket = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: connection.hex, products: [.balance], cause: .demand)
            #expect(!ticket.isJoined)
            world.webhooks.forget()
            gate.open()
            _ = try await quiet.value
            try await world.settle()
            #expect(try await world.services.refreshes.find(scope: world.scope, id: ticket.refreshID).state == "done")
            let accounts = try await texts(world, "SELECT id FROM account")
            #expect(try world.webhooks.bodies("balance.success").count == accounts.count, "who asked is told")
            #expect(try await schedule(connection, world).dueAt > world.runtime.now())
        }
    }

    @Test("what a run changes that another asked for meanwhile is written once, by the one that was asked for")
    func requestedAndChanged() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { $0.url.contains("/transactions") }
            gate.open()
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            let connection = try await linked(world)
            let before = try await state(world)
            try await post("JUST NOW", world)
            gate.close()
            world.runtime.advance(milliseconds: Self.minute)
            let quiet = Task { try await world.refreshes.tick() }
            await gate.reached()
            let ticket = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: connection.hex, products: [.transactions],
                cause: .demand)
            gate.open()
            _ = try await quiet.value
            try await world.settle()
            let after = try await state(world)
            #expect(after.transactions == before.transactions + 1)
            #expect(try await world.services.refreshes.find(scope: world.scope, id: ticket.refreshID).state == "done")
        }
    }

    @Test("a node that stops between fetching and writing loses nothing, and what it writes late is refused")
    func takenOver() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { $0.url.contains("/transactions") }
            gate.open()
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            _ = try await linked(world)
            try await post("TAKEN OVER", world)
            let before = try await state(world)
            gate.close()
            world.runtime.advance(milliseconds: Self.minute)
            let frozen = Task { try await world.refreshes.tick() }
            await gate.reached()
            let other = try await World.make(on: database, sameAs: world)
            #expect(try await other.refreshes.tick() == 0, "the lease has not ended")
            world.runtime.advance(milliseconds: world.core.settings.leaseMs)
            try await other.settle()
            let after = try await state(other)
            #expect(after.transactions == before.transactions + 1)
            gate.open()
            await #expect(throws: LeaseLost.self) { _ = try await frozen.value }
            #expect(try await state(other) == after)
        }
    }

    @Test("a quiet result that comes after the lease was lost is refused")
    func lateAndQuiet() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { $0.url.contains("/balance") }
            gate.open()
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            let connection = try await linked(world)
            gate.close()
            world.runtime.advance(milliseconds: Self.minute)
            let frozen = Task { try await world.refreshes.tick() }
            await gate.reached()
            world.runtime.advance(milliseconds: world.core.settings.leaseMs)
            let other = try await World.make(on: database, sameAs: world)
            try await other.settle()
            let after = try await schedule(connection, other)
            world.runtime.advance(milliseconds: 1)
            gate.open()
            await #expect(throws: LeaseLost.self) { _ = try await frozen.value }
            #expect(try await schedule(connection, other) == after)
        }
    }

    @Test("a run that fails is an ordinary one: it has a row, waits, and goes on")
    func failed() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { _ in false }
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            let connection = try await linked(world)
            let before = try await state(world)
            let broken = try await World.make(on: database, sameAs: world) { inner in
                FaultyTransport(inner) { request, _ in request.url.contains("/balance") ? .html(status: 502) : nil }
            }
            world.runtime.advance(milliseconds: Self.minute)
            try await broken.settle()
            let failing = try await state(world)
            #expect(failing.refreshes == before.refreshes + ["running"])
            let waiting = try await schedule(connection, world)
            #expect(waiting.failures == 1)
            #expect(waiting.balanceSeen.outcome != "ok")
            #expect(waiting.dueAt > world.runtime.now())
            world.runtime.advance(to: waiting.dueAt)
            let clean = try await World.make(on: database, sameAs: world)
            try await clean.settle()
            #expect(try await state(clean).refreshes.allSatisfy { $0 == "done" })
            #expect(try await schedule(connection, clean).failures == 0)
        }
    }

    @Test("a connection that is removed while it is fetched stays removed")
    func removed() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { $0.url.contains("/transactions") }
            gate.open()
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            let connection = try await linked(world)
            try await post("TOO LATE", world)
            gate.close()
            world.runtime.advance(milliseconds: Self.minute)
            let quiet = Task { try await world.refreshes.tick() }
            await gate.reached()
            let scope = world.scope
            let now = world.runtime.now()
            try await database.write { try ErasureStore.stop(connection, at: now, scope, $0) }
            gate.open()
            _ = try await quiet.value
            let found = try await texts(
                world, "SELECT id FROM account_transaction WHERE description LIKE '%TOO LATE%'")
            #expect(found.isEmpty)
            #expect(try await texts(world, "SELECT status FROM connection") == ["revoked"])
        }
    }

    @Test("one slow answer holds up none of the others of its bank")
    func slow() async throws {
        try await onEveryDatabase { database in
            let count = Counted()
            let gate = Gate { $0.url.contains("/balance") && count.isFirst() }
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            for username in ["success", "sparse", "pending"] { _ = try await linked(world, username) }
            world.runtime.advance(milliseconds: Self.minute)
            let (now, end) = (world.runtime.now(), world.runtime.now() + 15_000)
            let leases = try await database.write { tx in
                try LaneStore.claim(.refresh, now: now, leaseEnd: end, token: 3, limit: 1, tx)
            }
            let lease = try #require(leases.first)
            // Two at once: the third one's turn comes while the first is held, and lets it go.
            count.arm { gate.open() }
            _ = try await RefreshWork(core: world.core, runsMax: 2).drain(lease) { count.calls >= 3 }
            #expect(count.calls >= 3)
        }
    }

    @Test("the clock's loop leaves what the lanes' loop leaves")
    func clock() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let setting: JSONValue = ["interval": "six_hours"]
            _ = try await world.link("success") { $0.refresh = setting }
            try await world.settle()
            let (end, scope) = (world.runtime.now() + 3 * Instant.dayMs, world.scope)
            while let next = try await database.read({ try ScheduleStore.nextDue(scope, $0) }), next <= end {
                world.runtime.advance(to: next)
                try await world.settle()
            }
            let lanes = try await history(world)
            try await onDatabase(database.dialect) { second in
                let other = try await World.make(on: second.database)
                _ = try await other.link("success") { $0.refresh = setting }
                try await other.settle()
                try await other.advance(days: 3)
                #expect(try await history(other) == lanes)
            }
        }
    }

    /// What was fetched and told, without the numbers that were given to it.
    private func history(_ world: World) async throws -> [String] {
        try await texts(world, "SELECT upstream_id || status || amount_minor FROM account_transaction ORDER BY 1")
            + texts(world, "SELECT ledger_minor || '' FROM account ORDER BY 1")
            + texts(world, "SELECT type || ' ' || COUNT(id) FROM event GROUP BY type ORDER BY 1")
            + texts(world, "SELECT synced_to_on || accounts_seen_on || balance_outcome FROM refresh_schedule")
    }

    // MARK: what is looked at

    private func post(_ text: String, _ world: World) async throws {
        let order = SandboxOrder(
            institution: "access-bank", username: "success", amountMinor: 1_000, narration: text)
        // The bank does not push: a push would be a request.
        _ = try await world.bank.post(order, environmentID: world.environment().id)
    }

    private struct State: Equatable {
        var refreshes: [String]
        var transactions: Int64
        var events: Int64
    }

    /// - Throws: when rows are doubled or an event's number is missing.
    private func state(_ world: World) async throws -> State {
        try await world.core.database.read { db in
            let doubled = try db.query(
                "SELECT upstream_id FROM account_transaction GROUP BY account_id, upstream_id HAVING COUNT(id) > 1"
            ) { $0.text(0) }
            #expect(doubled.isEmpty)
            let events = try db.query("SELECT seq FROM event ORDER BY seq") { $0.int(0) }
            #expect(events == (0..<Int64(events.count)).map { $0 + 1 })
            return State(
                refreshes: try db.query("SELECT state FROM refresh ORDER BY id") { $0.text(0) },
                transactions: try db.first("SELECT COUNT(id) FROM account_transaction") { $0.int(0) } ?? 0,
                events: Int64(events.count))
        }
    }

    private func schedule(_ connection: ID<Connection>, _ world: World) async throws -> Schedule {
        let scope = world.scope
        return try #require(try await world.core.database.read { try ScheduleStore.find(connection, scope, $0) })
    }

    private func texts(_ world: World, _ sql: String) async throws -> [String] {
        try await world.core.database.read { db in try db.query(sql) { $0.text(0) } }
    }
}

/// Counts calls once it is armed; the third one rings.
private final class Counted: Sendable {
    private struct State {
        var calls = 0
        var ring: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    var calls: Int { state.withLock { $0.calls } }

    func arm(_ ring: @escaping @Sendable () -> Void) { state.withLock { $0.ring = ring } }

    func isFirst() -> Bool {
        let (calls, ring) = state.withLock { state -> (Int, (@Sendable () -> Void)?) in
            guard let ring = state.ring else { return (0, nil) }
            state.calls += 1
            return (state.calls, ring)
        }
        if calls == 3 { ring?() }
        return calls == 1
    }
}
