import Domain

/// What changes in a connection when its person logs in again. Its ids stay.
public enum ConnectionRepairs {
    /// Makes the connection active and running again; the bank's user stays when `upstreamUser` is nil.
    public static func repair(
        _ id: ID<Connection>, upstreamUser: String?, consentExpiresAt: Instant?, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE connection SET status = 'active', last_error = NULL, is_running = 1,
                upstream_user = COALESCE($3, upstream_user), consent_expires_at_ms = $4, updated_at_ms = $5
            WHERE environment_id = $1 AND id = $2
            """,
            [
                .integer(scope.environmentID), .id(id), .text(upstreamUser), .at(consentExpiresAt), .at(now),
            ])
    }

    /// An account that the new login covers, under the name that the bank gives it now.
    public static func open(
        _ id: ID<Account>, upstreamID: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE account SET status = 'active', upstream_id = $3, updated_at_ms = $4
            WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .id(id), .text(upstreamID), .at(now)])
    }

    /// An account that the new login does not cover: what is known of it stays, nothing more is fetched.
    public static func close(_ id: ID<Account>, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE account SET status = 'closed', updated_at_ms = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id), .at(now)])
    }

    /// Lets the next run fetch the whole history that was asked for: an account that came (back) with the new login
    /// was in none of the runs before. What is there already is recognised.
    public static func fetchWhole(_ connection: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE refresh_schedule SET synced_to_on = NULL WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection)])
    }

    /// Accounts from which nothing is fetched.
    public static func closed(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Set<ID<Account>> {
        Set(
            try db.query(
                """
                SELECT id FROM account WHERE environment_id = $1 AND connection_id = $2 AND status = 'closed' LIMIT 100
                """, [.integer(scope.environmentID), .id(connection)]
            ) { $0.id(0) })
    }
}
