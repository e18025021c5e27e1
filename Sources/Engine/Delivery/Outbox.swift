import Domain
import Storage

/// Turns drafts into rows of the outbox, inside the transaction of the data that they tell of.
struct Outbox {
    /// A complete body beyond this is sent without its rows, with the call to fetch them by.
    private static let completeBytesMax = 256 * 1024
    let core: Core

    /// - Parameter only: who gets them, whatever types it asked for; nil for all that get such events.
    /// - Returns: the events' ids.
    @discardableResult
    func emit(
        _ drafts: [EventDraft], _ context: EventContext, to only: WebhookEndpoint? = nil, _ tx: Transaction
    ) throws -> [Int64] {
        guard !drafts.isEmpty else { return [] }
        let scope = context.environment.scope
        let connection = context.connection
        var sequence = try ConnectionStore.takeSequence(connection.id, count: drafts.count, scope, tx)
        let endpoints =
            try only.map { [$0] }
            ?? EndpointStore.route(
                scope, connection: connection.id, callbackURL: connection.callbackURL,
                refreshURL: connection.refreshWebhookURL, tx)
        let machineNow = core.runtime.now()
        return try drafts.map { draft in
            let id = try core.sequence.take()
            let event = EventStore.NewEvent(
                id: id, sequence: sequence, type: draft.type.name, accountID: draft.accountID,
                thin: OkraEnvelope.members(draft, context, id: id, sequence: sequence, .thin),
                complete: try complete(draft, context, id: id, sequence: sequence, tx), parts: draft.parts)
            try EventStore.append(
                event, connection: connection.id,
                to: only == nil ? endpoints.filter { wants($0, draft.type, connection) }.distinct : endpoints,
                at: context.now, machineNow: machineNow, newID: core.sequence.take, scope, tx)
            sequence += 1
            return id
        }
    }

    /// The refresh URL gets refresh events only, unless it is the record's callback URL too.
    private func wants(_ endpoint: WebhookEndpoint, _ type: EventType, _ connection: Connection) -> Bool {
        guard endpoint.wants(type.name) else { return false }
        return endpoint.source != .connection || endpoint.url == connection.callbackURL || type.isRefresh
    }

    private func complete(
        _ draft: EventDraft, _ context: EventContext, id: Int64, sequence: Int64,
        _ tx: Transaction
    ) throws -> [UInt8]? {
        guard draft.hasComplete else { return nil }
        var body = OkraEnvelope.members(draft, context, id: id, sequence: sequence, .complete)
        if body.count > Self.completeBytesMax {
            body = OkraEnvelope.members(draft, context, id: id, sequence: sequence, .truncated)
        }
        let sealing = Outbox.sealing(context.environment.scope, context.connection.id.hex)
        if let sealer = context.sealer { return try sealer.seal(body, purpose: sealing.purpose) }
        return try core.seal(body, sealing, tx)
    }

    static func sealing(_ scope: Scope, _ connection: String) -> SealContext {
        SealContext(environmentID: scope.environmentID, connectionID: connection, purpose: "event")
    }
}
