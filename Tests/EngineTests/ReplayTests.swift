import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite struct ReplayTests {
    /// A world with events that were all delivered once.
    private func linked(
        on database: Database, payload: WebhookEndpoint.Payload = .thin, token: String? = nil
    ) async throws -> (world: World, endpoint: String, connection: String) {
        let world = try await World.make(on: database)
        try await world.listen(payload: payload, token: token)
        let view = try await world.link { $0.historyMonths = 1 }
        try await world.settle()
        let endpoint = try #require(try await world.services.endpoints.list(in: world.environment()).first)
        return (world, endpoint.id.hex, try #require(view.connectionID))
    }

    /// Lets replays and deliveries go on until nothing does.
    private func settle(_ world: World) async throws {
        let work = ReplayWork(world.services.replays)
        for _ in 0..<500 {
            let replayed = try await work.tick() == 0
            let sent = try await world.deliveries.tick()
            if !replayed && sent == 0 { return }
        }
    }

    private func replay(
        _ world: World, _ request: ReplayRequest, to endpoint: String?, delivery: String? = nil, url: String? = nil
    ) async throws -> ReplayView {
        try await world.services.replays.create(
            .init(request, endpoint: endpoint, delivery: delivery, url: url), in: world.environment())
    }

    private func found(_ world: World, _ replay: ReplayView) async throws -> ReplayView {
        try await world.services.replays.find(replay.id, in: world.environment())
    }

    private func header(_ name: String, _ request: WebhookRequest) -> String? {
        request.headers.first { $0.name == name }?.value
    }

    @Test("one event is sent again with its id and body, marked as replayed, and logged as such")
    func single() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database, payload: .complete)
            let first = try #require(world.webhooks.requests.last)
            let before = try JSONValue(parsing: first.body)
            world.webhooks.forget()
            let event = try #require(before["event_id"]?.text.flatMap(LogID.event))
            let made = try await replay(world, ReplayRequest(event: event), to: endpoint)
            #expect(made.state == "done" && made.queued == 1 && made.waiting == 1)
            try await settle(world)
            #expect(world.webhooks.requests.count == 1)
            let again = try #require(world.webhooks.requests.first)
            #expect(header("webhook-id", again) == header("webhook-id", first))
            #expect(header("webhook-replayed", again) == "true")
            var members = try #require(try JSONValue(parsing: again.body).members)
            let mark = members.removeValue(forKey: "replayed")
            #expect(mark == true)
            #expect(.object(members) == before, "nothing else differs")
            let after = try await found(world, made)
            #expect(after.delivered == 1 && after.waiting == 0 && after.failed == 0)
            let log = try await world.services.deliveries.deliveries(
                LogFilter(event: event), cursor: nil, limit: 10, in: world.environment())
            #expect(log.rows.map(\.replayID) == [nil, made.id])
            let attempt = try #require(log.rows.last?.attempts.first)
            let shown = try await world.services.deliveries.attempt(attempt.id, in: world.environment())
            #expect(shown.body == again.body, "the log shows what was sent")
        }
    }

    @Test("a delivery is sent again to its own endpoint")
    func ofDelivery() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            world.webhooks.forget()
            let log = try await world.services.deliveries.deliveries(
                LogFilter(), cursor: nil, limit: 1, in: world.environment())
            let one = try #require(log.rows.first)
            let made = try await replay(world, ReplayRequest(), to: nil, delivery: one.id)
            #expect(made.endpointID == endpoint)
            try await settle(world)
            #expect(try world.webhooks.bodies().compactMap { $0["event_id"]?.text } == [one.eventID])
        }
    }

    @Test("a filter sends what it names, in the order of commits, and nothing else")
    func filter() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, connection) = try await linked(on: database)
            let other = try await world.link("otp", institution: "zenith-bank") { $0.historyMonths = 1 }
            try await world.settle()
            let sent = try world.webhooks.bodies()
            world.webhooks.forget()
            let made = try await replay(
                world, ReplayRequest(types: ["balance.*", "transaction.success"], connection: connection), to: endpoint)
            try await settle(world)
            let again = try world.webhooks.bodies()
            let expected = sent.filter { body in
                let type = body["event"]?.text ?? ""
                return body["record"]?.text == connection
                    && (type.hasPrefix("balance.") || type == "transaction.success")
            }
            #expect(!expected.isEmpty && other.connectionID != nil)
            #expect(Set(again.compactMap { $0["event_id"]?.text }) == Set(expected.compactMap { $0["event_id"]?.text }))
            #expect(again.count == expected.count)
            let after = try await found(world, made)
            #expect(after.state == "done" && after.delivered == Int64(expected.count) && after.waiting == 0)
        }
    }

    @Test("a range sends what happened in it")
    func range() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, connection) = try await linked(on: database)
            world.webhooks.forget()
            world.runtime.advance(milliseconds: 3 * Instant.dayMs)
            let from = world.runtime.now()
            _ = try await world.services.refreshes.requestOnDemand(
                in: world.environment(), accountID: nil, connectionID: connection, products: [.balance])
            try await world.settle()
            let late = try world.webhooks.bodies().compactMap { $0["event_id"]?.text }
            world.webhooks.forget()
            _ = try await replay(world, ReplayRequest(from: from), to: endpoint)
            try await settle(world)
            #expect(try world.webhooks.bodies().compactMap { $0["event_id"]?.text }.sorted() == late.sorted())
            world.webhooks.forget()
            _ = try await replay(world, ReplayRequest(to: from + -1), to: endpoint)
            try await settle(world)
            let early = try world.webhooks.bodies().compactMap { $0["event_id"]?.text }
            #expect(!early.isEmpty && Set(early).isDisjoint(with: late))
        }
    }

    @Test("the never attempted are those that no delivery was made of, each once")
    func neverAttempted() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let events = try await rows("SELECT id FROM event ORDER BY id", database)
            #expect(!events.isEmpty && world.webhooks.requests.isEmpty, "nobody listens yet")
            try await world.listen()
            let endpoint = try #require(try await world.services.endpoints.list(in: world.environment()).first).id.hex
            _ = try await replay(world, ReplayRequest(neverAttempted: true), to: endpoint)
            try await settle(world)
            let sent = try world.webhooks.bodies().compactMap { $0["event_id"]?.text.flatMap(LogID.event) }
            #expect(sent.sorted() == events)
            let again = try await replay(world, ReplayRequest(neverAttempted: true), to: endpoint)
            try await settle(world)
            let after = try await found(world, again)
            #expect(after.queued == 0 && after.lookedAt == Int64(events.count) && after.state == "done")
            #expect(world.webhooks.requests.count == events.count)
        }
    }

    @Test("what was given up is sent again by its status, what was delivered is not")
    func dead() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var change = EndpointChange()
            change.url = World.webhookURL
            change.retrySeconds = [1]
            _ = try await world.services.endpoints.set(change, in: world.environment())
            let endpoint = try #require(try await world.services.endpoints.list(in: world.environment()).first).id.hex
            world.webhooks.answer { request in
                let isBalance = String(decoding: request.body, as: UTF8.self).contains("\"event\":\"balance.")
                return WebhookOutcome(status: isBalance ? 400 : 200)
            }
            _ = try await world.link { $0.historyMonths = 1 }
            for _ in 0..<5 {
                try await world.settle()
                world.runtime.advance(milliseconds: 60_000)
            }
            let dead = try await rows("SELECT event_id FROM attempt WHERE outcome = 'dead' ORDER BY event_id", database)
            #expect(!dead.isEmpty)
            world.webhooks.answer { _ in WebhookOutcome(status: 200) }
            world.webhooks.forget()
            _ = try await replay(world, ReplayRequest(states: [.dead]), to: endpoint)
            try await settle(world)
            let sent = try world.webhooks.bodies().compactMap { $0["event_id"]?.text.flatMap(LogID.event) }
            #expect(sent.sorted() == dead)
        }
    }

    @Test("a job goes on after a restart from the step that it was at, and no event is sent twice")
    func restart() async throws {
        try await onEveryTestDatabase { test in
            let (world, endpoint, _) = try await linked(on: test.database)
            try await addEvents(2500, world)
            world.webhooks.forget()
            let made = try await replay(world, ReplayRequest(types: ["balance.success"]), to: endpoint)
            _ = try await ReplayWork(world.services.replays).tick()
            let half = try await found(world, made)
            #expect(half.state == "running" && half.lookedAt == Int64(ReplayStore.lookedMax))
            let later = try await World.make(on: try await test.reopened(), sameAs: world)
            try await settle(later)
            let sent = try later.webhooks.bodies().compactMap { $0["event_id"]?.text }
            let after = try await found(later, made)
            #expect(after.state == "done" && after.delivered == after.queued && after.waiting == 0)
            #expect(Set(sent).count == sent.count && Int64(sent.count) == after.queued && sent.count >= 2500)
        }
    }

    @Test("two nodes at one step do it once")
    func twice() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            let made = try await replay(world, ReplayRequest(types: ["*.success", "balance.*"]), to: endpoint)
            let jobs = try await database.read { try ReplayStore.running(limit: 10, $0) }
            let job = try #require(jobs.first)
            #expect(jobs.count == 1 && ReplayView.text(job.id) == made.id)
            #expect(try await world.services.replays.step(job))
            await #expect(throws: ReplayMoved.self) { _ = try await world.services.replays.step(job) }
            let queued = try await rows("SELECT id FROM delivery", database)
            let after = try await found(world, made)
            #expect(Int64(queued.count) == after.queued)
        }
    }

    @Test("while much of a job waits, no more is queued; a cancelled one sends nothing more")
    func cancel() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            try await addEvents(4000, world)
            world.webhooks.forget()
            let made = try await replay(world, ReplayRequest(types: ["balance.success"]), to: endpoint)
            let work = ReplayWork(world.services.replays)
            for _ in 0..<20 { _ = try await work.tick() }
            let full = try await found(world, made)
            let most = Int64(ReplayService.waitingMax + ReplayStore.lookedMax)
            #expect(full.state == "running" && full.waiting >= Int64(ReplayService.waitingMax) && full.waiting < most)
            let ended = try await world.services.replays.cancel(made.id, in: world.environment())
            #expect(ended.state == "cancelled" && ended.waiting == 0 && ended.dropped == full.waiting)
            try await settle(world)
            #expect(world.webhooks.requests.isEmpty)
            await #expect(throws: DomainError.self) {
                _ = try await world.services.replays.cancel(made.id, in: world.environment())
            }
        }
    }

    @Test("jobs that stand still hold up nobody else's, however many they are, and cost no writes")
    func standing() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            let (scope, now) = (world.environment().scope, world.runtime.now())
            let away = try await world.services.endpoints.create(
                EndpointChange(json: ["url": "https://away.example/hook"]), in: world.environment()
            ).endpoint.id.hex
            _ = try await world.services.endpoints.turn(away, .disable, in: world.environment())
            try await database.write { tx in
                let range = try ReplayStore.range(from: nil, scope, tx.db)
                for id in 1...150 {
                    try ReplayStore.create(
                        .init(
                            id: Int64(id), request: ReplayRequest(types: ["balance.success"]),
                            endpointID: away, url: nil, laneID: nil, start: range.start, until: range.until),
                        at: now, scope, tx)
                }
            }
            // The limit of one tenant is not what is tried here.
            let made = try await database.write { tx in
                let range = try ReplayStore.range(from: nil, scope, tx.db)
                try ReplayStore.create(
                    .init(
                        id: 151, request: ReplayRequest(types: ["balance.success"]), endpointID: endpoint, url: nil,
                        laneID: nil, start: range.start, until: range.until), at: now, scope, tx)
                return ReplayView.text(151)
            }
            let work = ReplayWork(world.services.replays)
            for _ in 0..<3 { _ = try await work.tick() }
            #expect(try await world.services.replays.find(made, in: world.environment()).state == "done")
            let steps = try await rows("SELECT id FROM replay WHERE id <= 150 AND steps > 0", database)
            #expect(steps.isEmpty, "what cannot go on is not written")
            _ = try await world.services.endpoints.turn(away, .enable, in: world.environment())
            world.runtime.advance(milliseconds: 5000)
            for _ in 0..<3 { _ = try await work.tick() }
            let open = try await rows("SELECT id FROM replay WHERE state = 'running'", database)
            #expect(open.isEmpty, "they go on when their endpoint is enabled")
        }
    }

    @Test("the first replay after a start needs no other call before it")
    func firstOfAll() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            world.core.sequence.drop()
            let made = try await replay(world, ReplayRequest(types: ["balance.success"]), to: endpoint)
            try await settle(world)
            #expect(try await found(world, made).state == "done")
        }
    }

    @Test("one by one, a step makes no more deliveries than may wait, and the rest comes in the next ones")
    func split() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            var change = EndpointChange()
            change.splitsTransactions = true
            _ = try await world.services.endpoints.update(endpoint, change, in: world.environment())
            let ids = (0..<900).map { "\"\($0)\"" }.joined(separator: ",")
            try await addEvents(
                5, world, type: "transaction.updated", members: "\"data\":{\"query\":{\"ids\":[\(ids)]}}")
            let made = try await replay(world, ReplayRequest(types: ["transaction.updated"]), to: endpoint)
            let work = ReplayWork(world.services.replays)
            var queued: [Int64] = []
            for _ in 0..<4 {
                _ = try await work.tick()
                queued.append(try await found(world, made).queued)
            }
            #expect(queued == [1800, 3600, 3600, 3600], "two events a step while fewer than 2000 wait")
            world.webhooks.forget()
            try await settle(world)
            let after = try await found(world, made)
            #expect(after.state == "done" && after.delivered == 4500 && after.queued == 4500)
            #expect(Set(try world.webhooks.bodies().compactMap { $0["event_id"]?.text }).count == 4500)
        }
    }

    @Test("live events go past what is replayed")
    func behind() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, connection) = try await linked(on: database)
            try await addEvents(300, world)
            world.webhooks.forget()
            _ = try await replay(world, ReplayRequest(types: ["balance.success"]), to: endpoint)
            _ = try await ReplayWork(world.services.replays).tick()
            _ = try await world.services.refreshes.requestOnDemand(
                in: world.environment(), accountID: nil, connectionID: connection, products: [.balance])
            while try await world.refreshes.tick() > 0 {}
            try await settle(world)
            let replayed = try world.webhooks.bodies().map { $0["replayed"] == true }
            let live = replayed.lastIndex(of: false)
            let first = replayed.firstIndex(of: true)
            #expect(live != nil && first != nil && (live ?? 0) < (first ?? 0), "what is new came first")
        }
    }

    @Test("another URL gets what the endpoint would, signed alike, without its token, and its failing harms nothing")
    func elsewhere() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database, payload: .complete, token: "shop-token")
            let first = try #require(world.webhooks.requests.last)
            world.webhooks.forget()
            let id = try #require(try JSONValue(parsing: first.body)["event_id"]?.text.flatMap(LogID.event))
            world.webhooks.answer { _ in WebhookOutcome(status: 410) }
            let made = try await replay(
                world, ReplayRequest(event: id), to: endpoint, url: "https://other.example/hook")
            try await settle(world)
            let again = try #require(world.webhooks.requests.first)
            #expect(world.webhooks.requests.count == 1 && again.url == "https://other.example/hook")
            #expect(header("authorization", again) == nil)
            #expect(header("webhook-signature", again)?.hasPrefix("v1,") == true)
            let body = try JSONValue(parsing: again.body)
            #expect(body["callbackURL"]?.text == "https://other.example/hook")
            let told = try JSONValue(parsing: first.body)
            #expect(body["nuban"] == told["nuban"])
            let own = try #require(try await world.services.endpoints.list(in: world.environment()).first)
            #expect(own.status == .active, "the endpoint itself did not answer 410")
            let after = try await found(world, made)
            #expect(after.url == "https://other.example/hook")
        }
    }

    @Test("a disabled or paused endpoint is sent nothing again, but another URL is, by a job of many events too")
    func elsewhereWhileDisabled() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, connection) = try await linked(on: database)
            let count = world.webhooks.requests.count
            let id = try #require(
                try JSONValue(parsing: world.webhooks.requests[0].body)["event_id"]?.text.flatMap(LogID.event))
            let other = "https://other.example/hook"
            for wish in [WebhookEndpointService.Switch.pause, .disable] {
                _ = try await world.services.endpoints.turn(endpoint, wish, in: world.environment())
                world.webhooks.forget()
                for request in [ReplayRequest(event: id), ReplayRequest(connection: connection)] {
                    let made = try await replay(world, request, to: endpoint, url: other)
                    try await settle(world)
                    let after = try await found(world, made)
                    let wanted = request.event == nil ? Int64(count) : 1
                    #expect(after.state == "done" && after.delivered == wanted && after.waiting == 0, "\(wish)")
                }
                #expect(world.webhooks.requests.count == count + 1, "\(wish)")
                #expect(world.webhooks.requests.allSatisfy { $0.url == other })
            }
            let error = await #expect(throws: DomainError.self) {
                _ = try await replay(world, ReplayRequest(event: id), to: endpoint)
            }
            #expect(error?.code == .conflict && error?.message.contains("`url`") == true)
        }
    }

    @Test("the events of no record are replayed and listed by themselves")
    func ofNone() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, connection) = try await linked(on: database)
            let nothing = try await replay(world, ReplayRequest(connection: ""), to: endpoint)
            try await settle(world)
            #expect(try await found(world, nothing).lookedAt == 0)
            for name in ["institution.down", "institution.recovered"] {
                _ = try await world.services.triggers.fire(name, record: nil, in: world.environment())
            }
            try await settle(world)
            world.webhooks.forget()
            _ = try await replay(world, ReplayRequest(connection: ""), to: endpoint)
            try await settle(world)
            let sent = try world.webhooks.bodies().compactMap { $0["event"]?.text }
            #expect(sent.sorted() == ["institution.down", "institution.recovered"])
            let log = world.services.deliveries
            let own = LogFilter(connection: "")
            let rows = try await log.deliveries(own, cursor: nil, limit: 50, in: world.environment()).rows
            #expect(rows.count == 4 && rows.allSatisfy { $0.connectionID == nil })
            let tried = try await log.attempts(own, outcomes: [], cursor: nil, limit: 50, in: world.environment()).rows
            #expect(tried.count == 4 && tried.allSatisfy { $0.connectionID == nil })
            let others = LogFilter(connection: connection)
            let ofRecord = try await log.deliveries(others, cursor: nil, limit: 50, in: world.environment()).rows
            #expect(!ofRecord.isEmpty && ofRecord.allSatisfy { $0.connectionID == connection })
        }
    }

    @Test("what cannot be is refused, and says why")
    func refused() async throws {
        try await onEveryDatabase { database in
            let (world, endpoint, _) = try await linked(on: database)
            let known = try #require(try await rows("SELECT id FROM event", database).first)
            func code(_ request: ReplayRequest, to endpoint: String?, url: String? = nil) async -> ErrorCode? {
                do {
                    _ = try await replay(world, request, to: endpoint, url: url)
                    return nil
                } catch {
                    return (error as? DomainError)?.code
                }
            }
            #expect(await code(ReplayRequest(), to: endpoint) == .missingField)
            #expect(await code(ReplayRequest(event: known), to: nil) == .missingField)
            #expect(await code(ReplayRequest(event: 1), to: endpoint) == .notFound)
            #expect(await code(ReplayRequest(event: known), to: String(repeating: "f", count: 24)) == .notFound)
            #expect(await code(ReplayRequest(connection: String(repeating: "f", count: 24)), to: endpoint) == .notFound)
            #expect(await code(ReplayRequest(event: known), to: endpoint, url: "http://10.0.0.1/x") == .urlRefused)
            #expect(
                await code(ReplayRequest(from: Instant(ms: 2), to: Instant(ms: 1)), to: endpoint) == .invalidDate)
            let environment = world.environment(.production)
            await #expect(throws: DomainError.notFound("webhook endpoint")) {
                _ = try await world.services.replays.create(
                    .init(ReplayRequest(types: ["balance.*"]), endpoint: endpoint), in: environment)
            }
        }
    }

    // MARK: rows

    private func rows(_ sql: String, _ database: Database) async throws -> [Int64] {
        try await database.read { db in try db.query(sql, []) { $0.int(0) } }
    }

    /// More balance events of the world's connection, as if they had been delivered already.
    private func addEvents(
        _ count: Int, _ world: World, type: String = "balance.success", members: String = "\"status\":\"is_success\""
    ) async throws {
        try await world.core.sequence.fill()
        let core = world.core
        try await core.database.write { tx in
            let scope = SQLValue.integer(world.scope.environmentID)
            let facts = try tx.db.first("SELECT id, event_seq FROM connection WHERE environment_id = $1", [scope]) {
                ($0.text(0), $0.int(1))
            }
            let (connection, sequence) = try #require(facts)
            for number in 1...Int64(count) {
                let id = try core.sequence.take()
                try tx.db.run(
                    """
                    INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
                    VALUES ($1, $2, $3, $4, $7, $5, $6)
                    """,
                    [
                        scope, .integer(id), .text(connection), .integer(sequence + number), .at(core.runtime.now()),
                        .text("\"event\":\"\(type)\",\"event_id\":\"\(EventID.text(id))\",\(members)"), .text(type),
                    ])
            }
            try tx.db.run(
                "UPDATE connection SET event_seq = event_seq + $2 WHERE environment_id = $1",
                [scope, .int(count)])
        }
    }
}
