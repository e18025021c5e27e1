import Domain
import Glibc
import TestKit
import Testing

@testable import Storage

struct PostgresConnectionTests {
    private func url(_ test: TestDatabase) throws -> String {
        guard case .postgres(let url) = test.location else { throw StorageError(.other, "no PostgreSQL") }
        return url
    }

    private func onServer(_ body: (TestDatabase, String) async throws -> Void) async throws {
        try await onDriver(.postgres, "CREATE TABLE t (id BIGINT PRIMARY KEY, small INTEGER, flag BOOLEAN)") { test in
            try await body(test, try url(test))
        }
    }

    @Test("a killed connection is lost once and works again")
    func killed() async throws {
        try await onServer { _, url in
            let connection = try PostgresConnection(url: url, role: .writer)
            let killer = try PostgresConnection(url: url, role: .writer)
            let pid = try connection.first("SELECT pg_backend_pid()") { $0.int(0) } ?? 0
            try killer.run("SELECT pg_terminate_backend(CAST($1 AS INTEGER), 5000)", [.integer(pid)])
            #expect(await storageCode { try connection.run("SELECT pg_backend_pid()") } == .connectionLost)
            let next = try connection.first("SELECT pg_backend_pid()") { $0.int(0) }
            #expect(next != nil && next != pid)
        }
    }

    @Test("after a loss nothing runs outside the transaction until it is rolled back")
    func killedInTransaction() async throws {
        try await onServer { _, url in
            let connection = try PostgresConnection(url: url, role: .writer)
            try connection.script("BEGIN")
            try connection.run("INSERT INTO t (id) VALUES (1)")
            let kill = "SELECT pg_terminate_backend(pg_backend_pid(), 5000)"
            #expect(await storageCode { try connection.run(kill) } == .connectionLost)
            #expect(await storageCode { try connection.run("INSERT INTO t (id) VALUES (2)") } == .connectionLost)
            #expect(await storageCode { try connection.script("COMMIT") } == .connectionLost)
            try connection.script("ROLLBACK")
            #expect(try connection.query("SELECT id FROM t") { $0.int(0) } == [])
        }
    }

    @Test("a database goes on after all its connections were killed")
    func allKilled() async throws {
        try await onServer { test, url in
            let killer = try PostgresConnection(url: url, role: .writer)
            try killer.run(
                """
                SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """)
            try await test.database.write { try $0.db.run("INSERT INTO t (id) VALUES (1)") }
            for _ in 0..<4 {
                #expect(try await test.database.read { try $0.query("SELECT id FROM t") { $0.int(0) } } == [1])
            }
        }
    }

    @Test("a database writes on after a connection was killed under a unit that then failed for a reason of its own")
    func killedUnderFailingUnit() async throws {
        try await onServer { test, url in
            let code = await storageCode {
                try await test.database.write { tx in
                    let killer = try PostgresConnection(url: url, role: .writer)
                    let pid = try tx.db.first("SELECT pg_backend_pid()") { $0.int(0) } ?? 0
                    try killer.run("SELECT pg_terminate_backend(CAST($1 AS INTEGER), 5000)", [.integer(pid)])
                    throw StorageError(.inUse)
                }
            }
            #expect(code == .inUse)
            try await test.database.write { try $0.db.run("INSERT INTO t (id) VALUES (1)") }
            #expect(try await test.database.read { try $0.query("SELECT id FROM t") { $0.int(0) } } == [1])
        }
    }

