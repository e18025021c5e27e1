extension Migrations {
    /// The day of value of a statement's row, where it is not the day of booking: another statement may date it so.
    static let m0022 = Migration(
        number: 22, name: "value days",
        shared: """
            ALTER TABLE statement_row ADD COLUMN value_on TEXT;
            CREATE TABLE statement_value_day (
                environment_id BIGINT NOT NULL, account_id TEXT NOT NULL, value_on TEXT NOT NULL,
                transaction_id TEXT NOT NULL,
                PRIMARY KEY (environment_id, account_id, value_on, transaction_id));
            """)
}
