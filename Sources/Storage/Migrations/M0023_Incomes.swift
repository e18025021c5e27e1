extension Migrations {
    /// What banks make of the money that comes into an account: the last profile of each account, and how far the one
    /// that was asked for last has got. It is sealed under the key of the connection that it came by.
    static let m0023 = Migration(
        number: 23, name: "incomes",
        shared: """
            CREATE TABLE income (
                environment_id BIGINT NOT NULL REFERENCES environment (id), account_id TEXT NOT NULL, id TEXT NOT NULL,
                connection_id TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('processing', 'ready', 'failed')),
                months BIGINT, error TEXT, asked_at_ms BIGINT, made_at_ms BIGINT, digest TEXT, sealed BYTEA,
                PRIMARY KEY (environment_id, account_id));
            CREATE INDEX income_by_connection ON income (environment_id, connection_id);
            """)
}
