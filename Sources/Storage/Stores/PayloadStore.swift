import Domain

/// What banks answered, as it came and sealed; kept for some days.
public enum PayloadStore {
    /// One answer, without its body.
    public struct Summary: Sendable, Equatable {
        public let id: Int64
        public let operation: String
        public let byteCount: Int64
        public let isTruncated: Bool
        public let fetchedAt: Instant

        public init(id: Int64, operation: String, byteCount: Int64, isTruncated: Bool, fetchedAt: Instant) {
            self.id = id
            self.operation = operation
            self.byteCount = byteCount
            self.isTruncated = isTruncated
            self.fetchedAt = fetchedAt
        }
    }

    private static let insert = BulkStatement.insert(
        order: 30, into: "raw_payload",
        [
            ("environment_id", .bigint), ("id", .bigint), ("connection_id", .text), ("operation", .text),
            ("byte_count", .bigint), ("is_truncated", .bigint), ("fetched_at_ms", .bigint), ("sealed", .bytea),
        ])

    /// Adds one sealed answer to what the transaction writes at its end.
    public static func append(
        _ payload: Summary, sealed: [UInt8], connection: ID<Connection>, _ scope: Scope, _ tx: Transaction
    ) {
        tx.append(
            insert,
            [
                .integer(scope.environmentID), .integer(payload.id), .id(connection), .text(payload.operation),
                .integer(payload.byteCount), .flag(payload.isTruncated), .at(payload.fetchedAt), .blob(sealed),
            ])
    }

    private static let columns = "id, operation, byte_count, is_truncated, fetched_at_ms"

    private static func summary(_ row: borrowing Row) -> Summary {
        Summary(
            id: row.int(0), operation: row.text(1), byteCount: row.int(2), isTruncated: row.bool(3),
            fetchedAt: row.instant(4))
    }

    /// The newest first.
    public static func list(
        _ connection: ID<Connection>, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Summary] {
        try db.query(
            """
            SELECT \(columns) FROM raw_payload WHERE environment_id = $1 AND connection_id = $2
            ORDER BY id DESC LIMIT $3
            """, [.integer(scope.environmentID), .id(connection), .int(limit)], summary)
    }

    /// One of the connection's answers with its sealed body; nil when it is not kept or no longer.
    public static func find(
        _ id: Int64, of connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (summary: Summary, sealed: [UInt8])? {
        try db.first(
            "SELECT \(columns), sealed FROM raw_payload WHERE environment_id = $1 AND id = $2 AND connection_id = $3",
            [.integer(scope.environmentID), .integer(id), .id(connection)]
        ) { (summary($0), $0.blob(5)) }
    }

    private static let pruneSQL = """
        DELETE FROM raw_payload WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM raw_payload WHERE fetched_at_ms < $1 ORDER BY fetched_at_ms LIMIT $2)
        """

    /// Forgets the oldest of what is older.
    /// - Returns: rows removed; fewer than `limit` when none is left.
    public static func prune(before: Instant, limit: Int, _ tx: Transaction) throws -> Int {
        try tx.db.run(pruneSQL, [.at(before), .int(limit)])
    }
}
