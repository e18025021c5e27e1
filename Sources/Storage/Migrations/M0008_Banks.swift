extension Migrations {
    /// What operators set of banks, what banks said and were found to be, and the caps that nodes share.
    /// In `bank` and `bank_share` the environment is 0 for production, whose environments share their banks.
    static let m0008 = Migration(
        number: 8, name: "banks",
        shared: """
            CREATE TABLE bank_setting (
                kind TEXT NOT NULL CHECK (kind IN ('sandbox', 'production')), institution TEXT NOT NULL,
                rate_calls BIGINT, rate_window_ms BIGINT, concurrency BIGINT, budget TEXT,
                PRIMARY KEY (kind, institution));

            CREATE TABLE bank_maintenance (
                id BIGINT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('sandbox', 'production')),
                institution TEXT NOT NULL, starts_ms BIGINT NOT NULL, ends_ms BIGINT NOT NULL, every_days BIGINT,
                note TEXT);
            CREATE INDEX bank_maintenance_by_bank ON bank_maintenance (kind, institution);

            CREATE TABLE bank (
                environment_id BIGINT NOT NULL, institution TEXT NOT NULL, leased TEXT NOT NULL DEFAULT '',
                blocked_until_ms BIGINT NOT NULL DEFAULT 0,
                health TEXT NOT NULL DEFAULT 'healthy' CHECK (health IN ('healthy', 'degraded', 'down')),
                health_since_ms BIGINT NOT NULL DEFAULT 0, revision BIGINT NOT NULL DEFAULT 0,
                PRIMARY KEY (environment_id, institution));

            CREATE TABLE bank_share (
                environment_id BIGINT NOT NULL, institution TEXT NOT NULL, node_id TEXT NOT NULL,
                share BIGINT NOT NULL, since_ms BIGINT NOT NULL, until_ms BIGINT NOT NULL,
                PRIMARY KEY (environment_id, institution, node_id));

            ALTER TABLE environment ADD COLUMN event_seq BIGINT NOT NULL DEFAULT 0;
            CREATE INDEX lane_by_subject ON lane (kind, subject);
            """)
}
