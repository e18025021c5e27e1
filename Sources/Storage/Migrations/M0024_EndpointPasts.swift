extension Migrations {
    /// How endpoints were sent to before they were changed, for the log of what was sent then.
    static let m0024 = Migration(
        number: 24, name: "endpoint pasts",
        shared: """
            CREATE TABLE webhook_endpoint_past (
                environment_id BIGINT NOT NULL, endpoint_id TEXT NOT NULL, until_ms BIGINT NOT NULL, url TEXT NOT NULL,
                has_token BIGINT NOT NULL, header_names TEXT NOT NULL, signatures TEXT NOT NULL,
                PRIMARY KEY (environment_id, endpoint_id, until_ms));
            """)
}
