import Domain
import TestKit
import Testing

@testable import Storage

struct MigratorTests {
    private static let first = Migration(
        number: 1, name: "first", shared: "CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a VALUES (1);",
        sqliteOnly: "CREATE TABLE only_sqlite (id BIGINT)", postgresOnly: "CREATE TABLE only_postgres (id BIGINT)")
    private static let second = Migration(number: 2, name: "second", shared: "INSERT INTO a VALUES (2)")
    private static let broken = Migration(number: 2, name: "broken", shared: "INSERT INTO a VALUES (3); SELEC")

    private func onEmpty(_ body: (TestDatabase) async throws -> Void) async throws {
        for dialect in [Dialect.sqlite, .postgres] { try await onDatabase(dialect, migrations: [], body) }
    }

    private func rows(_ database: Database) async throws -> [Int64] {
        try await database.read { try $0.query("SELECT id FROM a ORDER BY id") { $0.int(0) } }
    }

    @Test("steps run once, in order, with the part of their database")
    func order() async throws {
        try await onEmpty { test in
            let database = test.database
            #expect(try await database.migrate([Self.first]).map(\.number) == [1])
            #expect(try await database.migrate([Self.first, Self.second]).map(\.number) == [2])
            #expect(try await database.migrate([Self.first, Self.second]).isEmpty)
            #expect(try await rows(database) == [1, 2])
            let table = database.dialect == .sqlite ? "only_sqlite" : "only_postgres"
            #expect(try await database.read { try $0.run("SELECT id FROM \(table)") } == 0)
            let applied = try await database.read { db in
                try db.query("SELECT name FROM schema_migration WHERE applied_at_ms > $1 ORDER BY number",
                    [.integer(1_700_000_000_000)]) { $0.text(0) }
            }
            #expect(applied == ["first", "second"])
        }
    }

    @Test("a schema made by a newer kubewa is refused and left as it is")
    func newer() async throws {
        try await onEmpty { test in
            try await test.database.migrate([Self.first, Self.second])
            let code = await storageCode { try await test.database.migrate([Self.first]) }
            #expect(code == .schemaTooNew(found: 2, known: 1))
            #expect(try await rows(test.database) == [1, 2])
        }
    }

    @Test("a step that fails leaves nothing behind and can be tried again")
    func failing() async throws {
        try await onEmpty { test in
            let code = await storageCode { try await test.database.migrate([Self.first, Self.broken]) }
            #expect(code == .other)
            #expect(try await rows(test.database) == [1])
            try await test.database.migrate([Self.first, Self.second])
            #expect(try await rows(test.database) == [1, 2])
        }
    }

    @Test("two may migrate at once: each step is applied by one of them")
    func together() async throws {
        try await onEmpty { test in
            let database = test.database
            let other = try await test.reopened()
            async let one = database.migrate([Self.first, Self.second])
            async let two = other.migrate([Self.first, Self.second])
            let applied = try await one + two
            #expect(applied.map(\.number).sorted() == [1, 2])
            #expect(try await rows(database) == [1, 2])
        }
    }

    @Test("an SQLite file of another program is refused")
    func foreign() async throws {
        try await onDriver(.sqlite, "CREATE TABLE notes (text TEXT)") { test in
            do {
                try await test.database.migrate([Self.first])
                Issue.record("it was taken")
            } catch let error as StorageError {
                #expect(error.description.contains("another program"))
            }
        }
    }

    @Test("the released steps are dense and run from an empty database, twice harmlessly")
    func released() async throws {
        #expect(Migrations.all.map(\.number) == Array(1...Migrations.all.count))
        try await onEmpty { test in
            let first = try await test.database.migrate(Migrations.all)
            let second = try await test.database.migrate(Migrations.all)
            #expect(first.count == Migrations.all.count)
            #expect(second.isEmpty)
        }
    }
}
