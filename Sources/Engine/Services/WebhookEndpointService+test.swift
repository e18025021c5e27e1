import Domain
import Storage

extension WebhookEndpointService {
    private static let testWaitMs: Int64 = 20_000
    private static let testPauseMs: Int64 = 50

    /// Sends `webhook_endpoint.test`, or an example of another event, to one endpoint as everything is sent: written,
    /// signed, delivered, logged; whatever types it asked for.
    /// - Parameters:
    ///   - event: a type by name; of an event of records it is the endpoint's record, or the one that was linked last.
    ///   - once: kept with the outcome `waiting`: the log of the event has what became of it.
    /// - Throws: `conflict` unless it is active; for an `event` as `TriggerService.fire`.
    /// - Returns: what the first attempt came to, or `waiting` after 20 seconds.
    public func test(
        _ id: String, event name: String? = nil, in environment: Domain.Environment,
        once: Once<EndpointTestView>? = nil
    ) async throws -> EndpointTestView {
        let id = try parsed(id)
        let triggers = TriggerService(core: core)
        let example = name == EventCatalog.endpointTest.name ? nil : name
        let type = try example.map { try triggers.example($0, environment) }
        try await core.sequence.fill()
        let now = core.runtime.now()
        let written = try await core.change(once) { tx in
            guard let endpoint = try EndpointStore.find(id, environment.scope, tx.db) else { throw Self.unknown }
            guard endpoint.status == .active else {
                let what = endpoint.status == .paused ? "paused. Resume" : "disabled. Enable"
                throw DomainError(.conflict, "This endpoint is \(what) it first: nothing is sent to it now.")
            }
            let virtual = environment.virtual(now)
            let event =
                if let type {
                    try triggers.emit(
                        type, record: endpoint.connectionID, to: endpoint, in: environment, at: virtual, tx
                    ).id
                } else {
                    try Outbox(core: core).emit(
                        Drafts.endpointTest(endpoint.id), in: environment, to: .only(endpoint), at: virtual, tx)
                }
            // It goes now, also when the endpoint is left alone for having failed.
            DeliveryStore.hasten(event: event, environment.scope, tx)
            try EndpointStore.bringForward(id, now: now, environment.scope, tx)
            return Self.view(event, nil)
        }
        core.wakes.deliveries.set()
        guard let event = EventID.parse(written.eventID) else { return written }
        let end = now + Self.testWaitMs
        while true {
            let isOver = core.runtime.now() >= end
            if let found = try await attempt(event, environment.scope) {
                if found.outcome == .delivered { try await bringForward(id, environment.scope) }
                return Self.view(event, found)
            }
            guard !isOver else { return written }
            try await core.runtime.sleep(until: core.runtime.now() + Self.testPauseMs)
        }
    }

    /// It takes something: what waits for it, in whichever lane, goes now.
    private func bringForward(_ id: ID<WebhookEndpoint>, _ scope: Scope) async throws {
        let now = core.runtime.now()
        try await core.database.write { try EndpointStore.bringForward(id, now: now, scope, $0) }
        core.wakes.deliveries.set()
    }

    private func attempt(_ event: Int64, _ scope: Scope) async throws -> AttemptRecord? {
        try await core.database.read { try DeliveryStore.attempts(event: event, scope, $0).first?.1 }
    }

    private static func view(_ event: Int64, _ attempt: AttemptRecord?) -> EndpointTestView {
        EndpointTestView(
            eventID: EventID.text(event),
            outcome: attempt.map { $0.outcome == .delivered ? "delivered" : "failed" } ?? "waiting",
            status: attempt?.status, error: AttemptText.told(attempt?.error, attempt?.errorClass),
            errorClass: attempt?.errorClass,
            durationMs: attempt?.durationMs)
    }
}
