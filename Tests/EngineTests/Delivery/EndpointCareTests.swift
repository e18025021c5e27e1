import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite("Endpoints that fail, and deliveries that kill", .timeLimit(.minutes(30))) struct EndpointCareTests {
    private let url = "https://shop.example/hook"
    private let other = "https://ops.example/hook"

    @Test("410 disables at once; what waited stays and goes when it is enabled again")
    func gone() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) { $0.inFlightMax = 1 }
            _ = try await room.endpoint(other)
            room.receivers.answer(url, status: 410)
            try await room.post(10, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            #expect(room.receivers.received(url).count == 1)
            let found = try await room.found(endpoint)
            #expect(found.status == .disabled)
            #expect(found.statusReason == "gone")
            #expect(room.receivers.taken(other).map(\.event) == ["webhook_endpoint.disabled"])
            #expect(try await room.waiting(endpoint) == 10)
            room.receivers.answer(url, status: 200)
            room.runtime.advance(milliseconds: 30 * 60_000)
            try await room.settle(loop)
            #expect(room.receivers.taken(url).isEmpty, "it is disabled")
            _ = try await room.world.services.endpoints.turn(
                endpoint.id.hex, .enable, in: room.world.environment())
            try await room.settle(loop)
            #expect(room.receivers.taken(url).count == 10)
        }
    }

    @Test(
        "a 410 of the URL that an endpoint was just moved away from leaves it enabled, and its events go to the new one"
    )
    func moved() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) { $0.inFlightMax = 1 }
            let moved = "https://shop.example/moved"
            room.receivers.answer(url) { _, _ in
                await room.move(endpoint, to: moved)
                return WebhookOutcome(status: 410)
            }
            try await room.post(3, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            #expect(try await room.found(endpoint).status == .active)
            #expect(room.receivers.received(url).count == 1 && room.receivers.taken(moved).count == 2, "at once")
            room.runtime.advance(milliseconds: 6000)
            try await room.settle(loop)
            #expect(room.receivers.taken(moved).count == 3, "what the earlier one refused is tried again as usual")
        }
    }

    @Test("an endpoint that is resumed while its owner is about to hold its lane is sent to at once")
    func resumedMeanwhile() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            let endpoints = room.world.services.endpoints
            let environment = room.world.environment()
            _ = try await endpoints.turn(endpoint.id.hex, .pause, in: environment)
            try await room.post(1, to: [endpoint])
            let now = room.runtime.now()
            let leases = try await database.write { tx in
                try LaneStore.claim(.delivery, now: now, leaseEnd: now + 60_000, token: 7, limit: 10, tx)
            }
            let lease = try #require(leases.first { $0.subject == endpoint.id.hex })
            // The owner has read that it is paused.
            _ = try await endpoints.turn(endpoint.id.hex, .resume, in: environment)
            try await database.write { try LaneStore.hold(lease, until: now + 60_000, now: now, $0) }
            try await room.settle()
            #expect(room.receivers.taken(url).count == 1)
            _ = try await endpoints.turn(endpoint.id.hex, .pause, in: environment)
            try await room.post(1, to: [endpoint])
            try await room.settle()
            #expect(room.receivers.taken(url).count == 1)
            let again = try await database.write { tx in
                try LaneStore.claim(.delivery, now: now + 60_001, leaseEnd: now + 90_000, token: 8, limit: 10, tx)
            }
            try await database.write { tx in
                for lease in again { try LaneStore.hold(lease, until: now + 120_000, now: now, tx) }
            }
            #expect(
                try await database.read { try LaneStore.nextDue(.delivery, $0) } == now + 120_000,
                "it is asked for once")
        }
    }

    @Test("warnings come after one day and three days without success, and after five days it is disabled")
    func failingForDays() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            _ = try await room.endpoint(other)
            room.receivers.answer(url, status: 500)
            let loop = room.loop()
            let start = room.runtime.now()
            var told: [(hours: Int64, event: String)] = []
            while told.last?.event != "webhook_endpoint.disabled", room.runtime.now() - start < 7 * Instant.dayMs {
                try await room.post(1, to: [endpoint])
                room.runtime.advance(milliseconds: 3_600_000)
                room.receivers.forget()
                try await room.settle(loop)
                let hours = (room.runtime.now() - start) / 3_600_000
                told += room.receivers.taken(other).map { (hours, $0.event) }
            }
            #expect(
                told.map(\.event) == [
                    "webhook_endpoint.failing", "webhook_endpoint.failing", "webhook_endpoint.disabled",
                ])
            #expect(told.count == 3 && abs(told[0].hours - 24) <= 2 && abs(told[1].hours - 72) <= 2)
            #expect(told.count == 3 && abs(told[2].hours - 120) <= 2)
            #expect(try await room.found(endpoint).statusReason == "failing")
        }
    }

    @Test("how an endpoint is can be read, and a restart goes on from it")
    func health() async throws {
        try await onEveryTestDatabase { test in
            let room = try await Mailroom.open(on: test.database)
            let endpoint = try await room.endpoint(url)
            try await room.post(1, to: [endpoint])
            try await room.settle()
            func health() async throws -> EndpointHealth? {
                try await room.core.database.read { try EndpointHealthStore.find(endpoint.id.hex, room.scope, $0) }
            }
            #expect(try await health()?.lastSuccessAt == room.runtime.now())
            #expect(try await health()?.isFailing == false)
            room.receivers.answer(url) { _, _ in WebhookOutcome(status: nil, error: .dns) }
            room.runtime.advance(milliseconds: 1000)
            try await room.post(100, to: [endpoint])
            try await room.settle()
            let failing = try #require(try await health())
            #expect(failing.failingSince == room.runtime.now())
            #expect(failing.lastError == "dns")
            let sent = room.receivers.received(url).count
            let again = try await Mailroom.open(on: try await test.reopened(), sameAs: room)
            room.runtime.advance(milliseconds: 6 * 60_000)
            try await again.settle()
            #expect(room.receivers.received(url).count <= sent + 2, "the next owner begins with a probe")
            room.receivers.answer(url, status: 200)
            room.runtime.advance(milliseconds: 6 * 60_000)
            try await again.settle()
            #expect(try await health()?.isFailing == false)
            #expect(try await room.waiting(endpoint) == 0)
        }
    }

    @Test("TLS and DNS that fail are tried again, a redirect is a failure, and the last attempt ends it")
    func outcomes() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) { $0.retrySeconds = [1, 1, 1] }
            room.receivers.answer(url) { _, nth in
                switch nth {
                case 1: WebhookOutcome(status: nil, error: .tls)
                case 2: WebhookOutcome(status: nil, error: .dns)
                default: WebhookOutcome(status: 302)
                }
            }
            try await room.post(1, to: [endpoint])
            let loop = room.loop()
            try await room.pass(20_000, step: 2000, loop)
            #expect(try await room.outcomes(endpoint) == ["retry", "retry", "retry", "dead"])
            #expect(try await room.waiting(endpoint) == 0)
        }
    }

    @Test(
        "a delivery that brings its sender down is put aside and given up after six times; the others go",
        arguments: [0, 7, 30])
    func quarantine(place: Int) async throws {
        try await onEveryTestDatabase { test in
            var room = try await Mailroom.open(on: test.database)
            let receivers = room.receivers
            let endpoint = try await room.endpoint(url)
            let numbers = try await room.post(40, to: [endpoint])
            let poison = numbers[place]
            let gate = Gate()
            let (signs, sign) = AsyncStream.makeStream(of: Bool.self)
            receivers.answer(url) { received, _ in
                guard received.number == poison else { return WebhookOutcome(status: 200) }
                // Whoever sends this is never heard of again.
                sign.yield(true)
                await gate.pass()
                return WebhookOutcome(status: 200)
            }
            var next = signs.makeAsyncIterator()
            var lives: [Task<Int, any Error>] = []
            while try await room.waiting(endpoint) > 0, lives.count < 30 {
                let loop = room.loop()
                lives.append(
                    Task {
                        defer { sign.yield(false) }
                        return try await loop.tick()
                    })
                // It hangs, or it has ended: either way it is not heard of until its lease is over.
                _ = await next.next()
                room.runtime.advance(milliseconds: max(room.core.settings.leaseMs + 1, lives.count > 5 ? 100_000 : 0))
                room = try await Mailroom.open(on: try await test.reopened(), sameAs: room)
            }
            let outcomes = try await room.outcomes(endpoint)
            #expect(try await room.waiting(endpoint) == 0)
            #expect(outcomes.filter { $0 == "quarantined" }.count == 1)
            #expect(outcomes.filter { $0 == "delivered" }.count == 39)
            #expect(receivers.received(url).count { $0.number == poison } <= 8)
            #expect(Set(receivers.taken(url).map(\.number)) == Set(numbers).subtracting([poison]))
            gate.open()
            for life in lives { _ = await life.result }
        }
    }
}
