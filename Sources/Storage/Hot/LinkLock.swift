import Domain

/// Links of one bank end one after the other on all nodes: each looks for the connections that the others have made.
public enum LinkLock {
    /// Waits for every other end of a link at this institution. SQLite has one writer.
    public static func take(institution: String, _ scope: Scope, _ tx: Transaction) throws {
        guard tx.db.dialect == .postgres else { return }
        try tx.db.run(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            [.text("link \(scope.environmentID) \(institution)")])
    }
}
