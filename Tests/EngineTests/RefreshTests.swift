import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct RefreshTests {
    @Test("a second refresh request joins the one in flight")
    func joined() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link()
            try await world.settle()
            func ask() async throws -> RefreshTicket {
                try await world.services.refreshes.request(
                    scope: world.scope, accountID: nil, connectionID: view.connectionID, products: [.balance],
                    cause: .demand)
            }
            let first = try await ask()
            let second = try await ask()
            #expect(!first.isJoined)
            #expect(second.isJoined)
            #expect(first.refreshID == second.refreshID)
            try await world.settle()
            #expect(try await world.services.refreshes.find(scope: world.scope, id: first.refreshID).state == "done")
        }
    }

    @Test("the stored transactions sum to the stored balance, and refreshing again adds nothing")
    func complete() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link()
            try await world.settle()
            let before = try await counted(database)
            #expect(before > 100)
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: view.connectionID,
                products: [.balance, .transactions],
                cause: .demand)
            try await world.settle()
            #expect(try await counted(database) == before)
            let totals = try await database.read { db in
                try db.first("SELECT count FROM day_total WHERE list = 'transactions' AND day = ''", []) { $0.int(0) }
            }
            #expect(totals == before)
        }
    }

    @Test("a pending transaction keeps its id when it is posted with another id and amount")
    func pendingToPosted() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link("pending")
            try await world.settle()
            let pending = try await rows(database, "pending")
            let row = try #require(pending.first)
            world.webhooks.forget()
            try await world.advance(days: 4)
            let posted = try await database.read { db in
                try db.first(
                    "SELECT status, upstream_id, amount_minor FROM account_transaction WHERE id = $1", [.text(row.id)]
                ) { ($0.text(0), $0.textOrNil(1), $0.int(2)) }
            }
            #expect(posted?.0 == "booked")
            #expect(posted?.1 != row.upstreamID)
            #expect(posted?.2 != row.amount)
            #expect(try world.webhooks.bodies("transaction.updated").isEmpty == false)
        }
    }

    @Test("a pending transaction that the bank drops is removed and announced")
    func removed() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link("removed")
            try await world.settle()
            #expect(try await rows(database, "pending").isEmpty == false)
            try await world.advance(days: 3)
            #expect(try await rows(database, "removed").isEmpty == false)
            #expect(try world.webhooks.bodies("transaction.removed").isEmpty == false)
        }
    }

    @Test(
        "a login that dies asks the user once, keeps the data and stops refreshing",
        arguments: [
            ("dies_on_refresh", "needs_user"), ("consent_expires", "expired"),
        ])
    func asksUser(_ username: String, _ status: String) async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link(username)
            try await world.settle()
            let before = try await counted(database)
            try await world.advance(days: 12)
            let events = try world.webhooks.bodies("record.reauth_required")
            #expect(events.count == 1)
            #expect(events.first?["status"]?.text == "is_error")
            #expect(try await counted(database) >= before)
            let kept = try await database.read { db in
                try db.query("SELECT status FROM connection", []) { $0.text(0) }
            }
            #expect(kept == [status])
        }
    }

    @Test("a run that breaks off goes on from its step and doubles nothing")
    func resumes() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database) { inner in
                FaultyTransport(inner) { request, number in
                    request.url.contains("/transactions") && number % 7 == 0 ? .halfBody : nil
                }
            }
            _ = try await world.link()
            for _ in 0..<60 {
                try await world.settle()
                world.runtime.advance(milliseconds: 16 * 60_000)
            }
            let clean = try await World.make(on: database, sameAs: world)
            try await clean.settle()
            let doubled = try await database.read { db in
                try db.query(
                    "SELECT upstream_id FROM account_transaction GROUP BY account_id, upstream_id HAVING COUNT(id) > 1",
                    []
                ) { $0.text(0) }
            }
            #expect(doubled.isEmpty)
            let states = try await database.read { db in
                Set(try db.query("SELECT state FROM refresh", []) { $0.text(0) })
            }
            #expect(states.isSubset(of: ["done", "failed", "running", "queued"]))
            #expect(states.contains("done"))
        }
    }

    @Test("what is asked for while a run is broken off is fetched when it goes on")
    func rerunSurvives() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database) { inner in
                FaultyTransport(inner) { _, number in number == 12 ? .timedOut : nil }
            }
            let view = try await world.link()
            try await world.settle()
            let order = SandboxOrder(
                institution: "access-bank", username: "success", amountMinor: 1_000, narration: "LATE ARRIVAL")
            _ = try await world.services.sandbox.post(order, in: world.environment())
            let ticket = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: view.connectionID, products: [.transactions],
                cause: .demand)
            #expect(ticket.isJoined, "the first run is still under way")
            world.runtime.advance(milliseconds: 20 * 60_000)
            try await world.settle()
            let found = try await database.read { db in
                try db.query("SELECT id FROM account_transaction WHERE description LIKE '%LATE ARRIVAL%'", []) {
                    $0.text(0)
                }
            }
            #expect(found.count == 1)
        }
    }

    @Test("a stale lease writes nothing")
    func staleLease() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link()
            let now = world.runtime.now()
            let stale = try await database.write { tx in
                try LaneStore.claim(.refresh, now: now, leaseEnd: now + 1000, token: 1, limit: 1, tx)
            }
            // Its lease ended, and another owner took the lane.
            _ = try await database.write { tx in
                try LaneStore.claim(.refresh, now: now + 2000, leaseEnd: now + 9000, token: 2, limit: 1, tx)
            }
            let lease = try #require(stale.first)
            await #expect(throws: LeaseLost.self) { _ = try await RefreshWork(core: world.core).perform(lease) }
            #expect(try await counted(database) == 0)
        }
    }

    private func counted(_ database: Database) async throws -> Int64 {
        try await database.read { db in
            try db.first("SELECT COUNT(id) FROM account_transaction WHERE status <> 'removed'", []) { $0.int(0) } ?? 0
        }
    }

    private func rows(
        _ database: Database, _ status: String
    ) async throws -> [(id: String, upstreamID: String?, amount: Int64)] {
        try await database.read { db in
            try db.query(
                "SELECT id, upstream_id, amount_minor FROM account_transaction WHERE status = $1", [.text(status)]
            ) { ($0.text(0), $0.textOrNil(1), $0.int(2)) }
        }
    }
}
