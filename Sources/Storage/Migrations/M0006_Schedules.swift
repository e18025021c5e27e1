extension Migrations {
    /// How each product of a connection was last fetched, what its interval came to, and the calls of its last day.
    static let m0006 = Migration(
        number: 6, name: "schedules",
        shared: """
            ALTER TABLE refresh_schedule ADD COLUMN balance_ok_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN balance_tried_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN balance_outcome TEXT;
            ALTER TABLE refresh_schedule ADD COLUMN transactions_ok_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN transactions_tried_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN transactions_outcome TEXT;
            ALTER TABLE refresh_schedule ADD COLUMN paused_at_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN balance_effective_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN transactions_effective_ms BIGINT;
            ALTER TABLE refresh_schedule ADD COLUMN effective_reason TEXT;
            ALTER TABLE refresh_schedule ADD COLUMN calls TEXT NOT NULL DEFAULT '';
            ALTER TABLE refresh_schedule ADD COLUMN accounts_seen_on TEXT;
            """)
}
