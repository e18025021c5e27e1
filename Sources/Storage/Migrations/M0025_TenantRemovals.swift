extension Migrations {
    /// Environments of businesses that were removed: since when nothing is answered, sent or fetched for them, when
    /// the last of their rows was gone, and until when a node is at that.
    static let m0025 = Migration(
        number: 25, name: "tenant removals",
        shared: """
            ALTER TABLE environment ADD COLUMN removed_at_ms BIGINT;
            ALTER TABLE environment ADD COLUMN erased_at_ms BIGINT;
            ALTER TABLE environment ADD COLUMN erasing_until_ms BIGINT NOT NULL DEFAULT 0;
            CREATE INDEX environment_erasing ON environment (id)
                WHERE removed_at_ms IS NOT NULL AND erased_at_ms IS NULL;
            CREATE INDEX environment_erased ON environment (erased_at_ms) WHERE erased_at_ms IS NOT NULL;
            """)
}
