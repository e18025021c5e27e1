import Domain
import Storage

/// Shows what was sent to endpoints, what came back and what waits.
public struct DeliveryLogService: Sendable {
    /// Rows of one page of an export.
    private static let exportPage = 200

    let core: Core
    public init(core: Core) { self.core = core }

    /// A page of deliveries, newest first. It can be short, or empty, while there is more.
    /// - Parameter cursor: `next` of the page before.
    public func deliveries(
        _ filter: LogFilter, cursor: String?, limit: Int, in environment: Domain.Environment
    ) async throws -> (rows: [DeliveryView], next: String?) {
        let start = try cursor.map { text in
            guard let place = DeliveryPlace(text: text, DeliveryPlace.Walk(filter)) else { throw Self.wrongCursor }
            return place
        }
        let found = try await core.database.read(snapshot: true) { db in
            try AttemptReads.deliveries(filter, after: start, limit: limit, environment.scope, db)
        }
        return (found.rows.map(DeliveryView.init), found.next?.text)
    }

    /// A page of attempts, newest first. It can be short, or empty, while there is more.
    /// - Parameter outcomes: `delivered`, `retry`, `dead`, `quarantined`; empty for all.
    public func attempts(
        _ filter: LogFilter, outcomes: Set<String>, cursor: String?, limit: Int, in environment: Domain.Environment
    ) async throws -> (rows: [AttemptLogView], next: String?) {
        let start = try cursor.map { text in
            guard let place = LogID.attempt(text) else { throw Self.wrongCursor }
            return place
        }
        let found = try await core.database.read(snapshot: true) { db in
            try AttemptReads.attempts(
                filter, outcomes: outcomes, before: start, limit: limit, environment.scope, db)
        }
        return (found.rows.map { AttemptLogView($0.event, $0.attempt) }, found.next.map(LogID.attempt))
    }

    private static let wrongCursor = DomainError.invalid(
        "cursor", "must be the `next_cursor` of a reply to the same filter.")

    /// One delivery with its attempts.
    public func delivery(_ id: String, in environment: Domain.Environment) async throws -> DeliveryView {
        guard let (event, delivery) = LogID.delivery(id),
            let found = try await core.database.read({ db in
                try AttemptReads.delivery(event: event, delivery, environment.scope, db)
            })
        else { throw DomainError.notFound("delivery") }
        return DeliveryView(found)
    }

    /// Every delivery that is asked for, page by page, newest first; pages that found nothing are passed over.
    public func export(
        _ filter: LogFilter, in environment: Domain.Environment, _ page: ([DeliveryView]) async throws -> Void
    ) async throws {
        var cursor: String?
        repeat {
            let found = try await deliveries(filter, cursor: cursor, limit: Self.exportPage, in: environment)
            if !found.rows.isEmpty { try await page(found.rows) }
            cursor = found.next
        } while cursor != nil
    }

    /// One attempt with its request as it was sent and what came back.
    public func attempt(_ id: String, in environment: Domain.Environment) async throws -> AttemptDetailView {
        let scope = environment.scope
        let found = try await core.database.read(snapshot: true) { db -> AttemptDetailView? in
            guard let place = LogID.attempt(id), let detail = try AttemptReads.detail(place, scope, db) else {
                return nil
            }
            let endpoint = try ID<WebhookEndpoint>(detail.attempt.endpointID).flatMap {
                try EndpointStore.find($0, scope, db)
            }.map { try EndpointPast.find($0, at: place.at, scope, db) }
            let elsewhere = try detail.attempt.replayID.flatMap { try ReplayStore.url($0, scope, db) }
            return AttemptDetailView(
                AttemptLogView(detail.event, detail.attempt), url: elsewhere ?? endpoint?.url,
                headers: headers(detail, endpoint, isElsewhere: elsewhere != nil),
                body: try body(detail, url: elsewhere ?? endpoint?.url, scope, db), response: detail.response)
        }
        guard let found else { throw DomainError.notFound("attempt") }
        return found
    }

    /// As the endpoint was set then; what is secret is not shown.
    private func headers(
        _ detail: AttemptDetail, _ endpoint: WebhookEndpoint?, isElsewhere: Bool
    ) -> [(name: String, value: String)] {
        let hidden = "***"
        let kinds = (endpoint?.signatures ?? []).map(\.rawValue).sorted()
        var headers = [
            (name: "content-type", value: "application/json"),
            ("webhook-id", AttemptLogView.eventID(detail.event.id, detail.attempt.part)),
            ("webhook-timestamp", String(detail.attempt.place.at.ms / 1000)),
            ("webhook-signature", kinds.map { "\($0),\(hidden)" }.joined(separator: " ")),
        ]
        if detail.attempt.replayID != nil { headers.append(DeliveryBody.replayedHeader) }
        let place = detail.attempt.place
        headers.append(core.trace(event: detail.event.id, delivery: place.delivery, attempt: place.number))
        guard let endpoint, !isElsewhere else { return headers }
        if endpoint.hasToken { headers.append(("authorization", "Bearer \(hidden)")) }
        return headers + endpoint.headerNames.map { ($0, hidden) }
    }

