extension Migrations {
    /// What the sandbox bank keeps (`SandboxBook`).
    static let m0002 = Migration(
        number: 2, name: "sandbox",
        shared: """
            CREATE TABLE sandbox_counter (
                environment_id BIGINT PRIMARY KEY REFERENCES environment (id), customers BIGINT NOT NULL);

            CREATE TABLE sandbox_customer (
                environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, position BIGINT NOT NULL,
                institution TEXT NOT NULL, bank TEXT NOT NULL, name TEXT NOT NULL, username TEXT NOT NULL,
                password TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('ind', 'corp')),
                volume TEXT NOT NULL CHECK (volume IN ('low', 'medium', 'high')), account_count BIGINT NOT NULL,
                identity_percent BIGINT NOT NULL, internet_speed BIGINT NOT NULL, created_at_ms BIGINT NOT NULL,
                PRIMARY KEY (environment_id, id));
            CREATE UNIQUE INDEX sandbox_customer_username ON sandbox_customer (environment_id, username);
            CREATE UNIQUE INDEX sandbox_customer_position ON sandbox_customer (environment_id, position);

            CREATE TABLE sandbox_login (
                environment_id BIGINT NOT NULL REFERENCES environment (id), username TEXT NOT NULL,
                institution TEXT NOT NULL, opened_at_ms BIGINT NOT NULL, refused_passwords BIGINT NOT NULL DEFAULT 0,
                refused_answers BIGINT NOT NULL DEFAULT 0, locked_until_ms BIGINT,
                PRIMARY KEY (environment_id, username, institution));

            CREATE TABLE sandbox_account (
                environment_id BIGINT NOT NULL, number TEXT NOT NULL, institution TEXT NOT NULL,
                username TEXT NOT NULL, PRIMARY KEY (environment_id, number, institution, username),
                FOREIGN KEY (environment_id, username, institution)
                REFERENCES sandbox_login (environment_id, username, institution));
            CREATE INDEX sandbox_account_login ON sandbox_account (environment_id, username, institution);

            CREATE TABLE sandbox_grant (
                environment_id BIGINT NOT NULL, id TEXT NOT NULL, username TEXT NOT NULL, institution TEXT NOT NULL,
                accounts TEXT NOT NULL, access_hash TEXT NOT NULL, access_expires_at_ms BIGINT NOT NULL,
                refresh_hash TEXT NOT NULL, previous_hash TEXT, generation BIGINT NOT NULL,
                linked_at_ms BIGINT NOT NULL, consent_expires_at_ms BIGINT,
                ended TEXT CHECK (ended IN ('revoked', 'reused', 'died')), push_url TEXT, push_secret TEXT,
                PRIMARY KEY (environment_id, id),
                FOREIGN KEY (environment_id, username, institution)
                REFERENCES sandbox_login (environment_id, username, institution));
            CREATE INDEX sandbox_grant_login ON sandbox_grant (environment_id, username, institution, linked_at_ms);

            CREATE TABLE sandbox_posting (
                environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, number TEXT NOT NULL,
                institution TEXT NOT NULL, amount_minor BIGINT NOT NULL, narration TEXT NOT NULL,
                channel TEXT NOT NULL, posted_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, id));
            CREATE INDEX sandbox_posting_account
                ON sandbox_posting (environment_id, number, institution, posted_at_ms, id);
            """,
        sqliteOnly: "", postgresOnly: "")
}
