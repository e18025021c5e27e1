extension Migrations {
    /// What changed, in the order of commits: transactions by step and account, and a place in that order for events.
    ///
    /// `batch` is the number of the writing transaction on PostgreSQL and 0 on SQLite, whose `place` alone is enough:
    /// its one writer counts it up, and a number is never given twice.
    static let m0011 = Migration(
        number: 11, name: "feeds",
        shared: """
            CREATE TABLE feed_floor (
                environment_id BIGINT NOT NULL, feed TEXT NOT NULL, batch BIGINT NOT NULL, place BIGINT NOT NULL,
                PRIMARY KEY (environment_id, feed));

            """,
        sqliteOnly: """
            CREATE TABLE transaction_change (
                place INTEGER PRIMARY KEY AUTOINCREMENT, batch BIGINT NOT NULL DEFAULT 0,
                \(changeColumns));
            \(changeByAccount)
            CREATE INDEX transaction_change_feed ON transaction_change (environment_id, batch, place);
            \(placedEvents)
            """,
        postgresOnly: """
            CREATE TABLE transaction_change (
                place BIGINT GENERATED ALWAYS AS IDENTITY, batch BIGINT NOT NULL DEFAULT \(ownBatch),
                \(changeColumns), PRIMARY KEY (environment_id, batch, place));
            \(changeByAccount)
            ALTER TABLE event ADD COLUMN batch BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE event ALTER COLUMN batch SET DEFAULT \(ownBatch);
            CREATE INDEX event_feed ON event (environment_id, batch, id);
            """)

    private static let ownBatch = "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"

    /// The ids are 24 characters each, one after the other.
    private static let changeColumns = """
        environment_id BIGINT NOT NULL, account_id TEXT NOT NULL, added TEXT NOT NULL, modified TEXT NOT NULL,
        removed TEXT NOT NULL, from_on TEXT NOT NULL, to_on TEXT NOT NULL, at_ms BIGINT NOT NULL
        """
    private static let changeByAccount = """
        CREATE INDEX transaction_change_by_account ON transaction_change (environment_id, account_id, batch, place);
        """

    /// SQLite gives a table its counting key only when it is made, so events move, and deliveries that name them too.
    private static let placedEvents = """
        CREATE TABLE event_placed (
            place INTEGER PRIMARY KEY AUTOINCREMENT, batch BIGINT NOT NULL DEFAULT 0,
            environment_id BIGINT NOT NULL, id BIGINT NOT NULL, connection_id TEXT NOT NULL, seq BIGINT NOT NULL,
            type TEXT NOT NULL, account_id TEXT, occurred_at_ms BIGINT NOT NULL, thin TEXT NOT NULL, complete BYTEA,
            UNIQUE (environment_id, id));
        INSERT INTO event_placed (environment_id, id, connection_id, seq, type, account_id, occurred_at_ms, thin,
            complete)
        SELECT environment_id, id, connection_id, seq, type, account_id, occurred_at_ms, thin, complete
        FROM event ORDER BY id;
        CREATE TABLE delivery_moved (
            environment_id BIGINT NOT NULL, id BIGINT NOT NULL, event_id BIGINT NOT NULL, endpoint_id TEXT NOT NULL,
            lane_id BIGINT NOT NULL REFERENCES lane (id), due_ms BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0,
            PRIMARY KEY (environment_id, id),
            FOREIGN KEY (environment_id, event_id) REFERENCES event_placed (environment_id, id));
        INSERT INTO delivery_moved (environment_id, id, event_id, endpoint_id, lane_id, due_ms, attempts)
        SELECT environment_id, id, event_id, endpoint_id, lane_id, due_ms, attempts FROM delivery;
        DROP TABLE delivery;
        DROP TABLE event;
        ALTER TABLE event_placed RENAME TO event;
        ALTER TABLE delivery_moved RENAME TO delivery;
        CREATE UNIQUE INDEX event_by_sequence ON event (environment_id, connection_id, seq);
        CREATE INDEX event_feed ON event (environment_id, batch, place);
        CREATE INDEX delivery_due ON delivery (lane_id, due_ms, id);
        CREATE INDEX delivery_by_event ON delivery (environment_id, event_id);
        """
}
