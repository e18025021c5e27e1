import Domain
import TestKit
import Testing

@testable import Engine

/// Lanes that have nothing left, and the hands that they took.
@Suite(.timeLimit(.minutes(30))) struct LingeringTests {
    @Test("with more endpoints than hands, one that has nothing left gives its hand to the next at once")
    func hands() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let urls = (0..<70).map { "https://shop\($0).example/hook" }
            let endpoints = try await urls.asyncMap { try await room.endpoint($0) }
            for _ in 0..<2 { try await room.post(1, to: endpoints) }
            let begun = room.runtime.now()
            let loop = room.loop()
            let running = Task { try await loop.run() }
            for url in urls { await room.receivers.taken(url, atLeast: 2) }
            #expect(room.runtime.now() == begun, "nobody waited for time to pass")
            running.cancel()
            _ = await running.result
        }
    }
}
