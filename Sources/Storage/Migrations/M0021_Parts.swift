extension Migrations {
    /// An event of many rows goes to endpoints that ask for it as one delivery per row: `part` counts them from 1, and
    /// 0 is the whole event.
    static let m0021 = Migration(
        number: 21, name: "parts",
        shared: """
            ALTER TABLE delivery ADD COLUMN part BIGINT NOT NULL DEFAULT 0;
            """)
}
