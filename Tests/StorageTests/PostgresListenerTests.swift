import Domain
import Storage
import TestKit
import Testing

@Suite(.timeLimit(.minutes(30))) struct PostgresListenerTests {
    /// What one listener heard, in order.
    private struct Ear: ~Copyable {
        let listening: Listening?
        var told: AsyncStream<Set<String>>.AsyncIterator

        init(_ database: Database, node: String) throws {
            let (told, continuation) = AsyncStream.makeStream(of: Set<String>.self)
            let end = End(continuation)
            listening = try database.listen(to: ["a", "b"], as: node, logger: quiet) { end.continuation.yield($0) }
            self.told = told.makeAsyncIterator()
        }

        mutating func next() async -> Set<String>? { await told.next() }
    }

    /// Ends the stream when the listener's thread has let go of it.
    private final class End: Sendable {
        let continuation: AsyncStream<Set<String>>.Continuation
        init(_ continuation: AsyncStream<Set<String>>.Continuation) { self.continuation = continuation }
        deinit { continuation.finish() }
    }

    private func onServer(_ body: (TestDatabase) async throws -> Void) async throws {
        try await onDatabase(.postgres, migrations: []) { try await body($0) }
    }

    @Test("a listener hears others, not itself, and only its channels")
    func hears() async throws {
        try await onServer { test in
            var ear = try Ear(test.database, node: "one")
            #expect(await ear.next() == ["a", "b"], "at the start it looks at everything")
            let other = try await test.reopened()
            try await other.notify(["a"], from: "one")
            try await other.notify(["c"], from: "two")
            try await other.notify([], from: "two")
            try await other.notify(["b"], from: "two")
            #expect(await ear.next() == ["b"])
        }
    }

    @Test("a listener whose connection was killed connects again, looks at everything and hears")
    func reconnects() async throws {
        try await onServer { test in
            var ear = try Ear(test.database, node: "one")
            #expect(await ear.next() == ["a", "b"])
            let killed = try await test.database.read { db in
                try db.query(
                    """
                    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                    WHERE datname = current_database() AND query LIKE 'LISTEN%'
                    """
                ) { $0.bool(0) }
            }
            #expect(killed == [true])
            #expect(await ear.next() == ["a", "b"], "what was told meanwhile is gone, so all is looked at")
            try await test.database.notify(["a"], from: "two")
            #expect(await ear.next() == ["a"])
        }
    }

    @Test("a listener that is closed leaves no connection behind")
    func closes() async throws {
        try await onServer { test in
            var ear = try Ear(test.database, node: "one")
            #expect(await ear.next() == ["a", "b"])
            ear.listening?.close()
            ear.listening?.close()
            #expect(await ear.next() == nil, "its thread has ended")
        }
    }

    @Test("on SQLite there is nobody to hear and nobody to tell")
    func sqlite() async throws {
        try await onDatabase(.sqlite, migrations: []) { test in
            #expect(try test.database.listen(to: ["a"], as: "one", logger: quiet) { _ in } == nil)
            try await test.database.notify(["a"], from: "one")
        }
    }
}
