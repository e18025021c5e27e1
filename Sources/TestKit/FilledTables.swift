import Storage

/// Fills tables by the thousands, for tests of the plans that a database makes where there is much.
public struct FilledTables: Sendable {
    private let dialect: Dialect
    /// Environments from 1, each of a business of its own.
    public let environments: Int

    /// The numbers from 0 as rows with one column `n`.
    public func series(_ count: Int) -> String {
        dialect == .postgres
            ? "(SELECT n FROM generate_series(0, \(count - 1)) AS s (n)) AS x"
            : "(WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < \(count - 1)) "
                + "SELECT n FROM s) AS x"
    }

    /// The number as a text.
    public let text = "CAST(n AS TEXT)"
    /// The environment of a row, which takes turns.
    public var environment: String { "n % \(environments) + 1" }

    /// Makes environments, and rows by the statements that `script` gives; then the database learns of them.
    public static func fill(
        _ database: Database, environments: Int, _ script: @Sendable (FilledTables) -> String
    ) async throws {
        let tables = FilledTables(dialect: database.dialect, environments: environments)
        let (text, series) = (tables.text, tables.series(environments))
        let statements = """
            INSERT INTO tenant (id, name, created_at_ms) SELECT \(text), 'x', 0 FROM \(series);
            INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                SELECT n + 1, \(text), 'sandbox', \(text), 0 FROM \(series);
            \(script(tables))
            ANALYZE;
            """
        try await database.write { try $0.db.script(statements) }
    }
}
