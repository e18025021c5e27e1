import Domain

/// What waits is put where an endpoint's order wants it, a bounded number of rows at a time, by the lane's owner.
extension DeliveryStore {
    private static let movedMax = 1000

    private static let anyOrderedSQL = "SELECT 1 FROM delivery WHERE lane_id = $1 AND pass = 3 LIMIT 1"
    private static let anyUnorderedSQL = "SELECT 1 FROM delivery WHERE lane_id = $1 AND pass IN (0, 1, 2) LIMIT 1"

    /// Whether rows of a lane wait in order although order is not kept, or the other way round.
    public static func hasRows(ordered: Bool, lane: Int64, _ db: any SQLConnection) throws -> Bool {
        try db.first(ordered ? anyOrderedSQL : anyUnorderedSQL, [.integer(lane)]) { $0.int(0) } != nil
    }

    private static let laneOfConnectionSQL = """
        SELECT CASE WHEN (SELECT d.id FROM delivery d WHERE d.lane_id = lane.id LIMIT 1) IS NULL THEN 0 ELSE 1 END
        FROM lane WHERE kind = 'delivery' AND environment_id = $1 AND subject > $2 AND subject < $3
            AND NOT (subject > $4 AND subject < $5)
        """

    /// Whether anything waits in the lanes of an endpoint's connections.
    public static func isWaiting(
        ofConnections endpoint: ID<WebhookEndpoint>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Bool {
        let id = endpoint.hex
        let rows = try db.query(
            laneOfConnectionSQL,
            [
                .integer(scope.environmentID), .text("\(id):"), .text("\(id);"), .text("\(id):replay:"),
                .text("\(id):replay;"),
            ]
        ) { $0.int(0) }
        return rows.contains(1)
    }

    private static let orderSQL = """
        UPDATE delivery SET pass = 3, due_ms = $2 WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM delivery WHERE lane_id = $1 AND pass IN (0, 1, 2) LIMIT \(movedMax))
        """
    private static let disorderSQL = """
        UPDATE delivery SET pass = CASE WHEN replay_id IS NOT NULL THEN 2 WHEN attempts > 0 THEN 1 ELSE 0 END
        WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM delivery WHERE lane_id = $1 AND pass = 3 LIMIT \(movedMax))
        """

    /// Puts rows of a lane in order, or out of it.
    public static func reorder(lane: Int64, ordered: Bool, at now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            ordered ? orderSQL : disorderSQL, ordered ? [.integer(lane), .at(now)] : [.integer(lane)])
    }

    private static let joinSQL = """
        UPDATE delivery SET lane_id = $2, due_ms = $3,
            pass = CASE WHEN $4 = 1 THEN 3 WHEN replay_id IS NOT NULL THEN 2 WHEN attempts > 0 THEN 1 ELSE 0 END
        WHERE (environment_id, id) IN (
            SELECT environment_id, id FROM delivery WHERE lane_id = $1 LIMIT \(movedMax))
        """

    /// Puts what waits for one connection back to what waits for its endpoint.
    public static func join(
        lane: Int64, into own: Int64, ordered: Bool, at now: Instant, _ tx: Transaction
    ) throws {
        try tx.db.run(joinSQL, [.integer(lane), .integer(own), .at(now), .integer(ordered ? 1 : 0)])
        LaneStore.touchDelivery(own, due: now, tx)
    }

    /// Keeps the order of what waits when events of another server are put before those of this one.
    static func settle(by shift: Int64, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE delivery SET batch = batch - $2 WHERE environment_id = $1",
            [.integer(scope.environmentID), .integer(shift)])
    }

    private static let hasten = BulkStatement(
        order: 42, name: "delivery hasten", types: [.bigint, .bigint],
        postgres: """
            UPDATE delivery AS d SET pass = 1, due_ms = 0
            FROM unnest($1::bigint[], $2::bigint[]) AS t (environment_id, id)
            WHERE d.environment_id = t.environment_id AND d.event_id = t.id AND d.pass = 0
            """,
        sqlite: "UPDATE delivery SET pass = 1, due_ms = 0 WHERE environment_id = $1 AND event_id = $2 AND pass = 0")

    /// Puts an event that was just queued before all that waits to be tried again: it is the next probe of an endpoint
    /// that is left alone. Where order is kept it stays behind what was committed before.
    public static func hasten(event: Int64, _ scope: Scope, _ tx: Transaction) {
        tx.append(hasten, [.integer(scope.environmentID), .integer(event)])
    }

    private static let partSQL = """
        SELECT d.id, (
            SELECT e.connection_id FROM event e WHERE e.environment_id = d.environment_id AND e.id = d.event_id LIMIT 1)
        FROM delivery d WHERE d.lane_id = $1 LIMIT \(movedMax)
        """
    private static let move = BulkStatement(
        order: 54, name: "delivery move", types: [.bigint, .bigint, .bigint, .bigint],
        postgres: """
            UPDATE delivery AS d SET lane_id = t.lane, due_ms = t.due, pass = 3
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS t (environment_id, id, lane, due)
            WHERE d.environment_id = t.environment_id AND d.id = t.id
            """,
        sqlite: "UPDATE delivery SET lane_id = $3, due_ms = $4, pass = 3 WHERE environment_id = $1 AND id = $2")

    /// Puts what waits for an endpoint into lanes of its connections.
    public static func part(
        _ endpoint: WebhookEndpoint, at now: Instant, newID: () throws -> Int64, _ scope: Scope, _ tx: Transaction
    ) throws {
        let rows = try tx.db.query(partSQL, [.integer(endpoint.laneID)]) { (id: $0.int(0), connection: $0.text(1)) }
        for row in rows {
            let lane = try DeliveryLanes.lane(of: endpoint, row.connection, newID: newID, scope, tx)
            tx.append(move, [.integer(scope.environmentID), .integer(row.id), .integer(lane), .at(now)])
            LaneStore.touchDelivery(lane, due: now, tx)
        }
    }
}
