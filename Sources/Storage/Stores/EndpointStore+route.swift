import Domain

extension EndpointStore {
    private static let sharedSQL = """
        SELECT \(columns) WHERE environment_id = $1 AND connection_id = '' AND status <> 'disabled'
            AND (source IN ('environment', 'api') OR (source = 'connection' AND url IN ($2, $3)))
        ORDER BY CASE source WHEN 'environment' THEN 0 WHEN 'api' THEN 1 ELSE 2 END, id
        """
    private static let ownSQL = """
        SELECT \(columns) WHERE environment_id = $1 AND connection_id = $2 AND status <> 'disabled' ORDER BY id
        """
    private static let anyOwnSQL = """
        SELECT 1 FROM webhook_endpoint WHERE environment_id = $1 AND connection_id > '' LIMIT 1
        """

    static func routes(_ scope: Scope) -> String { "routes \(scope.environmentID) " }

    /// Where events may go, in the order in which equal URLs are preferred: the environment's own endpoint, those of
    /// the API, the connection's, those that its link named. What is common to the units of a group is asked once.
    /// - Parameter connection: whose event it is; nil for one of the environment itself.
    public static func route(
        _ scope: Scope, connection: ID<Connection>? = nil, callbackURL: String?, refreshURL: String?, _ tx: Transaction
    ) throws -> [WebhookEndpoint] {
        let names = routes(scope)
        let shared = try tx.once("\(names)\(callbackURL ?? "") \(refreshURL ?? "")") {
            try tx.db.query(
                sharedSQL, [.integer(scope.environmentID), .text(callbackURL ?? ""), .text(refreshURL ?? "")],
                endpoint)
        }
        guard let connection else { return shared }
        let hasOwn = try tx.once("\(names)of connections") {
            try tx.db.first(anyOwnSQL, [.integer(scope.environmentID)]) { $0.int(0) } != nil
        }
        guard hasOwn else { return shared }
        let own = try tx.db.query(ownSQL, [.integer(scope.environmentID), .id(connection)], endpoint)
        let links = shared.firstIndex { $0.source == .connection } ?? shared.endIndex
        return Array(shared[..<links]) + own + Array(shared[links...])
    }
}
