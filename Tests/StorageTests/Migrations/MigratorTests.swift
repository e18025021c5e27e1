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

    @Test("a database of the first links keeps its schedules, events and deliveries through all later steps")
    func olderData() async throws {
        try await onEmpty { test in
            let database = test.database
            try await database.migrate(Array(Migrations.all.prefix(5)))
            try await database.write { try $0.db.script(Self.older) }
            #expect(try await database.migrate(Migrations.all).map(\.number) == Array(6...Migrations.all.count))
            let scope = Scope(environmentID: 1)
            let connection = ID<Connection>(trusted: "c")
            let schedule = try await database.read { try ScheduleStore.find(connection, scope, $0) }
            #expect(schedule?.setting.balance == .daily)
            #expect(schedule?.syncedTo == LocalDate("2024-05-01"))
            #expect(schedule?.phase == .periodic)
            let due = try await database.read {
                try DeliveryStore.list(lane: 7, .first, after: .start, count: 10, complete: false, $0).rows
            }
            #expect(due.map(\.eventID) == [31, 32])
            #expect(due.map { String(decoding: $0.thin, as: UTF8.self) } == ["one", "two"])
            // What comes later stands behind them.
            try await database.write { tx in
                try tx.db.script(
                    """
                    INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
                    VALUES (1, 33, 'c', 3, 't', 9, 'three')
                    """)
            }
            let order = test.database.dialect == .sqlite ? "place" : "id"
            let ids = try await database.read { try $0.query("SELECT id FROM event ORDER BY \(order)") { $0.int(0) } }
            #expect(ids == [31, 32, 33])
        }
    }

    private static let older = """
        INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'T', 1);
        INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms) VALUES (1, 't', 'sandbox', 'p', 1);
        INSERT INTO customer (environment_id, id, created_on, created_at_ms, updated_at_ms)
            VALUES (1, 'u', '2024-05-01', 1, 1);
        INSERT INTO connection (environment_id, id, auth_id, customer_id, app_id, institution, connector, status,
            products, login_type, history_months, created_on, created_at_ms, updated_at_ms)
            VALUES (1, 'c', 'a', 'u', 'w', 'access-bank', 'sandbox', 'active', 'balance', 'ind', 24, '2024-05-01', 1,
                1);
        INSERT INTO lane (id, kind, environment_id, subject, next_due_ms)
            VALUES (6, 'refresh', 1, 'access-bank', 50), (7, 'delivery', 1, 'e', 50);
        INSERT INTO refresh_schedule (environment_id, connection_id, lane_id, due_ms, balance_interval, synced_to_on)
            VALUES (1, 'c', 6, 50, 'daily', '2024-05-01');
        INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
            VALUES (1, 31, 'c', 1, 't', 5, 'one'), (1, 32, 'c', 2, 't', 6, 'two');
        INSERT INTO delivery (environment_id, id, event_id, endpoint_id, lane_id, due_ms)
            VALUES (1, 41, 31, 'e', 7, 50), (1, 42, 32, 'e', 7, 51);
        """
}
