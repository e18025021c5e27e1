extension Migrations {
    /// Scenarios that an environment has of its own, and the calls that their limits count.
    static let m0013 = Migration(
        number: 13, name: "simulator",
        shared: """
            CREATE TABLE sandbox_scenario (
                environment_id BIGINT NOT NULL REFERENCES environment (id), name TEXT NOT NULL, script TEXT NOT NULL,
                created_at_ms BIGINT NOT NULL, PRIMARY KEY (environment_id, name));

            CREATE TABLE sandbox_count (
                environment_id BIGINT NOT NULL REFERENCES environment (id), scenario TEXT NOT NULL,
                institution TEXT NOT NULL, username TEXT NOT NULL, counter TEXT NOT NULL, slot BIGINT NOT NULL,
                calls BIGINT NOT NULL, PRIMARY KEY (environment_id, scenario, institution, username, counter));
            """)
}
