import Connectors
import Domain
import Engine
import Storage
import Synchronization
import TestKit
import Testing

@Suite struct AccountsStepTests {
    /// What the bank says when it is asked for its accounts; nil lets it speak for itself.
    private final class AccountList: Sendable {
        private let body = Mutex<String?>(nil)
        private let count = Mutex(0)
        /// How often the bank was asked for its accounts; a run that finds nothing new leaves no row.
        var looks: Int { count.withLock { $0 } }

        func set(_ rows: [String]?) {
            body.withLock { $0 = rows.map { "{\"accounts\": [\($0.joined(separator: ","))]}" } }
        }

        func wrap(_ inner: any HTTPTransport) -> any HTTPTransport {
            FaultyTransport(inner) { request, _ in
                guard request.url.hasSuffix("/accounts"), request.method == "GET" else { return nil }
                self.count.withLock { $0 += 1 }
                return self.body.withLock { $0 }.map { .reply(status: 200, headers: [:], body: $0) }
            }
        }
    }

    private struct Kept: Equatable {
        let id: String
        let upstreamID: String
        let name: String?
        let type: String?
        let status: String
    }

    private func kept(_ world: World) async throws -> [Kept] {
        try await world.core.database.read { db in
            try db.query("SELECT id, upstream_id, name, type, status FROM account ORDER BY id", []) {
                Kept(
                    id: $0.text(0), upstreamID: $0.text(1), name: $0.textOrNil(2), type: $0.textOrNil(3),
                    status: $0.text(4))
            }
        }
    }

    private func revision(_ list: String, _ world: World) async throws -> Int64? {
        try await world.core.database.read { db in
            try db.first("SELECT revision FROM day_total WHERE list = $1 AND day = ''", [.text(list)]) { $0.int(0) }
        }
    }

    private func told(_ world: World) async throws -> Int64 {
        let count = try await world.core.database.read { db in
            try db.first("SELECT COUNT(*) FROM event WHERE type = $1", [.text(EventCatalog.accounts.name)]) {
                $0.int(0)
            }
        }
        return count ?? 0
    }

    private func row(_ kept: Kept, name: String? = nil, type: String? = nil, active: Bool = true) -> String {
        """
        {"id": "\(kept.upstreamID)", "number": null, "name": "\(name ?? kept.name ?? "")", "holder": null,
        "type": "\(type ?? kept.type ?? "")", "currency": "NGN", "active": \(active)}
        """
    }

    /// A linked person with two accounts, whose data is fetched.
    private func linked(_ database: Database, _ list: AccountList) async throws -> World {
        let world = try await World.make(on: database, wrap: list.wrap)
        try await world.listen()
        _ = try await world.link()
        try await world.settle()
        // The first daily run may come on the day of the link, whose accounts are known.
        try await world.advance(days: 1)
        return world
    }

    @Test("accounts are looked at once a day, and a list without news changes and tells nothing")
    func noNews() async throws {
        try await onEveryDatabase { database in
            let list = AccountList()
            let world = try await linked(database, list)
            let looks = list.looks
            let (before, toldBefore) = (try await kept(world), try await told(world))
            try await world.advance(days: 3)
            // Each look asks twice: the token of the day before has ended.
            #expect(list.looks == looks + 2 * 3)
            #expect(try await kept(world) == before)
            #expect(try await told(world) == toldBefore)
        }
    }

    @Test("a new name is kept, touches every list that shows it, and is told once")
    func renamed() async throws {
        try await onEveryDatabase { database in
            let list = AccountList()
            let world = try await linked(database, list)
            let before = try await kept(world)
            let toldBefore = try await told(world)
            list.set([row(before[0], name: "Goals", type: "target")] + before.dropFirst().map { row($0) })
            let lists = ["account:\(before[0].id)", "bank:access-bank", "transactions"]
            var revisions: [Int64?] = []
            for name in lists { revisions.append(try await revision(name, world)) }
            try await world.advance(days: 1)
            let after = try await kept(world)
            #expect(after[0].name == "Goals")
            #expect(after[0].type == "target")
            #expect(after.dropFirst() == before.dropFirst())
            #expect(try await told(world) == toldBefore + 1)
            for (name, old) in zip(lists, revisions) {
                #expect(try #require(await revision(name, world)) > #require(old))
            }
            try await world.advance(days: 1)
            #expect(try await told(world) == toldBefore + 1)
        }
    }

    @Test("an account that vanishes is closed and fetched no more; back again, it has its id and lacks no transaction")
    func vanishedAndBack() async throws {
        try await onEveryDatabase { database in
            let list = AccountList()
            let world = try await linked(database, list)
            let before = try await kept(world)
            try #require(before.count > 1)
            list.set([row(before[0])])
            try await world.advance(days: 1)
            #expect(try await kept(world).map(\.status) == ["active"] + before.dropFirst().map { _ in "closed" })
            let closed = before[1].id
            let atClosing = try await rows(of: closed, world)
            try await world.advance(days: 20)
            #expect(try await rows(of: closed, world) == atClosing)
            list.set(nil)
            try await world.advance(days: 1)
            #expect(try await kept(world) == before)
            // Days that a refresh of an account in use would not look back to.
            #expect(try await rows(of: closed, daysAgo: 10...15, world) > 0)
            #expect(try await rows(of: closed, world) > atClosing)
        }
    }

    private func rows(of account: String, daysAgo: ClosedRange<Int>, _ world: World) async throws -> Int64 {
        let today = try await world.services.sandbox.clock(world.environment()).now.day()
        let days = (today.adding(days: -daysAgo.upperBound), today.adding(days: -daysAgo.lowerBound))
        return try #require(
            try await world.core.database.read { db in
                try db.first(
                    """
                    SELECT COUNT(*) FROM account_transaction
                    WHERE account_id = $1 AND status <> 'removed' AND booked_on BETWEEN $2 AND $3
                    """, [.text(account), .text(days.0.iso), .text(days.1.iso)]
                ) { $0.int(0) }
            })
    }

    private func rows(of account: String, _ world: World) async throws -> Int64 {
        try #require(
            await world.core.database.read { db in
                try db.first(
                    "SELECT COUNT(*) FROM account_transaction WHERE account_id = $1 AND status <> 'removed'",
                    [.text(account)]
                ) { $0.int(0) }
            })
    }

    @Test("an account that nobody chose is not added, and an empty list closes nothing")
    func notChosen() async throws {
        try await onEveryDatabase { database in
            let list = AccountList()
            let world = try await linked(database, list)
            let before = try await kept(world)
            let new = Kept(id: "", upstreamID: "another", name: "New", type: "savings", status: "active")
            list.set(before.map { row($0) } + [row(new)])
            try await world.advance(days: 1)
            #expect(try await kept(world) == before)
            list.set([])
            try await world.advance(days: 1)
            #expect(try await kept(world) == before)
        }
    }
}
