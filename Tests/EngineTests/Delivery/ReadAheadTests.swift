import Crypto
import Domain
import Foundation
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite("What was read ahead", .timeLimit(.minutes(30))) struct ReadAheadTests {
    private let url = "https://shop.example/hook"
    private let moved = "https://shop.example/moved"

    /// Posts ten to an endpoint that is sent to one at a time, and makes a change while the first is under way.
    private func during(
        _ database: Database, _ change: @escaping @Sendable (Mailroom, WebhookEndpoint) async throws -> Void
    ) async throws -> (Mailroom, WebhookEndpoint) {
        let room = try await Mailroom.open(on: database)
        let endpoint = try await room.endpoint(url) { $0.inFlightMax = 1 }
        room.receivers.answer(url) { [room] _, nth in
            if nth == 1 {
                do {
                    try await change(room, endpoint)
                } catch {
                    Issue.record(error)
                }
            }
            return WebhookOutcome(status: 200)
        }
        try await room.post(10, to: [endpoint])
        try await room.settle()
        return (room, endpoint)
    }

    @Test("waits when the endpoint is paused, and goes when it is resumed")
    func paused() async throws {
        try await onEveryDatabase { database in
            let (room, endpoint) = try await during(database) { room, endpoint in
                let endpoints = room.world.services.endpoints
                _ = try await endpoints.turn(endpoint.id.hex, .pause, in: room.world.environment())
            }
            #expect(room.receivers.received(url).count == 1)
            #expect(try await room.waiting(endpoint) == 9)
            let endpoints = room.world.services.endpoints
            _ = try await endpoints.turn(endpoint.id.hex, .resume, in: room.world.environment())
            try await room.settle()
            #expect(room.receivers.taken(url).count == 10)
        }
    }

    @Test("goes to the new URL when the endpoint is moved")
    func movedMeanwhile() async throws {
        try await onEveryDatabase { database in
            let (room, _) = try await during(database) { [moved] room, endpoint in
                await room.move(endpoint, to: moved)
            }
            #expect(room.receivers.received(url).count == 1)
            #expect(room.receivers.taken(moved).count == 9)
        }
    }

    @Test("is not sent when the endpoint is removed")
    func removed() async throws {
        try await onEveryDatabase { database in
            let (room, endpoint) = try await during(database) { room, endpoint in
                try await room.world.services.endpoints.remove(endpoint.id.hex, in: room.world.environment())
            }
            #expect(room.receivers.received(url).count == 1)
            #expect(try await room.waiting(endpoint) == 0)
        }
    }

    @Test("is not signed by a key that was ended by a rotation without an overlap")
    func rotated() async throws {
        try await onEveryDatabase { database in
            let secret = Mutex("")
            let (room, _) = try await during(database) { room, endpoint in
                let made = try await room.world.services.endpoints.rotate(
                    endpoint.id.hex, nil, overlapSeconds: 0, in: room.world.environment())
                secret.withLock { $0 = made.secret ?? "" }
            }
            let key = try #require(Data(base64Encoded: secret.withLock { String($0.dropFirst("whsec_".count)) }))
            let isNew = room.receivers.taken(url).map { received in
                var hmac = HMAC<SHA256>(key: SymmetricKey(data: key))
                hmac.update(data: Data("\(received.id).\(received.header("webhook-timestamp")).".utf8))
                hmac.update(data: received.request.body)
                return received.header("webhook-signature") == "v1," + Data(hmac.finalize()).base64EncodedString()
            }
            #expect(isNew == [false] + Array(repeating: true, count: 9))
        }
    }

    @Test("large bodies are read a few at a time")
    func large() {
        var cursor = LaneCursor()
        #expect(DeliveryRun.ahead(atOnce: 64, cursor) == 512)
        #expect(DeliveryRun.ahead(atOnce: 4, cursor) == 64)
        cursor.bodyBytes = 256 * 1024
        #expect(DeliveryRun.ahead(atOnce: 64, cursor) == 8)
        cursor.bodyBytes = 20_000_000
        #expect(DeliveryRun.ahead(atOnce: 64, cursor) == 8)
    }

    @Test("a clock that is set back leaves nothing held until a time of before")
    func setBack() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let endpoint = try await room.endpoint(url) { $0.ratePerSecond = 1 }
            room.receivers.answer(url, status: 503, retryAfter: 600)
            try await room.post(1, to: [endpoint])
            let loop = room.loop()
            try await room.settle(loop)
            room.receivers.answer(url, status: 200)
            room.runtime.setBack(milliseconds: 3 * 3_600_000)
            try await room.post(2, to: [endpoint])
            try await room.settle(loop)
            try await room.pass(10_000, step: 1000, loop)
            #expect(room.receivers.taken(url).count >= 2, "what is new does not wait for three hours")
        }
    }
}
