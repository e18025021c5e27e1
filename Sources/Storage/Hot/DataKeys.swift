import Domain

/// Wrapped data keys of many connections at once: PostgreSQL takes them as arrays, SQLite runs its prepared text once
/// a key.
enum DataKeys {
    private static let postgresSQL = """
        SELECT k.connection_id, k.key_id, k.wrapped
        FROM unnest($2::text[], $3::bigint[]) AS t (connection_id, key_id)
        JOIN data_key k ON k.environment_id = $1 AND k.connection_id = t.connection_id AND k.key_id = t.key_id
        """
    private static let sqliteSQL = """
        SELECT connection_id, key_id, wrapped FROM data_key
        WHERE environment_id = $1 AND connection_id = $2 AND key_id = $3
        """

    static func each(
        _ keys: [(connection: String, id: Int64)], _ environmentID: Int64, _ db: any SQLConnection,
        _ body: (_ connection: String, _ id: Int64, _ wrapped: [UInt8]) throws -> Void
    ) throws {
        guard !keys.isEmpty else { return }
        switch db.dialect {
        case .postgres:
            let values: [SQLValue] = [
                .integer(environmentID), .strings(keys.map(\.connection)), .integers(keys.map(\.id)),
            ]
            try db.forEach(postgresSQL, values) { try body($0.text(0), $0.int(1), $0.blob(2)) }
        case .sqlite:
            for key in keys {
                let values: [SQLValue] = [.integer(environmentID), .string(key.connection), .integer(key.id)]
                try db.forEach(sqliteSQL, values) { try body($0.text(0), $0.int(1), $0.blob(2)) }
            }
        }
    }
}
