import Domain
import Storage

extension ReplayService {
    /// One bounded step of a job.
    /// - Returns: whether it has come further.
    func step(_ replay: Replay) async throws -> Bool {
        guard try await core.database.read({ try mayGoOn(replay, $0) }) else { return false }
        try await core.sequence.fill()
        let now = core.runtime.now()
        let queued = try await core.database.write { tx -> Int? in
            try ReplayStore.take(replay, tx)
            guard let endpoint = try target(of: replay, at: now, tx) else { return 0 }
            // To one that was disabled meanwhile nothing is queued until it is enabled again.
            guard endpoint.isRouted || replay.url != nil else { return nil }
            let (rows, isLast) =
                try replay.request.connection.map { try ReplayStore.next(replay, of: $0, tx.db) }
                ?? ReplayStore.next(replay, tx.db)
            let wanted = try wanted(rows, replay, endpoint, tx)
            let taken = try counted(wanted, for: endpoint, replay.scope, upTo: Self.waitingMax, tx)
            // What does not fit is looked at in the next step.
            let isWhole = taken.count == wanted.count
            let passed = isWhole ? rows.count : rows.firstIndex { $0.event.id == wanted[taken.count].id } ?? rows.count
            // An older transaction may still commit what comes next.
            guard let last = rows.prefix(passed).last?.place ?? (isLast ? replay.until : nil) else { return nil }
            let queued = try queue(taken, replay, endpoint, at: now, tx)
            try ReplayStore.advance(
                replay, to: last, lookedAt: passed, queued: queued, endedAt: isLast && isWhole ? now : nil, tx)
            return queued
        }
        guard let queued else { return false }
        if queued > 0 { core.wakes.deliveries.set() }
        return true
    }

    /// Asked without writing, since many jobs may stand still for long.
    private func mayGoOn(_ replay: Replay, _ db: any SQLConnection) throws -> Bool {
        let endpoint = try ID<WebhookEndpoint>(replay.endpointID).flatMap {
            try EndpointStore.find($0, replay.scope, db)
        }
        guard replay.url != nil || endpoint?.isRouted ?? true else { return false }
        return try ReplayStore.waiting(replay.id, limit: Self.waitingMax, replay.scope, db) < Self.waitingMax
    }

    /// nil when it is gone, which ends the job.
    private func target(of replay: Replay, at now: Instant, _ tx: Transaction) throws -> WebhookEndpoint? {
        if let id = ID<WebhookEndpoint>(replay.endpointID),
            let found = try EndpointStore.find(id, replay.scope, tx.db)
        {
            return found
        }
        _ = try ReplayStore.stop(replay, .failed, error: "The endpoint was removed.", at: now, tx)
        return nil
    }

    private func wanted(
        _ rows: [(event: LoggedEvent, place: FeedPlace)], _ replay: Replay, _ endpoint: WebhookEndpoint,
        _ tx: Transaction
    ) throws -> [LoggedEvent] {
        var connections: [String: Connection?] = [:]
        let request = replay.request
        var events: [LoggedEvent] = []
        for (row, _) in rows
        where request.wants(type: row.type, connection: row.connection, at: row.at) && endpoint.wants(row.type)
            && row.type != EventCatalog.endpointTest.name
        {
            if endpoint.source == .connection, connections[row.connection] == nil {
                connections[row.connection] = .some(
                    try ID<Connection>(row.connection).flatMap { try ConnectionStore.find($0, replay.scope, tx.db) })
            }
            let isItsOwn =
                endpoint.source == .connection
                ? Routing.mayGet(endpoint, type: row.type, of: connections[row.connection] ?? nil)
                : endpoint.connectionID.map { $0 == row.connection } ?? true
            if isItsOwn { events.append(row) }
        }
        guard request.asksForDeliveries else { return events }
        let found = try AttemptReads.standings(
            of: events.map(\.id), at: replay.endpointID, replay.scope, tx.db)
        return events.filter { request.wants((found[$0.id] ?? []).map { ($0.state, $0.isTried) }) }
    }
}

/// Which endpoint may be sent which event.
enum Routing {
    /// - Parameter connection: whose event it is; nil for the environment's own, or when it was removed.
    static func mayGet(_ endpoint: WebhookEndpoint, type: String, of connection: Connection?) -> Bool {
        if let only = endpoint.connectionID, only != connection?.id.hex { return false }
        guard endpoint.source == .connection else { return true }
        // The URL for refreshes gets nothing else, unless it is the callback's too.
        let isRefresh = EventCatalog.all.first { $0.name == type }?.isRefresh ?? false
        return connection?.callbackURL == endpoint.url
            || (connection?.refreshWebhookURL == endpoint.url && isRefresh)
    }
}
