extension Migrations {
    /// The log of attempts in the order of time, with what was sent, and jobs that send events again.
    ///
    /// Attempts keep two indexes, by time and by event, since they are written as fast as events are sent; what failed
    /// has a third one, which costs nothing while all goes well.
    static let m0019 = Migration(
        number: 19, name: "replays",
        shared: """
            CREATE TABLE replay (
                environment_id BIGINT NOT NULL REFERENCES environment (id), id BIGINT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
                request TEXT NOT NULL, endpoint_id TEXT NOT NULL, url TEXT, lane_id BIGINT,
                cursor_batch BIGINT NOT NULL, cursor_place BIGINT NOT NULL, until_batch BIGINT NOT NULL,
                until_place BIGINT NOT NULL, steps BIGINT NOT NULL DEFAULT 0, looked_at BIGINT NOT NULL DEFAULT 0,
                queued BIGINT NOT NULL DEFAULT 0, delivered BIGINT NOT NULL DEFAULT 0,
                failed BIGINT NOT NULL DEFAULT 0, error TEXT,
                created_at_ms BIGINT NOT NULL, ended_at_ms BIGINT, PRIMARY KEY (environment_id, id));
            CREATE INDEX replay_running ON replay (id) WHERE state = 'running';
            CREATE INDEX replay_by_age ON replay (created_at_ms);
            CREATE INDEX replay_lanes ON replay (id) WHERE lane_id IS NOT NULL;
            CREATE INDEX delivery_replayed ON delivery (environment_id, replay_id) WHERE replay_id IS NOT NULL;

            """,
        sqliteOnly: timedAttempts + failedAttempts,
        postgresOnly: """
            ALTER TABLE attempt DROP CONSTRAINT attempt_pkey;
            ALTER TABLE attempt DROP CONSTRAINT attempt_outcome_check;
            ALTER TABLE attempt ADD CONSTRAINT attempt_outcome_check
                CHECK (outcome IN ('delivered', 'retry', 'dead', 'quarantined'));
            ALTER TABLE attempt ADD PRIMARY KEY (environment_id, at_ms, delivery_id, number);
            ALTER TABLE attempt ADD COLUMN part BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE attempt ADD COLUMN is_complete BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE attempt ADD COLUMN replay_id BIGINT;
            ALTER TABLE attempt ADD COLUMN error_class TEXT;
            \(failedAttempts)
            """)

    private static let failedAttempts = """
        CREATE INDEX attempt_failed ON attempt (environment_id, at_ms, delivery_id, number)
            WHERE outcome <> 'delivered';

        """

    /// SQLite changes a key only with its table.
    private static let timedAttempts = """
        CREATE TABLE attempt_timed (
            environment_id BIGINT NOT NULL, delivery_id BIGINT NOT NULL, number BIGINT NOT NULL,
            event_id BIGINT NOT NULL, endpoint_id TEXT NOT NULL, at_ms BIGINT NOT NULL, duration_ms BIGINT NOT NULL,
            status BIGINT, error TEXT, response BYTEA,
            outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'retry', 'dead', 'quarantined')),
            part BIGINT NOT NULL DEFAULT 0, is_complete BIGINT NOT NULL DEFAULT 0, replay_id BIGINT,
            error_class TEXT,
            PRIMARY KEY (environment_id, at_ms, delivery_id, number));
        INSERT INTO attempt_timed (environment_id, delivery_id, number, event_id, endpoint_id, at_ms, duration_ms,
            status, error, response, outcome)
        SELECT environment_id, delivery_id, number, event_id, endpoint_id, at_ms, duration_ms, status, error, response,
            outcome
        FROM attempt;
        DROP TABLE attempt;
        ALTER TABLE attempt_timed RENAME TO attempt;
        CREATE INDEX attempt_by_event ON attempt (environment_id, event_id);

        """
}
