import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Endpoints that were mended or moved", .timeLimit(.minutes(30))) struct MendedEndpointTests {
    private let url = "https://shop.example/hook"
    private let moved = "https://shop.example/moved"

    /// Sends a test and waits for what it tells.
    private func test(
        _ endpoint: WebhookEndpoint, in room: Mailroom, _ loop: LaneLoop<DeliveryWork>
    ) async throws -> EndpointTestView {
        async let view = room.world.services.endpoints.test(endpoint.id.hex, in: room.world.environment())
        await room.runtime.sleepers(atLeast: 1)
        try await room.settle(loop)
        room.runtime.advance(milliseconds: 100)
        let told = try await view
        try await room.settle(loop)
        return told
    }

    @Test("a test goes at once although the endpoint asked to be left alone, and when it is taken all that waits goes")
    func testWhileHeld() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            room.receivers.answer(url, status: 503, retryAfter: 600)
            try await room.post(1, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            try await room.post(5, to: [endpoint])
            try await room.settle(loop)
            #expect(try await test(endpoint, in: room, loop).outcome == "failed")
            #expect(room.receivers.received(url).map(\.event) == ["balance.success", "webhook_endpoint.test"])
            room.receivers.answer(url, status: 200)
            #expect(try await test(endpoint, in: room, loop).outcome == "delivered")
            let taken = room.receivers.taken(url).map(\.event)
            #expect(taken == ["webhook_endpoint.test"] + Array(repeating: "balance.success", count: 5))
        }
    }

    @Test("a test is the next probe of an endpoint that is broken, whatever waits; one success ends it at once")
    func testWhileBroken() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            room.receivers.answer(url, status: 500)
            try await room.post(40, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            // Probes fail, and the pauses grow.
            try await room.pass(3 * 60_000, step: 1000, loop)
            let asked = room.receivers.received(url).count
            #expect(asked < 30, "it is broken")
            #expect(try await test(endpoint, in: room, loop).outcome == "failed")
            #expect(room.receivers.received(url).count == asked + 1, "nothing else is tried for a test that fails")
            #expect(room.receivers.received(url).last?.event == "webhook_endpoint.test")
            room.receivers.answer(url, status: 200)
            #expect(try await test(endpoint, in: room, loop).outcome == "delivered")
            let taken = room.receivers.taken(url)
            #expect(taken.first?.event == "webhook_endpoint.test")
            let untried = try await database.read { db in
                try db.query("SELECT id FROM delivery WHERE attempts = 0 AND endpoint_id = $1", [.id(endpoint.id)]) {
                    $0.int(0)
                }
            }
            #expect(untried.isEmpty && taken.count > 10, "all that was not tried yet went at once")
        }
    }

    @Test("what an earlier URL answers when the endpoint was moved already says nothing of it: not gone, not failing")
    func lateAnswers() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url)
            room.receivers.answer(url) { [url, moved, receivers = room.receivers] _, nth in
                // All four that go at once are under way before it is moved.
                await receivers.received(url, atLeast: 4)
                guard nth == 1 else {
                    await receivers.taken(moved, atLeast: 6)
                    return WebhookOutcome(status: 410)
                }
                await room.move(endpoint, to: moved)
                return WebhookOutcome(status: 200)
            }
            try await room.post(10, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            #expect(room.receivers.received(url).count == 4 && room.receivers.taken(moved).count == 6)
            #expect(try await room.found(endpoint).status == .active)
            let health = try await database.read { try EndpointHealthStore.find(endpoint.id.hex, room.scope, $0) }
            #expect(health.map(\.failures) ?? 0 == 0 && health?.failingSince == nil)
            try await room.post(1, to: [endpoint])
            try await room.settle(loop)
            #expect(room.receivers.taken(moved).count == 7)
            room.runtime.advance(milliseconds: 6000)
            try await room.settle(loop)
            #expect(room.receivers.taken(moved).count == 10)
        }
    }
}
