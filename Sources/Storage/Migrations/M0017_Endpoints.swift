extension Migrations {
    /// What an endpoint can be asked for, and signing keys that overlap. Secrets that were one column each become the
    /// first key of the environment (owner '') and of the endpoint.
    static let m0017 = Migration(
        number: 17, name: "endpoints",
        shared: """
            ALTER TABLE webhook_endpoint ADD COLUMN description TEXT NOT NULL DEFAULT '';
            ALTER TABLE webhook_endpoint ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'paused', 'disabled'));
            ALTER TABLE webhook_endpoint ADD COLUMN status_reason TEXT NOT NULL DEFAULT '';
            ALTER TABLE webhook_endpoint ADD COLUMN status_since_ms BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE webhook_endpoint ADD COLUMN connection_id TEXT NOT NULL DEFAULT '';
            ALTER TABLE webhook_endpoint ADD COLUMN payloads TEXT NOT NULL DEFAULT '';
            ALTER TABLE webhook_endpoint ADD COLUMN rate_per_second BIGINT;
            ALTER TABLE webhook_endpoint ADD COLUMN in_flight_max BIGINT;
            ALTER TABLE webhook_endpoint ADD COLUMN ordering TEXT NOT NULL DEFAULT 'none'
                CHECK (ordering IN ('none', 'endpoint', 'connection'));
            ALTER TABLE webhook_endpoint ADD COLUMN retry_seconds TEXT NOT NULL DEFAULT '';
            ALTER TABLE webhook_endpoint ADD COLUMN signatures TEXT NOT NULL DEFAULT 'v1';
            ALTER TABLE webhook_endpoint ADD COLUMN splits_transactions BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE webhook_endpoint ADD COLUMN authorities TEXT;
            ALTER TABLE webhook_endpoint ADD COLUMN header_names TEXT NOT NULL DEFAULT '';
            ALTER TABLE webhook_endpoint ADD COLUMN headers BYTEA;
            ALTER TABLE webhook_endpoint ADD COLUMN is_ending BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE webhook_endpoint ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
            UPDATE webhook_endpoint SET status_since_ms = created_at_ms;
            UPDATE webhook_endpoint SET status = 'disabled', status_reason = 'manual' WHERE is_enabled = 0;
            ALTER TABLE webhook_endpoint DROP COLUMN is_enabled;
            DROP INDEX webhook_endpoint_url;
            CREATE INDEX webhook_endpoint_route ON webhook_endpoint (environment_id, connection_id, source, url);
            CREATE INDEX webhook_endpoint_shared ON webhook_endpoint (environment_id, id)
                WHERE connection_id = '' AND source <> 'connection';
            CREATE INDEX webhook_endpoint_api ON webhook_endpoint (environment_id, id) WHERE source = 'api';
            CREATE INDEX webhook_endpoint_ending ON webhook_endpoint (environment_id, id) WHERE is_ending = 1;

            CREATE TABLE webhook_key (
                environment_id BIGINT NOT NULL REFERENCES environment (id), owner TEXT NOT NULL, id TEXT NOT NULL,
                kind TEXT NOT NULL CHECK (kind IN ('v1', 'v1a')), secret BYTEA NOT NULL, public_key BYTEA,
                created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT, PRIMARY KEY (environment_id, owner, id));
            INSERT INTO webhook_key (environment_id, owner, id, kind, secret, created_at_ms)
                SELECT id, '', project_id, 'v1', webhook_secret, created_at_ms FROM environment
                WHERE webhook_secret IS NOT NULL;
            INSERT INTO webhook_key (environment_id, owner, id, kind, secret, created_at_ms)
                SELECT environment_id, id, id, 'v1', secret, created_at_ms FROM webhook_endpoint
                WHERE secret IS NOT NULL;
            ALTER TABLE environment DROP COLUMN webhook_secret;
            ALTER TABLE webhook_endpoint DROP COLUMN secret;
            """,
        sqliteOnly: "CREATE INDEX webhook_endpoint_by_id ON webhook_endpoint (id)",
        // By id alone it answers who asks for public keys; a tree would be taken for lists of one environment too.
        postgresOnly: "CREATE INDEX webhook_endpoint_by_id ON webhook_endpoint USING hash (id)")
}
