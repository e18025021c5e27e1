import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

/// Tasks that are still at work.
private final class Countdown: Sendable {
    private let left: Mutex<Int>
    init(_ count: Int) { left = Mutex(count) }
    var isOver: Bool { left.withLock { $0 <= 0 } }
    func step() { left.withLock { $0 -= 1 } }
}

/// A consumer that only pulls: it misses nothing, and can prove it.
@Suite("Pulling alone", .timeLimit(.minutes(30)))
struct PullingTests {
    private struct Seen: Hashable {
        let connection: String
        let epoch: Int64
        let sequence: Int64
    }

    /// What a consumer keeps: a cursor, what it was shown, and what it was told to be covered.
    private struct Consumer {
        var query: EventQuery
        var shown: [Seen] = []
        var ids: Set<String> = []
        var covered: [String: [ClosedRange<Int64>]] = [:]
        var gaps: [FeedGap] = []

        init(connection: String? = nil, types: [String] = []) {
            query = EventQuery(connection: connection, types: types, limit: 7, start: .beginning)
        }

        /// Reads one page. - Returns: whether there is more.
        mutating func pull(_ world: World) async throws -> Bool {
            let page = try await world.services.feeds.events(query, in: world.environment())
            query.start = .cursor(page.next)
            if let gap = page.gap { gaps.append(gap) }
            for event in try JSONValue(parsing: Array("[".utf8) + page.items + Array("]".utf8)).elements ?? [] {
                ids.insert(event["event_id"]?.text ?? "")
                shown.append(
                    Seen(
                        connection: event["data"]?["record"]?.text ?? "", epoch: Self.number(event["epoch"]),
                        sequence: Self.number(event["sequence"])))
            }
            for range in page.covered {
                covered[range.connection ?? "", default: []].append(range.first...range.last)
            }
            return page.hasMore
        }

        private static func number(_ value: JSONValue?) -> Int64 {
            if case .integer(let number)? = value { number } else { 0 }
        }

        mutating func drain(_ world: World) async throws {
            while try await pull(world) {}
        }

        /// The ranges of one connection, joined: one from 1 on where nothing was missed.
        func proof(_ connection: String) -> [ClosedRange<Int64>] {
            (covered[connection] ?? []).reduce(into: []) { joined, next in
                if let last = joined.last, last.upperBound + 1 == next.lowerBound {
                    joined[joined.count - 1] = last.lowerBound...next.upperBound
                } else {
                    joined.append(next)
                }
            }
        }
    }

    /// One event, as a unit of a node writes it.
    private static func emit(_ world: World, _ connection: String, _ type: String) async throws {
        try await world.core.sequence.fill()
        let scope = world.scope
        let sequence = world.core.sequence
        try await world.core.database.write { tx in
            // What else a unit writes first decides the order of the transactions, not that of the events.
            try tx.db.run("UPDATE id_block SET next = next WHERE name = 'none'")
            let number =
                connection.isEmpty
                ? try BankStore.takeSequence(scope, tx)
                : try ConnectionStore.takeSequence(ID(trusted: connection), count: 1, scope, tx)
            let id = try sequence.take()
            let thin =
                "\"event_id\":\"\(EventID.text(id))\",\"sequence\":\(number),\"epoch\":\(Epoch.of(id: id)),"
                + "\"data\":{\"record\":\"\(connection)\"}"
            try tx.db.run(
                """
                INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
                VALUES ($1, $2, $3, $4, $5, 0, $6)
                """,
                [
                    .integer(scope.environmentID), .integer(id), .text(connection), .integer(number), .text(type),
                    .text(thin),
                ])
        }
    }