    @Test("a unit whose connection keeps going fails as lost, and the others of its group are written")
    func killedUnit() async throws {
        try await onServer { test, _ in
            let database = test.database
            let codes = await withTaskGroup(of: (Int, StorageError.Code?).self) { group in
                for id in 0..<40 {
                    group.addTask {
                        let code = await storageCode {
                            try await database.write { tx in
                                try tx.db.run("INSERT INTO t (id) VALUES ($1)", [.int(id)])
                                if id == 20 { try tx.db.run("SELECT pg_terminate_backend(pg_backend_pid(), 5000)") }
                            }
                        }
                        return (id, code)
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(codes == [20: .connectionLost])
            let ids = try await database.read { try $0.query("SELECT id FROM t ORDER BY id") { Int($0.int(0)) } }
            #expect(ids == (0..<40).filter { $0 != 20 })
        }
    }

    @Test("an integer fits smaller columns and flags, whether NULL or a number came first")
    func inference() async throws {
        try await onServer { _, url in
            let connection = try PostgresConnection(url: url, role: .writer)
            let insert = "INSERT INTO t (id, small, flag) VALUES ($1, $2, CAST($3 AS BOOLEAN))"
            try connection.run(insert, [.integer(1), .null, .null])
            try connection.run(insert, [.integer(2), .integer(-7), .integer(1)])
            try connection.run(insert, [.integer(3), .integer(7), .integer(0)])
            let found = try connection.query("SELECT small, flag FROM t ORDER BY id") {
                [$0.intOrNil(0), $0.intOrNil(1)]
            }
            #expect(found == [[nil, nil], [-7, 1], [7, 0]])
            #expect(await storageCode { try connection.run(insert, [.integer(4), .integer(.max), .null]) } == .check)
        }
    }

    @Test("a statement takes another type in the same place")
    func changingTypes() async throws {
        try await onServer { _, url in
            let connection = try PostgresConnection(url: url, role: .writer)
            let sql = "SELECT coalesce($1, $1) IS NULL"
            for value in [.null, .integer(3), .string("three"), .null, .bytes([3])] as [SQLValue] {
                #expect(try connection.first(sql, [value]) { $0.bool(0) } == (value == .null))
            }
            let kept = try connection.first("SELECT count(*) FROM pg_prepared_statements") { $0.int(0) }
            // This one and the one that counts.
            #expect(kept == 2)
        }
    }

    @Test("no more than the allowed statements stay prepared on the server")
    func statementCache() async throws {
        try await onServer { _, url in
            let connection = try PostgresConnection(url: url, role: .writer)
            for number in 0..<PostgresConnection.statementsMax + 50 {
                #expect(try connection.first("SELECT \(number)") { Int($0.int(0)) } == number)
            }
            let kept = try connection.first("SELECT count(*) FROM pg_prepared_statements") { Int($0.int(0)) }
            #expect(kept == PostgresConnection.statementsMax)
        }
    }

    @Test("no node waits for another without end")
    func timeouts() async throws {
        try await onServer { test, _ in
            try await test.database.migrate([])
            for (setting, value) in [("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "20s")] {
                let found = try await test.database.write { try $0.db.first("SHOW \(setting)") { $0.text(0) } }
                #expect(found == value)
            }
        }
    }

    @Test("a statement outlives a change of its table, in reads and in units")
    func changedTable() async throws {
        try await onServer { test, url in
            let database = test.database
            let other = try PostgresConnection(url: url, role: .writer)
            let sql = "SELECT small FROM t WHERE id = $1"
            @Sendable func small(_ db: any SQLConnection) throws -> Int64? {
                try db.first(sql, [.integer(1)]) { $0.int(0) }
            }
            try await database.write { _ = try $0.db.run("INSERT INTO t (id, small) VALUES (1, 5)") }
            for type in ["BIGINT", "INTEGER", "SMALLINT"] {
                for _ in 0..<TestDatabase.readers * 2 { #expect(try await database.read(small) == 5) }
                #expect(try await database.write { try small($0.db) } == 5)
                try other.script("ALTER TABLE t ALTER COLUMN small TYPE \(type)")
            }
            #expect(try await database.read(small) == 5)
            #expect(try await database.write { try small($0.db) } == 5)
        }
    }

    @Test("a failed statement that was ignored fails the COMMIT")
    func ignoredFailure() async throws {
        try await onServer { test, _ in
            let code = await storageCode {
                try await test.database.write { tx in
                    try tx.db.run("INSERT INTO t (id) VALUES (1)")
                    #expect(throws: StorageError.self) { try tx.db.run("INSERT INTO t (id) VALUES (1)") }
                }
            }
            #expect(code == .other)
            let left = try await test.database.read { try $0.query("SELECT id FROM t") { $0.int(0) } }
            #expect(left == [])
        }
    }

    @Test("a server that is not there is a lost connection, and the password is not shown")
    func noServer() async throws {
        let location = try DatabaseLocation("postgres://kubewa:s3cret@127.0.0.1:1/none")
        do throws(StorageError) {
            _ = try await Database.open(location, logger: quiet)
            Issue.record("it opened")
        } catch {
            #expect(error.code == .connectionLost)
            #expect(!String(reflecting: error).contains("s3cret"))
        }
    }

    @Test("a database that orders texts otherwise, or is not UTF-8, is refused with what to do", arguments: [
        ("UTF8", "C.UTF-8", "LC_COLLATE"), ("SQL_ASCII", "C", "UTF8"),
    ])
    func unsuitable(encoding: String, collation: String, named: String) async throws {
        try await onServer { _, url in
            let maker = try PostgresConnection(url: url, role: .writer)
            let name = "unsuitable_\(getpid())_\(encoding.lowercased())"
            try maker.script(
                """
                CREATE DATABASE \(name) TEMPLATE template0 ENCODING '\(encoding)' LC_COLLATE '\(collation)' LC_CTYPE 'C'
                """)
            let parts = url.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            let other = (parts + [Substring(name)]).joined(separator: "/")
            do throws(StorageError) {
                _ = try await Database.open(.postgres(url: other), logger: quiet)
                Issue.record("it opened")
            } catch {
                #expect(error.description.contains(named) && error.description.contains("CREATE DATABASE"))
            }
            try maker.script("DROP DATABASE \(name) WITH (FORCE)")
        }
    }

    @Test("two transactions that wait for each other are tried again until both are written")
    func deadlock() async throws {
        try await onServer { test, _ in
            let database = test.database
            let other = try await test.reopened()
            try await database.write { tx in
                try tx.db.run("INSERT INTO t (id, small) VALUES (1, 0), (2, 0)")
            }
            // Each holds its first row until the other holds its own: a deadlock at the first run, by force.
            let hold = Rendezvous()
            func add(_ database: Database, _ first: Int, _ second: Int) async throws {
                try await database.write { tx in
                    let sql = "UPDATE t SET small = small + 1 WHERE id = $1"
                    try tx.db.run(sql, [.int(first)])
                    hold.meet()
                    try tx.db.run(sql, [.int(second)])
                }
            }
            async let one: Void = add(database, 1, 2)
            async let two: Void = add(other, 2, 1)
            try await one
            try await two
            let sums = try await database.read { try $0.query("SELECT small FROM t ORDER BY id") { $0.int(0) } }
            #expect(sums == [2, 2])
        }
    }

    @Test("every SQLSTATE that matters has a meaning")
    func errorTable() async throws {
        try await onServer { _, url in
            let connection = try PostgresConnection(url: url, role: .writer)
            let table: [(String, StorageError.Code)] = [
                ("23505", .uniqueViolation), ("23503", .foreignKey), ("23514", .check), ("23502", .check),
                ("22003", .check), ("40001", .serialization), ("40P01", .serialization), ("55P03", .busy),
                ("53100", .diskFull), ("25006", .readOnly), ("57P01", .connectionLost), ("08006", .connectionLost),
                ("42601", .other), ("XX001", .corrupt), ("53200", .busy), ("53300", .busy), ("57014", .busy),
                ("57P02", .connectionLost), ("57P05", .connectionLost), ("25P03", .connectionLost),
            ]
            for (state, meaning) in table {
                let code = await storageCode {
                    try connection.script("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '\(state)'; END $$")
                }
                #expect(code == meaning, "\(state)")
            }
        }
    }
}

/// The first two that come wait for each other; later ones pass.
private final class Rendezvous: Sendable {
    private let queue = BlockingQueue<Void>(countMax: 2)
    private let arrived = Tally()

    func meet() {
        arrived.add()
        if arrived.total == 1 { _ = queue.next() }
        if arrived.total == 2 { do { try queue.push(()) } catch {} }
    }
}
