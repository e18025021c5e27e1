import Domain

/// The numbers of events, without holes: each connection counts its own, and each environment those that belong to no
/// connection. The counting row stays locked until the commit, so numbers are in the order of commits.
///
/// PostgreSQL shows an environment's feed by writing transactions, and one that began earlier can come to the lock
/// later. It is refused here and its unit runs again in a new transaction, so that the feed keeps the order too.
enum EventSequence {
    private static let own = "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"

    private static func postgres(_ table: String, _ key: String) -> String {
        """
        UPDATE \(table) SET event_seq = event_seq + $1, event_batch = GREATEST(event_batch, \(own))
        WHERE \(key) RETURNING event_seq, event_batch - \(own)
        """
    }

    /// A number that no transaction of this server has had yet came with a dump from another one and says nothing.
    private static func foreign(_ table: String, _ key: String) -> String {
        """
        UPDATE \(table) SET event_batch = \(own)
        WHERE \(key) AND event_batch >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) + $1
        """
    }

    private static let connectionKey = "environment_id = $2 AND id = $3"
    private static let environmentKey = "id = $2"
    private static let postgresOfConnection = postgres("connection", connectionKey)
    private static let foreignOfConnection = foreign("connection", connectionKey)
    private static let postgresOfEnvironment = postgres("environment", environmentKey)
    private static let foreignOfEnvironment = foreign("environment", environmentKey)
    private static let sqliteOfConnection =
        "UPDATE connection SET event_seq = event_seq + $1 WHERE \(connectionKey) RETURNING event_seq, 0"
    private static let sqliteOfEnvironment =
        "UPDATE environment SET event_seq = event_seq + $1 WHERE \(environmentKey) RETURNING event_seq, 0"

    /// - Returns: the first of `count` numbers; 1 where the connection is gone.
    static func take(_ id: ID<Connection>, count: Int, _ scope: Scope, _ tx: Transaction) throws -> Int64 {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(id)]
        return tx.db.dialect == .sqlite
            ? try take(count, key, sqliteOfConnection, "", tx)
            : try take(count, key, postgresOfConnection, foreignOfConnection, tx)
    }

    /// - Returns: the first of `count` numbers of events that belong to no connection.
    static func take(count: Int, _ scope: Scope, _ tx: Transaction) throws -> Int64 {
        let key: [SQLValue] = [.integer(scope.environmentID)]
        return tx.db.dialect == .sqlite
            ? try take(count, key, sqliteOfEnvironment, "", tx)
            : try take(count, key, postgresOfEnvironment, foreignOfEnvironment, tx)
    }

    private static func take(
        _ count: Int, _ key: [SQLValue], _ sql: String, _ foreign: String, _ tx: Transaction
    ) throws -> Int64 {
        let found = try tx.db.first(sql, [.int(count)] + key) { (last: $0.int(0), ahead: $0.int(1)) }
        guard let found else { return 1 }
        if found.ahead > 0, try tx.db.run(foreign, [.int(0)] + key) == 0 {
            throw StorageError(.serialization, "a younger transaction counted an event first")
        }
        return found.last - Int64(count) + 1
    }
}
