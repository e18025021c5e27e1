import Domain

/// What was being sent while its connection was removed is written after all else of it is gone.
extension RetentionStore {
    /// A request and the writing of it take less.
    private static let lateMs: Int64 = 60_000
    /// Attempts that one look goes through.
    public static let lookedMax = 2000

    private static let removalsSQL = """
        SELECT asked_at_ms, done_at_ms FROM removal
        WHERE environment_id = $1 AND kind = 'connection' AND done_at_ms >= $2 ORDER BY asked_at_ms
        """

    /// The times in which the environment's connections were removed, with a margin, one after the other.
    /// - Parameter since: of those that were done later.
    public static func removals(
        since: Instant, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [ClosedRange<Instant>] {
        let found = try db.query(removalsSQL, [.integer(scope.environmentID), .at(since)]) {
            ($0.instant(0) + -lateMs, $0.instant(1) + lateMs)
        }
        var times: [ClosedRange<Instant>] = []
        for (from, to) in found where from <= to {
            if let last = times.last, from <= last.upperBound {
                times[times.count - 1] = last.lowerBound...max(last.upperBound, to)
            } else {
                times.append(from...to)
            }
        }
        return times
    }

    private static let lateSQL = """
        SELECT at_ms, delivery_id, number, CASE WHEN (
            SELECT 1 FROM event e WHERE e.environment_id = a.environment_id AND e.id = a.event_id LIMIT 1
            ) IS NULL THEN 1 ELSE 0 END
        FROM attempt a
        WHERE environment_id = $1 AND at_ms >= $2 AND (at_ms, delivery_id, number) > ($2, $3, $4) AND at_ms <= $5
        ORDER BY at_ms, delivery_id, number LIMIT $6
        """

    /// Attempts behind a place whose event is not there any more, and where to go on; nil at the end.
    public static func late(
        after place: AttemptPlace, until: Instant, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (late: [AttemptPlace], next: AttemptPlace?) {
        let rows = try db.query(
            lateSQL,
            [
                .integer(scope.environmentID), .at(place.at), .integer(place.delivery), .integer(place.number),
                .at(until), .int(lookedMax),
            ]
        ) { (AttemptPlace(at: $0.instant(0), delivery: $0.int(1), number: $0.int(2)), $0.bool(3)) }
        return (rows.filter(\.1).map(\.0), rows.count < lookedMax ? nil : rows.last?.0)
    }

    private static let forgetSQL =
        "DELETE FROM attempt WHERE environment_id = $1 AND at_ms = $2 AND delivery_id = $3 AND number = $4"

    /// Forgets these attempts.
    public static func forget(_ attempts: [AttemptPlace], _ scope: Scope, _ tx: Transaction) throws {
        for one in attempts {
            try tx.db.run(
                forgetSQL, [.integer(scope.environmentID), .at(one.at), .integer(one.delivery), .integer(one.number)])
        }
    }
}
