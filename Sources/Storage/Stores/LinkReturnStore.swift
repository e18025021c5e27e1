import Domain

/// Which link session a person who comes back from a bank's own page belongs to. References are kept as keyed hashes:
/// the right to bring a session its answer is in nobody's copy of the database.
public enum LinkReturnStore {
    /// One attempt of a session.
    public struct Found: Sendable {
        public let environmentID: Int64
        public let sessionID: String
        /// Whether the session was not begun again since, at this bank or another.
        public let isLatest: Bool
    }

    /// - Parameter revision: of the session, when the attempt began.
    public static func create(
        session: String, revision: Int64, referenceIndex: String, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO link_return (environment_id, session_id, revision, reference_index) VALUES ($1, $2, $3, $4)
            """,
            [.integer(scope.environmentID), .text(session), .integer(revision), .text(referenceIndex)])
    }

    private static let findSQL = """
        SELECT environment_id, session_id, NOT EXISTS (
            SELECT 1 FROM link_return l WHERE l.environment_id = r.environment_id AND l.session_id = r.session_id
                AND l.revision > r.revision)
        FROM link_return r WHERE reference_index = $1
        """

    /// The attempt of that reference, in whatever environment; nil when there is none.
    public static func find(referenceIndex: String, _ db: any SQLConnection) throws -> Found? {
        try db.first(findSQL, [.text(referenceIndex)]) { row in
            Found(environmentID: row.int(0), sessionID: row.text(1), isLatest: row.bool(2))
        }
    }

    private static let loginSQL = """
        SELECT c.environment_id, c.id FROM connection c JOIN environment e ON e.id = c.environment_id
        WHERE c.connector = $1 AND c.upstream_user = $2 AND e.kind = $3 AND e.removed_at_ms IS NULL
        ORDER BY c.environment_id, c.id LIMIT 100
        """

    private static let livedBySQL = """
        SELECT c.id FROM connection c JOIN environment e ON e.id = c.environment_id
        WHERE c.connector = $1 AND c.upstream_user = $2 AND e.kind = $3 AND e.removed_at_ms IS NULL
          AND c.status IN ('active', 'needs_user', 'expired') LIMIT 1
        """

    /// Whether a connection of any environment of a kind lives by a login, or can be brought back with it.
    public static func isLivedBy(
        connector: String, upstreamUser: String, _ kind: EnvironmentKind, _ db: any SQLConnection
    ) throws -> Bool {
        try db.first(livedBySQL, [.text(connector), .text(upstreamUser), .text(kind.rawValue)]) { $0.text(0) } != nil
    }

    /// The connections of a login in all environments of a kind, for a push that names no environment; at most 100.
    public static func connections(
        connector: String, upstreamUser: String, _ kind: EnvironmentKind, _ db: any SQLConnection
    ) throws -> [(environmentID: Int64, id: ID<Connection>)] {
        try db.query(loginSQL, [.text(connector), .text(upstreamUser), .text(kind.rawValue)]) { row in
            (row.int(0), row.id(1))
        }
    }
}
