import Domain
import Engine
import TestKit
import Testing

@Suite("Endpoints that get transactions one by one")
struct SplittingLimitTests {
    private func create(_ number: Int, splits: Bool, _ world: World) async throws -> String {
        var change = EndpointChange()
        change.url = "https://shop.example/\(number)"
        change.splitsTransactions = splits
        return try await world.services.endpoints.create(change, in: world.environment()).endpoint.id.hex
    }

    @Test("ten of them are enough for an environment; one that is changed counts itself once")
    func limit() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var ids: [String] = []
            for number in 0..<10 { ids.append(try await create(number, splits: true, world)) }
            let refused = await #expect(throws: DomainError.self) { try await create(10, splits: true, world) }
            #expect(refused?.code == .conflict && refused?.field == "splits_transactions")
            let plain = try await create(11, splits: false, world)
            var change = EndpointChange()
            change.splitsTransactions = true
            let endpoints = world.services.endpoints
            await #expect(throws: DomainError.self) {
                try await endpoints.update(plain, change, in: world.environment())
            }
            _ = try await endpoints.update(ids[0], change, in: world.environment())
            change.splitsTransactions = false
            _ = try await endpoints.update(ids[0], change, in: world.environment())
            change.splitsTransactions = true
            _ = try await endpoints.update(plain, change, in: world.environment())
        }
    }
}
