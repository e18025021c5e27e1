extension Migrations {
    /// How far the transactions of an account are all that its balances speak of, and where they are not.
    static let m0012 = Migration(
        number: 12, name: "completeness",
        shared: """
            CREATE TABLE account_check (
                environment_id BIGINT NOT NULL, account_id TEXT NOT NULL, basis TEXT NOT NULL, base_on TEXT,
                base_minor BIGINT, checked_at_ms BIGINT NOT NULL, checked_to_on TEXT NOT NULL,
                PRIMARY KEY (environment_id, account_id));

            CREATE TABLE account_gap (
                environment_id BIGINT NOT NULL, account_id TEXT NOT NULL, id BIGINT NOT NULL, from_on TEXT NOT NULL,
                to_on TEXT NOT NULL, amount_minor BIGINT NOT NULL, basis TEXT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('suspected', 'open', 'closed')), found_at_ms BIGINT NOT NULL,
                reported_at_ms BIGINT, closed_at_ms BIGINT, PRIMARY KEY (environment_id, account_id, id));

            ALTER TABLE refresh_schedule ADD COLUMN gap_from_on TEXT;
            """)
}
