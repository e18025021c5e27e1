import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite struct RemovalTests {
    /// What belongs to one connection, by a column of its own or its accounts'.
    private static let counts: [(table: String, sql: String)] = [
        ("connection", "SELECT id FROM connection WHERE environment_id = $1 AND id = $2"),
        ("account", "SELECT id FROM account WHERE environment_id = $1 AND connection_id = $2"),
        ("account_transaction", "SELECT id FROM account_transaction WHERE environment_id = $1 AND connection_id = $2"),
        ("identity", "SELECT id FROM identity WHERE environment_id = $1 AND connection_id = $2"),
        ("connection_grant", "SELECT sealed FROM connection_grant WHERE environment_id = $1 AND connection_id = $2"),
        ("data_key", "SELECT wrapped FROM data_key WHERE environment_id = $1 AND connection_id = $2"),
        ("refresh", "SELECT causes FROM refresh WHERE environment_id = $1 AND connection_id = $2"),
        ("refresh_schedule", "SELECT lane_id FROM refresh_schedule WHERE environment_id = $1 AND connection_id = $2"),
        ("raw_payload", "SELECT sealed FROM raw_payload WHERE environment_id = $1 AND connection_id = $2"),
        ("link_session", "SELECT id FROM link_session WHERE environment_id = $1 AND connection_id = $2"),
        ("event", "SELECT type FROM event WHERE environment_id = $1 AND connection_id = $2"),
    ]

    private func rows(_ world: World, _ connection: String) async throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for (table, sql) in Self.counts {
            found[table] = try await world.core.database.read { db in
                try db.query(sql, [.integer(world.scope.environmentID), .text(connection)]) { $0.text(0) }.sorted()
            }
        }
        return found
    }

    /// Tables without a column for the connection, and the totals of every list.
    private func isEmpty(_ world: World) async throws -> Bool {
        try await world.core.database.read { db in
            let scope: [SQLValue] = [.integer(world.scope.environmentID)]
            let history = try db.query("SELECT id FROM balance_history WHERE environment_id = $1", scope) { $0.text(0) }
            let totals = try db.query(
                """
                SELECT list FROM day_total WHERE environment_id = $1
                    AND (count <> 0 OR credit_minor <> 0 OR debit_minor <> 0)
                """, scope
            ) { $0.text(0) }
            return history.isEmpty && totals.allSatisfy { $0 == "customers" }
        }
    }

    private func linked(_ world: World, _ institution: String = "access-bank", customer: String? = nil) async throws
        -> LinkView
    {
        let view = try await world.link(institution: institution) {
            $0.historyMonths = 3
            $0.customerID = customer
        }
        #expect(view.status == .done)
        try await world.settle()
        return view
    }

    private func check(_ world: World, gone id: String) async throws {
        for (table, rows) in try await rows(world, id) {
            #expect(table == "event" ? rows == ["record.removed"] : rows.isEmpty, "\(table): \(rows.count)")
        }
    }

    private func expectNotFound(_ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("found")
        } catch {
            #expect((error as? DomainError)?.code == .notFound, "\(error)")
        }
    }

    @Test("a removed connection leaves nothing but the ledger and its last event, and its access ends at the bank")
    func everything() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete)
            let view = try await linked(world)
            let id = try #require(view.connectionID)
            let before = try await rows(world, id)
            #expect(before.allSatisfy { !$0.value.isEmpty }, "\(before.filter { $0.value.isEmpty }.keys)")
            world.webhooks.forget()
            try await world.services.connections.remove(id, in: world.environment())
            try await check(world, gone: id)
            #expect(try await isEmpty(world))
            try await world.settle()
            let told = try world.webhooks.bodies()
            #expect(told.map { $0["event"]?.text } == ["record.removed"])
            #expect(told.first?["data"]?["record"]?.text == id)
            let ledger = try await database.read { db in
                try ConsentStore.list(ID(trusted: id), world.scope, db).map(\.action)
            }
            #expect(ledger == [.granted, .revoked])
            let ended = try await database.read { db in
                try db.query("SELECT ended FROM sandbox_grant", []) { $0.textOrNil(0) }
            }
            #expect(ended == ["revoked"])
            let name = try await database.read {
                try CustomerStore.find(ID(trusted: view.customerID ?? ""), world.scope, $0)
            }
            #expect(name != nil && name?.name == nil, "the last connection takes the person's name along")
            await expectNotFound { try await world.services.connections.remove(id, in: world.environment()) }
        }
    }

    @Test("what waited to be sent of a removed connection is dropped, and the last event still comes")
    func waitingDeliveries() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete)
            let view = try await world.link { $0.historyMonths = 1 }
            while try await world.refreshes.tick() > 0 {}
            try await world.services.connections.remove(try #require(view.connectionID), in: world.environment())
            try await world.settle()
            #expect(try world.webhooks.bodies().map { $0["event"]?.text } == ["record.removed"])
        }
    }

    @Test("a removal that broke off is finished by the housekeeper of the next process")
    func crash() async throws {
        try await onEveryTestDatabase { test in
            let world = try await World.make(on: test.database)
            let view = try await linked(world)
            let id = try #require(view.connectionID)
            #expect(try await world.services.connections.mark(ID(trusted: id), world.environment()))
            for _ in 0..<2 {
                _ = try await test.database.write {
                    try ErasureStore.step(
                        ID(trusted: id), keeping: "record.removed", at: world.runtime.now(), world.scope, $0)
                }
            }
            // The process dies here.
            let next = try await World.make(on: test.reopened(), sameAs: world)
            try await Housekeeper(core: next.core).tick()
            try await check(next, gone: id)
            #expect(try await isEmpty(next))
            #expect(try await next.core.database.read { try RemovalStore.open(limit: 10, $0) }.isEmpty)
        }
    }

    @Test("large data goes in steps of at most two thousand rows")
    func boundedSteps() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let id = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            let account = try #require(try await rows(world, id)["account"]?.first)
            try await database.write { tx in
                for number in 0..<4500 {
                    try tx.db.run(
                        Self.insertSQL,
                        [
                            .integer(world.scope.environmentID), .text("t\(number)"), .text(id), .text(account),
                            .text("20\(20 + number % 15)-01-01"),
                        ])
                }
            }
            var left = 4500
            var largest = 0
            while try await database.write({
                try ErasureStore.step(
                    ID(trusted: id), keeping: "record.removed", at: world.runtime.now(), world.scope, $0)
            }) {
                let now = try await rows(world, id)["account_transaction"]?.count ?? 0
                largest = max(largest, left - now)
                left = now
            }
            #expect(left == 0)
            #expect(largest == ErasureStore.rowsMax)
        }
    }

    private static let insertSQL = """
        INSERT INTO account_transaction (environment_id, id, connection_id, account_id, customer_id, institution,
            status, amount_minor, currency, booked_on, description, revision, created_at_ms, updated_at_ms)
        VALUES ($1, $2, $3, $4, 'p', 'access-bank', 'booked', 1, 'NGN', $5, 'x', 1, 0, 0)
        """

    /// How each login at the sandbox bank ended, the oldest first; nil while it lives.
    private func ends(_ world: World) async throws -> [String?] {
        try await world.core.database.read { db in
            try db.query("SELECT ended FROM sandbox_grant ORDER BY linked_at_ms, id", []) { $0.textOrNil(0) }
        }
    }

    private func allowSeveral(_ world: World) async throws {
        var app = try #require(try await world.services.tenants.apps(world.environment()).first)
        app.relink = .allow
        try await world.services.tenants.update(app, in: world.environment())
    }

    @Test("access by which another connection lives is left, and ends with the last of them")
    func sharedLogin() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await allowSeveral(world)
            let first = try #require(try await linked(world).connectionID)
            let second = try #require(try await linked(world).connectionID)
            #expect(first != second)
            try await world.services.connections.remove(first, in: world.environment())
            try await check(world, gone: first)
            #expect(try await ends(world) == [nil, nil])
            let run = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: second, products: [.balance], cause: .demand)
            try await world.settle()
            #expect(try await world.services.refreshes.find(scope: world.scope, id: run.refreshID).state == "done")
            try await world.services.connections.remove(second, in: world.environment())
            #expect(try await ends(world).contains("revoked"))
        }
    }

    @Test("none of a removed person's own connections keeps the access of another")
    func sharedLoginOfOne() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await allowSeveral(world)
            let view = try await linked(world)
            let again = try await linked(world)
            #expect(again.connectionID != view.connectionID)
            try await world.services.connections.removeCustomer(
                try #require(view.customerID), in: world.environment())
            #expect(try await ends(world) == ["revoked", "revoked"])
        }
    }

    @Test("a bank that cannot be reached holds up no removal")
    func bankDown() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database) { inner in
                FaultyTransport(inner) { request, _ in request.url.hasSuffix("/revoke") ? .timedOut : nil }
            }
            let id = try #require(try await linked(world).connectionID)
            try await world.services.connections.remove(id, in: world.environment())
            try await check(world, gone: id)
        }
    }

    @Test("a connection that is removed in the middle of its refresh stays removed")
    func duringRefresh() async throws {
        try await onEveryDatabase { database in
            let hook = Hook()
            let world = try await World.make(on: database) { HookedTransport($0, hook) }
            let view = try await world.link { $0.historyMonths = 3 }
            let id = try #require(view.connectionID)
            hook.onTransactions {
                try await world.services.connections.remove(id, in: world.environment())
            }
            try await world.settle()
            #expect(hook.hasRun)
            try await check(world, gone: id)
            #expect(try await isEmpty(world))
        }
    }

    @Test("removing a person removes every connection of theirs, and nobody else's")
    func customer() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await linked(world)
            let customer = try #require(first.customerID)
            let second = try await linked(world, "zenith-bank", customer: customer)
            let other = try await world.link("otp", institution: "wema-bank") { $0.historyMonths = 1 }
            try await world.settle()
            let kept = try await rows(world, try #require(other.connectionID))
            try await world.services.connections.removeCustomer(customer, in: world.environment())
            for view in [first, second] { try await check(world, gone: try #require(view.connectionID)) }
            #expect(try await rows(world, try #require(other.connectionID)) == kept)
            let people = try await database.read { db in
                try db.query("SELECT id FROM customer", []) { $0.text(0) }
            }
            #expect(people == [other.customerID])
            let total = try await database.read { db in
                try db.first("SELECT count FROM day_total WHERE list = 'transactions' AND day = ''", []) { $0.int(0) }
            }
            #expect(total == Int64(kept["account_transaction"]?.count ?? 0), "the totals count what is left")
            await expectNotFound {
                try await world.services.connections.removeCustomer(customer, in: world.environment())
            }
        }
    }

    @Test("a business cannot remove what is another's")
    func stranger() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await linked(world)
            let id = try #require(view.connectionID)
            let before = try await rows(world, id)
            let tenant = try await world.services.tenants.create(name: "Stranger")
            for each in tenant.environments.map(\.environment) + [world.environment(.production)] {
                await expectNotFound { try await world.services.connections.remove(id, in: each) }
                await expectNotFound {
                    try await world.services.connections.removeCustomer(view.customerID ?? "", in: each)
                }
            }
            #expect(try await rows(world, id) == before)
        }
    }
}

/// Does something when the bank is asked for transactions for the first time.
final class Hook: Sendable {
    private let action = Mutex<(@Sendable () async throws -> Void)?>(nil)
    private let done = Mutex(false)

    var hasRun: Bool { done.withLock { $0 } }

    func onTransactions(_ body: @escaping @Sendable () async throws -> Void) { action.withLock { $0 = body } }

    func run() async throws {
        let body = action.withLock { action in
            defer { action = nil }
            return action
        }
        guard let body else { return }
        done.withLock { $0 = true }
        try await body()
    }
}

struct HookedTransport: HTTPTransport {
    let inner: any HTTPTransport
    let hook: Hook

    init(_ inner: any HTTPTransport, _ hook: Hook) {
        self.inner = inner
        self.hook = hook
    }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        let reply = try await inner.send(request)
        if request.url.contains("/transactions") {
            do { try await hook.run() } catch { throw .cannotConnect }
        }
        return reply
    }
}
