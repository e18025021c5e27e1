import Domain
import Storage

/// Sends events to endpoints again.
///
/// A replay is a durable job: each step is one transaction that looks at a bounded number of events, puts those that
/// are meant into the queue behind what is new, and notes how far it has come. So it survives a restart, live events go
/// past it, and the queue stays short however much is replayed.
public struct ReplayService: Sendable {
    /// Jobs of one environment that are worked on at once.
    public static let runningMax = 20
    /// Deliveries of one job that wait at once; it goes on when fewer do.
    static let waitingMax = 2000
    /// Deliveries of several events that one transaction makes, well below the ids that are leased at once.
    static let queuedMax = 10_000
    /// Events whose parts are counted at once: each may tell of thousands of rows.
    private static let countedAtOnce = 20

    let core: Core
    let endpoints: WebhookEndpointService

    public init(core: Core, endpoints: WebhookEndpointService) {
        self.core = core
        self.endpoints = endpoints
    }

    /// What a caller asks for.
    public struct New: Sendable {
        public var request: ReplayRequest
        /// The endpoint; a delivery's own when it is left out.
        public var endpoint: String?
        /// A delivery, instead of an event.
        public var delivery: String?
        /// Where to send instead of the endpoint's URL.
        public var url: String?
        public init(
            _ request: ReplayRequest = ReplayRequest(), endpoint: String? = nil, delivery: String? = nil,
            url: String? = nil
        ) {
            self.request = request
            self.endpoint = endpoint
            self.delivery = delivery
            self.url = url
        }
    }

    // MARK: asking

    /// Begins a replay. One of a single event is done at once.
    /// - Throws: `not_found` for what is not here, `conflict` for too many at once and, unless there is a `url`, for a
    ///   disabled endpoint, `url_refused`, and `missing_field` where nothing says what to send or where.
    public func create(
        _ new: New, in environment: Domain.Environment, once: Once<ReplayView>? = nil
    ) async throws -> ReplayView {
        let new = try await resolved(new, environment)
        let url = try new.url.map { try URLRules(environment, core.settings).checked($0, field: "url") }
        guard let id = new.endpoint else { throw DomainError.missing("endpoint") }
        guard !new.request.isEmpty else {
            throw DomainError(
                .missingField,
                "Say what is to be sent again: `event`, `delivery`, `types`, `connection`, `status`, "
                    + "`never_attempted`, or a range by `from`.", field: "event")
        }
        try await core.sequence.fill()
        let now = core.runtime.now()
        let made = try await core.change(once) { tx in
            let endpoint = try self.endpoint(id, isElsewhere: url != nil, environment.scope, tx)
            return ReplayView(new: try begin(new.request, to: endpoint, url: url, at: now, environment.scope, tx))
        }
        ring()
        return made
    }

    /// With the event and the endpoint of a delivery, and no further back than attempts are kept.
    private func resolved(_ new: New, _ environment: Domain.Environment) async throws -> New {
        var new = new
        if let text = new.delivery {
            guard let (event, id) = LogID.delivery(text),
                let found = try await core.database.read({ db in
                    try AttemptReads.delivery(event: event, id, environment.scope, db)
                })
            else { throw DomainError.notFound("delivery") }
            new.request.event = event
            new.endpoint = new.endpoint ?? found.endpointID
        }
        if let event = new.request.event, new.request != ReplayRequest(event: event) {
            throw DomainError.invalid(
                "event", "stands alone, as `delivery` does: leave it out to send what a filter or a range names.")
        }
        try LogFilter.check(from: new.request.from, to: new.request.to)
        let days = core.settings.attemptRetentionDays
        if new.request.neverAttempted, days > 0 {
            let known = environment.virtual(core.runtime.now()) + -days * Instant.dayMs
            new.request.from = max(new.request.from ?? known, known)
        }
        return new
    }

    private func endpoint(
        _ id: String, isElsewhere: Bool, _ scope: Scope, _ tx: Transaction
    ) throws -> WebhookEndpoint {
        guard let id = ID<WebhookEndpoint>(id), let found = try EndpointStore.find(id, scope, tx.db) else {
            throw DomainError.notFound("webhook endpoint")
        }
        guard found.isRouted || isElsewhere else {
            throw DomainError(
                .conflict,
                "The endpoint is disabled, so nothing is sent to it. Enable it first, or send to another place by "
                    + "`url`.", field: "endpoint")
        }
        return found
    }