    private static func counts(_ world: World) async throws -> [String: Int64] {
        try await world.core.database.read { db in
            let rows = try db.query(
                "SELECT connection_id, MAX(seq), COUNT(*) FROM event WHERE environment_id = $1 GROUP BY connection_id",
                [.integer(world.scope.environmentID)]
            ) { ($0.text(0), $0.int(1), $0.int(2)) }
            for row in rows { #expect(row.1 == row.2, "numbers without holes: \(row)") }
            return Dictionary(uniqueKeysWithValues: rows.map { ($0.0, $0.1) })
        }
    }

    /// Two worlds on one database: two nodes on PostgreSQL, two connections on SQLite.
    private func onTwo(_ body: (World, World, TestDatabase) async throws -> Void) async throws {
        try await onEveryTestDatabase { test in
            let one = try await World.make(on: test.database)
            let two = try await World.make(on: try await test.reopened(), sameAs: one)
            try await body(one, two, test)
        }
    }

    @Test("while two nodes commit for the same connections, each event comes once, in its connection's order")
    func concurrent() async throws {
        try await onTwo { one, two, _ in
            let first = try #require(try await one.link { $0.historyMonths = 1 }.connectionID)
            let second = try #require(try await one.link("accounts") { $0.historyMonths = 1 }.connectionID)
            let owners = [first, second, ""]
            let types = ["balance.success", "transaction.success"]
            let left = Countdown(6)
            var consumers = [Consumer(), Consumer(types: ["balance.*"]), Consumer(connection: EventQuery.none)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<6 {
                    group.addTask {
                        let world = writer % 2 == 0 ? one : two
                        for number in 0..<40 {
                            try await Self.emit(world, owners[(number + writer) % 3], types[number % 2])
                        }
                        left.step()
                    }
                }
                while !left.isOver {
                    // A consumer keeps nothing but its cursor: any node serves it.
                    for place in consumers.indices { _ = try await consumers[place].pull(place % 2 == 0 ? two : one) }
                    if group.isEmpty { break }
                }
                try await group.waitForAll()
            }
            for place in consumers.indices { try await consumers[place].drain(one) }
            let counts = try await Self.counts(one)
            let all = consumers[0]
            #expect(counts.values.reduce(0, +) == Int64(all.shown.count))
            #expect(all.ids.count == all.shown.count, "each once")
            for owner in owners {
                let numbers = all.shown.filter { $0.connection == owner }.map(\.sequence)
                #expect(numbers == Array(1...(counts[owner] ?? 0)), "\(owner)")
                #expect(all.proof(owner) == [1...(counts[owner] ?? 0)])
                #expect(consumers[1].proof(owner) == [1...(counts[owner] ?? 0)], "a filter proves it too")
            }
            #expect(consumers[1].shown.count < all.shown.count)
            #expect(consumers[2].shown.map(\.sequence) == Array(1...(counts[""] ?? 0)))
            #expect(consumers[2].proof("") == [1...(counts[""] ?? 0)])
            #expect(consumers.allSatisfy { $0.gaps.isEmpty })
        }
    }

    @Test("refreshes, a bank's health and restarts between pages leave no hole")
    func whole() async throws {
        try await onEveryTestDatabase { test in
            var world = try await World.make(on: test.database)
            let first = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            var consumer = Consumer()
            _ = try await world.link("accounts") { $0.historyMonths = 1 }
            for _ in 0..<4 {
                _ = try await consumer.pull(world)
                try await world.settle()
                try await world.advance(days: 1)
                try await Self.emit(world, "", "institution.recovered")
                world = try await World.make(on: try await test.reopened(), sameAs: world)
            }
            try await consumer.drain(world)
            let counts = try await Self.counts(world)
            #expect(counts.count == 3 && (counts[first] ?? 0) > 4)
            for (owner, last) in counts { #expect(consumer.proof(owner) == [1...last]) }
            #expect(Int64(consumer.ids.count) == counts.values.reduce(0, +))
        }
    }

    @Test("a wait for what does not come ends with what it passed, and does not go through all that there is")
    func passing() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.core.sequence.fill()
            let (core, scope) = (world.core, SQLValue.integer(world.scope.environmentID))
            try await database.write { tx in
                for number in 0..<3500 {
                    try tx.db.run(
                        """
                        INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
                        VALUES ($1, $2, $3, 1, 'balance.success', $4, $5)
                        """,
                        [
                            scope, .integer(try core.sequence.take()), .text("c\(number)"), .at(core.runtime.now()),
                            .text("\"event\":\"balance.success\""),
                        ])
                }
            }
            var query = EventQuery(types: ["income.failed"], limit: 7, start: .beginning)
            var passed = 0
            for _ in 0..<3 {
                let page = try await world.services.feeds.events(query, waiting: 25, in: world.environment())
                #expect(page.count == 0 && page.hasMore && page.covered.count == 1000)
                passed += page.covered.count
                query.start = .cursor(page.next)
            }
            #expect(passed == 3000)
        }
    }

