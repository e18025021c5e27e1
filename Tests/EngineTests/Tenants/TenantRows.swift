import Domain
import Storage

/// All that a database holds of environments, in whatever tables there are.
struct TenantRows {
    let database: Database

    /// The tables with a column for the environment, partitions as the table that they are of.
    func tables() async throws -> [String] {
        try await database.read { db in
            try db.query(db.dialect == .sqlite ? Self.sqliteTables : Self.postgresTables, []) { $0.text(0) }
        }
    }

    /// Of every table the environment's rows as texts, in an order of their own; tables without any are left out.
    func all(_ environments: [Int64]) async throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for table in try await tables() {
            for environment in environments {
                let rows = try await rows(table, environment)
                if !rows.isEmpty { found[table, default: []] += rows }
            }
        }
        return found
    }

    private func rows(_ table: String, _ environment: Int64) async throws -> [String] {
        try await database.read { db in
            let isSQLite = db.dialect == .sqlite
            let columns = try db.query(isSQLite ? Self.sqliteColumns : Self.postgresColumns, [.text(table)]) {
                $0.text(0)
            }
            let texts = columns.map { isSQLite ? "quote(\($0))" : "COALESCE(CAST(\($0) AS TEXT), '-')" }
            let sql = "SELECT \(texts.joined(separator: " || '|' || ")) FROM \(table) WHERE environment_id = $1"
            return try db.query(sql, [.integer(environment)]) { $0.text(0) }.sorted()
        }
    }

    private static let sqliteTables = """
        SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND c.name = 'environment_id' ORDER BY m.name
        """
    private static let sqliteColumns = "SELECT name FROM pragma_table_info($1) ORDER BY cid"
    private static let postgresTables = """
        SELECT CAST(t.relname AS TEXT) FROM pg_attribute c JOIN pg_class t ON t.oid = c.attrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE n.nspname = 'public' AND c.attname = 'environment_id' AND t.relkind IN ('r', 'p')
            AND NOT t.relispartition ORDER BY t.relname
        """
    private static let postgresColumns = """
        SELECT CAST(c.attname AS TEXT) FROM pg_attribute c JOIN pg_class t ON t.oid = c.attrelid
        WHERE t.relname = $1 AND c.attnum > 0 AND NOT c.attisdropped ORDER BY c.attnum
        """
}
