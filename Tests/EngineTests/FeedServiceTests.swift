import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Change feeds", .timeLimit(.minutes(30)))
struct FeedServiceTests {
    private static let form = ItemForm(
        RowTemplate(
            TransactionColumn.self, "{\"id\":$id,\"account\":$account_id,\"status\":$status,\"revision\":$revision}"),
        BareForms())

    /// What a customer keeps: transactions by id, and a cursor.
    private struct Mirror {
        var rows: [String: String] = [:]
        var cursor: String?
        var pages = 0
        var removed = 0

        mutating func sync(_ world: World, _ filter: FeedFilter = .all, count: Int = 100) async throws {
            repeat {
                let page = try await world.services.feeds.transactions(
                    filter, from: FeedStart(cursor), count: count, in: world.environment(), as: FeedServiceTests.form)
                if page.gap != nil { rows = [:] }
                for items in [page.added, page.modified] {
                    for item in try JSONValue(parsing: Array("[".utf8) + items + Array("]".utf8)).elements ?? [] {
                        rows[item["id"]?.text ?? ""] = item["status"]?.text
                    }
                }
                for gone in page.removed { rows[gone.id] = nil }
                removed += page.removed.count
                cursor = page.next
                pages += 1
                if !page.hasMore { return }
            } while true
        }
    }

    private static func stored(_ world: World, account: String? = nil) async throws -> [String: String] {
        try await world.core.database.read { db in
            let rows = try db.query(
                """
                SELECT id, status, account_id FROM account_transaction
                WHERE environment_id = $1 AND status <> 'removed'
                """,
                [.integer(world.scope.environmentID)]
            ) { ($0.text(0), $0.text(1), $0.text(2)) }
            return Dictionary(
                uniqueKeysWithValues: rows.filter { account == nil || $0.2 == account }.map { ($0.0, $0.1) })
        }
    }

    private static func accounts(_ world: World) async throws -> [String] {
        try await world.core.database.read { db in
            try db.query(
                "SELECT id FROM account WHERE environment_id = $1 ORDER BY id", [.integer(world.scope.environmentID)]
            ) {
                $0.text(0)
            }
        }
    }

