import Domain

/// How endpoints were sent to before they were changed, so that the log shows a request as it was made.
public enum EndpointPast {
    /// Changes of one endpoint that are kept.
    static let keptMax = 100

    /// Whether the log would show a request to one of them as it shows one to the other.
    public static func isAlike(_ one: WebhookEndpoint, _ other: WebhookEndpoint) -> Bool {
        one.url == other.url && one.hasToken == other.hasToken && one.headerNames == other.headerNames
            && one.signatures == other.signatures
    }

    /// Keeps an endpoint as it is before a change.
    public static func keep(_ endpoint: WebhookEndpoint, until now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(endpoint.id)]
        try tx.db.run(
            """
            INSERT INTO webhook_endpoint_past
                (environment_id, endpoint_id, until_ms, url, has_token, header_names, signatures)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
            """,
            key + [
                .at(now), .text(endpoint.url), .flag(endpoint.hasToken),
                .string(endpoint.headerNames.joined(separator: ",")),
                .string(endpoint.signatures.map(\.rawValue).sorted().joined(separator: ",")),
            ])
        try tx.db.run(
            """
            DELETE FROM webhook_endpoint_past WHERE environment_id = $1 AND endpoint_id = $2 AND until_ms NOT IN (
                SELECT until_ms FROM webhook_endpoint_past WHERE environment_id = $1 AND endpoint_id = $2
                ORDER BY until_ms DESC LIMIT \(keptMax))
            """, key)
    }

    /// The endpoint as it was at an instant, as far as it is kept.
    public static func find(
        _ endpoint: WebhookEndpoint, at instant: Instant, _ scope: Scope, _ db: any SQLConnection
    ) throws -> WebhookEndpoint {
        let past = try db.first(
            """
            SELECT url, has_token, header_names, signatures FROM webhook_endpoint_past
            WHERE environment_id = $1 AND endpoint_id = $2 AND until_ms > $3 ORDER BY until_ms LIMIT 1
            """, [.integer(scope.environmentID), .id(endpoint.id), .at(instant)]
        ) { row in
            var past = endpoint
            past.url = row.text(0)
            past.hasToken = row.bool(1)
            past.headerNames = row.text(2).split(separator: ",").map(String.init)
            past.signatures = Set(
                row.text(3).split(separator: ",").compactMap { WebhookEndpoint.Signature(rawValue: String($0)) })
            return past
        }
        return past ?? endpoint
    }

    /// Forgets what an endpoint was that is removed.
    static func forget(_ endpoint: String, _ environmentID: Int64, _ tx: Transaction) throws {
        try tx.db.run(
            "DELETE FROM webhook_endpoint_past WHERE environment_id = $1 AND endpoint_id = $2",
            [.integer(environmentID), .text(endpoint)])
    }
}
