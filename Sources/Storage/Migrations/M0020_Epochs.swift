extension Migrations {
    /// Which life of the database this is, and the transactions by which events are counted.
    ///
    /// `event_batch` is the writing transaction of the last event that was counted: a younger one may have been first,
    /// and an older one must not follow it, or the environment's feed would show the connection's events out of order.
    static let m0020 = Migration(
        number: 20, name: "epochs",
        shared: """
            CREATE TABLE database_mark (
                name TEXT PRIMARY KEY, database TEXT NOT NULL, epoch BIGINT NOT NULL, beat BIGINT NOT NULL,
                identity TEXT NOT NULL);
            INSERT INTO database_mark (name, database, epoch, beat, identity) VALUES ('feed', '', 1, 0, '');
            CREATE TABLE feed_epoch (epoch BIGINT PRIMARY KEY, began_at_ms BIGINT NOT NULL, reason TEXT NOT NULL);
            """,
        postgresOnly: """
            ALTER TABLE connection ADD COLUMN event_batch BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE environment ADD COLUMN event_batch BIGINT NOT NULL DEFAULT 0;
            """)
}