    @Test("a mirror that follows the feed holds what the database holds, whatever the size of its pages")
    func mirror() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link("pending") { $0.historyMonths = 2 }
            try await world.settle()
            var mirrors = [7: Mirror(), 100: Mirror(), 500: Mirror()]
            for _ in 0..<4 {
                for count in mirrors.keys {
                    try await mirrors[count]?.sync(world, count: count)
                    #expect(mirrors[count]?.rows == (try await Self.stored(world)), "\(count)")
                }
                try await world.advance(days: 3)
            }
            #expect((mirrors[7]?.pages ?? 0) > 20)
        }
    }

    @Test("what is committed while pages are read comes with the next batch and shifts nothing")
    func stable() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            var mirror = Mirror()
            try await mirror.sync(world)
            try await world.advance(days: 2)
            let feeds = world.services.feeds
            func page(_ cursor: String?, _ count: Int) async throws -> TransactionSync {
                try await feeds.transactions(
                    .all, from: FeedStart(cursor), count: count, in: world.environment(), as: Self.form)
            }
            let whole = try await page(mirror.cursor, 500)
            let first = try await page(mirror.cursor, 1)
            #expect(first.hasMore && !whole.added.isEmpty)
            try await world.advance(days: 2)
            // The rest of the batch is what it was, though more is there now.
            var cursor = first.next
            var added = first.added
            var more = true
            while more {
                let next = try await page(cursor, 3)
                if !next.added.isEmpty { added += (added.isEmpty ? [] : [UInt8(ascii: ",")]) + next.added }
                (cursor, more) = (next.next, next.hasMore)
            }
            #expect(added == whole.added)
            try await mirror.sync(world)
            #expect(mirror.rows == (try await Self.stored(world)))
        }
    }

    @Test("an account's feed has its changes alone, and its cursor does not open the feed of all")
    func filtered() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link("accounts") { $0.historyMonths = 1 }
            try await world.settle()
            let accounts = try await Self.accounts(world)
            #expect(accounts.count > 1)
            var mirrors = accounts.map { _ in Mirror() }
            var login = Mirror()
            for _ in 0..<3 {
                for (place, account) in accounts.enumerated() {
                    try await mirrors[place].sync(world, .account(account), count: 20)
                    #expect(mirrors[place].rows == (try await Self.stored(world, account: account)))
                }
                try await login.sync(world, .connection(view.connectionID ?? ""), count: 33)
                #expect(login.rows == (try await Self.stored(world)))
                try await world.advance(days: 2)
            }
            await #expect(throws: DomainError.self) { try await mirrors[0].sync(world, .all) }
            await #expect(throws: DomainError.self) { try await mirrors[0].sync(world, .account(accounts[1])) }
            var all = Mirror()
            try await all.sync(world)
            try await all.sync(world, .account(accounts[0]))
            await #expect(throws: DomainError.self) {
                var none = Mirror()
                try await none.sync(world, .account(String(repeating: "f", count: 24)))
            }
        }
    }

    @Test("a changed or foreign cursor is refused")
    func forged() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var mirror = Mirror()
            try await mirror.sync(world)
            let good = try #require(mirror.cursor)
            for bad in ["x", good + "A", String(good.dropLast(2)), "*;c;0;0;0;", String(good.reversed())] {
                mirror.cursor = bad
                await #expect(throws: DomainError.self, "\(bad)") { try await mirror.sync(world) }
            }
            let other = world.environment(.production)
            await #expect(throws: DomainError.self) {
                _ = try await world.services.feeds.transactions(
                    .all, from: .cursor(good), count: 1, in: other, as: Self.form)
            }
            await #expect(throws: DomainError.self) {
                _ = try await world.services.feeds.events(
                    EventQuery(limit: 10, start: .cursor(good)), in: world.environment())
            }
        }
    }

    @Test("from now on there is nothing until something changes")
    func fromNow() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            var mirror = Mirror(cursor: "now")
            try await mirror.sync(world)
            #expect(mirror.rows.isEmpty && mirror.pages == 1)
            let before = try await Self.stored(world)
            try await world.advance(days: 3)
            try await mirror.sync(world)
            let after = try await Self.stored(world)
            #expect(!mirror.rows.isEmpty)
            #expect(Set(mirror.rows.keys) == Set(after.keys).subtracting(before.keys))
        }
    }

    @Test("a reader who was away for longer than changes are kept is told so and reads all again")
    func gap() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link("pending") { $0.historyMonths = 1 }
            try await world.settle()
            var mirror = Mirror()
            try await mirror.sync(world)
            let current = mirror
            try await world.advance(days: 4)
            var fresh = Mirror()
            try await fresh.sync(world)
            world.runtime.advance(milliseconds: 200 * Instant.dayMs)
            #expect(try await world.services.feeds.prune() > 0)
            let page = try await world.services.feeds.transactions(
                .all, from: FeedStart(current.cursor), count: 10, in: world.environment(), as: Self.form)
            #expect(page.gap == .retention && page.added.isEmpty && page.hasMore)
            mirror.rows["stale"] = "booked"
            try await mirror.sync(world)
            #expect(mirror.rows == (try await Self.stored(world)), "the stale row went with the gap")
            // Who had read all of it has no gap.
            let none = try await world.services.feeds.transactions(
                .all, from: FeedStart(fresh.cursor), count: 10, in: world.environment(), as: Self.form)
            #expect(none.gap == nil)
            #expect(view.connectionID != nil)
        }
    }

    @Test("what a removed connection had is removed from its mirrors")
    func erased() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 2 }
            try await world.settle()
            var mirror = Mirror()
            try await mirror.sync(world)
            let count = mirror.rows.count
            #expect(count > 0)
            try await world.services.connections.remove(try #require(view.connectionID), in: world.environment())
            try await mirror.sync(world, count: 60)
            #expect(mirror.rows.isEmpty)
            #expect(mirror.removed == count)
            var late = Mirror()
            try await late.sync(world)
            #expect(late.rows.isEmpty)
        }
    }

    // MARK: events

    private static func sequences(_ page: EventPage) throws -> [Int64] {
        try events(page).map { event in
            guard case .integer(let number)? = event["sequence"] else { return -1 }
            return number
        }
    }

    private static func events(_ page: EventPage) throws -> [JSONValue] {
        try JSONValue(parsing: Array("[".utf8) + page.items + Array("]".utf8)).elements ?? []
    }

    @Test("events are pulled in the order of their commits, each once, with every number accounted for")
    func pulled() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            try await world.advance(days: 2)
            let feeds = world.services.feeds
            var query = EventQuery(limit: 3, start: .beginning)
            var numbers: [Int64] = []
            var ids: Set<String> = []
            var page = EventPage()
            repeat {
                page = try await feeds.events(query, in: world.environment())
                #expect(page.count <= 3 && page.gap == nil)
                numbers += try Self.sequences(page)
                for event in try Self.events(page) { ids.insert(event["event_id"]?.text ?? "") }
                query.start = .cursor(page.next)
            } while page.hasMore
            #expect(numbers == Array(1...Int64(numbers.count)))
            // The same bodies as the webhooks had, but for the receiver's own URL.
            #expect(ids == Set(try world.webhooks.bodies().compactMap { $0["event_id"]?.text }))
            let one = try await feeds.events(
                EventQuery(
                    connection: view.connectionID, types: ["transaction.*", "auth.success"], limit: 200,
                    start: .beginning), in: world.environment())
            #expect(one.count < numbers.count && one.count > 1)
            #expect(
                one.covered
                    == [EventCover(connection: view.connectionID, epoch: 1, first: 1, last: Int64(numbers.count))])
        }
    }

    @Test("the last webhook that came is a place to go on from")
    func afterEvent() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let all = try Self.events(
                try await world.services.feeds.events(
                    EventQuery(limit: 200, start: .beginning), in: world.environment()))
            let third = try #require(all[2]["event_id"]?.text)
            for connection in [nil, view.connectionID] {
                let page = try await world.services.feeds.events(
                    EventQuery(connection: connection, limit: 200, start: .cursor(third)), in: world.environment())
                #expect(try Self.events(page) == Array(all.dropFirst(3)))
            }
            await #expect(throws: DomainError.self) {
                _ = try await world.services.feeds.events(
                    EventQuery(limit: 1, start: .cursor("evt_0000000000000000001")), in: world.environment())
            }
        }
    }

    @Test("events that were forgotten are told of as a gap, once")
    func eventGap() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let feeds = world.services.feeds
            var queries = [
                EventQuery(limit: 1, start: .beginning),
                EventQuery(connection: view.connectionID, limit: 1, start: .beginning),
            ]
            var cursors: [String] = []
            for query in queries { cursors.append(try await feeds.events(query, in: world.environment()).next) }
            // A reader of everything who goes on with one connection is told too.
            queries.append(queries[1])
            cursors.append(cursors[0])
            world.runtime.advance(milliseconds: 200 * Instant.dayMs)
            await Retention(core: world.core).run()
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: view.connectionID, products: [.balance],
                cause: .demand)
            try await world.settle()
            for (query, cursor) in zip(queries, cursors) {
                var query = query
                query.limit = 100
                query.start = .cursor(cursor)
                let page = try await feeds.events(query, in: world.environment())
                #expect(page.gap == .retention)
                #expect(page.count > 0)
                query.start = .cursor(page.next)
                #expect(try await feeds.events(query, in: world.environment()).gap == nil)
            }
        }
    }

    @Test("who waits for an event gets it when it is committed, and nothing after the time is over")
    func waits() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let feeds = world.services.feeds
            let environment = world.environment()
            let start = try await feeds.events(EventQuery(limit: 1, start: .now), in: environment).next
            let waiting = Task {
                try await feeds.events(EventQuery(limit: 10, start: .cursor(start)), waiting: 20, in: environment)
            }
            await world.runtime.sleepers(atLeast: 1)
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: view.connectionID, products: [.balance],
                cause: .demand)
            try await world.settle()
            let isDone = Task { try await waiting.value }
            // Time stands still unless it is moved: the bell alone does not end the shortest pause between two looks.
            world.runtime.advance(milliseconds: 200)
            let page = try await isDone.value
            #expect(page.count > 0)
            #expect(world.core.wakes.feeds.count == 0)
            let idle = Task {
                try await feeds.events(EventQuery(limit: 10, start: .cursor(page.next)), waiting: 1, in: environment)
            }
            await world.runtime.sleepers(atLeast: 1)
            world.runtime.advance(milliseconds: 1000)
            #expect(try await idle.value.count == 0)
        }
    }
}

/// Forms of tests that show columns alone.
struct BareForms: RowForms {
    func bank(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
    func bankDetail(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
    func bankNamed(_ institution: Institution, _ out: inout JSONWriter) { out.null() }
    func customer(id: String, name: String?, _ out: inout JSONWriter) { out.null() }
    func account(_ account: AccountFacts, _ out: inout JSONWriter) { out.null() }
    func balanceAccount(_ account: AccountFacts, _ institution: Institution, _ out: inout JSONWriter) { out.null() }
    func periodic(_ balances: [EarlierBalance], owner: String, _ out: inout JSONWriter) { out.null() }
    func status(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
    func products(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
    func usedProducts(_ connection: ConnectionFacts, _ out: inout JSONWriter) { out.null() }
    func credentials(_ logins: [(ConnectionFacts, AccountFacts, Institution)], _ out: inout JSONWriter) {
        out.null()
    }
    func identity(_ details: IdentityDetails, _ out: inout JSONWriter) { out.null() }
}
