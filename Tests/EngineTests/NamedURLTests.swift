import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("URLs that a trigger names")
struct NamedURLTests {
    @Test(
        "without an endpoint of the environment's own a thousand are kept at most, and none is used that is disabled"
    )
    func limit() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let record = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            try await world.settle()
            let scope = world.environment().scope
            func trigger(_ url: String) async throws -> Triggered {
                try await world.services.replays.trigger([record], product: nil, url: url, in: world.environment())
            }
            let first = "https://shop.example/first"
            #expect(try await !trigger(first).sent.isEmpty)
            let now = world.runtime.now()
            let known = try await database.read {
                try EndpointStore.list(scope, source: .connection, url: first, $0).first
            }
            let one = try #require(known)
            try await database.write { tx in
                for number in 1..<ReplayService.namedMax {
                    let made = WebhookEndpoint(
                        id: world.runtime.newID(), url: "https://shop.example/\(number)", source: .connection,
                        laneID: one.laneID, createdAt: now)
                    try EndpointStore.create(made, EndpointStore.Sealed(), scope, tx)
                }
            }
            let refused = await #expect(throws: DomainError.self) { try await trigger("https://shop.example/more") }
            #expect(refused?.code == .conflict && refused?.field == "url")
            #expect(try await !trigger(first).sent.isEmpty, "one that is there is used again")
            _ = try await database.write { tx in
                try EndpointStore.setStatus(.disabled, reason: "gone", of: one.id, at: now, scope, tx)
            }
            let disabled = await #expect(throws: DomainError.self) { try await trigger(first) }
            #expect(disabled?.code == .conflict && disabled?.message.contains("Enable") == true)
            try await world.listen()
            #expect(try await !trigger("https://shop.example/more").sent.isEmpty)
        }
    }
}
