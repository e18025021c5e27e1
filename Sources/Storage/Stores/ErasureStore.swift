import Domain

/// Takes a connection's or a customer's data away, a bounded number of rows at a time, with the totals that count them.
public enum ErasureStore {
    /// Of one transaction.
    public static let rowsMax = 500
    /// An event may have dozens of attempts.
    static let eventsMax = 100
    private static let accountsMax = 1000

    /// Stops what would write more data: the refresh in flight and those to come. The data stays for the steps.
    public static func stop(_ id: ID<Connection>, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(id)]
        try ConnectionStore.recordFailure(id, status: .revoked, error: "removed", at: now, scope, tx)
        if let refresh = try RefreshStore.inFlight(id, scope, tx.db) {
            try RefreshStore.end(refresh.id, state: "failed", error: "removed", at: now, scope, tx)
        }
        try tx.db.run("DELETE FROM refresh_schedule WHERE environment_id = $1 AND connection_id = $2", key)
    }

    /// One bounded step.
    /// - Parameters:
    ///   - kept: the type of event that tells of the removal and outlives it.
    ///   - now: the environment's, for the log of what changed.
    /// - Returns: whether there is more to do.
    public static func step(
        _ id: ID<Connection>, keeping kept: String, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Bool {
        if try events(id, kept, scope, tx) > 0 { return true }
        if try StatementStore.erase(connection: id, scope, tx) { return true }
        for sql in [payloadsSQL, StepStore.eraseSQL, refreshesSQL] {
            if try tx.db.run(sql, [.integer(scope.environmentID), .id(id), .int(rowsMax)]) > 0 { return true }
        }
        for account in try accounts(id, scope, tx.db) {
            if try transactions(account, at: now, scope, tx) > 0 { return true }
            let owned: [SQLValue] = [.integer(scope.environmentID), .text(account.id), .int(rowsMax)]
            if try tx.db.run(historySQL, owned) > 0 { return true }
            if try LineageStore.erase(account: account.id, limit: rowsMax, scope, tx) > 0 { return true }
            if try StatementStore.eraseValueDays(of: account.id, scope, tx) > 0 { return true }
            if try totals("account:\(account.id)", scope, tx) > 0 { return true }
        }
        return false
    }

    /// What is left when no step has more to do: few rows, the connection's own last.
    public static func finish(_ id: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(id)]
        for sql in CompletenessStore.eraseSQL { try tx.db.run(sql, key) }
        for (sql, list) in [(identitySQL, "identities"), (accountSQL, "accounts")] {
            for day in try tx.db.query(sql, key, { $0.text(0) }) {
                tx.count(list, of: scope.environmentID, on: day, Total(count: -1))
            }
        }
        for sql in smallSQL { try tx.db.run(sql, key) }
        guard let (day, customer) = try tx.db.first(connectionSQL, key, { ($0.text(0), $0.text(1)) }) else { return }
        tx.count("connections", of: scope.environmentID, on: day, Total(count: -1))
        // What is known of a person came from their connections.
        if try tx.db.run(forgetPersonSQL, [.integer(scope.environmentID), .text(customer)]) > 0 {
            tx.touch(DayTotals.names, of: scope.environmentID)
        }
    }

    /// A customer's connections, the next ones to remove.
    public static func connections(
        of customer: ID<Customer>, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [ID<Connection>] {
        try db.query(
            "SELECT id FROM connection WHERE environment_id = $1 AND customer_id = $2 ORDER BY id LIMIT $3",
            [.integer(scope.environmentID), .id(customer), .int(limit)]
        ) { $0.id(0) }
    }

    /// A customer who has no connection.
    /// - Returns: whether there is more to do.
    public static func step(_ customer: ID<Customer>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        if try totals("customer:\(customer)", scope, tx) > 0 { return true }
        let days = try tx.db.query(
            "DELETE FROM customer WHERE environment_id = $1 AND id = $2 RETURNING created_on",
            [.integer(scope.environmentID), .id(customer)]
        ) { $0.text(0) }
        for day in days { tx.count("customers", of: scope.environmentID, on: day, Total(count: -1)) }
        return false
    }

    // MARK: events

    /// Takes events away with what was sent of them, and with what waits.
    static func forget(events: [Int64], _ scope: Scope, _ tx: Transaction) throws {
        let rows = events.map { [SQLValue.integer(scope.environmentID), .integer($0)] }
        for statement in [deliveriesOf, attemptsOf, eventRows] { try statement.run(rows, on: tx.db) }
    }

    private static func events(
        _ id: ID<Connection>, _ kept: String, _ scope: Scope, _ tx: Transaction
    ) throws -> Int {
        let events = try tx.db.query(
            """
            SELECT id FROM event WHERE environment_id = $1 AND connection_id = $2 AND type <> $3 ORDER BY seq LIMIT $4
            """, [.integer(scope.environmentID), .id(id), .text(kept), .int(eventsMax)]
        ) { $0.int(0) }
        try forget(events: events, scope, tx)
        return events.count
    }

    private static let deliveriesOf = BulkStatement.delete(
        order: 0, "delivery erase", from: "delivery", by: "event_id")
    private static let attemptsOf = BulkStatement.delete(order: 0, "attempt erase", from: "attempt", by: "event_id")
    private static let eventRows = BulkStatement.delete(order: 0, "event erase", from: "event")

    // MARK: accounts

    private struct Owned {
        let id: String
        let customer: String
        let institution: String
    }

    private static func accounts(_ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection) throws -> [Owned] {
        try db.query(
            """
            SELECT id, customer_id, institution FROM account WHERE environment_id = $1 AND connection_id = $2
            ORDER BY id LIMIT $3
            """, [.integer(scope.environmentID), .id(id), .int(accountsMax)]
        ) { Owned(id: $0.text(0), customer: $0.text(1), institution: $0.text(2)) }
    }

    private static let endOfStepSQL = """
        SELECT booked_on, id FROM account_transaction WHERE environment_id = $1 AND account_id = $2
        ORDER BY booked_on, id LIMIT $3
        """
    private static let transactionsSQL = """
        DELETE FROM account_transaction
        WHERE environment_id = $1 AND account_id = $2 AND booked_on <= $3 AND (booked_on, id) <= ($3, $4)
        RETURNING booked_on, amount_minor, status, id
        """

    /// The oldest rows of an account, found by the order of its index.
    private static func transactions(
        _ account: Owned, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Int {
        let key: [SQLValue] = [.integer(scope.environmentID), .text(account.id)]
        let step = try tx.db.query(endOfStepSQL, key + [.int(rowsMax)]) { (day: $0.text(0), id: $0.text(1)) }
        guard let last = step.last else { return 0 }
        var days: [String: Total] = [:]
        var gone: [String] = []
        let count = try tx.db.forEach(transactionsSQL, key + [.text(last.day), .text(last.id)]) { row in
            guard row.text(2) != "removed" else { return }
            gone.append(row.text(3))
            days[row.text(0), default: Total()] -= Total(row: row.int(1))
        }
        for list in ["customer:\(account.customer)", "bank:\(account.institution)", "transactions"] {
            tx.touch(list, of: scope.environmentID)
            for (day, total) in days {
                tx.count(list, of: scope.environmentID, on: day, total)
            }
        }
        FeedStore.append(removed: gone, account: account.id, at: now, scope, tx)
        return max(count, step.count)
    }

    private static func totals(_ list: String, _ scope: Scope, _ tx: Transaction) throws -> Int {
        try tx.db.run(totalsSQL, [.integer(scope.environmentID), .text(list), .int(rowsMax)])
    }

    // MARK: statements

    private static let payloadsSQL = """
        DELETE FROM raw_payload WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM raw_payload WHERE environment_id = $1 AND connection_id = $2
            ORDER BY id LIMIT $3)
        """
    private static let refreshesSQL = """
        DELETE FROM refresh WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM refresh WHERE environment_id = $1 AND connection_id = $2
            ORDER BY id LIMIT $3)
        """
    private static let historySQL = """
        DELETE FROM balance_history WHERE (environment_id, account_id, at_ms) IN (
            SELECT environment_id, account_id, at_ms FROM balance_history
            WHERE environment_id = $1 AND account_id = $2 ORDER BY at_ms LIMIT $3)
        """
    private static let totalsSQL = """
        DELETE FROM day_total WHERE (environment_id, list, day) IN (
            SELECT environment_id, list, day FROM day_total WHERE environment_id = $1 AND list = $2
            ORDER BY day LIMIT $3)
        """
    private static let identitySQL =
        "DELETE FROM identity WHERE environment_id = $1 AND connection_id = $2 RETURNING created_on"
    private static let accountSQL =
        "DELETE FROM account WHERE environment_id = $1 AND connection_id = $2 RETURNING created_on"
    private static let smallSQL = [
        IncomeStore.eraseSQL,
        "DELETE FROM refresh_schedule WHERE environment_id = $1 AND connection_id = $2",
        "DELETE FROM refresh WHERE environment_id = $1 AND connection_id = $2",
        "DELETE FROM raw_payload WHERE environment_id = $1 AND connection_id = $2",
        "DELETE FROM connection_grant WHERE environment_id = $1 AND connection_id = $2",
        "DELETE FROM link_session WHERE environment_id = $1 AND connection_id = $2",
        "DELETE FROM widget_link WHERE environment_id = $1 AND connection_id = $2",
    ]
    private static let connectionSQL =
        "DELETE FROM connection WHERE environment_id = $1 AND id = $2 RETURNING created_on, customer_id"
    private static let forgetPersonSQL = """
        UPDATE customer SET name = NULL, bvn_index = NULL WHERE environment_id = $1 AND id = $2
            AND NOT EXISTS (SELECT 1 FROM connection c WHERE c.environment_id = $1 AND c.customer_id = $2)
        """
}
