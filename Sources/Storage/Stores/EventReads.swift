import Domain

/// What is asked about events and about the database itself.
public enum EventReads {
    /// Whether the environment has an event of this number.
    public static func exists(_ event: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> Bool {
        try db.first(
            "SELECT 1 FROM event WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(event)]
        ) { _ in true } ?? false
    }

    /// Fails when the database does not answer.
    public static func ping(_ db: any SQLConnection) throws { _ = try db.first("SELECT 1") { $0.int(0) } }
}
