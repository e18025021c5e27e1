extension Migrations {
    /// How often a list changed, what a link session is at, and transactions found by the bank's id.
    static let m0005 = Migration(
        number: 5, name: "revisions",
        shared: """
            ALTER TABLE day_total ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
            ALTER TABLE link_session ADD COLUMN answer_index TEXT;
            ALTER TABLE link_session ADD COLUMN problem TEXT;
            ALTER TABLE link_session ADD COLUMN reason TEXT;
            CREATE INDEX transaction_by_upstream ON account_transaction (environment_id, account_id, upstream_id)
                WHERE upstream_id IS NOT NULL;
            """)
}
