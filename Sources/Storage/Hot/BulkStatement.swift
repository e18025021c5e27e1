import Domain

/// One effect over many rows, as a pair of texts with one Swift signature: PostgreSQL takes the rows as arrays in
/// one statement, SQLite runs its prepared text once per row (in-process, so a row costs microseconds).
public struct BulkStatement: Sendable {
    /// The types that columns of bulk statements have; the raw value is PostgreSQL's name.
    public enum ColumnType: String, Sendable { case bigint, text, bytea }

    /// Deferred statements of one transaction run in this order, so that rows come after those they refer to.
    public let order: Int
    public let name: String
    let types: [ColumnType]
    let postgres: String
    let sqlite: String

    /// - Parameters:
    ///   - postgres: takes `$1…$n` as arrays, one per column.
    ///   - sqlite: takes `$1…$n` as the values of one row.
    public init(order: Int, name: String, types: [ColumnType], postgres: String, sqlite: String) {
        self.order = order
        self.name = name
        self.types = types
        self.postgres = postgres
        self.sqlite = sqlite
    }

    /// An insert of `columns`, with an `ON CONFLICT …` tail or none.
    public static func insert(
        order: Int, into table: String, _ columns: [(String, ColumnType)], conflict: String = ""
    ) -> BulkStatement {
        let names = columns.map(\.0).joined(separator: ", ")
        let arrays = columns.enumerated().map { "$\($0.offset + 1)::\($0.element.1.rawValue)[]" }
        let places = columns.indices.map { "$\($0 + 1)" }
        return BulkStatement(
            order: order, name: table, types: columns.map(\.1),
            postgres:
                "INSERT INTO \(table) (\(names)) SELECT * FROM unnest(\(arrays.joined(separator: ", "))) \(conflict)",
            sqlite: "INSERT INTO \(table) (\(names)) VALUES (\(places.joined(separator: ", "))) \(conflict)")
    }

    /// A delete of the rows of an environment that have the number in `column`: both are the values of a row.
    public static func delete(
        order: Int, _ name: String, from table: String, by column: String = "id"
    ) -> BulkStatement {
        BulkStatement(
            order: order, name: name, types: [.bigint, .bigint],
            // Two lists would be taken for each with each, which seems dear enough to read the environment whole.
            postgres: """
                DELETE FROM \(table) AS d USING unnest($1::bigint[], $2::bigint[]) AS t (environment_id, id)
                WHERE d.environment_id = t.environment_id AND d.\(column) = t.id
                """,
            sqlite: "DELETE FROM \(table) WHERE environment_id = $1 AND \(column) = $2")
    }

    /// - Returns: rows changed.
    @discardableResult
    public func run(_ rows: [[SQLValue]], on connection: any SQLConnection) throws -> Int {
        guard !rows.isEmpty else { return 0 }
        switch connection.dialect {
        case .sqlite:
            var changed = 0
            for row in rows { changed += try connection.run(sqlite, row) }
            return changed
        case .postgres:
            return try connection.run(postgres, types.indices.map { column in array(rows, column) })
        }
    }

    private func array(_ rows: [[SQLValue]], _ column: Int) -> SQLValue {
        switch types[column] {
        case .bigint: .integers(rows.map { if case .integer(let value) = $0[column] { value } else { nil } })
        case .text: .strings(rows.map { if case .string(let value) = $0[column] { value } else { nil } })
        case .bytea: .byteArrays(rows.map { if case .bytes(let value) = $0[column] { value } else { nil } })
        }
    }
}
