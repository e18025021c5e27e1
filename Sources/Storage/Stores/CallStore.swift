import Domain

/// The calls of each connection's last day, as `CallLedger` writes them.
public enum CallStore {
    /// Empty when none was made, or no budget counts them.
    public static func calls(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> String {
        try db.first(
            "SELECT calls FROM refresh_schedule WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection)]
        ) { $0.text(0) } ?? ""
    }

    /// Keeps others from counting calls of the connection until the transaction ends.
    public static func hold(_ connection: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE refresh_schedule SET calls = calls WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection)])
    }

    /// Stores the calls, without touching anything else of the schedule.
    public static func set(
        _ calls: String, _ connection: ID<Connection>, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            "UPDATE refresh_schedule SET calls = $3 WHERE environment_id = $1 AND connection_id = $2",
            [.integer(scope.environmentID), .id(connection), .string(calls)])
    }
}
