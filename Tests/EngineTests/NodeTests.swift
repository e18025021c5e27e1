import Domain
import TestKit
import Testing

@testable import Engine
@testable import Storage

/// Two nodes: two cores with connections of their own over one PostgreSQL.
@Suite(.timeLimit(.minutes(30))) struct NodeTests {
    private func onTwoNodes(
        first: @escaping (any HTTPTransport) -> any HTTPTransport = { $0 },
        _ body: (_ first: World, _ second: World) async throws -> Void
    ) async throws {
        try await onDatabase(.postgres) { test in
            let one = try await World.make(on: test.database, wrap: first)
            let two = try await World.make(on: try await test.reopened(), sameAs: one)
            try await body(one, two)
        }
    }

    @Test("one account that is linked on two nodes at once is one connection")
    func linkedTwice() async throws {
        try await onTwoNodes { one, two in
            for bank in ["access-bank", "guaranty-trust-bank", "kuda-bank", "zenith-bank", "opay", "palmpay"] {
                async let first = one.link(institution: bank)
                async let second = two.link(institution: bank)
                let linked = try await [first, second]
                #expect(linked.allSatisfy { $0.status == .done })
                #expect(Set(linked.map(\.connectionID)).count == 1, "at \(bank)")
            }
        }
    }

    @Test("the refresh of a frozen node is taken over, and what the node writes late is refused")
    func refreshTakeover() async throws {
        let gate = Gate { $0.url.contains("/transactions") }
        try await onTwoNodes(first: { GatedTransport($0, gate) }) { one, two in
            try await one.listen()
            _ = try await one.link()
            let frozen = Task { try await one.refreshes.tick() }
            await gate.reached()
            one.runtime.advance(milliseconds: one.core.settings.leaseMs - 1)
            #expect(try await two.refreshes.tick() == 0, "the lease has not ended")
            one.runtime.advance(milliseconds: 1)
            try await two.settle()
            let before = try await state(two)
            #expect(before.refreshes == ["done"])
            #expect(before.transactions > 0)
            gate.open()
            await #expect(throws: LeaseLost.self) { _ = try await frozen.value }
            #expect(try await state(two) == before)
            let numbers = try two.webhooks.bodies().map { $0["sequence"] }
            #expect(numbers.count == Int(before.events), "every event came once")
        }
    }

    @Test("deliveries of a frozen node are sent again by another, with the same ids and bodies, and counted once")
    func deliveryTakeover() async throws {
        try await onTwoNodes { one, two in
            try await one.listen()
            _ = try await one.link()
            while try await one.refreshes.tick() > 0 {}
            let gate = Gate()
            let loop = LaneLoop(DeliveryWork(core: one.core, transport: GatedWebhooks(one.webhooks, gate)))
            let frozen = Task { try await loop.tick() }
            await gate.reached()
            one.runtime.advance(milliseconds: one.core.settings.leaseMs)
            try await two.settle()
            let attempts = try await rows(two, "SELECT delivery_id FROM attempt ORDER BY delivery_id")
            #expect(attempts == Set(attempts).sorted(), "one attempt is kept for each delivery")
            #expect(try await rows(two, "SELECT id FROM delivery").isEmpty)
            gate.open()
            await #expect(throws: LeaseLost.self) { _ = try await frozen.value }
            #expect(try await rows(two, "SELECT delivery_id FROM attempt ORDER BY delivery_id") == attempts)
            let bodies = Dictionary(grouping: two.webhooks.requests) { request in
                request.headers.first { $0.name == "webhook-id" }?.value
            }.mapValues { Set($0.map(\.body)).count }
            #expect(bodies.count == attempts.count)
            #expect(bodies.values.allSatisfy { $0 == 1 }, "an event that comes twice says the same twice")
        }
    }

    @Test("a clock that another node has moved on is not moved by the one that was frozen on the way")
    func clockTakeover() async throws {
        let gate = Gate { $0.url.contains("/balance") }
        try await onTwoNodes(first: { GatedTransport($0, gate) }) { one, two in
            gate.open()
            _ = try await one.link { $0.refresh = ["interval": "daily", "products": ["balance"]] }
            try await one.settle()
            gate.close()
            _ = try await one.services.sandbox.advance(one.environment(), byMs: 3 * Instant.dayMs)
            let frozen = Task { try await one.clocks.tick() }
            await gate.reached()
            one.runtime.advance(milliseconds: one.core.settings.leaseMs)
            while try await two.clocks.tick() {}
            // A second advance, which the first node knows nothing of.
            _ = try await two.services.sandbox.advance(two.environment(), byMs: Instant.dayMs)
            let before = try await two.services.sandbox.clock(two.environment())
            gate.open()
            await #expect(throws: LeaseLost.self) { _ = try await frozen.value }
            let after = try await two.services.sandbox.clock(two.environment())
            #expect(after.now == before.now)
            #expect(after.target == before.target)
        }
    }

    @Test("a clock that may not have every lane takes none")
    func clockAndLanes() async throws {
        try await onTwoNodes { one, two in
            _ = try await one.link(institution: "access-bank")
            _ = try await one.link(institution: "kuda-bank")
            let now = one.runtime.now()
            let held = try await one.core.database.write { tx in
                try LaneStore.claim(.refresh, now: now, leaseEnd: now + 15_000, token: 1, limit: 1, tx)
            }
            #expect(held.count == 1)
            _ = try await two.services.sandbox.advance(two.environment(), byMs: Instant.dayMs)
            #expect(try await two.clocks.tick() == false, "the clock waits")
            #expect(try await two.refreshes.tick() == 1, "the other lane is free")
        }
    }

    @Test("an item that comes while another node gives its lane back is found by the next sweep")
    func sweep() async throws {
        try await onTwoNodes { one, two in
            let link = try await one.link { $0.refresh = false }
            try await one.settle()
            let (scope, now, end) = (one.scope, one.runtime.now(), one.runtime.now() + 15_000)
            let leases = try await one.core.database.write { tx in
                try LaneStore.claimAll(.refresh, scope, now: now, leaseEnd: end, token: 7, tx)
            }
            let lease = try #require(leases?.first)
            let connection = try #require(link.connectionID.flatMap { ID<Connection>($0) })
            let (written, continuation) = AsyncStream.makeStream(of: Void.self)
            let committing = BlockingQueue<Void>(countMax: 1)
            // The item is written while the lane is leased and committed after it was given back.
            async let insert: Void = two.core.database.write { tx in
                // The server ends a transaction that idles, and a busy machine may take long to give the lane back.
                try tx.db.script("SET LOCAL idle_in_transaction_session_timeout = 0")
                try ScheduleStore.bringForward(connection, due: now, laneDue: now, scope, tx)
                try tx.flush()
                continuation.yield()
                _ = committing.next()
            }
            for await _ in written { break }
            try await one.core.database.write { try LaneStore.release(lease, .refresh, notBefore: now, $0) }
            committing.close()
            try await insert
            #expect(try await one.refreshes.tick() == 0, "neither the writer nor the owner saw it")
            one.runtime.advance(milliseconds: LaneLoop<RefreshWork>.sweepMs - 1)
            #expect(try await one.refreshes.tick() == 0, "lanes are not looked through at every claim")
            one.runtime.advance(milliseconds: 1)
            #expect(try await one.refreshes.tick() == 1)
        }
    }

    @Test("a key that was renewed on one node works on no other two seconds later, however busy it is")
    func revocation() async throws {
        try await onTwoNodes { one, two in
            let old = one.keys().secretKey
            _ = try await two.services.keys.authenticate(bearer: old, route: .sandbox)
            one.runtime.advance(milliseconds: 1)
            let new = try await one.services.keys.renew(.secret, of: one.environment())
            let revokedAt = one.runtime.now()
            await #expect(throws: DomainError.self) {
                _ = try await one.services.keys.authenticate(bearer: old, route: .sandbox)
            }
            var last: Instant?
            while two.runtime.now() - revokedAt < 2000 {
                do {
                    _ = try await two.services.keys.authenticate(bearer: old, route: .sandbox)
                    last = two.runtime.now()
                } catch let error as DomainError {
                    #expect(error.code == .revokedKey)
                }
                two.runtime.advance(milliseconds: 100)
            }
            #expect(last != nil, "the test means nothing if the second node did not keep the key")
            await #expect(throws: DomainError.self) {
                _ = try await two.services.keys.authenticate(bearer: old, route: .sandbox)
            }
            _ = try await two.services.keys.authenticate(bearer: new, route: .sandbox)
        }
    }

    // MARK: wakes

    @Test("a commit on one node rings the loops of another")
    func rings() async throws {
        try await onTwoNodes { one, two in
            let link = try await one.link()
            try await one.settle()
            for world in [one, two] { _ = world.core.wakes.outgoing.take() }
            let relays = [one, two].map { world in Task { try await WakeRelay(core: world.core).run() } }
            defer { for relay in relays { relay.cancel() } }
            // A node that begins to listen looks at everything once.
            for bell in [two.core.wakes.refreshes, two.core.wakes.deliveries, two.core.wakes.clocks] {
                await bell.waitForSet()
            }
            _ = try await one.services.refreshes.request(
                scope: one.scope, accountID: nil, connectionID: link.connectionID, products: [.balance], cause: .demand)
            await two.core.wakes.refreshes.waitForSet()
            while try await two.refreshes.tick() > 0 {}
            // Both have told something and wait before they tell more.
            await one.runtime.sleepers(atLeast: 2)
            one.runtime.advance(milliseconds: WakeRelay.coalesceMs)
            _ = try await one.services.sandbox.advance(one.environment(), byMs: Instant.dayMs)
            await two.core.wakes.clocks.waitForSet()
        }
    }

    @Test("the first wake is told at once, those of the next moments together")
    func coalesced() async throws {
        try await onTwoNodes { one, two in
            let (told, continuation) = AsyncStream.makeStream(of: Set<String>.self)
            let listening = try two.core.database.listen(to: Wakes.channels, as: "watcher", logger: two.core.logger) {
                continuation.yield($0)
            }
            defer { listening?.close() }
            var next = told.makeAsyncIterator()
            #expect(await next.next() == Set(Wakes.channels), "it listens now")
            let relay = Task { try await WakeRelay(core: one.core).run() }
            defer { relay.cancel() }
            one.core.wakes.refreshes.set()
            #expect(await next.next() == ["kubewa_refreshes"])
            await one.runtime.sleepers(atLeast: 1)
            for _ in 0..<100 {
                one.core.wakes.refreshes.set()
                one.core.wakes.deliveries.set()
            }
            try await two.core.database.notify(["kubewa_clocks"], from: "sentinel")
            #expect(await next.next() == ["kubewa_clocks"], "nothing was told before this")
            one.runtime.advance(milliseconds: WakeRelay.coalesceMs)
            var heard: [String] = []
            while heard.count < 2 { heard += try #require(await next.next()) }
            #expect(heard.sorted() == ["kubewa_deliveries", "kubewa_refreshes"])
            try await two.core.database.notify(["kubewa_clocks"], from: "sentinel")
            #expect(await next.next() == ["kubewa_clocks"], "nothing was told twice")
        }
    }

    @Test("what a service says of itself, as the log of its group does, holds no secret")
    func description() async throws {
        try await onTwoNodes { one, _ in
            for text in ["\(WakeRelay(core: one.core))", "\(one.refreshes)", "\(one.clocks)"] {
                #expect(text.contains("Core"))
                #expect(!text.contains("push-secret-of-tests"))
            }
        }
    }

    // MARK: what is looked at

    private struct State: Equatable {
        var refreshes: [String]
        var transactions: Int64
        var events: Int64
        var added: Int64
    }

    /// - Throws: when rows are doubled or an event's number is missing.
    private func state(_ world: World) async throws -> State {
        try await world.core.database.read { db in
            let doubled = try db.query(
                "SELECT upstream_id FROM account_transaction GROUP BY account_id, upstream_id HAVING COUNT(id) > 1"
            ) { $0.text(0) }
            #expect(doubled.isEmpty)
            let events = try db.query("SELECT seq FROM event ORDER BY seq") { $0.int(0) }
            #expect(events == Array(1...Int64(events.count)))
            return State(
                refreshes: try db.query("SELECT state FROM refresh") { $0.text(0) },
                transactions: try db.first("SELECT COUNT(id) FROM account_transaction") { $0.int(0) } ?? 0,
                events: Int64(events.count),
                added: try db.first("SELECT SUM(added) FROM refresh") { $0.int(0) } ?? 0)
        }
    }

    private func rows(_ world: World, _ sql: String) async throws -> [Int64] {
        try await world.core.database.read { db in try db.query(sql) { $0.int(0) } }
    }
}
