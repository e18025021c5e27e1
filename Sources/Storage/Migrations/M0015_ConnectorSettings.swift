extension Migrations {
    /// What operators set for connectors: keys, client ids, addresses. The values are sealed; an empty institution
    /// stands for all that the connector serves.
    static let m0015 = Migration(
        number: 15, name: "connector settings",
        shared: """
            CREATE TABLE connector_setting (
                kind TEXT NOT NULL CHECK (kind IN ('sandbox', 'production')), connector TEXT NOT NULL,
                institution TEXT NOT NULL DEFAULT '', key TEXT NOT NULL, sealed BYTEA NOT NULL,
                updated_at_ms BIGINT NOT NULL, PRIMARY KEY (kind, connector, institution, key));
            """)
}