    /// nil when the connection's key is gone, and what it sealed with it.
    private func body(
        _ detail: AttemptDetail, url: String?, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [UInt8]? {
        var members = detail.thin
        if detail.attempt.isComplete, let sealed = detail.complete {
            do {
                members = try core.vault.open(sealed, Outbox.sealing(scope, detail.event.connection), on: db)
            } catch VaultError.shredded {
                return nil
            }
        }
        members = try EventParts.body(members, part: Int(detail.attempt.part))
        return DeliveryBody.render(members, url: url ?? "", isReplayed: detail.attempt.replayID != nil)
    }

    // MARK: retention

    /// Forgets attempts that were made longer ago than they are kept.
    /// - Returns: how many.
    func prune() async throws -> Int {
        guard core.settings.attemptRetentionDays > 0 else { return 0 }
        let before = core.runtime.now() + -core.settings.attemptRetentionDays * Instant.dayMs
        return try await core.sumOverScopes { scope in try await prune(scope, before: before) }
    }

    private func prune(_ scope: Scope, before: Instant) async throws -> Int {
        var sum = 0
        while true {
            let count = try await core.database.write { try RetentionStore.attempts(before: before, scope, $0) }
            sum += count
            if count < RetentionStore.attemptsMax { return sum }
        }
    }
}

/// An event for one endpoint, as it is shown.
public struct DeliveryView: Sendable {
    public let id: String
    public let eventID: String
    public let type: String
    /// nil for an event of the environment itself.
    public let connectionID: String?
    public let sequence: Int64
    public let endpointID: String
    public let state: DeliveryState
    /// In the environment's time.
    public let occurredAt: Instant
    /// Machine time; nil when it is not sent any more.
    public let nextAttemptAt: Instant?
    public let replayID: String?
    /// Oldest first.
    public let attempts: [AttemptLogView]

    init(_ row: LoggedDelivery) {
        id = LogID.delivery(event: row.event.id, row.id)
        eventID = AttemptLogView.eventID(row.event.id, row.part)
        type = row.event.type
        connectionID = row.event.connection.isEmpty ? nil : row.event.connection
        sequence = row.event.sequence
        endpointID = row.endpointID
        state = row.state
        occurredAt = row.event.at
        nextAttemptAt = row.dueAt
        replayID = row.replayID.map(ReplayView.text)
        attempts = row.attempts.map { AttemptLogView(row.event, $0) }
    }
}

/// One sending, as it is shown.
public struct AttemptLogView: Sendable {
    public let id: String
    public let deliveryID: String
    public let eventID: String
    public let type: String
    public let connectionID: String?
    public let endpointID: String
    public let number: Int64
    /// Machine time.
    public let at: Instant
    public let durationMs: Int64
    public let status: Int?
    /// What went wrong, for people.
    public let error: String?
    /// The same in a word, such as `timeout` or `status_5xx`; nil when nothing did.
    public let errorClass: String?
    public let outcome: String
    public let isComplete: Bool
    public let replayID: String?

    init(_ event: LoggedEvent, _ row: LoggedAttempt) {
        id = LogID.attempt(row.place)
        deliveryID = LogID.delivery(event: event.id, row.place.delivery)
        eventID = Self.eventID(event.id, row.part)
        type = event.type
        connectionID = event.connection.isEmpty ? nil : event.connection
        endpointID = row.endpointID
        number = row.place.number
        at = row.place.at
        durationMs = row.durationMs
        status = row.status
        error = AttemptText.told(row.error, row.errorClass)
        errorClass = row.errorClass
        outcome = row.outcome
        isComplete = row.isComplete
        replayID = row.replayID.map(ReplayView.text)
    }

    /// As its body names it: a part has the event's id with its number behind it.
    static func eventID(_ event: Int64, _ part: Int64) -> String { EventID.text(event, part: part) }
}

/// One attempt with its request and what came back.
public struct AttemptDetailView: Sendable {
    public let attempt: AttemptLogView
    /// nil when the endpoint was removed.
    public let url: String?
    public let headers: [(name: String, value: String)]
    /// nil when what it told was erased with its connection.
    public let body: [UInt8]?
    /// At most 16 KiB.
    public let response: [UInt8]

    init(
        _ attempt: AttemptLogView, url: String?, headers: [(name: String, value: String)], body: [UInt8]?,
        response: [UInt8]
    ) {
        self.attempt = attempt
        self.url = url
        self.headers = headers
        self.body = body
        self.response = response
    }
}
