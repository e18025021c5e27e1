/// One step of the schema. Numbers are dense from 1; a step that was released is never changed.
public struct Migration: Sendable {
    public let number: Int
    public let name: String
    /// What both databases understand; it runs first.
    public let shared: String
    public let sqliteOnly: String
    public let postgresOnly: String

    public init(number: Int, name: String, shared: String, sqliteOnly: String = "", postgresOnly: String = "") {
        self.number = number
        self.name = name
        self.shared = shared
        self.sqliteOnly = sqliteOnly
        self.postgresOnly = postgresOnly
    }
}

/// Brings a schema up to date, each step in its own transaction.
enum Migrator {
    /// Any number will do, as long as all nodes take the same one.
    private static let advisoryLock: Int64 = 0x6b75_6265_7761

    private static let makeTable = """
        CREATE TABLE IF NOT EXISTS schema_migration (
            number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL)
        """
    private static let applied = "SELECT number FROM schema_migration ORDER BY number"
    private static let note = "INSERT INTO schema_migration (number, name, applied_at_ms) VALUES ($1, $2, "
    /// The servers' own clocks: a schema has no environment whose time could be meant.
    private static let sqliteNow = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))"
    private static let postgresNow = "CAST(extract(epoch FROM now()) * 1000 AS BIGINT))"
    private static let foreignTables = """
        SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
        AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'schema_migration') LIMIT 1
        """

    /// - Returns: the steps that were applied.
    @discardableResult
    static func migrate(_ connection: any SQLConnection, _ migrations: [Migration]) throws -> [Migration] {
        precondition(migrations.enumerated().allSatisfy { $0.offset + 1 == $0.element.number }, "dense from 1")
        if connection.dialect == .postgres {
            // The other node may take long; waiting for it is no reason to fail.
            try connection.script("SET lock_timeout = 0")
            try connection.run("SELECT pg_advisory_lock($1)", [.integer(advisoryLock)])
        }
        do {
            let steps = try apply(connection, migrations)
            try unlock(connection)
            return steps
        } catch {
            try unlock(connection)
            throw error
        }
    }

    private static func unlock(_ connection: any SQLConnection) throws {
        guard connection.dialect == .postgres else { return }
        do {
            try connection.run("SELECT pg_advisory_unlock($1)", [.integer(advisoryLock)])
            try connection.script(PostgresConnection.lockTimeout)
        } catch let error as StorageError where error.code == .connectionLost {
            // The lock went with the connection.
        }
    }

    private static func apply(_ connection: any SQLConnection, _ migrations: [Migration]) throws -> [Migration] {
        if connection.dialect == .sqlite, try connection.first(foreignTables, [], { $0.text(0) }) != nil {
            throw StorageError(.unsuitable("The SQLite file belongs to another program. Name another file."))
        }
        try connection.script(makeTable)
        var steps: [Migration] = []
        for migration in migrations {
            if try connection.inTransaction({ try applyOne(connection, migration, migrations.count) }) {
                steps.append(migration)
            }
        }
        try refuseNewer(connection, known: migrations.count)
        return steps
    }

    /// Looks inside the transaction whether the step is still to do: another process may have been first.
    private static func applyOne(
        _ connection: any SQLConnection, _ migration: Migration, _ known: Int
    ) throws -> Bool {
        try refuseNewer(connection, known: known)
        guard try !connection.query(applied, [], { Int($0.int(0)) }).contains(migration.number) else { return false }
        let own = connection.dialect == .sqlite ? migration.sqliteOnly : migration.postgresOnly
        for part in [migration.shared, own] where !part.isEmpty { try connection.script(part) }
        let now = connection.dialect == .sqlite ? sqliteNow : postgresNow
        try connection.run(note + now, [.int(migration.number), .text(migration.name)])
        return true
    }

    private static func refuseNewer(_ connection: any SQLConnection, known: Int) throws {
        let found = try connection.query(applied, []) { Int($0.int(0)) }.last ?? 0
        if found > known { throw StorageError(.schemaTooNew(found: found, known: known)) }
    }
}
