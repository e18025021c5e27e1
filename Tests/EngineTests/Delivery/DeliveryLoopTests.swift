import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite("The delivery loop", .timeLimit(.minutes(30))) struct DeliveryLoopTests {
    private let good = "https://good.example/hook"
    private let bad = "https://bad.example/hook"

    @Test("a black hole, a slow drip and an endpoint that answers 429 keep nothing from the others")
    func notFelt() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let gate = Gate()
            let holes = try await (0..<80).asyncMap { try await room.endpoint("https://hole\($0).example/") }
            let busy = try await room.endpoint(bad)
            let fine = try await room.endpoint(good)
            for number in 0..<80 {
                room.receivers.answer("https://hole\(number).example/") { _, _ in
                    await gate.pass()
                    return WebhookOutcome(status: nil, error: .timedOut)
                }
            }
            room.receivers.answer(bad, status: 429, retryAfter: 60)
            try await room.post(10, to: holes + [busy])
            let loop = room.loop()
            let running = Task { try await loop.run() }
            // Four each of three quarters of the hands; then none has answered for a while.
            await room.receivers.received("https://hole", atLeast: 192)
            room.runtime.advance(milliseconds: 600)
            try await room.post(300, to: [fine])
            await room.receivers.taken(good, atLeast: 300)
            #expect(room.receivers.received(bad).count <= 8, "it asked to be left alone")
            gate.open()
            running.cancel()
            _ = await running.result
            #expect(holes.count == 80)
        }
    }

    @Test("what waits for an endpoint that only fails keeps its attempts")
    func breaker() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(bad)
            room.receivers.answer(bad, status: 500)
            try await room.post(2000, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            #expect(room.receivers.received(bad).count < 20)
            try await room.pass(3_600_000, step: 60_000, loop)
            #expect(room.receivers.received(bad).count < 60, "an hour costs a few attempts")
            #expect(try await room.waiting(endpoint) == 2000)
            let tried = Set(room.receivers.received(bad).map(\.number))
            #expect(tried.count < 20, "a few are tried again and again, as it is their turn")
            room.receivers.answer(bad, status: 200)
            try await room.pass(600_000, step: 60_000, loop)
            #expect(try await room.waiting(endpoint) <= tried.count, "one that went well opens it for all")
            #expect(Set(room.receivers.taken(bad).map(\.number)).count >= 2000 - tried.count)
            try await room.pass(6 * 3_600_000, step: 600_000, loop)
            #expect(try await room.waiting(endpoint) == 0, "those that were tried keep to the published schedule")
        }
    }

    @Test("a receiver that refuses every delivery once is probed with what it refused, and soon has everything")
    func refusedOnce() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(bad)
            let refused = Mutex<Set<Int64>>([])
            room.receivers.answer(bad) { received, _ in
                WebhookOutcome(status: refused.withLock { $0.insert(received.number).inserted } ? 503 : 200)
            }
            try await room.post(40, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            // Ten rounds of four, each of them behind a first pause.
            try await room.pass(90_000, step: 500, loop)
            #expect(room.receivers.taken(bad).count == 40)
            #expect(room.receivers.received(bad).count == 80, "each of them twice")
            #expect(try await room.waiting(endpoint) == 0)
        }
    }

    @Test("probes are spent on what was refused before, as long as some of it is due")
    func probes() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(bad)
            room.receivers.answer(bad, status: 503)
            try await room.post(1000, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            let first = Set(room.receivers.received(bad).map(\.number))
            #expect(first.count == 4)
            // Pauses of 5, 10, 20 and 40 seconds, and up to a fifth more.
            try await room.pass(60_000, step: 500, loop)
            let probes = room.receivers.received(bad).dropFirst(4).map(\.number)
            #expect(probes.count >= 3)
            #expect(Set(probes).isSubset(of: first))
            try await room.pass(4 * 3_600_000, step: 60_000, loop)
            #expect(room.receivers.received(bad).count < 80, "hours of a backlog cost a probe each few minutes")
        }
    }

    @Test("Retry-After holds all that waits, also what comes in later, and no longer than asked")
    func retryAfter() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(bad)
            room.receivers.answer(bad, status: 503, retryAfter: 600)
            try await room.post(1, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            #expect(room.receivers.received(bad).count == 1)
            room.receivers.answer(bad, status: 200)
            room.runtime.advance(milliseconds: 300_000)
            try await room.post(5, to: [endpoint])
            try await room.settle(loop)
            #expect(room.receivers.received(bad).count == 1, "it asked for ten minutes")
            room.runtime.advance(milliseconds: 300_001)
            try await room.settle(loop)
            #expect(room.receivers.taken(bad).count == 6)
        }
    }

    @Test("first attempts go before retries, and retries are not forgotten for them")
    func firstBeforeRetries() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(good)
            room.receivers.answer(good) { _, nth in WebhookOutcome(status: nth <= 5 ? 500 : 200) }
            let early = try await room.post(5, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            room.runtime.advance(milliseconds: 10_000)
            let late = try await room.post(600, to: [endpoint])
            room.receivers.forget()
            room.receivers.answer(good, status: 200)
            try await room.settle(loop)
            let order = room.receivers.taken(good).map(\.number)
            #expect(Set(order) == Set(early + late))
            #expect(Set(order.prefix(16)).isDisjoint(with: early), "what is new goes first")
        }
    }

    @Test("a rate limit holds in every second of a backlog")
    func rate() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(good) { $0.ratePerSecond = 20 }
            let times = Mutex<[Int64]>([])
            let runtime = room.runtime
            room.receivers.answer(good) { _, _ in
                times.withLock { $0.append(runtime.now().ms) }
                return WebhookOutcome(status: 200)
            }
            try await room.post(100, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            try await room.pass(8000, step: 50, loop)
            let sent = times.withLock { $0 }
            #expect(sent.count == 100)
            for first in sent.indices { #expect(sent[first...].prefix { $0 < sent[first] + 1000 }.count <= 20) }
        }
    }

    @Test("requests at once grow from four and never beyond what the endpoint's owner allows")
    func atOnce() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(good) { $0.inFlightMax = 6 }
            let free = try await room.endpoint(bad)
            for url in [good, bad] {
                room.receivers.answer(url) { _, _ in
                    for _ in 0..<20 { await Task.yield() }
                    return WebhookOutcome(status: 200)
                }
            }
            try await room.post(400, to: [endpoint, free])
            try await room.settle()
            #expect(room.receivers.taken(good).count == 400)
            #expect(room.receivers.most(good) <= 6)
            #expect(room.receivers.taken(bad).count == 400)
            #expect(room.receivers.most(bad) <= 64)
        }
    }

    @Test("a stale owner writes nothing after another one took its lane over, and nothing is lost")
    func stale() async throws {
        try await onEveryTestDatabase { test in
            let room = try await Mailroom.open(on: test.database)
            let second = try await Mailroom.open(on: try await test.reopened(), sameAs: room)
            let endpoint = try await room.endpoint(good)
            try await room.post(50, to: [endpoint])
            let gate = Gate()
            room.receivers.answer(good) { _, _ in
                await gate.pass()
                return WebhookOutcome(status: 200)
            }
            let loop = room.loop()
            let frozen = Task { try await loop.tick() }
            await gate.reached()
            room.runtime.advance(milliseconds: room.core.settings.leaseMs)
            room.receivers.answer(good, status: 200)
            try await second.settle()
            #expect(try await room.waiting(endpoint) == 0)
            let logged = try await room.outcomes(endpoint)
            #expect(logged.count == 50)
            gate.open()
            await #expect(throws: LeaseLost.self) { _ = try await frozen.value }
            #expect(try await room.outcomes(endpoint) == logged)
            #expect(Set(room.receivers.taken(good).map(\.id)).count == 50)
        }
    }

    @Test("a tenant with thousands of endpoints lets the next tenant's webhook go at once")
    func fairness() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let crowd = try await (0..<400).asyncMap { try await room.endpoint("https://crowd.example/\($0)") }
            try await room.post(2, to: crowd)
            room.runtime.advance(milliseconds: 1000)
            let other = room.world.environment(.production)
            var wish = EndpointChange()
            wish.url = good
            let mine = try await room.world.services.endpoints.create(wish, in: other).endpoint
            let core = room.core
            let now = room.runtime.now()
            try await core.sequence.fill()
            try await core.database.write { tx in
                try EventStore.append(
                    EventStore.NewEvent(
                        id: try core.sequence.take(), sequence: 1, type: "balance.success", accountID: nil,
                        thin: Array("\"number\":1".utf8), complete: nil),
                    connection: ID(trusted: String(repeating: "b", count: 24)), to: [mine], at: now, machineNow: now,
                    newID: core.sequence.take, other.scope, tx)
            }
            let loop = room.loop()
            _ = try await loop.tick()
            #expect(room.receivers.taken(good).count == 1, "800 that waited longer are not asked first")
            try await room.settle(loop)
            let sent = try await core.database.read { try $0.query("SELECT id FROM delivery") { $0.int(0) } }
            #expect(sent.isEmpty)
        }
    }

    @Test("an owner that has nothing left takes what is committed next without another claim")
    func lingers() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(good)
            try await room.post(1, to: [endpoint])
            let loop = room.loop()
            let running = Task { try await loop.run() }
            await room.receivers.taken(good, atLeast: 1)
            let lane = endpoint.laneID
            func token() async throws -> Int64? {
                try await room.core.database.read { db in
                    try db.first("SELECT lease_token FROM lane WHERE id = $1", [.integer(lane)]) { $0.intOrNil(0) }
                } ?? nil
            }
            let first = try await token()
            #expect(first != nil)
            for number in 2...10 {
                try await room.post(1, to: [endpoint])
                await room.receivers.taken(good, atLeast: number)
            }
            #expect(try await token() == first, "it was the same owner all the time")
            running.cancel()
            _ = await running.result
        }
    }

    @Test("a clock that was far ahead leaves nothing stuck behind it")
    func clockBack() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(good)
            try await room.post(3, to: [endpoint])
            let far = room.runtime.now() + 30 * Instant.dayMs
            try await database.write { tx in
                try tx.db.run("UPDATE delivery SET due_ms = $1", [.at(far)])
                try tx.db.run("UPDATE lane SET next_due_ms = $1, lease_token = 7 WHERE kind = 'delivery'", [.at(far)])
                try tx.db.run(
                    "UPDATE delivery SET pass = 1, attempts = 1 WHERE id = (SELECT MIN(id) FROM delivery)", [])
            }
            let loop = room.loop()
            for _ in 0..<3 {
                room.runtime.advance(milliseconds: 6000)
                try await room.settle(loop)
            }
            #expect(room.receivers.taken(good).count == 3)
        }
    }
}

extension Sequence {
    func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
        var out: [T] = []
        for element in self { out.append(try await body(element)) }
        return out
    }
}
