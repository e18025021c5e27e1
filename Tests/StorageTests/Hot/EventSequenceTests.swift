import Domain
import Synchronization
import TestKit
import Testing

@testable import Storage

@Suite("Numbers of events")
struct EventSequenceTests {
    private static let scope = Scope(environmentID: 1)
    private static let connection = ID<Connection>(trusted: String(repeating: "c", count: 24))

    private static func make(_ database: Database) async throws {
        try await database.write { tx in
            try tx.db.script(
                """
                INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'Acme', 0);
                INSERT INTO environment (id, tenant_id, project_id, kind, created_at_ms)
                VALUES (1, 't', 'p', 'sandbox', 0);
                INSERT INTO customer (environment_id, id, name, created_on, created_at_ms, updated_at_ms)
                VALUES (1, 'u', 'Ada', '2024-01-01', 0, 0);
                """)
            try tx.db.run(
                """
                INSERT INTO connection (environment_id, id, auth_id, customer_id, app_id, institution, connector,
                    status, products, login_type, history_months, created_on, created_at_ms, updated_at_ms)
                VALUES (1, $1, 'a', 'u', 'p', 'kuda-bank', 'sandbox', 'active', '', 'ind', 1, '2024-01-01', 0, 0)
                """, [.id(connection)])
        }
    }

    private static let eventSQL = """
        INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
        VALUES (1, $1, $2, $3, 'auth.success', 0, '')
        """

    /// One event of the connection, or of none.
    private static func emit(_ id: Int64, of isOfConnection: Bool, _ tx: Transaction) throws {
        let sequence =
            isOfConnection
            ? try EventSequence.take(connection, count: 1, scope, tx) : try EventSequence.take(count: 1, scope, tx)
        try tx.db.run(
            eventSQL, [.integer(id), .text(isOfConnection ? connection.hex : ""), .integer(sequence)])
    }

    private static func sequences(_ database: Database) async throws -> [Int64] {
        try await database.read { db in
            let end = try EventReads.horizon(db).place
            return try EventReads.feed(after: .start, until: end, limit: 100, scope, db).map(\.sequence)
        }
    }

    @Test("numbers have no holes, whether a unit that takes some is kept or not")
    func gapless() async throws {
        try await onEveryDatabase { database in
            try await Self.make(database)
            struct Undone: Error {}
            let first = try await database.write { try EventSequence.take(Self.connection, count: 3, Self.scope, $0) }
            await #expect(throws: Undone.self) {
                try await database.write { tx in
                    _ = try EventSequence.take(Self.connection, count: 5, Self.scope, tx)
                    throw Undone()
                }
            }
            let next = try await database.write { try EventSequence.take(Self.connection, count: 1, Self.scope, $0) }
            #expect([first, next] == [1, 4])
            let own = try await database.write { try EventSequence.take(count: 2, Self.scope, $0) }
            #expect(own == 1, "the environment counts its own")
        }
    }

    @Test(
        "of two interleaved transactions the older one is refused when the younger one was first",
        arguments: [true, false])
    func refused(_ isOfConnection: Bool) async throws {
        try await onDatabase(.postgres) { test in
            guard case .postgres(let url) = test.location else { return }
            try await Self.make(test.database)
            let old = try PostgresConnection(url: url, role: .writer)
            let young = try PostgresConnection(url: url, role: .writer)
            try old.script("BEGIN")
            // It has its number in the order of transactions from here on.
            try old.run("INSERT INTO id_block (name, next) VALUES ('other', 1)")
            try young.script("BEGIN")
            try Self.emit(1, of: isOfConnection, Transaction(young))
            try young.script("COMMIT")
            let error = #expect(throws: StorageError.self) { try Self.emit(2, of: isOfConnection, Transaction(old)) }
            #expect(error?.isRetryable == true)
            try old.script("ROLLBACK")
            try old.script("BEGIN")
            try Self.emit(2, of: isOfConnection, Transaction(old))
            try old.script("COMMIT")
            #expect(try await Self.sequences(test.database) == [1, 2])
        }
    }

    @Test("a unit that comes too late runs again, and the environment's feed has each connection's order")
    func again() async throws {
        try await onEveryTestDatabase { test in
            try await Self.make(test.database)
            let other = test.location.dialect == .postgres ? try await test.reopened() : test.database
            let runs = Mutex(0)
            if case .postgres(let url) = test.location {
                let young = try PostgresConnection(url: url, role: .writer)
                let box = Mutex(young)
                try await other.write { tx in
                    let run = runs.withLock {
                        $0 += 1; return $0
                    }
                    try tx.db.run("INSERT INTO id_block (name, next) VALUES ('run\\(run)', 1)")
                    if run == 1 {
                        // Another node's transaction begins later and commits first.
                        try box.withLock { young in
                            try young.script("BEGIN")
                            try Self.emit(1, of: true, Transaction(young))
                            try young.script("COMMIT")
                        }
                    }
                    try Self.emit(2, of: true, tx)
                }
                #expect(runs.withLock { $0 } == 2)
            } else {
                for id in Int64(1)...2 { try await other.write { try Self.emit(id, of: true, $0) } }
            }
            #expect(try await Self.sequences(test.database) == [1, 2])
        }
    }

    @Test("what a dump from a server that was further brings along stops nobody")
    func foreign() async throws {
        try await onDatabase(.postgres) { test in
            try await Self.make(test.database)
            try await test.database.write { tx in
                try tx.db.script("UPDATE connection SET event_batch = 9000000000000")
                try tx.db.script("UPDATE environment SET event_batch = 9000000000000")
            }
            try await test.database.write { tx in
                try Self.emit(1, of: true, tx)
                try Self.emit(2, of: false, tx)
            }
            try await test.database.write { try Self.emit(3, of: true, $0) }
            #expect(try await Self.sequences(test.database) == [1, 1, 2])
            let batches = try await test.database.read { db in
                try db.query("SELECT event_batch FROM connection UNION SELECT event_batch FROM environment") {
                    $0.int(0)
                }
            }
            #expect(batches.allSatisfy { $0 < 9_000_000_000_000 })
        }
    }
}
