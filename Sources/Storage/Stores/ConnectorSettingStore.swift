import Domain

/// What operators set for connectors, sealed. There are few rows, and they are read whole.
public enum ConnectorSettingStore {
    /// Settings of one database.
    public static let rowsMax = 10_000

    /// Where a setting holds. An empty institution stands for all that the connector serves.
    public struct Key: Hashable, Sendable {
        public let kind: EnvironmentKind
        public let connector: String
        public let institution: String
        public let name: String

        public init(_ kind: EnvironmentKind, _ connector: String, institution: String = "", _ name: String) {
            self.kind = kind
            self.connector = connector
            self.institution = institution
            self.name = name
        }
    }

    /// A setting with its sealed value.
    public struct Setting: Hashable, Sendable {
        public let key: Key
        public let sealed: [UInt8]
        public let updatedAt: Instant

        public init(key: Key, sealed: [UInt8], updatedAt: Instant) {
            self.key = key
            self.sealed = sealed
            self.updatedAt = updatedAt
        }
    }

    /// All of them, in the order of their keys.
    public static func all(_ db: any SQLConnection) throws -> [Setting] {
        try db.query(
            """
            SELECT kind, connector, institution, key, sealed, updated_at_ms FROM connector_setting
            ORDER BY kind, connector, institution, key LIMIT $1
            """, [.int(rowsMax)]
        ) { row in
            Setting(
                key: Key(
                    EnvironmentKind(rawValue: row.text(0)) ?? .sandbox, row.text(1), institution: row.text(2),
                    row.text(3)), sealed: row.blob(4), updatedAt: row.instant(5))
        }
    }

    /// Keeps a value in place of the earlier one.
    public static func set(_ setting: Setting, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO connector_setting (kind, connector, institution, key, sealed, updated_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (kind, connector, institution, key) DO UPDATE SET sealed = $5, updated_at_ms = $6
            """, values(setting.key) + [.blob(setting.sealed), .at(setting.updatedAt)])
    }

    /// - Returns: whether there was one.
    public static func remove(_ key: Key, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            """
            DELETE FROM connector_setting WHERE kind = $1 AND connector = $2 AND institution = $3 AND key = $4
            """, values(key)) > 0
    }

    private static func values(_ key: Key) -> [SQLValue] {
        [.text(key.kind.rawValue), .text(key.connector), .text(key.institution), .text(key.name)]
    }
}
