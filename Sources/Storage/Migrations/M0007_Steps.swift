extension Migrations {
    /// What each step of a run did, what a run waits for, and what a run that ended well could not fetch.
    static let m0007 = Migration(
        number: 7, name: "steps",
        shared: """
            CREATE TABLE refresh_step (
                environment_id BIGINT NOT NULL, refresh_id BIGINT NOT NULL, id BIGINT NOT NULL,
                operation TEXT NOT NULL, account_id TEXT, from_on TEXT, to_on TEXT, at_ms BIGINT NOT NULL,
                duration_ms BIGINT NOT NULL, calls BIGINT NOT NULL, outcome TEXT NOT NULL, detail TEXT,
                upstream_code TEXT, added BIGINT NOT NULL, modified BIGINT NOT NULL, removed BIGINT NOT NULL,
                dropped TEXT NOT NULL, notes TEXT NOT NULL, PRIMARY KEY (environment_id, refresh_id, id));
            ALTER TABLE refresh ADD COLUMN faults TEXT NOT NULL DEFAULT '';
            ALTER TABLE refresh ADD COLUMN waiting TEXT;
            """)
}
