extension Migrations {
    /// What goes first within a lane, the order of commits for endpoints that ask for it, what brought its sender
    /// down, and how endpoints are.
    ///
    /// `pass` is 0 for what was never tried, 1 for retries, 2 for what is replayed, 3 where order is kept. `batch` is
    /// the writing transaction on PostgreSQL and 0 on SQLite, as with events: with the id it is the order of commits.
    static let m0018 = Migration(
        number: 18, name: "deliveries",
        shared: """
            ALTER TABLE delivery ADD COLUMN pass BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE delivery ADD COLUMN crashes BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE delivery ADD COLUMN replay_id BIGINT;
            ALTER TABLE delivery ADD COLUMN batch BIGINT NOT NULL DEFAULT 0;
            UPDATE delivery SET pass = 1 WHERE attempts > 0;
            DROP INDEX delivery_due;
            CREATE INDEX delivery_due ON delivery (lane_id, pass, due_ms, id);
            CREATE INDEX delivery_ordered ON delivery (lane_id, batch, id) WHERE pass = 3;
            ALTER TABLE lane ADD COLUMN crashes BIGINT NOT NULL DEFAULT 0;

            CREATE TABLE endpoint_health (
                environment_id BIGINT NOT NULL, endpoint_id TEXT NOT NULL, failing_since_ms BIGINT,
                failures BIGINT NOT NULL, last_success_ms BIGINT, last_failure_ms BIGINT, last_status BIGINT,
                last_error TEXT, spaced_ms BIGINT, spaced BIGINT NOT NULL DEFAULT 0,
                warned_hours BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (environment_id, endpoint_id));

            """,
        postgresOnly: """
            ALTER TABLE delivery ALTER COLUMN batch SET DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT);

            """)
}
