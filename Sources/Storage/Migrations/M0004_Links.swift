extension Migrations {
    /// Short links and re-authentication links. Their times are machine time.
    static let m0004 = Migration(
        number: 4, name: "links",
        shared: """
            CREATE TABLE widget_link (
                environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, slug TEXT NOT NULL,
                kind TEXT NOT NULL CHECK (kind IN ('app', 'reauth')), app_id TEXT NOT NULL, connection_id TEXT,
                name TEXT NOT NULL, options TEXT NOT NULL, is_single_use BIGINT NOT NULL,
                sessions BIGINT NOT NULL DEFAULT 0, expires_at_ms BIGINT, used_at_ms BIGINT,
                created_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, id));
            CREATE UNIQUE INDEX widget_link_slug ON widget_link (slug);
            CREATE INDEX widget_link_list ON widget_link (environment_id, kind, id);
            CREATE INDEX widget_link_connection ON widget_link (environment_id, connection_id)
                WHERE connection_id IS NOT NULL;
            CREATE INDEX widget_link_expiry ON widget_link (expires_at_ms) WHERE kind = 'reauth';
            """)
}
