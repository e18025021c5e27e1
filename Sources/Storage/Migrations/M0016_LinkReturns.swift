extension Migrations {
    /// Where people who were sent to a bank's own page come back to, one row for each attempt; and logins by the
    /// bank's own name for them, for pushes that do not say whose they are.
    static let m0016 = Migration(
        number: 16, name: "link returns",
        shared: """
            CREATE TABLE link_return (
                environment_id BIGINT NOT NULL, session_id TEXT NOT NULL, revision BIGINT NOT NULL,
                reference_index TEXT NOT NULL, PRIMARY KEY (environment_id, session_id, revision),
                FOREIGN KEY (environment_id, session_id) REFERENCES link_session (environment_id, id)
                    ON DELETE CASCADE);
            CREATE UNIQUE INDEX link_return_by_reference ON link_return (reference_index);
            CREATE INDEX connection_by_login ON connection (connector, upstream_user)
                WHERE upstream_user IS NOT NULL;
            """)
}
