import Domain

/// The lanes of endpoints: one each, and one for each connection where its events keep their order.
public enum DeliveryLanes {
    /// `endpoint`, or `endpoint:connection`.
    public static func subject(_ endpoint: ID<WebhookEndpoint>, _ connection: String) -> String {
        "\(endpoint.hex):\(connection.isEmpty ? "environment" : connection)"
    }

    /// The endpoint that a lane's subject names.
    public static func endpoint(_ subject: String) -> String { String(subject.prefix { $0 != ":" }) }

    /// The lane in which an endpoint's events of a connection wait.
    static func lane(
        of endpoint: WebhookEndpoint, _ connection: String, newID: () throws -> Int64, _ scope: Scope,
        _ tx: Transaction
    ) throws -> Int64 {
        guard endpoint.ordering == .connection else { return endpoint.laneID }
        let subject = subject(endpoint.id, connection)
        return try tx.once("lane \(scope.environmentID) \(subject)") {
            try LaneStore.findOrCreate(.delivery, subject: subject, scope, newID: newID, tx)
        }
    }
}
