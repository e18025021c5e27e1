import Domain

extension EndpointStore {
    private static let sharedSQL = """
        SELECT \(columns) WHERE environment_id = $1 AND connection_id = '' AND status <> 'disabled'
            AND source IN ('environment', 'api')
        ORDER BY CASE source WHEN 'environment' THEN 0 ELSE 1 END, id
        """
    // By itself: an `OR` of both would read the URLs of all links. The order by time keeps SQLite from reading all ids.
    private static let linkSQL = """
        SELECT \(columns) WHERE environment_id = $1 AND connection_id = '' AND status <> 'disabled'
            AND source = 'connection' AND url IN ($2, $3)
        ORDER BY created_at_ms, id
        """
    private static let ownSQL = """
        SELECT \(columns) WHERE environment_id = $1 AND connection_id = $2 AND status <> 'disabled'
        ORDER BY created_at_ms, id
        """
    private static let anyOwnSQL = """
        SELECT connection_id FROM webhook_endpoint WHERE environment_id = $1 AND connection_id > ''
        ORDER BY connection_id LIMIT 1
        """

    static func routes(_ scope: Scope) -> String { "routes \(scope.environmentID) " }

    /// Where events may go, in the order in which equal URLs are preferred: the environment's own endpoint, those of
    /// the API, the connection's, those that its link named. What is common to the units of a group is asked once.
    /// - Parameter connection: whose event it is; nil for one of the environment itself.
    public static func route(
        _ scope: Scope, connection: ID<Connection>? = nil, callbackURL: String?, refreshURL: String?, _ tx: Transaction
    ) throws -> [WebhookEndpoint] {
        let names = routes(scope)
        let environment = SQLValue.integer(scope.environmentID)
        let shared = try tx.once("\(names)shared") { try tx.db.query(sharedSQL, [environment], endpoint) }
        let urls = (callbackURL ?? "", refreshURL ?? "")
        let links =
            urls == ("", "")
            ? []
            : try tx.once("\(names)\(urls.0) \(urls.1)") {
                try tx.db.query(linkSQL, [environment, .text(urls.0), .text(urls.1)], endpoint)
            }
        guard let connection else { return shared + links }
        let hasOwn = try tx.once("\(names)of connections") {
            try tx.db.first(anyOwnSQL, [environment]) { $0.text(0) } != nil
        }
        guard hasOwn else { return shared + links }
        return shared + (try tx.db.query(ownSQL, [environment, .id(connection)], endpoint)) + links
    }
}
