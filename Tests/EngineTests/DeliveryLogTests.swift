import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct DeliveryLogTests {
    /// Every delivery that is asked for, read in pages of a few.
    private func all(_ world: World, _ filter: LogFilter, pages limit: Int = 3) async throws -> [DeliveryView] {
        var found: [DeliveryView] = []
        var cursor: String?
        repeat {
            let page = try await world.services.deliveries.deliveries(
                filter, cursor: cursor, limit: limit, in: world.environment())
            #expect(page.rows.count <= limit)
            found += page.rows
            cursor = page.next
        } while cursor != nil
        return found
    }

    @Test("pages of every walk show each delivery once, with where it stands")
    func pages() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            var second = EndpointChange()
            second.url = "https://shop.example/second"
            _ = try await world.services.endpoints.create(second, in: world.environment())
            world.webhooks.answer { WebhookOutcome(status: $0.url.hasSuffix("second") ? 500 : 200) }
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let events = try await count("SELECT COUNT(id) FROM event", database)
            let every = try await all(world, LogFilter())
            #expect(every.count == Int(events) * 2)
            #expect(Set(every.map(\.id)).count == every.count, "no delivery twice")
            let delivered = try await all(world, LogFilter(states: [.delivered]))
            let failed = try await all(world, LogFilter(states: [.failed]))
            let waiting = try await all(world, LogFilter(states: [.waiting]))
            // One that fails is probed: not everything is tried at once.
            #expect(delivered.count == Int(events) && failed.count + waiting.count == Int(events) && !failed.isEmpty)
            #expect(waiting.allSatisfy { $0.attempts.isEmpty })
            #expect(failed.allSatisfy { $0.nextAttemptAt != nil && $0.attempts.map(\.outcome) == ["retry"] })
            #expect(delivered.allSatisfy { $0.nextAttemptAt == nil && $0.attempts.map(\.status) == [200] })
            #expect(try await all(world, LogFilter(states: [.dead])).isEmpty)
            let connection = try #require(view.connectionID)
            #expect(try await all(world, LogFilter(connection: connection)).map(\.id) == every.map(\.id))
            #expect(try await all(world, LogFilter(connection: String(repeating: "f", count: 24))).isEmpty)
            let one = try #require(failed.first)
            let ofEndpoint = try await all(world, LogFilter(endpoint: one.endpointID))
            #expect(Set(ofEndpoint.map(\.id)) == Set((failed + waiting).map(\.id)))
            let event = try #require(LogID.event(one.eventID))
            #expect(try await all(world, LogFilter(event: event), pages: 1).count == 2)
            let balances = try await all(world, LogFilter(types: ["balance.*"]))
            #expect(!balances.isEmpty && balances.allSatisfy { $0.type.hasPrefix("balance.") })
            #expect(balances.count == every.filter { $0.type.hasPrefix("balance.") }.count)
        }
    }

    @Test(
        "a page reads a bounded number of rows of an event in thousands of parts, and shows each part once"
    )
    func parts() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint("https://shop.example/hook")
            let parts = 1500
            let (before, split, after) = (
                try await post(1, in: room, to: endpoint), try await post(parts, in: room, to: endpoint),
                try await post(2, in: room, to: endpoint)
            )
            // Some were taken, one is to be sent again, the others wait.
            try await database.write { tx in
                try tx.db.run(
                    """
                    INSERT INTO attempt (environment_id, delivery_id, number, event_id, endpoint_id, at_ms, duration_ms,
                        outcome, part)
                    SELECT environment_id, id, 1, event_id, endpoint_id, 1000 + part, 1,
                        CASE WHEN part = 700 THEN 'retry' ELSE 'delivered' END, part
                    FROM delivery WHERE event_id = $1 AND part <= 700
                    """, [.integer(split)])
                try tx.db.run("DELETE FROM delivery WHERE event_id = $1 AND part < 700", [.integer(split)])
            }
            func pages(_ filter: LogFilter, rowsMax: Int = 1000) async throws -> [LoggedDelivery] {
                var (found, place) = ([LoggedDelivery](), DeliveryPlace?.none)
                repeat {
                    let start = place
                    let (page, rows) = try await database.read(snapshot: true) { db in
                        let counter = RowCounter(db)
                        let page = try AttemptReads.deliveries(filter, after: start, limit: 50, room.scope, counter)
                        return (page, counter.rows)
                    }
                    #expect(page.rows.count <= 50)
                    #expect(rows < rowsMax, "\(filter)")
                    found += page.rows
                    place = page.next
                } while place != nil
                return found
            }
            let every = try await pages(LogFilter())
            #expect(every.map(\.event.id) == [after, after] + Array(repeating: split, count: parts) + [before])
            #expect(Set(every.map(\.id)).count == parts + 3)
            let one = try await pages(LogFilter(event: split))
            #expect(one.map(\.part) == (1...1500).map(Int64.init))
            #expect(one.filter { $0.state == .delivered }.count == 699 && one.allSatisfy { $0.attempts.count <= 1 })
            let connection = try #require(every.first).event.connection
            #expect(try await pages(LogFilter(connection: connection)) == every)
            // What few are to be found in is looked through in the same steps.
            let looked = 3 * AttemptReads.lookedMax
            #expect(try await pages(LogFilter(event: split, states: [.failed]), rowsMax: looked).map(\.part) == [700])
            #expect(try await pages(LogFilter(endpoint: "nobody's"), rowsMax: looked).isEmpty)
            let standings = try await database.read {
                try AttemptReads.standings(of: [before, split], at: endpoint.id.hex, room.scope, $0)
            }
            #expect(standings[before]?.map(\.state) == [.waiting])
            #expect(Set(standings[split]?.map(\.state) ?? []) == [.delivered, .failed, .waiting])
            #expect(standings[split]?.filter(\.isTried).count == 2)
            let waiting = try await pages(LogFilter(states: [.waiting]))
            #expect(Set(waiting.map(\.id)) == Set(every.filter { $0.state == .waiting }.map(\.id)))
            #expect(waiting.count == 803)
        }
    }

    @Test("a page reads a bounded number of attempts of an event that was sent in thousands of parts")
    func attemptsOfParts() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint("https://shop.example/hook")
            let event = try await post(900, in: room, to: endpoint)
            try await room.settle()
            var (found, place) = ([AttemptPlace](), AttemptPlace?.none)
            repeat {
                let start = place
                let (page, rows) = try await database.read(snapshot: true) { db in
                    let counter = RowCounter(db)
                    let page = try AttemptReads.attempts(
                        LogFilter(event: event), outcomes: [], before: start, limit: 50, room.scope, counter)
                    return (page, counter.rows)
                }
                #expect(rows <= 300)
                found += page.rows.map(\.attempt.place)
                place = page.next
            } while place != nil
            #expect(found.count == 900 && Set(found).count == 900 && found == found.sorted(by: >))
        }
    }

    /// Commits an event with so many parts for an endpoint.
    private func post(_ parts: Int, in room: Mailroom, to endpoint: WebhookEndpoint) async throws -> Int64 {
        let (core, scope, now) = (room.core, room.scope, room.runtime.now())
        try await core.sequence.fill()
        return try await core.database.write { tx in
            let id = try core.sequence.take()
            let connection = ID<Connection>(trusted: String(repeating: "a", count: 24))
            let thin = "\"event\":\"balance.success\",\"number\":\(id),\"connection\":\"\(connection)\""
            try EventStore.append(
                EventStore.NewEvent(
                    id: id, sequence: id, type: "balance.success", accountID: nil, thin: Array(thin.utf8),
                    complete: nil),
                connection: connection, to: [], at: now, machineNow: now, newID: core.sequence.take, scope, tx)
            for part in 1...parts {
                try DeliveryStore.append(
                    EventPart(event: id, part: Int64(part)), of: connection.hex, to: endpoint, machineNow: now,
                    newID: core.sequence.take, scope, tx)
            }
            return id
        }
    }

    /// Counts the rows that are read.
    private final class RowCounter: SQLConnection {
        private(set) var rows = 0
        private let inner: any SQLConnection
        var dialect: Dialect { inner.dialect }
        var session: Int { inner.session }
        init(_ inner: any SQLConnection) { self.inner = inner }
        func script(_ sql: String) throws(StorageError) { try inner.script(sql) }
        @discardableResult
        func forEach(_ sql: String, _ values: [SQLValue], _ body: (borrowing Row) throws -> Void) throws -> Int {
            try inner.forEach(sql, values) { row in
                rows += 1
                try body(row)
            }
        }
    }

    @Test("what is taken from the queue after an attempt was dropped; what was never tried leaves nothing")
    func dropped() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            var change = EndpointChange()
            change.url = "https://shop.example/gone"
            let endpoints = world.services.endpoints
            let made = try await endpoints.create(change, in: world.environment())
            world.webhooks.answer { _ in WebhookOutcome(status: 500) }
            func refresh() async throws {
                _ = try await world.services.refreshes.requestOnDemand(
                    in: world.environment(), accountID: nil, connectionID: view.connectionID, products: [.balance])
                try await world.settle()
            }
            try await refresh()
            let tried = try await all(world, LogFilter(states: [.failed])).map(\.id)
            _ = try await endpoints.turn(made.endpoint.id.hex, .pause, in: world.environment())
            world.runtime.advance(milliseconds: Instant.dayMs)
            try await refresh()
            let untried = try await all(world, LogFilter(states: [.waiting])).map(\.id)
            try #require(!tried.isEmpty && !untried.isEmpty)
            try await endpoints.remove(made.endpoint.id.hex, in: world.environment())
            try await world.settle()
            let dropped = try await all(world, LogFilter(states: [.dropped]))
            #expect(dropped.map(\.id).sorted() == tried.sorted())
            #expect(dropped.allSatisfy { $0.nextAttemptAt == nil && $0.attempts.count == 1 })
            #expect(try await all(world, LogFilter()).map(\.id).sorted() == tried.sorted())
            for id in untried {
                let gone = await #expect(throws: DomainError.self) {
                    try await world.services.deliveries.delivery(id, in: world.environment())
                }
                #expect(gone?.code == .notFound)
            }
        }
    }

    @Test("an attempt is shown with the URL and the headers that its endpoint had then, however often it changed since")
    func earlierEndpoint() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var new = EndpointChange()
            new.url = "https://shop.example/old"
            new.token = "secret"
            let made = try await world.services.endpoints.create(new, in: world.environment())
            let id = made.endpoint.id.hex
            world.webhooks.answer { _ in WebhookOutcome(status: 500) }
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            func shown() async throws -> [String] {
                let page = try await world.services.deliveries.attempts(
                    LogFilter(endpoint: id), outcomes: [], cursor: nil, limit: 100, in: world.environment())
                var found: [String] = []
                for row in page.rows.reversed() {
                    let one = try await world.services.deliveries.attempt(row.id, in: world.environment())
                    let names = one.headers.map(\.name)
                    let isSigned = one.headers.contains { $0.name == "webhook-signature" && $0.value.contains("v1a") }
                    found.append(
                        (one.url ?? "none") + (names.contains("authorization") ? " token" : "")
                            + (names.contains("x-team") ? " team" : "") + (isSigned ? " v1a" : ""))
                }
                return found
            }
            let first = try await shown()
            try #require(!first.isEmpty && Set(first) == ["https://shop.example/old token"])
            for json: [String: JSONValue] in [
                ["url": "https://shop.example/new", "token": .null], ["description": "no change of what is sent"],
                ["headers": ["x-team": "a"], "signatures": ["v1", "v1a"]],
            ] {
                world.runtime.advance(milliseconds: 1)
                _ = try await world.services.endpoints.update(id, EndpointChange(json: json), in: world.environment())
                world.runtime.advance(milliseconds: Instant.dayMs)
                try await world.settle()
            }
            let all = try await shown()
            #expect(Array(all.prefix(first.count)) == first)
            #expect(all.contains("https://shop.example/new") && all.last == "https://shop.example/new team v1a")
            try await world.services.endpoints.remove(id, in: world.environment())
            #expect(Set(try await shown()) == ["none"])
            #expect(try await count("SELECT COUNT(*) FROM webhook_endpoint_past", database) == 0)
        }
    }

    @Test("times limit the list from both ends, and the newest comes first")
    func times() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let before = world.runtime.now()
            world.runtime.advance(milliseconds: 5 * Instant.dayMs)
            _ = try await world.services.refreshes.requestOnDemand(
                in: world.environment(), accountID: nil, connectionID: view.connectionID, products: [.balance])
            try await world.settle()
            let old = try await all(world, LogFilter(to: before))
            let new = try await all(world, LogFilter(from: before + 1))
            #expect(!old.isEmpty && !new.isEmpty)
            #expect(old.allSatisfy { $0.occurredAt <= before } && new.allSatisfy { $0.occurredAt > before })
            let every = try await all(world, LogFilter())
            #expect(every.map(\.id) == (new + old).map(\.id))
            let sequences = every.map(\.sequence)
            #expect(sequences == sequences.sorted(by: >), "the newest event first")
        }
    }

    @Test("attempts are listed newest first, each page goes on where the last one ended")
    func attempts() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            world.webhooks.answer { _ in WebhookOutcome(status: 503) }
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            world.webhooks.answer { _ in WebhookOutcome(status: 204) }
            world.runtime.advance(milliseconds: 3_600_000)
            try await world.settle()
            let rows = try await count("SELECT COUNT(number) FROM attempt", database)
            let every = try await attempts(world, [])
            #expect(every.count == Int(rows) && Set(every.map(\.id)).count == every.count)
            #expect(every.map(\.at) == every.map(\.at).sorted(by: >))
            let failed = try await attempts(world, ["retry"])
            #expect(!failed.isEmpty && failed.allSatisfy { $0.status == 503 && $0.outcome == "retry" })
            #expect(try await attempts(world, ["delivered"]).count + failed.count == every.count)
            #expect(try await attempts(world, ["dead"]).isEmpty)
            let event = try #require(failed.first.flatMap { LogID.event($0.eventID) })
            let ofEvent = try await attempts(world, [], LogFilter(event: event))
            #expect(ofEvent.map(\.outcome) == ["delivered", "retry"])
        }
    }

    private func attempts(
        _ world: World, _ outcomes: Set<String>, _ filter: LogFilter = LogFilter()
    ) async throws -> [AttemptLogView] {
        var found: [AttemptLogView] = []
        var cursor: String?
        repeat {
            let page = try await world.services.deliveries.attempts(
                filter, outcomes: outcomes, cursor: cursor, limit: 2, in: world.environment())
            found += page.rows
            cursor = page.next
        } while cursor != nil
        return found
    }

    @Test("an attempt shows the body as it was sent and what came back, and no secret")
    func detail() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete, token: "shop-token")
            world.webhooks.answer { _ in
                WebhookOutcome(status: 200, responseBody: Array("{\"ok\":true}".utf8))
            }
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            for request in world.webhooks.requests {
                let body = try JSONValue(parsing: request.body)
                let id = try #require(body["event_id"]?.text)
                let event = try #require(LogID.event(id))
                let row = try #require(try await attempts(world, [], LogFilter(event: event)).first)
                let shown = try await world.services.deliveries.attempt(row.id, in: world.environment())
                #expect(shown.body == request.body, "byte for byte")
                #expect(shown.url == World.webhookURL)
                #expect(String(decoding: shown.response, as: UTF8.self) == "{\"ok\":true}")
                let headers = Dictionary(shown.headers, uniquingKeysWith: { first, _ in first })
                let sent = Dictionary(
                    request.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
                #expect(headers["webhook-id"] == sent["webhook-id"])
                #expect(headers["webhook-timestamp"] == sent["webhook-timestamp"])
                #expect(headers["webhook-signature"] == "v1,***")
                #expect(!shown.headers.contains { $0.value.contains("shop-token") })
            }
        }
    }

    @Test(
        "a receiver that answers with what it got puts no token, header or data of people in the log",
        arguments: [true, false])
    func echo(isComplete: Bool) async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var change = EndpointChange()
            change.url = "https://shop.example/echo"
            change.payload = isComplete ? .complete : .thin
            change.token = .some("tok-SECRET-1")
            change.headers = .some(try EndpointHeaders(["x-api-key": "k3y-SECRET-2"]))
            _ = try await world.services.endpoints.create(change, in: world.environment())
            world.webhooks.answer { request in
                let head = request.headers.map { "\($0.name): \($0.value)\r\n" }.joined()
                return WebhookOutcome(status: 200, responseBody: Array(head.utf8) + request.body)
            }
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let replies = try await database.read { db in
                try db.query("SELECT response, is_complete FROM attempt", []) { ($0.blob(0), $0.bool(1)) }
            }
            #expect(replies.count > 4 && replies.contains { $0.1 } == isComplete)
            let numbers = Set(
                world.webhooks.requests.flatMap { request in
                    String(decoding: request.body, as: UTF8.self).matches(of: #/"(\d{10,11})"/#).map { String($0.1) }
                })
            #expect(numbers.isEmpty != isComplete)
            let sent = world.webhooks.requests.flatMap { request in
                request.headers.filter { $0.name == "webhook-signature" }.map { String($0.value.dropFirst(3)) }
            }
            for (reply, _) in replies {
                let text = String(decoding: reply, as: UTF8.self)
                for secret in ["tok-SECRET-1", "k3y-SECRET-2"] + sent { #expect(!text.contains(secret), "\(text)") }
                for number in numbers { #expect(!text.contains(number), "\(text)") }
            }
        }
    }

    @Test("what is unknown, or another environment's, is not found")
    func unknown() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let log = world.services.deliveries
            let mine = try #require(try await all(world, LogFilter()).first)
            let attempt = try #require(mine.attempts.first)
            _ = try await log.attempt(attempt.id, in: world.environment())
            let other = world.environment(.production)
            await #expect(throws: DomainError.notFound("delivery")) { _ = try await log.delivery(mine.id, in: other) }
            await #expect(throws: DomainError.notFound("attempt")) { _ = try await log.attempt(attempt.id, in: other) }
            await #expect(throws: DomainError.notFound("delivery")) {
                _ = try await log.delivery("dlv_1_1", in: world.environment())
            }
            #expect(try await log.deliveries(LogFilter(), cursor: nil, limit: 10, in: other).rows.isEmpty)
            await #expect(throws: DomainError.self) {
                _ = try await log.deliveries(
                    LogFilter(states: [.waiting]), cursor: "feed_1_1_1", limit: 10, in: world.environment())
            }
        }
    }

    @Test("an export has every delivery with its attempts")
    func export() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            var lines: [JSONValue] = []
            try await world.services.deliveries.export(LogFilter(), in: world.environment()) { views in
                for view in views { lines.append(try JSONValue(parsing: DeliveryLine.bytes(view))) }
            }
            #expect(lines.count == world.webhooks.requests.count)
            #expect(lines.allSatisfy { $0["attempts"]?.elements?.count == 1 && $0["status"]?.text == "delivered" })
        }
    }

    @Test("attempts are forgotten at their own age, their events later")
    func retention() async throws {
        try await onEveryDatabase { database in
            var plan = World.Plan()
            plan.settings = { $0.attemptRetentionDays = 10 }
            let world = try await World.make(on: database, plan)
            try await world.listen()
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let events = try await count("SELECT COUNT(id) FROM event", database)
            let housekeeper = Housekeeper(core: world.core)
            world.runtime.advance(milliseconds: 9 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await count("SELECT COUNT(number) FROM attempt", database) == events, "nine days")
            world.runtime.advance(milliseconds: 2 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await count("SELECT COUNT(number) FROM attempt", database) == 0, "eleven days")
            #expect(try await count("SELECT COUNT(id) FROM event", database) == events)
        }
    }

    private func count(_ sql: String, _ database: Database) async throws -> Int64 {
        try await database.read { db in try db.first(sql, []) { $0.int(0) } ?? 0 }
    }
}
