import Domain

/// Something that is being removed with all its data: a durable mark, so that a crash in the middle is gone on from.
public struct Removal: Sendable, Equatable {
    /// What is removed.
    public enum Kind: String, Sendable { case connection, customer }
    public let kind: Kind
    public let subject: String
    public let scope: Scope
}

/// What is being removed, and what was: the row stays as the proof that it was done.
public enum RemovalStore {
    /// - Returns: false when the mark was there already.
    public static func mark(
        _ kind: Removal.Kind, _ subject: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        try tx.db.run(
            """
            INSERT INTO removal (environment_id, kind, subject, asked_at_ms) VALUES ($1, $2, $3, $4)
            ON CONFLICT (environment_id, kind, subject) DO NOTHING
            """, [.integer(scope.environmentID), .text(kind.rawValue), .text(subject), .at(now)]) == 1
    }

    private static let openSQL = """
        SELECT environment_id, kind, subject FROM removal r WHERE done_at_ms IS NULL
            AND (SELECT e.removed_at_ms FROM environment e WHERE e.id = r.environment_id) IS NULL
        ORDER BY asked_at_ms LIMIT $1
        """

    /// Removals under way, the oldest first, without those that a tenant's removal took over.
    public static func open(limit: Int, _ db: any SQLConnection) throws -> [Removal] {
        try db.query(openSQL, [.int(limit)]) { row in
            Removal(
                kind: Removal.Kind(rawValue: row.text(1)) ?? .connection, subject: row.text(2),
                scope: Scope(environmentID: row.int(0)))
        }
    }

    /// Writes when the removal was done; one that was done already keeps its time.
    public static func finish(
        _ kind: Removal.Kind, _ subject: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE removal SET done_at_ms = $4
            WHERE environment_id = $1 AND kind = $2 AND subject = $3 AND done_at_ms IS NULL
            """, [.integer(scope.environmentID), .text(kind.rawValue), .text(subject), .at(now)])
    }
}
