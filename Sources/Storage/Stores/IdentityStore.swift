import Domain

/// What a bank knows of a person: one row a connection, sealed.
public enum IdentityStore {
    /// What tells whether an identity has changed, without opening it.
    public struct Stored: Sendable {
        public let id: String
        /// Hash of the details, so that an unchanged identity makes no event.
        public let digest: String
    }

    /// nil until the connection has an identity.
    public static func find(_ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection) throws -> Stored? {
        try db.first(
            "SELECT id, digest FROM identity WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection)]
        ) { Stored(id: $0.text(0), digest: $0.text(1)) }
    }

    /// Stores the connection's identity in the place of the one before; a new one is counted in the day's total.
    public static func put(
        id: String, connection: Connection, bvnIndex: String?, sealed: [UInt8], digest: String, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws {
        let isNew = try find(connection.id, scope, tx.db) == nil
        let day = now.day().iso
        try tx.db.run(
            """
            INSERT INTO identity (environment_id, id, connection_id, customer_id, bvn_index, sealed, digest, created_on,
                created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            ON CONFLICT (environment_id, connection_id) DO UPDATE SET bvn_index = excluded.bvn_index,
                sealed = excluded.sealed, digest = excluded.digest, updated_at_ms = excluded.updated_at_ms
            """,
            [
                .integer(scope.environmentID), .text(id), .id(connection.id), .id(connection.customerID),
                .text(bvnIndex), .blob(sealed), .text(digest), .text(day), .at(now),
            ])
        if isNew { tx.count("identities", of: scope.environmentID, on: day, Total(count: 1)) }
    }
}
