extension Migrations {
    /// The index of what is due holds all that a claim reads: its rows lie anywhere in a table of millions.
    ///
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
            ALTER TABLE refresh_schedule ADD COLUMN balance_reason TEXT;
            ALTER TABLE refresh_schedule ADD COLUMN transactions_reason TEXT;
            ALTER TABLE refresh_schedule ADD COLUMN scan_phase TEXT NOT NULL DEFAULT 'initial';
            ALTER TABLE refresh_schedule ADD COLUMN setting_revision BIGINT NOT NULL DEFAULT 0;
            UPDATE refresh_schedule SET scan_phase = 'periodic' WHERE synced_to_on IS NOT NULL;
            ALTER TABLE refresh_schedule ADD COLUMN calls TEXT NOT NULL DEFAULT '';
            ALTER TABLE refresh_schedule ADD COLUMN accounts_seen_on TEXT;
            ALTER TABLE refresh_schedule ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
            DROP INDEX refresh_schedule_due;
            CREATE INDEX refresh_schedule_due ON refresh_schedule (lane_id, due_ms, connection_id);
            """)
}
