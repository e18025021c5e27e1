import Domain

extension DeliveryLanes {
    /// Lanes that one step looks at.
    private static let stepMax = 500

    // An endpoint's id has 24 digits, and so has a connection's. The lanes of replays are their jobs'. Asked whether
    // something exists, PostgreSQL may read whole tables; with a limit it takes one step into the index.
    private static let forgottenSQL = """
        SELECT l.id, CASE WHEN l.lease_token IS NULL AND substr(l.subject, 26, 7) <> 'replay:'
                AND (length(l.subject) = 49 AND (
                        SELECT c.id FROM connection c
                        WHERE c.environment_id = l.environment_id AND c.id = substr(l.subject, 26) LIMIT 1) IS NULL
                    OR (SELECT w.id FROM webhook_endpoint w
                        WHERE w.environment_id = l.environment_id AND w.id = substr(l.subject, 1, 24) LIMIT 1) IS NULL)
                AND (SELECT d.id FROM delivery d WHERE d.lane_id = l.id LIMIT 1) IS NULL
            THEN 1 ELSE 0 END
        FROM lane l WHERE l.kind = 'delivery' AND l.id > $1 ORDER BY l.id LIMIT \(stepMax)
        """

    /// Looks among a bounded number of lanes for those in which nothing waits and nothing more will: their connection
    /// or their endpoint was removed.
    /// - Returns: their ids, and where to go on; nil at the end.
    public static func forgotten(after id: Int64, _ db: any SQLConnection) throws -> (lanes: [Int64], next: Int64?) {
        let found = try db.query(forgottenSQL, [.integer(id)]) { (id: $0.int(0), isForgotten: $0.bool(1)) }
        return (found.filter(\.isForgotten).map(\.id), found.count == stepMax ? found.last?.id : nil)
    }

    private static let removeSQL = """
        DELETE FROM lane WHERE id = $1 AND lease_token IS NULL
            AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.lane_id = lane.id)
        """

    /// Takes lanes away, but those that somebody has claimed or put something into meanwhile.
    /// - Returns: how many.
    public static func remove(_ lanes: [Int64], _ tx: Transaction) throws -> Int {
        try lanes.reduce(0) { sum, lane in try sum + tx.db.run(removeSQL, [.integer(lane)]) }
    }
}
