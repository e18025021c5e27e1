import Domain

/// What changes in a connection when its person logs in again. Its ids stay.
public enum ConnectionRepairs {
    /// Makes the connection active and running again; the bank's user stays when `upstreamUser` is nil.
    public static func repair(
        _ id: ID<Connection>, connector: String, upstreamUser: String?, consentExpiresAt: Instant?, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE connection SET status = 'active', last_error = NULL, is_running = 1,
                upstream_user = COALESCE($3, upstream_user), consent_expires_at_ms = $4, updated_at_ms = $5,
                state_code = NULL, state_since_ms = NULL, state_tries = 0, state_tried_ms = NULL, connector = $6
            WHERE environment_id = $1 AND id = $2
            """,
            [
                .integer(scope.environmentID), .id(id), .text(upstreamUser), .at(consentExpiresAt), .at(now),
                .text(connector),
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

    /// Takes an account's bank id away, for the one that it gets in the same transaction.
    public static func release(_ id: ID<Account>, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE account SET upstream_id = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .id(id), .text("moving:\(id)")])
    }

    /// The bank has given the account another number.
    public static func renumber(
        _ id: ID<Account>, sealed: [UInt8]?, index: String?, mask: String?, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE account SET number_sealed = $3, number_index = $4, mask = $5 WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .id(id), .blob(sealed), .text(index), .text(mask)])
    }

    /// What a further link to the same account asks for. An interval that there is stays.
    public static func setTerms(
        _ connection: Connection, _ setting: RefreshSetting, _ scope: Scope, _ tx: Transaction
    ) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(connection.id)]
        try tx.db.run(
            """
            UPDATE connection SET products = $3, history_months = $4, callback_url = $5, refresh_webhook_url = $6,
                options = $7, meta = $8 WHERE environment_id = $1 AND id = $2
            """,
            key + [
                .text(connection.products.column), .int(connection.historyMonths), .text(connection.callbackURL),
                .text(connection.refreshWebhookURL), .text(connection.options), .text(connection.meta),
            ])
        try tx.db.run(
            """
            UPDATE refresh_schedule SET balance_interval = COALESCE(balance_interval, $3),
                transactions_interval = COALESCE(transactions_interval, $4)
            WHERE environment_id = $1 AND connection_id = $2
            """, key + [.text(setting.balance?.rawValue), .text(setting.transactions?.rawValue)])
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

    /// Sets when the person is next told of the consent's end; what is due sooner than that stays due.
    public static func setConsent(
        _ connection: ID<Connection>, due: Instant?, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            UPDATE refresh_schedule SET consent_due_ms = $3, due_ms = CASE WHEN $3 < due_ms THEN $3 ELSE due_ms END
            WHERE environment_id = $1 AND connection_id = $2
            """, [.integer(scope.environmentID), .id(connection), .at(due)])
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
