extension Migrations {
    /// Why transactions are what they are, what was ruled of them by the API, and how banks' ids behave.
    static let m0010 = Migration(
        number: 10, name: "lineage",
        shared: """
            CREATE TABLE transaction_lineage (
                environment_id BIGINT NOT NULL, transaction_id TEXT NOT NULL, id TEXT NOT NULL,
                account_id TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN (
                    'matched', 'kept_apart', 'merged', 'absorbed', 'split', 'separated')),
                rule TEXT NOT NULL, confidence BIGINT NOT NULL, other_id TEXT, upstream_before TEXT,
                upstream_after TEXT, facts_before TEXT, facts_other TEXT, at_ms BIGINT NOT NULL, undone_at_ms BIGINT,
                PRIMARY KEY (environment_id, transaction_id, id));
            CREATE INDEX transaction_lineage_by_account ON transaction_lineage (environment_id, account_id);

            CREATE TABLE transaction_ruling (
                environment_id BIGINT NOT NULL, account_id TEXT NOT NULL, id TEXT NOT NULL,
                kind TEXT NOT NULL CHECK (kind IN ('same', 'apart')), transaction_id TEXT NOT NULL,
                other_id TEXT NOT NULL, upstream_id TEXT, content TEXT NOT NULL, at_ms BIGINT NOT NULL,
                PRIMARY KEY (environment_id, account_id, id));

            CREATE TABLE id_trust (
                environment_id BIGINT NOT NULL, connector TEXT NOT NULL, institution TEXT NOT NULL,
                kept BIGINT NOT NULL, changed BIGINT NOT NULL, reused BIGINT NOT NULL, missing BIGINT NOT NULL,
                updated_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, connector, institution));
            """)
}
