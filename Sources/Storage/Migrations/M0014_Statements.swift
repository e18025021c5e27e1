extension Migrations {
    /// Statement files that people upload: what is known of each, its accounts, and its rows until they are taken over.
    static let m0014 = Migration(
        number: 14, name: "statements",
        shared: """
            CREATE TABLE statement_upload (
                environment_id BIGINT NOT NULL REFERENCES environment (id), id TEXT NOT NULL, book_id TEXT NOT NULL,
                session_id TEXT, connection_id TEXT, institution TEXT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('reading', 'ready', 'confirmed', 'imported')),
                digest TEXT, format TEXT, profile TEXT, row_count BIGINT NOT NULL, preview BYTEA,
                created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT, attached_at_ms BIGINT, imported_at_ms BIGINT,
                PRIMARY KEY (environment_id, id));
            CREATE INDEX statement_upload_by_connection
                ON statement_upload (environment_id, connection_id, created_at_ms);
            CREATE INDEX statement_upload_by_book ON statement_upload (environment_id, book_id);
            CREATE INDEX statement_upload_by_digest ON statement_upload (environment_id, digest);
            CREATE INDEX statement_upload_by_expiry ON statement_upload (expires_at_ms);

            CREATE TABLE statement_part (
                environment_id BIGINT NOT NULL, upload_id TEXT NOT NULL, part BIGINT NOT NULL, account_key TEXT,
                account_id TEXT, currency TEXT NOT NULL, from_on TEXT NOT NULL, to_on TEXT NOT NULL,
                closing_minor BIGINT, available_minor BIGINT, closing_on TEXT NOT NULL, row_count BIGINT NOT NULL,
                is_newest_first BIGINT NOT NULL, is_chosen BIGINT NOT NULL, replaced_days TEXT NOT NULL,
                PRIMARY KEY (environment_id, upload_id, part));

            CREATE TABLE statement_row (
                environment_id BIGINT NOT NULL, upload_id TEXT NOT NULL, part BIGINT NOT NULL, booked_on TEXT NOT NULL,
                seq BIGINT NOT NULL, status TEXT NOT NULL, amount_minor BIGINT NOT NULL, occurred_at_ms BIGINT,
                description TEXT NOT NULL, counterparty TEXT, reference TEXT, channel TEXT, branch TEXT, code TEXT,
                running_minor BIGINT, PRIMARY KEY (environment_id, upload_id, part, booked_on, seq));

            CREATE TABLE statement_claim (
                environment_id BIGINT NOT NULL, digest TEXT NOT NULL, place TEXT NOT NULL, upload_id TEXT NOT NULL,
                PRIMARY KEY (environment_id, digest, place));
            CREATE INDEX statement_claim_by_upload ON statement_claim (environment_id, upload_id);
            """)
}
