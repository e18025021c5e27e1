import Domain
import Synchronization
import TestKit
import Testing

@testable import Engine
@testable import Storage

@Suite("Deliveries in order", .timeLimit(.minutes(30))) struct OrderedDeliveryTests {
    private let url = "https://shop.example/ordered"
    private let connections = ["a", "b", "c"].map { ID<Connection>(trusted: String(repeating: $0, count: 24)) }

    private func failAtRandom(_ room: Mailroom, _ seed: UInt64) {
        let random = Mutex(SplitMix(seed: seed))
        room.receivers.answer(url) { _, _ in
            await Task.yield()
            let chance = random.withLock { Int.random(in: 0..<10, using: &$0) }
            switch chance {
            case 0: return WebhookOutcome(status: 500)
            case 1: return WebhookOutcome(status: nil, error: .timedOut)
            case 2: return WebhookOutcome(status: 429, retryAfterSeconds: 2)
            default: return WebhookOutcome(status: 200)
            }
        }
    }

    @Test("an endpoint gets the order of commits, whatever fails, one at a time", arguments: [1, 2, 3] as [UInt64])
    func ofEndpoint(seed: UInt64) async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) {
                $0.ordering = .endpoint
                $0.retrySeconds = [Int](repeating: 1, count: 20)
            }
            failAtRandom(room, seed)
            let loop = room.loop()
            var posted: [Int64] = []
            for round in 0..<20 {
                posted += try await room.post(5, to: [endpoint], connection: connections[round % 3])
                try await room.settle(loop)
                room.runtime.advance(milliseconds: 700)
            }
            for _ in 0..<2000 where try await room.waiting(endpoint) > 0 {
                room.runtime.advance(milliseconds: 2500)
                try await room.settle(loop)
            }
            #expect(room.receivers.taken(url).map(\.number) == posted)
            #expect(room.receivers.most(url) == 1)
            #expect(room.receivers.received(url).count > 100, "some failed")
        }
    }

    @Test("each connection gets its order, and one that is held up holds up no other", arguments: [4, 5] as [UInt64])
    func ofConnections(seed: UInt64) async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) {
                $0.ordering = .connection
                $0.retrySeconds = [Int](repeating: 1, count: 20)
            }
            failAtRandom(room, seed)
            let loop = room.loop()
            var posted: [String: [Int64]] = [:]
            for round in 0..<15 {
                let connection = connections[round % 3]
                posted[connection.hex, default: []] += try await room.post(4, to: [endpoint], connection: connection)
                try await room.settle(loop)
                room.runtime.advance(milliseconds: 300)
            }
            for _ in 0..<2000 where try await room.waiting(endpoint) > 0 {
                room.runtime.advance(milliseconds: 2500)
                try await room.settle(loop)
            }
            let taken = Dictionary(grouping: room.receivers.taken(url)) { $0.connection }.mapValues { $0.map(\.number) }
            #expect(taken == posted)
        }
    }

    @Test("the first in line blocks the others of its connection alone")
    func blocks() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) {
                $0.ordering = .connection
                $0.retrySeconds = [86_400]
            }
            let poisoned = connections[0].hex
            room.receivers.answer(url) { received, _ in
                WebhookOutcome(status: received.connection == poisoned ? 500 : 200)
            }
            for connection in connections { try await room.post(3, to: [endpoint], connection: connection) }
            let loop = room.loop()
            // A transaction of another test holds the order up as one of this database would.
            while room.receivers.received(url).count < 7 {
                try await room.settle(loop)
                room.runtime.advance(milliseconds: 1000)
            }
            try await room.settle(loop)
            #expect(room.receivers.received(url).count { $0.connection == poisoned } == 1)
            #expect(room.receivers.taken(url).count == 6)
        }
    }

    @Test("a change of the order moves what waits, and keeps the order that is asked for from then on")
    func changes() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            let services = room.world.services.endpoints
            _ = try await services.turn(endpoint.id.hex, .pause, in: room.world.environment())
            let loop = room.loop()
            var posted: [Int64] = []
            for (round, order) in [WebhookEndpoint.Ordering.connection, .endpoint, .none, .connection, .endpoint]
                .enumerated()
            {
                let known = try await room.found(endpoint)
                posted += try await room.post(40, to: [known], connection: connections[round % 3])
                var wish = EndpointChange()
                wish.ordering = order
                _ = try await services.update(endpoint.id.hex, wish, in: room.world.environment())
                _ = try await services.turn(endpoint.id.hex, .resume, in: room.world.environment())
                room.receivers.answer(url, status: 503, retryAfter: 1)
                try await room.settle(loop)
                _ = try await services.turn(endpoint.id.hex, .pause, in: room.world.environment())
                room.runtime.advance(milliseconds: 61_000)
            }
            #expect(try await room.waiting(endpoint) == 200)
            room.receivers.forget()
            room.receivers.answer(url, status: 200)
            _ = try await services.turn(endpoint.id.hex, .resume, in: room.world.environment())
            // A transaction of another test holds the order up as one of this database would.
            while try await room.waiting(endpoint) > 0 {
                try await room.settle(loop)
                room.runtime.advance(milliseconds: 1000)
            }
            #expect(room.receivers.taken(url).map(\.number) == posted)
        }
    }

    @Test("an owner that stood still until its lease was over sends nothing more: another one goes on")
    func stoodStill() async throws {
        try await onEveryTestDatabase { test in
            let room = try await Mailroom.open(on: test.database)
            let second = try await Mailroom.open(on: try await test.reopened(), sameAs: room)
            let endpoint = try await room.endpoint(url) { $0.ordering = .endpoint }
            let posted = try await room.post(20, to: [endpoint])
            let (now, leaseMs) = (room.runtime.now(), room.core.settings.leaseMs)
            let leases = try await room.core.database.write { tx in
                try LaneStore.claim(.delivery, now: now, leaseEnd: now + leaseMs, token: 7, limit: 10, tx)
            }
            let lease = try #require(leases.first { $0.subject == endpoint.id.hex })
            let turn = LaneTurn(part: { _ in LaneTurn.Part(share: 64, lanes: 1) }, freed: {}, { _ in false })
            turn.leased(until: now + leaseMs)
            room.receivers.answer(url) { [receivers = room.receivers, url] _, nth in
                guard nth == 1 else { return WebhookOutcome(status: 200) }
                room.runtime.advance(milliseconds: leaseMs)
                receivers.answer(url, status: 200)
                do {
                    try await second.settle()
                } catch {
                    Issue.record(error)
                }
                return WebhookOutcome(status: 200)
            }
            let work = DeliveryWork(core: room.core, transport: room.receivers)
            await #expect(throws: LeaseLost.self) { _ = try await work.drain(lease, turn) }
            let numbers = room.receivers.received(url).map(\.number)
            #expect(numbers == [posted[0]] + posted, "after the first the other one alone, in order")
            let isKept = try await room.core.database.write { try LaneStore.extend(lease, until: now, $0) }
            #expect(!isKept)
        }
    }

    @Test("nothing is sent in order before an older transaction has ended")
    func horizon() async throws {
        try await onDatabase(.postgres) { test in
            let room = try await Mailroom.open(on: test.database)
            guard case .postgres(let address) = test.location else { return }
            let endpoint = try await room.endpoint(url) { $0.ordering = .endpoint }
            let (core, scope, now) = (room.core, room.scope, room.runtime.now())
            // The lane is due already, so that the open transaction does not hold it.
            try await room.post(1, to: [endpoint])
            try await core.sequence.fill()
            // It takes its place in the order first, and commits last.
            let slow = try PostgresConnection(url: address, role: .writer)
            try slow.script("SET idle_in_transaction_session_timeout = 0")
            try slow.script("BEGIN")
            let tx = Transaction(slow)
            try EventStore.append(
                EventStore.NewEvent(
                    id: try core.sequence.take(), sequence: 1000, type: "balance.success", accountID: nil,
                    thin: Array("\"number\":1000".utf8), complete: nil),
                connection: connections[0], to: [endpoint], at: now, machineNow: now, newID: core.sequence.take, scope,
                tx)
            try tx.flush()
            try await room.post(2, to: [endpoint])
            let loop = room.loop()
            // What another database of the server has open for a moment may hide it: it is looked again a little later.
            func look(until count: Int) async throws {
                for _ in 0..<100 where room.receivers.received(url).count < count {
                    try await room.settle(loop, ticksMax: 60)
                    room.runtime.advance(milliseconds: 20)
                }
            }
            try await look(until: 1)
            #expect(room.receivers.received(url).map(\.number) == [1])
            try slow.script("COMMIT")
            room.runtime.advance(milliseconds: 1000)
            try await look(until: 4)
            #expect(room.receivers.taken(url).map(\.number) == [1, 1000, 2, 3])
        }
    }
}
