extension Migrations {
    /// What is kept for a while and then forgotten: raw payloads, removals under way, keys of repeated requests. The
    /// open-ended last year of transactions gets the name of what it is; `Partitions` cuts years off it.
    static let m0003 = Migration(
        number: 3, name: "retention",
        shared: """
            CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);
            CREATE INDEX delivery_by_event ON delivery (environment_id, event_id);
            CREATE INDEX link_session_by_connection ON link_session (environment_id, connection_id)
                WHERE connection_id IS NOT NULL;

            CREATE TABLE raw_payload (
                environment_id BIGINT NOT NULL, id BIGINT NOT NULL, connection_id TEXT NOT NULL,
                operation TEXT NOT NULL, byte_count BIGINT NOT NULL, is_truncated BIGINT NOT NULL,
                fetched_at_ms BIGINT NOT NULL, sealed BYTEA NOT NULL, PRIMARY KEY (environment_id, id));
            CREATE INDEX raw_payload_by_connection ON raw_payload (environment_id, connection_id, id);
            CREATE INDEX raw_payload_by_age ON raw_payload (fetched_at_ms);

            CREATE TABLE removal (
                environment_id BIGINT NOT NULL REFERENCES environment (id),
                kind TEXT NOT NULL CHECK (kind IN ('connection', 'customer')), subject TEXT NOT NULL,
                asked_at_ms BIGINT NOT NULL, done_at_ms BIGINT, PRIMARY KEY (environment_id, kind, subject));
            CREATE INDEX removal_open ON removal (asked_at_ms) WHERE done_at_ms IS NULL;

            """,
        sqliteOnly: consentWithoutConnection,
        postgresOnly: """
            ALTER TABLE consent DROP CONSTRAINT consent_environment_id_connection_id_fkey;
            ALTER TABLE account_transaction_2032 RENAME TO account_transaction_after;
            """)

    /// The ledger of consents outlives the connections; SQLite drops a constraint only with its table.
    private static let consentWithoutConnection = """
        CREATE TABLE consent_ledger (
            environment_id BIGINT NOT NULL, id TEXT NOT NULL, connection_id TEXT NOT NULL,
            action TEXT NOT NULL CHECK (action IN ('granted', 'renewed', 'revoked', 'expired')), text TEXT NOT NULL,
            text_hash TEXT NOT NULL, products TEXT NOT NULL, accounts TEXT NOT NULL, at_ms BIGINT NOT NULL,
            expires_at_ms BIGINT, PRIMARY KEY (environment_id, id));
        INSERT INTO consent_ledger (environment_id, id, connection_id, action, text, text_hash, products, accounts,
            at_ms, expires_at_ms)
        SELECT environment_id, id, connection_id, action, text, text_hash, products, accounts, at_ms, expires_at_ms
        FROM consent;
        DROP TABLE consent;
        ALTER TABLE consent_ledger RENAME TO consent;
        CREATE INDEX consent_by_connection ON consent (environment_id, connection_id, at_ms);
        CREATE TRIGGER consent_is_append_only_u BEFORE UPDATE ON consent
        BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END;
        CREATE TRIGGER consent_is_append_only_d BEFORE DELETE ON consent
        BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END;
        """
}
