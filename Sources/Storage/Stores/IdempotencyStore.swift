import Domain

/// Replies kept under a caller's `Idempotency-Key`, so that a repeated request changes nothing again.
public enum IdempotencyStore {
    /// What is kept under a key: which request took it, and the answer that it got.
    public struct Kept: Sendable, Equatable {
        public let requestHash: String
        /// 0 while the first request is still being answered.
        public let status: Int
        /// Sealed, as hex.
        public let body: String
        public let createdAt: Instant
    }

    /// Takes a key for a request.
    /// - Returns: nil when it was free, else what is kept under it.
    public static func take(
        _ key: String, hash: String, at now: Instant, staleBefore: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Kept? {
        try tx.db.run(
            """
            DELETE FROM idempotency WHERE environment_id = $1 AND key = $2 AND status = 0 AND created_at_ms < $3
            """, [.integer(scope.environmentID), .text(key), .at(staleBefore)])
        let taken = try tx.db.run(
            """
            INSERT INTO idempotency (environment_id, key, request_hash, status, body, created_at_ms)
            VALUES ($1, $2, $3, 0, '', $4) ON CONFLICT (environment_id, key) DO NOTHING
            """, [.integer(scope.environmentID), .text(key), .text(hash), .at(now)])
        return taken == 1 ? nil : try find(key, scope, tx.db)
    }

    /// nil when the key is free.
    public static func find(_ key: String, _ scope: Scope, _ db: any SQLConnection) throws -> Kept? {
        try db.first(
            "SELECT request_hash, status, body, created_at_ms FROM idempotency WHERE environment_id = $1 AND key = $2",
            [.integer(scope.environmentID), .text(key)]
        ) { Kept(requestHash: $0.text(0), status: Int($0.int(1)), body: $0.text(2), createdAt: $0.instant(3)) }
    }

    /// Stores the answer under a key that was taken; `body` is sealed, as hex.
    public static func keep(_ key: String, status: Int, body: String, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE idempotency SET status = $3, body = $4 WHERE environment_id = $1 AND key = $2",
            [.integer(scope.environmentID), .text(key), .int(status), .text(body)])
    }

    /// Gives a key back whose request failed.
    public static func drop(_ key: String, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "DELETE FROM idempotency WHERE environment_id = $1 AND key = $2 AND status = 0",
            [.integer(scope.environmentID), .text(key)])
    }

    private static let pruneSQL = """
        DELETE FROM idempotency WHERE (environment_id, key) IN (
            SELECT environment_id, key FROM idempotency WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)
        """

    /// Forgets the oldest of what is older than the time that keys are kept.
    /// - Returns: rows removed; fewer than `limit` when none is left.
    public static func prune(before: Instant, limit: Int, _ tx: Transaction) throws -> Int {
        try tx.db.run(pruneSQL, [.at(before), .int(limit)])
    }
}
