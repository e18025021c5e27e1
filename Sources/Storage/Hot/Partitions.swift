/// The years of `account_transaction` on PostgreSQL. The first and the last partition are open-ended, so that a row of
/// any day has its place; years are cut off the last one before they come.
public enum Partitions {
    /// Years that are made before they come.
    public static let yearsAhead = 2
    private static let prefix = "account_transaction_"
    /// Any number will do, as long as all nodes take the same one.
    private static let lock: Int64 = 0x6b75_7965_6172

    private static let namesSQL = """
        SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'account_transaction'::regclass
        """

    /// Cuts the years up to `year` off the open-ended last partition, with the rows that are in it already. SQLite has
    /// one table for all.
    /// - Returns: the years that were made, at most one; call again until none is.
    public static func ensure(through year: Int, _ tx: Transaction) throws -> Int? {
        guard tx.db.dialect == .postgres else { return nil }
        try tx.db.run("SELECT pg_advisory_xact_lock($1)", [.integer(lock)])
        let years = try tx.db.query(namesSQL) { $0.text(0) }.compactMap { Int($0.dropFirst(prefix.count)) }
        guard let last = years.max(), last < year else { return nil }
        let next = last + 1
        try tx.db.script(cutSQL(from: "\(next)-01-01", to: "\(next + 1)-01-01", name: "\(prefix)\(next)"))
        return next
    }

    private static func cutSQL(from: String, to: String, name: String) -> String {
        """
        ALTER TABLE account_transaction DETACH PARTITION account_transaction_after;
        CREATE TABLE \(name) PARTITION OF account_transaction FOR VALUES FROM ('\(from)') TO ('\(to)');
        WITH moved AS (
            DELETE FROM account_transaction_after WHERE booked_on < '\(to)' RETURNING account_transaction_after.*)
        INSERT INTO account_transaction SELECT moved.* FROM moved;
        ALTER TABLE account_transaction ATTACH PARTITION account_transaction_after
            FOR VALUES FROM ('\(to)') TO (MAXVALUE);
        """
    }
}