    @Test("events of no connection are a stream of their own, with a cursor of its own")
    func ofNone() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            try await world.settle()
            var none = Consumer(connection: EventQuery.none)
            try await none.drain(world)
            #expect(none.shown.isEmpty && none.gaps.isEmpty)
            for _ in 0..<9 { try await Self.emit(world, "", "institution.down") }
            try await none.drain(world)
            #expect(none.shown.map(\.sequence) == Array(1...9))
            #expect(none.covered.keys.sorted() == [""])
            var other = Consumer(connection: first)
            other.query.start = none.query.start
            await #expect(throws: DomainError.self) { try await other.drain(world) }
            // Who has read everything may go on with this one, behind an event of it.
            var late = Consumer(connection: EventQuery.none)
            late.query.start = .cursor(none.ids.sorted()[4])
            try await late.drain(world)
            #expect(late.shown.map(\.sequence) == Array(6...9))
        }
    }

    @Test("complete events tell what a complete webhook tells, others what a thin one does, whoever reads them")
    func complete() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete)
            let record = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            try await world.settle()
            func pulled(_ payload: WebhookEndpoint.Payload) async throws -> [JSONValue] {
                var query = EventQuery(limit: 200, start: .beginning)
                query.payload = payload
                let page = try await world.services.feeds.events(query, in: world.environment())
                return try JSONValue(parsing: Array("[".utf8) + page.items + Array("]".utf8)).elements ?? []
            }
            let sent = try world.webhooks.bodies()
            for body in try await pulled(.complete) {
                let webhook = try #require(sent.first { $0["event_id"] == body["event_id"] })
                var members = try #require(body.members)
                members["previous_sequence"] = nil
                members["callbackURL"] = webhook["callbackURL"]
                #expect(JSONValue.object(members) == webhook)
            }
            #expect(try await pulled(.complete).contains { $0["data"]?["resource"] != nil })
            #expect(try await pulled(.thin).allSatisfy { $0["data"]?["resource"] == nil })
            for payload in WebhookEndpoint.Payload.allCases {
                for body in try await pulled(payload) {
                    let id = try #require(body["event_id"]?.text)
                    let one = try await world.services.feeds.event(id, payload, in: world.environment())
                    #expect(try JSONValue(parsing: one) == body)
                    await #expect(throws: DomainError.notFound("event")) {
                        try await world.services.feeds.event(id, payload, in: world.environment(.production))
                    }
                }
            }
            await #expect(throws: DomainError.notFound("event")) {
                try await world.services.feeds.event("evt_nothing", .thin, in: world.environment())
            }
            // What was erased with its record is told as far as it may be.
            try await world.services.connections.remove(record, in: world.environment())
            try await world.settle()
            #expect(try await pulled(.complete).map { $0["event"]?.text } == ["record.removed"])
        }
    }

    @Test("who has read everything up to any place goes on with one connection from there, and misses nothing")
    func narrowed() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            let second = try #require(try await world.link("accounts") { $0.historyMonths = 1 }.connectionID)
            try await world.settle()
            for number in 0..<12 {
                try await Self.emit(world, [first, "", second, second][number % 4], "balance.success")
            }
            let counts = try await Self.counts(world)
            var wide = Consumer()
            wide.query.limit = 1
            var places = [wide.query.start]
            while try await wide.pull(world) { places.append(wide.query.start) }
            places.append(wide.query.start)
            var now = wide.query
            now.start = .now
            let newest = try await world.services.feeds.events(now, in: world.environment()).next
            for owner in [first, second, ""] {
                for (read, place) in (places + [.cursor(newest)]).enumerated() {
                    let seen = wide.shown.prefix(read).filter { $0.connection == owner }.count
                    var narrow = Consumer(connection: owner.isEmpty ? EventQuery.none : owner)
                    narrow.query.start = place
                    try await narrow.drain(world)
                    #expect(narrow.gaps.isEmpty)
                    let rest = Array(Array(1...(counts[owner] ?? 0)).dropFirst(seen))
                    #expect(narrow.shown.map(\.sequence) == rest, "\(read)")
                }
                try await Self.emit(world, owner, "balance.success")
                var narrow = Consumer(connection: owner.isEmpty ? EventQuery.none : owner)
                narrow.query.start = .cursor(newest)
                try await narrow.drain(world)
                #expect(narrow.shown.map(\.sequence) == [(counts[owner] ?? 0) + 1], "what came since")
            }
        }
    }
}