    private func begin(
        _ request: ReplayRequest, to endpoint: WebhookEndpoint, url: String?, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws -> Replay {
        let single = try request.event.map { try event($0, endpoint, scope, tx) }
        guard try ReplayStore.runningCount(limit: Self.runningMax, scope, tx.db) < Self.runningMax else {
            throw DomainError(
                .conflict, "\(Self.runningMax) replays are under way. Wait for one of them, or cancel one.")
        }
        let (start, until) = try range(request, scope, tx)
        let replay = try make(request, to: endpoint, url: url, (start, until), at: now, scope, tx)
        return try single.map { try end(replay, with: [$0], endpoint, at: now, tx) } ?? replay
    }

    func make(
        _ request: ReplayRequest, to endpoint: WebhookEndpoint, url: String?,
        _ range: (start: FeedPlace, until: FeedPlace), at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Replay {
        let id = try core.sequence.take()
        let lane = try url.map { _ in
            let subject = ReplayLane(endpointID: endpoint.id.hex, replayID: id).subject
            return try LaneStore.findOrCreate(.delivery, subject: subject, scope, newID: core.sequence.take, tx)
        }
        try ReplayStore.create(
            .init(
                id: id, request: request, endpointID: endpoint.id.hex, url: url, laneID: lane, start: range.start,
                until: range.until), at: now, scope, tx)
        guard let replay = try ReplayStore.find(id, scope, tx.db) else { throw ReplayMoved() }
        return replay
    }

    /// Does all of a small replay at once.
    func end(
        _ replay: Replay, with events: [LoggedEvent], _ endpoint: WebhookEndpoint, at now: Instant, _ tx: Transaction
    ) throws -> Replay {
        let queued = try queue(events, replay, endpoint, at: now, tx)
        try ReplayStore.advance(
            replay, to: replay.until, lookedAt: events.count, queued: queued, endedAt: now, tx)
        return try ReplayStore.find(replay.id, replay.scope, tx.db) ?? replay
    }

    /// A single event, which is sent whatever types the endpoint asks for.
    private func event(
        _ id: Int64, _ endpoint: WebhookEndpoint, _ scope: Scope, _ tx: Transaction
    ) throws -> LoggedEvent {
        guard let event = try AttemptReads.events([id], scope, tx.db).first else { throw DomainError.notFound("event") }
        let connection = try ID<Connection>(event.connection).flatMap { try ConnectionStore.find($0, scope, tx.db) }
        guard Routing.mayGet(endpoint, type: event.type, of: connection) else {
            throw DomainError(
                .conflict, "The endpoint gets events of other connections only. Choose another one.",
                field: "endpoint")
        }
        return event
    }

    private func range(
        _ request: ReplayRequest, _ scope: Scope, _ tx: Transaction
    ) throws -> (start: FeedPlace, until: FeedPlace) {
        guard let connection = request.connection else {
            return try ReplayStore.range(from: request.from, scope, tx.db)
        }
        guard let last = try EventReads.lastSequence(connection, scope, tx.db) else {
            throw DomainError.notFound("connection")
        }
        return (FeedPlace(batch: 0, place: 0), FeedPlace(batch: 0, place: last))
    }

    /// - Returns: how many deliveries were made.
    /// - Throws: `conflict` when there would be more than one transaction can make.
    func queue(
        _ events: [LoggedEvent], _ replay: Replay, _ endpoint: WebhookEndpoint, at now: Instant, _ tx: Transaction
    ) throws -> Int {
        let found = try counted(events, for: endpoint, replay.scope, upTo: Self.queuedMax, tx)
        guard found.count == events.count else {
            throw DomainError(
                .conflict,
                "The endpoint gets transactions one by one, and these events tell of more than \(Self.queuedMax). "
                    + "Ask for fewer at once, or replay them by a filter.", field: "endpoint")
        }
        return try queue(found, replay, endpoint, at: now, tx)
    }

    func queue(
        _ events: [Counted], _ replay: Replay, _ endpoint: WebhookEndpoint, at now: Instant, _ tx: Transaction
    ) throws -> Int {
        for (event, parts) in events {
            for part in parts > 0 ? 1...parts : 0...0 {
                try DeliveryStore.append(
                    EventPart(event: event.id, part: Int64(part)), of: event.connection, to: endpoint,
                    replay: replay, machineNow: now, newID: core.sequence.take, replay.scope, tx)
            }
        }
        return events.reduce(0) { $0 + max(1, $1.parts) }
    }

    /// An event with the parts in which it is sent; 0 when it is sent whole.
    typealias Counted = (event: LoggedEvent, parts: Int)

    /// The first of these events, as many as make no more deliveries than `most`; one at least.
    func counted(
        _ events: [LoggedEvent], for endpoint: WebhookEndpoint, _ scope: Scope, upTo most: Int, _ tx: Transaction
    ) throws -> [Counted] {
        var found: [Counted] = []
        var sum = 0
        for start in stride(from: 0, to: events.count, by: Self.countedAtOnce) {
            let some = events[start..<min(start + Self.countedAtOnce, events.count)]
            let split = endpoint.splitsTransactions ? some.filter { EventParts.types.contains($0.type) }.map(\.id) : []
            let thin = split.isEmpty ? [:] : try AttemptReads.thin(split, scope, tx.db)
            for event in some {
                let parts = try thin[event.id].map { try EventParts($0).count } ?? 0
                sum += max(1, parts)
                guard sum <= most || found.isEmpty else { return found }
                found.append((event, parts))
            }
        }
        return found
    }

    private func ring() {
        core.replays.ring()
        core.wakes.deliveries.set()
    }

    // MARK: reading and cancelling

    /// One replay and how far it has come.
    public func find(_ id: String, in environment: Domain.Environment) async throws -> ReplayView {
        guard let number = ReplayView.number(id),
            let found = try await core.database.read(
                snapshot: true, { db in try ReplayStore.find(number, environment.scope, db).map { try view($0, db) } })
        else { throw DomainError.notFound("replay") }
        return found
    }

    /// With what waits at this moment.
    func view(_ replay: Replay, _ db: any SQLConnection) throws -> ReplayView {
        let open = Int(replay.queued - replay.delivered - replay.failed)
        let waiting = open > 0 ? try ReplayStore.waiting(replay.id, limit: open, replay.scope, db) : 0
        return ReplayView(replay, waiting: waiting)
    }

    /// Replays, newest first.
    /// - Parameter cursor: the id of the last one that was shown.
    public func list(
        limit: Int, after cursor: String?, in environment: Domain.Environment
    ) async throws -> (rows: [ReplayView], next: String?) {
        let before = try cursor.map { text in
            guard let number = ReplayView.number(text) else {
                throw DomainError.invalid("cursor", "must be the `next_cursor` of a reply.")
            }
            return number
        }
        let found = try await core.database.read(snapshot: true) { db in
            try ReplayStore.list(before: before, limit: limit + 1, environment.scope, db).map { try view($0, db) }
        }
        let shown = Array(found.prefix(limit))
        return (shown, found.count > limit ? shown.last?.id : nil)
    }

    /// Ends a replay; what waits of it is not sent. What is being sent at this moment is.
    /// - Throws: `conflict` when it is over and all of it was sent.
    public func cancel(
        _ id: String, in environment: Domain.Environment, once: Once<ReplayView>? = nil
    ) async throws -> ReplayView {
        let scope = environment.scope
        let now = core.runtime.now()
        let cancelled = try await core.change(once) { tx in
            guard let number = ReplayView.number(id), let replay = try ReplayStore.find(number, scope, tx.db) else {
                throw DomainError.notFound("replay")
            }
            guard try ReplayStore.stop(replay, .cancelled, error: nil, at: now, tx) else {
                throw DomainError(
                    .conflict, "The replay is over and nothing of it waits, so there is nothing to cancel.")
            }
            return try view(ReplayStore.find(number, scope, tx.db) ?? replay, tx.db)
        }
        core.wakes.targets.set()
        return cancelled
    }
}

// MARK: retention

extension ReplayService {
    /// A job is kept so long, where events are kept for good.
    private static let keptDays: Int64 = 90

    /// Clears away what jobs that are over left, and forgets the old ones.
    /// - Returns: jobs that were forgotten.
    static func prune(_ core: Core) async throws -> Int {
        while try await core.database.write({ try ReplayStore.clearLanes($0) }) == ReplayStore.prunedMax {}
        let days = core.settings.retentionDays > 0 ? core.settings.retentionDays : keptDays
        let before = core.runtime.now() + -days * Instant.dayMs
        var sum = 0
        while true {
            let count = try await core.database.write { try ReplayStore.prune(before: before, $0) }
            sum += count
            if count < ReplayStore.prunedMax { return sum }
        }
    }
}
