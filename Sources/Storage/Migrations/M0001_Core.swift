extension Migrations {
    /// Tenants, keys, links, data, refreshes, events and deliveries.
    ///
    /// Every tenant table leads its keys with `environment_id`. Times are milliseconds (`…_ms`), days ISO text
    /// (`…_on`), money minor units (`…_minor`), flags 0 or 1.
    static let m0001 = Migration(
        number: 1, name: "core", shared: tenants + links + data + work,
        sqliteOnly: transactionIndexes + """
            CREATE TRIGGER consent_is_append_only_u BEFORE UPDATE ON consent
            BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END;
            CREATE TRIGGER consent_is_append_only_d BEFORE DELETE ON consent
            BEGIN SELECT RAISE(ABORT, 'consent is append-only'); END;
            """,
        postgresOnly: partitionedTransactions + transactionIndexes + """
            CREATE FUNCTION consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'consent is append-only' USING ERRCODE = '23514'; END $$;
            CREATE TRIGGER consent_is_append_only BEFORE UPDATE OR DELETE ON consent
            FOR EACH ROW EXECUTE FUNCTION consent_is_append_only();
            """)

    private static let tenants = """
        CREATE TABLE id_block (name TEXT PRIMARY KEY, next BIGINT NOT NULL);

        CREATE TABLE vault_meta (name TEXT PRIMARY KEY, value BYTEA NOT NULL);

        CREATE TABLE data_key (
            environment_id BIGINT NOT NULL, connection_id TEXT NOT NULL, key_id BIGINT NOT NULL,
            wrapped BYTEA NOT NULL, created_at_ms BIGINT NOT NULL,
            PRIMARY KEY (environment_id, connection_id, key_id));

        CREATE TABLE tenant (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at_ms BIGINT NOT NULL);

        CREATE TABLE environment (
            id BIGINT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenant (id),
            kind TEXT NOT NULL CHECK (kind IN ('sandbox', 'production')), project_id TEXT NOT NULL,
            offset_ms BIGINT NOT NULL DEFAULT 0 CHECK (offset_ms >= 0), webhook_secret BYTEA,
            created_at_ms BIGINT NOT NULL, UNIQUE (tenant_id, kind));

        CREATE TABLE api_key (
            id TEXT PRIMARY KEY, environment_id BIGINT NOT NULL REFERENCES environment (id),
            kind TEXT NOT NULL CHECK (kind IN ('public', 'secret')), token_hash TEXT NOT NULL UNIQUE,
            public_value TEXT, created_at_ms BIGINT NOT NULL, revoked_at_ms BIGINT);
        CREATE INDEX api_key_environment ON api_key (environment_id, kind);

        CREATE TABLE widget_app (
            environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, name TEXT NOT NULL,
            products TEXT NOT NULL, callback_url TEXT, redirect_url TEXT, allowed_hosts TEXT NOT NULL DEFAULT '',
            refresh TEXT NOT NULL DEFAULT 'true', is_default BIGINT NOT NULL, created_at_ms BIGINT NOT NULL,
            PRIMARY KEY (environment_id, id));

        CREATE TABLE webhook_endpoint (
            environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, url TEXT NOT NULL,
            source TEXT NOT NULL CHECK (source IN ('environment', 'api', 'connection')),
            payload TEXT NOT NULL CHECK (payload IN ('thin', 'complete')), event_types TEXT NOT NULL DEFAULT '',
            secret BYTEA, token BYTEA, lane_id BIGINT NOT NULL, is_enabled BIGINT NOT NULL DEFAULT 1,
            created_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, id));
        CREATE INDEX webhook_endpoint_url ON webhook_endpoint (environment_id, source, url);

        CREATE TABLE idempotency (
            environment_id BIGINT NOT NULL REFERENCES environment (id), key TEXT NOT NULL, request_hash TEXT NOT NULL,
            status BIGINT NOT NULL, body TEXT NOT NULL, created_at_ms BIGINT NOT NULL,
            PRIMARY KEY (environment_id, key));

        """

    private static let links = """
        CREATE TABLE customer (
            environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, name TEXT,
            bvn_index TEXT, created_on TEXT NOT NULL, created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL,
            PRIMARY KEY (environment_id, id));
        CREATE INDEX customer_by_day ON customer (environment_id, created_on, id);
        CREATE UNIQUE INDEX customer_by_bvn ON customer (environment_id, bvn_index) WHERE bvn_index IS NOT NULL;

        CREATE TABLE connection (
            environment_id BIGINT NOT NULL, id TEXT NOT NULL, auth_id TEXT NOT NULL, customer_id TEXT NOT NULL,
            app_id TEXT NOT NULL, institution TEXT NOT NULL, connector TEXT NOT NULL, upstream_user TEXT,
            status TEXT NOT NULL CHECK (status IN ('active', 'needs_user', 'expired', 'revoked', 'dead')),
            products TEXT NOT NULL, login_type TEXT NOT NULL, history_months BIGINT NOT NULL,
            callback_url TEXT, refresh_webhook_url TEXT, options TEXT NOT NULL DEFAULT '{}',
            meta TEXT NOT NULL DEFAULT '{}',
            event_seq BIGINT NOT NULL DEFAULT 0, consent_expires_at_ms BIGINT, last_error TEXT,
            last_success_at_ms BIGINT, last_fail_at_ms BIGINT, is_running BIGINT NOT NULL DEFAULT 0,
            created_on TEXT NOT NULL, created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL,
            PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, customer_id) REFERENCES customer (environment_id, id));
        CREATE UNIQUE INDEX connection_by_auth ON connection (environment_id, auth_id);
        CREATE INDEX connection_by_customer ON connection (environment_id, customer_id, id);
        CREATE INDEX connection_by_day ON connection (environment_id, created_on, id);
        CREATE INDEX connection_by_upstream ON connection (environment_id, connector, upstream_user);

        CREATE TABLE connection_grant (
            environment_id BIGINT NOT NULL, connection_id TEXT NOT NULL, sealed BYTEA NOT NULL,
            updated_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, connection_id),
            FOREIGN KEY (environment_id, connection_id) REFERENCES connection (environment_id, id));

        CREATE TABLE consent (
            environment_id BIGINT NOT NULL, id TEXT NOT NULL, connection_id TEXT NOT NULL,
            action TEXT NOT NULL CHECK (action IN ('granted', 'renewed', 'revoked', 'expired')), text TEXT NOT NULL,
            text_hash TEXT NOT NULL, products TEXT NOT NULL, accounts TEXT NOT NULL, at_ms BIGINT NOT NULL,
            expires_at_ms BIGINT, PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, connection_id) REFERENCES connection (environment_id, id));
        CREATE INDEX consent_by_connection ON consent (environment_id, connection_id, at_ms);

        CREATE TABLE link_session (
            environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, app_id TEXT NOT NULL,
            institution TEXT NOT NULL, connector TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('active', 'done', 'failed', 'abandoned', 'expired')),
            step TEXT NOT NULL, state BYTEA, request TEXT NOT NULL, consent_text TEXT NOT NULL, connection_id TEXT,
            revision BIGINT NOT NULL, busy_until_ms BIGINT NOT NULL DEFAULT 0, created_at_ms BIGINT NOT NULL,
            expires_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, id));
        CREATE INDEX link_session_expiry ON link_session (expires_at_ms) WHERE status = 'active';

        """

    private static let data = """
        CREATE TABLE account (
            environment_id BIGINT NOT NULL, id TEXT NOT NULL, balance_id TEXT NOT NULL, connection_id TEXT NOT NULL,
            customer_id TEXT NOT NULL, institution TEXT NOT NULL, upstream_id TEXT NOT NULL, number_index TEXT,
            number_sealed BYTEA, mask TEXT, name TEXT, type TEXT, currency TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('active', 'closed')), ledger_minor BIGINT, available_minor BIGINT,
            balance_as_of_ms BIGINT, balance_updated_at_ms BIGINT, created_on TEXT NOT NULL,
            created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, connection_id) REFERENCES connection (environment_id, id),
            UNIQUE (environment_id, connection_id, upstream_id));
        CREATE UNIQUE INDEX account_by_balance ON account (environment_id, balance_id);
        CREATE INDEX account_by_customer ON account (environment_id, customer_id, id);
        CREATE INDEX account_by_day ON account (environment_id, created_on, id);
        CREATE INDEX account_by_number ON account (environment_id, number_index);

        CREATE TABLE balance_history (
            environment_id BIGINT NOT NULL, account_id TEXT NOT NULL, at_ms BIGINT NOT NULL, id TEXT NOT NULL,
            ledger_minor BIGINT, available_minor BIGINT, PRIMARY KEY (environment_id, account_id, at_ms));

        CREATE TABLE account_transaction (
            environment_id BIGINT NOT NULL, id TEXT NOT NULL, connection_id TEXT NOT NULL, account_id TEXT NOT NULL,
            customer_id TEXT NOT NULL, institution TEXT NOT NULL, upstream_id TEXT,
            status TEXT NOT NULL CHECK (status IN ('pending', 'booked', 'removed')), amount_minor BIGINT NOT NULL,
            currency TEXT NOT NULL, booked_on TEXT NOT NULL, occurred_at_ms BIGINT, description TEXT NOT NULL,
            counterparty TEXT, reference TEXT, channel TEXT, branch TEXT, code TEXT, running_minor BIGINT,
            revision BIGINT NOT NULL, created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL,
            PRIMARY KEY (environment_id, id, booked_on));

        CREATE TABLE identity (
            environment_id BIGINT NOT NULL, id TEXT NOT NULL, connection_id TEXT NOT NULL, customer_id TEXT NOT NULL,
            bvn_index TEXT, sealed BYTEA NOT NULL, digest TEXT NOT NULL, created_on TEXT NOT NULL,
            created_at_ms BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, connection_id) REFERENCES connection (environment_id, id));
        CREATE UNIQUE INDEX identity_by_connection ON identity (environment_id, connection_id);
        CREATE INDEX identity_by_customer ON identity (environment_id, customer_id, id);
        CREATE INDEX identity_by_bvn ON identity (environment_id, bvn_index);
        CREATE INDEX identity_by_day ON identity (environment_id, created_on, id);

        CREATE TABLE day_total (
            environment_id BIGINT NOT NULL, list TEXT NOT NULL, day TEXT NOT NULL, count BIGINT NOT NULL,
            credit_minor BIGINT NOT NULL, debit_minor BIGINT NOT NULL, PRIMARY KEY (environment_id, list, day));

        """

    private static let work = """
        CREATE TABLE lane (
            id BIGINT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('delivery', 'refresh')),
            environment_id BIGINT NOT NULL REFERENCES environment (id), subject TEXT NOT NULL,
            next_due_ms BIGINT NOT NULL, lease_token BIGINT, hold_until_ms BIGINT NOT NULL DEFAULT 0,
            UNIQUE (kind, environment_id, subject));
        CREATE INDEX lane_due ON lane (kind, next_due_ms);

        CREATE TABLE refresh_schedule (
            environment_id BIGINT NOT NULL, connection_id TEXT NOT NULL, lane_id BIGINT NOT NULL REFERENCES lane (id),
            due_ms BIGINT NOT NULL, balance_interval TEXT, balance_due_ms BIGINT, transactions_interval TEXT,
            transactions_due_ms BIGINT, failures BIGINT NOT NULL DEFAULT 0, synced_to_on TEXT,
            PRIMARY KEY (environment_id, connection_id),
            FOREIGN KEY (environment_id, connection_id) REFERENCES connection (environment_id, id));
        CREATE INDEX refresh_schedule_due ON refresh_schedule (lane_id, due_ms);

        CREATE TABLE refresh (
            environment_id BIGINT NOT NULL, id BIGINT NOT NULL, connection_id TEXT NOT NULL, causes TEXT NOT NULL,
            products TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
            steps TEXT NOT NULL DEFAULT '', steps_done BIGINT NOT NULL DEFAULT 0, added BIGINT NOT NULL DEFAULT 0,
            modified BIGINT NOT NULL DEFAULT 0, removed BIGINT NOT NULL DEFAULT 0, error TEXT,
            rerun TEXT NOT NULL DEFAULT '', requested_at_ms BIGINT NOT NULL, started_at_ms BIGINT, ended_at_ms BIGINT,
            PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, connection_id) REFERENCES connection (environment_id, id));
        CREATE UNIQUE INDEX refresh_in_flight ON refresh (environment_id, connection_id)
            WHERE state IN ('queued', 'running');
        CREATE INDEX refresh_by_connection ON refresh (environment_id, connection_id, id);

        CREATE TABLE event (
            environment_id BIGINT NOT NULL, id BIGINT NOT NULL, connection_id TEXT NOT NULL, seq BIGINT NOT NULL,
            type TEXT NOT NULL, account_id TEXT, occurred_at_ms BIGINT NOT NULL, thin TEXT NOT NULL, complete BYTEA,
            PRIMARY KEY (environment_id, id));
        CREATE UNIQUE INDEX event_by_sequence ON event (environment_id, connection_id, seq);

        CREATE TABLE delivery (
            environment_id BIGINT NOT NULL, id BIGINT NOT NULL, event_id BIGINT NOT NULL, endpoint_id TEXT NOT NULL,
            lane_id BIGINT NOT NULL REFERENCES lane (id), due_ms BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0,
            PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, event_id) REFERENCES event (environment_id, id));
        CREATE INDEX delivery_due ON delivery (lane_id, due_ms, id);

        CREATE TABLE attempt (
            environment_id BIGINT NOT NULL, delivery_id BIGINT NOT NULL, number BIGINT NOT NULL,
            event_id BIGINT NOT NULL, endpoint_id TEXT NOT NULL, at_ms BIGINT NOT NULL, duration_ms BIGINT NOT NULL,
            status BIGINT, error TEXT, response BYTEA,
            outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'retry', 'dead')),
            PRIMARY KEY (environment_id, delivery_id, number));
        CREATE INDEX attempt_by_event ON attempt (environment_id, event_id);

        CREATE TABLE clock_job (
            environment_id BIGINT PRIMARY KEY REFERENCES environment (id), target_ms BIGINT NOT NULL,
            runs BIGINT NOT NULL DEFAULT 0);

        """

    private static let transactionIndexes = """
        CREATE INDEX transaction_by_account ON account_transaction (environment_id, account_id, booked_on, id);
        CREATE INDEX transaction_by_customer ON account_transaction (environment_id, customer_id, booked_on, id);
        CREATE INDEX transaction_by_institution ON account_transaction (environment_id, institution, booked_on, id);
        CREATE INDEX transaction_by_day ON account_transaction (environment_id, booked_on, id);

        """

    /// A year a partition, without a default one, so that a newest-first page walks them in order and stops
    /// early; retention drops whole years. The first and last are open-ended.
    private static let partitionedTransactions: String = {
        var text = """
            ALTER TABLE account_transaction RENAME TO account_transaction_columns;
            CREATE TABLE account_transaction (LIKE account_transaction_columns INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
                PARTITION BY RANGE (booked_on);
            DROP TABLE account_transaction_columns;
            ALTER TABLE account_transaction ADD PRIMARY KEY (environment_id, id, booked_on);

            """
        let starts = (2023...2032).map { (name: "\($0)", day: "\($0)-01-01") }
        var from = (name: "before", day: "MINVALUE")
        for start in starts + [(name: "after", day: "MAXVALUE")] {
            let lower = from.day == "MINVALUE" ? from.day : "'\(from.day)'"
            let upper = start.day == "MAXVALUE" ? start.day : "'\(start.day)'"
            text += "CREATE TABLE account_transaction_\(from.name) PARTITION OF account_transaction "
            text += "FOR VALUES FROM (\(lower)) TO (\(upper));\n"
            from = start
        }
        return text
    }()
}
