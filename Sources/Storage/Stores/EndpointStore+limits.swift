import Domain

extension EndpointStore {
    /// How many of the environment's endpoints get transactions one by one, beside one of them, up to `limit`.
    public static func splitting(
        beside id: ID<WebhookEndpoint>, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Int {
        try db.query(
            """
            SELECT id FROM webhook_endpoint WHERE environment_id = $1 AND splits_transactions = 1 AND id <> $2 LIMIT $3
            """, [.integer(scope.environmentID), .id(id), .int(limit)]
        ) { $0.text(0) }.count
    }

    /// How many endpoints the environment has because links or triggers named their URLs, up to `limit`.
    public static func named(limit: Int, _ scope: Scope, _ db: any SQLConnection) throws -> Int {
        try db.query(
            "SELECT id FROM webhook_endpoint WHERE environment_id = $1 AND source = $2 LIMIT $3",
            [.integer(scope.environmentID), .text(WebhookEndpoint.Source.connection.rawValue), .int(limit)]
        ) { $0.text(0) }.count
    }
}
