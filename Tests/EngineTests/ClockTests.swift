import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct ClockTests {
    @Test("the count of runs is told after the clock has arrived, and the next advance counts anew")
    func runs() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link()
            try await world.settle()
            #expect(try await world.services.sandbox.clock(world.environment()).runs == 0)
            try await world.advance(days: 3)
            let arrived = try await world.services.sandbox.clock(world.environment())
            #expect(!arrived.isAdvancing)
            #expect(arrived.runs >= 3)
            _ = try await world.services.sandbox.advance(world.environment(), byMs: 1000)
            let begun = try await world.services.sandbox.clock(world.environment())
            #expect(begun.isAdvancing)
            #expect(begun.runs == 0)
            while try await world.clocks.tick() {}
            let after = try await world.services.sandbox.clock(world.environment())
            #expect(!after.isAdvancing)
            #expect(after.runs == 0)
        }
    }
}
