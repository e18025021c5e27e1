import Domain

/// The outbox: events and their deliveries, written in the transaction of the data that they tell of.
public enum EventStore {
    private static let insertEvent = BulkStatement.insert(
        order: 40, into: "event",
        [
            ("environment_id", .bigint), ("id", .bigint), ("connection_id", .text), ("seq", .bigint), ("type", .text),
            ("account_id", .text), ("occurred_at_ms", .bigint), ("thin", .text), ("complete", .bytea),
        ])

    /// An event ready to be kept. Bodies are members of a JSON object without their braces; the receiver's own URL
    /// is added when it is sent.
    public struct NewEvent: Sendable {
        public var id: Int64
        public var sequence: Int64
        public var type: String
        public var accountID: ID<Account>?
        public var thin: [UInt8]
        /// Sealed; nil when it would say no more than the thin one.
        public var complete: [UInt8]?
        /// The parts in which endpoints get it that ask for one delivery per row; 0 where it has none.
        public var parts: Int
        public init(
            id: Int64, sequence: Int64, type: String, accountID: ID<Account>?, thin: [UInt8], complete: [UInt8]?,
            parts: Int = 0
        ) {
            self.id = id
            self.sequence = sequence
            self.type = type
            self.accountID = accountID
            self.thin = thin
            self.complete = complete
            self.parts = parts
        }
    }

    /// - Parameters:
    ///   - endpoints: who gets it, from `EndpointStore.route`.
    ///   - machineNow: deliveries are due in machine time.
    public static func append(
        _ event: NewEvent, connection: ID<Connection>, to endpoints: [WebhookEndpoint], at occurredAt: Instant,
        machineNow: Instant, newID: () throws -> Int64, _ scope: Scope, _ tx: Transaction
    ) throws {
        tx.append(
            insertEvent,
            [
                .integer(scope.environmentID), .integer(event.id), .id(connection), .integer(event.sequence),
                .text(event.type), .id(event.accountID), .at(occurredAt),
                .text(String(decoding: event.thin, as: UTF8.self)), .blob(event.complete),
            ])
        for endpoint in endpoints {
            let isSplit = endpoint.splitsTransactions && event.parts > 0
            for part in isSplit ? 1...event.parts : 0...0 {
                try DeliveryStore.append(
                    EventPart(event: event.id, part: Int64(part)), of: connection.hex, to: endpoint,
                    machineNow: machineNow, newID: newID, scope, tx)
            }
        }
    }
}
