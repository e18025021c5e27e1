import Domain
import TestKit
import Testing

@testable import Engine
@testable import Storage

@Suite("A loop whose database cannot be written", .timeLimit(.minutes(30)))
struct FailingClaimTests {
    @Test("it rests after a claim that failed, also when it owes a look at all lanes")
    func rests() async throws {
        // SQLite knows no trigger of a statement that changes no row.
        try await onDatabase(.postgres) { test in
            let world = try await World.make(on: test.database)
            let loop = world.refreshes
            try await loop.tick()
            world.runtime.advance(milliseconds: type(of: loop).sweepMs)
            try await test.database.write { tx in
                try tx.db.script(
                    """
                    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
                    CREATE TRIGGER refused BEFORE UPDATE ON lane FOR EACH STATEMENT EXECUTE FUNCTION refuse();
                    """)
            }
            let running = Task { try await loop.run() }
            // The heartbeat, and the loop.
            await world.runtime.sleepers(atLeast: 2)
            #expect(world.runtime.nextDeadline == world.runtime.now() + world.core.settings.pollMs)
            running.cancel()
            try await running.value
        }
    }
}
