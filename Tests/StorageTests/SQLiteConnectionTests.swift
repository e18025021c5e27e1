import CSQLite
import Domain
import FoundationEssentials
import TestKit
import Testing

@testable import Storage

struct SQLiteConnectionTests {
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = try makeTemporaryFolder()
        defer { removeFolder(folder) }
        try await body(folder)
    }

    @Test("the file is private to its user")
    func mode() async throws {
        try await withFolder { folder in
            let connection = try SQLiteConnection(path: folder + "/a.db", role: .writer)
            try connection.script("CREATE TABLE t (a BIGINT)")
            for name in ["a.db", "a.db-wal", "a.db-shm"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
        }
    }

    @Test("the settings that keep data safe are on")
    func pragmas() async throws {
        try await withFolder { folder in
            let connection = try SQLiteConnection(path: folder + "/a.db", role: .writer)
            func pragma(_ name: String) throws -> String? {
                try connection.first("PRAGMA \(name)") { $0.text(0) }
            }
            #expect(try pragma("journal_mode") == "wal")
            #expect(try pragma("synchronous") == "2")
            #expect(try pragma("foreign_keys") == "1")
        }
    }

    @Test("more statements than stay prepared still work")
    func statementCache() async throws {
        try await withFolder { folder in
            let connection = try SQLiteConnection(path: folder + "/a.db", role: .writer)
            for number in 0..<SQLiteConnection.statementsMax * 2 {
                #expect(try connection.first("SELECT \(number)") { Int($0.int(0)) } == number)
            }
            #expect(try connection.first("SELECT 0") { $0.int(0) } == 0)
        }
    }

    @Test("a statement outlives a change of its table")
    func changedTable() async throws {
        try await withFolder { folder in
            let connection = try SQLiteConnection(path: folder + "/a.db", role: .writer)
            try connection.script("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1)")
            #expect(try connection.first("SELECT a FROM t") { $0.int(0) } == 1)
            try connection.script("ALTER TABLE t ADD COLUMN b BIGINT; UPDATE t SET a = 2")
            #expect(try connection.first("SELECT a FROM t") { $0.int(0) } == 2)
        }
    }

    @Test("a full disk is its own error, and what was committed stays")
    func diskFull() async throws {
        try await onDriver(.sqlite, "CREATE TABLE t (id BIGINT PRIMARY KEY, data BYTEA)") { test in
            let database = test.database
            try await database.write { tx in
                try tx.db.run("INSERT INTO t VALUES (1, $1)", [.bytes([1])])
            }
            // Set by itself: a limit cannot be set inside the unit that it is to fail.
            try await database.write { tx in
                let pages = try tx.db.first("PRAGMA page_count") { $0.int(0) } ?? 0
                try tx.db.script("PRAGMA max_page_count = \(pages + 8)")
            }
            let big = SQLValue.bytes([UInt8](repeating: 1, count: 100_000))
            let full = await storageCode {
                try await database.write { try $0.db.run("INSERT INTO t VALUES (2, $1)", [big]) }
            }
            #expect(full == .diskFull)
            // Among others, only the one that does not fit fails.
            async let small = storageCode {
                try await database.write { try $0.db.run("INSERT INTO t VALUES (3, NULL)") }
            }
            async let large = storageCode {
                try await database.write { try $0.db.run("INSERT INTO t VALUES (4, $1)", [big]) }
            }
            #expect(await small == nil)
            #expect(await large == .diskFull)
            let ids = try await database.read { try $0.query("SELECT id FROM t ORDER BY id") { $0.int(0) } }
            #expect(ids == [1, 3])
            let again = try await test.reopened()
            let kept = try await again.read { try $0.query("SELECT id FROM t ORDER BY id") { $0.int(0) } }
            #expect(kept == [1, 3])
        }
    }

    @Test("a file that is no database is corrupt, a folder or a missing folder cannot be opened")
    func cannotOpen() async throws {
        try await withFolder { folder in
            try Data((0..<8192).map { UInt8($0 % 251) }).write(to: URL(filePath: folder + "/junk.db"))
            let places: [(String, StorageError.Code)] = [
                ("/junk.db", .corrupt), ("", .cannotOpen), ("/none/a.db", .cannotOpen),
            ]
            for (place, expected) in places {
                let code = await storageCode {
                    try await Database.open(.sqlite(path: folder + place), logger: quiet)
                }
                #expect(code == expected, "\(place)")
            }
        }
    }

    @Test("damage inside a file is found when it is read, and is not called busy or lost")
    func damage() async throws {
        try await withFolder { folder in
            let path = folder + "/a.db"
            var database: Database? = try await Database.open(.sqlite(path: path), logger: quiet)
            try await database?.write { tx in
                try tx.db.script("CREATE TABLE t (id BIGINT PRIMARY KEY, data TEXT)")
                for id in 0..<500 {
                    try tx.db.run(
                        "INSERT INTO t VALUES ($1, $2)", [.int(id), .string(String(repeating: "x", count: 200))])
                }
            }
            await database?.close()
            database = nil
            var bytes = try Data(contentsOf: URL(filePath: path))
            for index in 4096..<bytes.count { bytes[index] = 0xA5 }
            try bytes.write(to: URL(filePath: path))
            let damaged = try await Database.open(.sqlite(path: path), logger: quiet)
            let code = await storageCode {
                try await damaged.read { try $0.query("SELECT id, data FROM t") { $0.int(0) } }
            }
            #expect(code == .corrupt)
            await damaged.close()
        }
    }

    @Test("a second exclusive open is refused until the first one closes")
    func exclusive() async throws {
        try await withFolder { folder in
            let location = DatabaseLocation.sqlite(path: folder + "/a.db")
            let first = try await Database.open(location, exclusive: true, logger: quiet)
            #expect(await storageCode { try await Database.open(location, exclusive: true, logger: quiet) } == .inUse)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link.db", withDestinationPath: folder + "/a.db")
            let other = DatabaseLocation.sqlite(path: folder + "/link.db")
            #expect(await storageCode { try await Database.open(other, exclusive: true, logger: quiet) } == .inUse)
            // A command beside `serve` may look.
            let beside = try await Database.open(location, logger: quiet)
            await beside.close()
            await first.close()
            let second = try await Database.open(location, exclusive: true, logger: quiet)
            await second.close()
        }
    }

    @Test("a reader cannot write")
    func readOnly() async throws {
        try await onEveryDriver("CREATE TABLE t (a BIGINT)") { test in
            let code = await storageCode { try await test.database.read { try $0.run("INSERT INTO t VALUES (1)") } }
            #expect(code == .readOnly)
        }
    }

    @Test("extended result codes have a meaning each")
    func errorTable() {
        let table: [(Int32, StorageError.Code)] = [
            (SQLITE_FULL, .diskFull), (SQLITE_BUSY, .busy), (SQLITE_LOCKED, .busy),
            (SQLITE_BUSY | 2 << 8, .serialization),
            (SQLITE_CONSTRAINT | 8 << 8, .uniqueViolation), (SQLITE_CONSTRAINT | 6 << 8, .uniqueViolation),
            (SQLITE_CONSTRAINT | 3 << 8, .foreignKey), (SQLITE_CONSTRAINT | 1 << 8, .check),
            (SQLITE_CONSTRAINT | 5 << 8, .check), (SQLITE_CORRUPT, .corrupt), (SQLITE_NOTADB, .corrupt),
            (SQLITE_CANTOPEN, .cannotOpen), (SQLITE_READONLY, .readOnly), (SQLITE_ERROR, .other),
        ]
        for (code, meaning) in table {
            #expect(SQLiteConnection.error(code, nil, sql: "x").code == meaning, "\(code)")
        }
    }
}
