import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Attempts that end after their connection was removed")
struct LateAttemptTests {
    private func count(_ condition: String, _ database: Database) async throws -> Int64 {
        try await database.read { db in
            try db.first("SELECT COUNT(number) FROM attempt WHERE \(condition)", []) { $0.int(0) } ?? 0
        }
    }

    @Test("they are forgotten with what came back, and nothing else is")
    func late() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link { $0.historyMonths = 1 }
            let removed = try #require(try await world.link("otp").connectionID)
            try await world.settle()
            let now = world.runtime.now().ms
            // As a request does that is under way meanwhile; the last one is of another time.
            try await database.write { tx in
                for (number, at) in [(1, now), (2, now + 14_000), (3, now - 20_000), (4, now - Instant.dayMs)] {
                    try tx.db.run(
                        """
                        INSERT INTO attempt (environment_id, delivery_id, number, event_id, endpoint_id, at_ms,
                            duration_ms, outcome)
                        VALUES ($1, $2, 1, $2, 'x', $3, 1, 'delivered')
                        """,
                        [.integer(world.scope.environmentID), .integer(Int64(9_000_000 + number)), .integer(at)])
                }
            }
            try await world.services.connections.remove(removed, in: world.environment())
            try await world.settle()
            let own = try await count("delivery_id < 9000000", database)
            world.runtime.advance(milliseconds: Instant.dayMs)
            try await Housekeeper(core: world.core).tick()
            #expect(own > 5)
            #expect(try await count("delivery_id > 9000000", database) == 1)
            #expect(try await count("delivery_id < 9000000", database) == own)
        }
    }
}
