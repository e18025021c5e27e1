import Domain

extension Database {
    /// The time of the database's server; nil for SQLite, which has the machine's own.
    public func serverTime() async throws -> Instant? {
        guard dialect == .postgres else { return nil }
        return try await read { db in
            try db.first("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)", []) { $0.instant(0) }
        }
    }
}
