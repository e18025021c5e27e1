extension Migrations {
    /// Why a connection is not active and since when, how often it was tried since, when its person is next to be
    /// told of the consent's end, and what an app makes of an account that is linked a second time.
    static let m0009 = Migration(
        number: 9, name: "states",
        shared: """
            ALTER TABLE connection ADD COLUMN state_code TEXT;
            ALTER TABLE connection ADD COLUMN state_since_ms BIGINT;
            ALTER TABLE connection ADD COLUMN state_tries BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE connection ADD COLUMN state_tried_ms BIGINT;
            UPDATE connection SET state_code = last_error, state_since_ms = last_fail_at_ms WHERE status <> 'active';
            ALTER TABLE refresh_schedule ADD COLUMN consent_due_ms BIGINT;
            UPDATE refresh_schedule SET consent_due_ms = (
                SELECT c.consent_expires_at_ms - 1209600000 FROM connection c
                WHERE c.environment_id = refresh_schedule.environment_id AND c.id = refresh_schedule.connection_id
                  AND c.status IN ('active', 'needs_user'));
            UPDATE refresh_schedule SET due_ms = consent_due_ms WHERE consent_due_ms < due_ms;
            ALTER TABLE widget_app ADD COLUMN relink TEXT NOT NULL DEFAULT 'merge'
                CHECK (relink IN ('merge', 'allow', 'reject'));
            """)
}
