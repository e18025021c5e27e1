import Domain
import ServiceLifecycle
import Storage

/// What a page of events proves: every event of these connections with a number in the range was looked at, whether or
/// not its type was asked for.
public struct EventCover: Sendable, Equatable {
    /// nil for events of the environment itself.
    public let connection: String?
    /// The life of the database in which the numbers were given.
    public let epoch: Int64
    public let first: Int64
    public internal(set) var last: Int64
}

/// A page of events.
public struct EventPage: Sendable {
    /// Objects, separated by commas: the bodies of thin webhooks.
    public var items: [UInt8] = []
    public var count = 0
    public var next = ""
    /// Whether there is more already.
    public var hasMore = false
    public var gap: FeedGap?
    /// In the order of the events; a hole in a connection's numbers begins a new range.
    public var covered: [EventCover] = []
}

/// What is asked of the events' feed.
public struct EventQuery: Sendable {
    /// Instead of a connection: the events that belong to none.
    public static let none = "none"
    public var connection: String?
    /// Types by name, or groups as in `transaction.*`; empty for all.
    public var types: [String] = []
    /// How much each event tells; `complete` where it has such a body.
    public var payload = WebhookEndpoint.Payload.thin
    public var limit: Int
    public var start: FeedStart

    public init(connection: String? = nil, types: [String] = [], limit: Int, start: FeedStart) {
        self.connection = connection
        self.types = types
        self.limit = limit
        self.start = start
    }

    func wants(_ type: String) -> Bool {
        types.isEmpty || types.contains { WebhookEndpoint.matches($0, type) }
    }
}

extension FeedService {
    static let eventFeed = "events"
    /// Events that one page looks at to find those of the asked types.
    static let scannedMax = 1000
    /// A page that has so many ranges to tell of is not waited with: the reader goes on from it.
    private static let coveredMax = 1000
    /// A page of complete bodies ends behind the one that makes it longer than this.
    private static let pageBytesMax = 4 * 1024 * 1024
    /// Commits come in bursts: who waits looks again no sooner than this after the last look.
    private static let lookMs: Int64 = 100
    /// Without a call it looks so often, for what another node committed and could not tell.
    private static let rereadMs: Int64 = 1000
    private static let deadlineMarginSeconds: Int64 = 3

    /// The next page of events, in the order of commits; with `seconds`, waits for one where there is none yet.
    /// - Throws: `not_found` for a connection or an event that is not here, `invalid_field` for a wrong cursor.
    public func events(
        _ query: EventQuery, waiting seconds: Int64 = 0, in environment: Domain.Environment
    ) async throws -> EventPage {
        let listener = seconds > 0 ? core.wakes.feeds.listen(Wakes.feed) : nil
        defer { listener.map(core.wakes.feeds.forget) }
        let wait = min(seconds, max(0, core.settings.deadlineSeconds - Self.deadlineMarginSeconds))
        let end = core.runtime.now() + wait * 1000
        return try await withGracefulShutdownHandler {
            var query = query
            var page = try await look(query, environment)
            while page.count == 0, page.covered.count < Self.coveredMax, page.gap == nil, let listener,
                core.runtime.now() < end, !Task.isShuttingDownGracefully, !Task.isCancelled
            {
                let covered = page.covered
                query.start = .cursor(page.next)
                let seen = core.runtime.now()
                if !page.hasMore { await listener.bell.wait(until: min(end, seen + Self.rereadMs), core.runtime) }
                let early = seen + Self.lookMs
                if !page.hasMore, core.runtime.now() < min(early, end) {
                    do { try await core.runtime.sleep(until: min(early, end)) } catch { break }
                }
                page = try await look(query, environment)
                page.covered = page.covered.reduce(into: covered) { $0.cover($1) }
            }
            return page
        } onGracefulShutdown: {
            listener?.bell.set()
        }
    }

    private func look(_ query: EventQuery, _ environment: Domain.Environment) async throws -> EventPage {
        let filter = query.connection.map { FeedFilter.connection($0) } ?? .all
        var given: FeedCursor?
        var named: Int64?
        if case .cursor(let text) = query.start {
            named = EventID.parse(text)
            if named == nil { given = try cursor(text, Self.eventFeed, field: "after", filter, environment) }
        }
        let start = given
        let event = named
        let strangers = try await FeedStrangers.find(core.database)
        let (page, next, epoch) = try await core.database.read(snapshot: true) { db in
            // Who waits for events may outlast the business.
            if try TenantStore.isRemoved(environment.scope, db) { throw DomainError.revokedKey }
            let reading = EventReading(
                query: query, scope: environment.scope, db: db, horizon: try EventReads.horizon(db, strangers),
                scannedMax: Self.scannedMax, bytesMax: Self.pageBytesMax, vault: core.vault)
            let (page, next) =
                try query.connection.map { try reading.connection($0, start, event) }
                ?? reading.environment(start, event)
            return (page, next, reading.horizon.epoch)
        }
        var told = page
        let stage = FeedCursor.Stage.changes(after: next, skipped: 0, until: nil)
        told.next = text(FeedCursor(filter: filter, stage: stage, epoch: epoch), Self.eventFeed, environment)
        return told
    }
}

/// One page, inside one snapshot of the database.
private struct EventReading {
    let query: EventQuery
    let scope: Scope
    let db: any SQLConnection
    let horizon: FeedHorizon
    let scannedMax: Int
    let bytesMax: Int
    let vault: Vault

    /// One more than a page takes, which tells whether there is more.
    private var rowsMax: Int { (query.types.isEmpty ? min(query.limit, scannedMax) : scannedMax) + 1 }

    private func place(_ cursor: FeedCursor?) throws -> FeedPlace? {
        guard let cursor else { return nil }
        guard case .changes(let after, _, _) = cursor.stage else { return FeedPlace.start }
        return after
    }

    /// - Returns: nil for an event of an earlier life of the database that is not in this one.
    private func known(_ event: Int64) throws -> EventReads.Fed? {
        if let found = try EventReads.place(of: event, scope, db) { return found }
        guard Epoch.of(id: event) != horizon.epoch else { throw DomainError.notFound("event") }
        return nil
    }

    /// Whether what the reader has come to was undone.
    private func isUndone(_ cursor: FeedCursor?, _ event: Int64?, _ named: EventReads.Fed?) -> Bool {
        event != nil ? named == nil : cursor.map { $0.epoch != horizon.epoch } ?? false
    }

    func environment(_ cursor: FeedCursor?, _ event: Int64?) throws -> (EventPage, FeedPlace) {
        if query.start == .now { return (EventPage(), horizon.place) }
        let named = try event.flatMap(known)
        let floor = try EventReads.floor(scope, db)
        var after = try named?.place ?? place(cursor) ?? floor ?? .start
        var gap: FeedGap?
        if isUndone(cursor, event, named) || (named == nil && horizon.isPassed(by: after, of: horizon.epoch)) {
            gap = .restored
            after = floor ?? .start
        } else if let floor, after < floor {
            gap = .retention
            after = floor
        }
        let until = max(after, horizon.place)
        let rows = try EventReads.feed(after: after, until: until, limit: rowsMax, scope, db)
        var (page, last) = try fill(rows)
        page.gap = gap
        // What no event of this environment is in is passed too, unless there is more to read.
        return (page, page.hasMore ? last?.place ?? after : until)
    }

    /// The place in a connection's feed is its sequence number.
    func connection(_ asked: String, _ cursor: FeedCursor?, _ event: Int64?) throws -> (EventPage, FeedPlace) {
        let id = asked == EventQuery.none ? "" : asked
        let newest = try EventReads.lastSequence(id, scope, db)
        let narrowed = try narrowed(cursor, to: id, newest)
        var after = try narrowed?.after ?? place(cursor)?.place ?? 0
        if query.start == .now {
            guard let newest else { throw DomainError.notFound("connection") }
            return (EventPage(), FeedPlace(batch: 0, place: newest))
        }
        let named = try event.flatMap(known)
        if let named {
            guard named.connection == id else { throw DomainError.notFound("event") }
            after = named.sequence
        }
        var gap: FeedGap?
        if isUndone(cursor, event, named) || narrowed?.isUndone ?? false || (newest.map { after > $0 } ?? false) {
            gap = .restored
            after = 0
        }
        let rows = try EventReads.feed(connection: id, after: after, limit: rowsMax, scope, db)
        // A removed connection leaves its last event for as long as events are kept.
        if newest == nil, rows.isEmpty, after == 0 { throw DomainError.notFound("connection") }
        // The last event of a removed connection tells what became of those before it.
        if let first = rows.first, first.sequence > after + 1, cursor != nil || event != nil,
            first.type != EventCatalog.removed.name
        {
            gap = gap ?? .retention
        }
        var (page, last) = try fill(rows)
        page.gap = gap
        return (page, FeedPlace(batch: 0, place: last?.sequence ?? after))
    }

    /// What a reader of the whole environment has of one connection: the place of its cursor is one in the order of
    /// commits, in which the connection's numbers run upwards.
    /// - Returns: nil for a cursor that is the connection's own.
    private func narrowed(
        _ cursor: FeedCursor?, to connection: String, _ newest: Int64?
    ) throws -> (after: Int64, isUndone: Bool)? {
        guard let cursor, cursor.filter == .all, let place = try place(cursor) else { return nil }
        guard !horizon.isPassed(by: place, of: cursor.epoch) else { return (0, true) }
        if let last = try EventReads.sequence(of: connection, at: place, scope, db) { return (last, false) }
        // What it had before this place is forgotten, or there was nothing; beyond the floor that is no gap.
        if let floor = try EventReads.floor(scope, db), place < floor { return (0, false) }
        let first = try EventReads.feed(connection: connection, after: 0, limit: 1, scope, db).first
        return (first.map { $0.sequence - 1 } ?? newest ?? 0, false)
    }

    /// - Returns: the page, and the last event that it looked at.
    private func fill(_ rows: [EventReads.Fed]) throws -> (EventPage, EventReads.Fed?) {
        var page = EventPage()
        var last: EventReads.Fed?
        for (index, row) in rows.enumerated() {
            guard page.count < query.limit, index < scannedMax, page.items.count < bytesMax else {
                page.hasMore = true
                break
            }
            last = row
            page.covered.cover(
                EventCover(
                    connection: row.connection.isEmpty ? nil : row.connection, epoch: Epoch.of(id: row.id),
                    first: row.sequence, last: row.sequence))
            guard query.wants(row.type) else { continue }
            page.add(row, try members(row))
        }
        return (page, last)
    }

    private func members(_ row: EventReads.Fed) throws -> [UInt8] {
        try row.members(query.payload, vault, scope, db)
    }
}

extension EventPage {
    fileprivate mutating func add(_ row: EventReads.Fed, _ members: [UInt8]) {
        if count > 0 { items.append(UInt8(ascii: ",")) }
        count += 1
        items += row.object(members)
    }
}

extension EventReads.Fed {
    /// The members of its body. What was erased with its connection is told as the thin one tells it.
    fileprivate func members(
        _ payload: WebhookEndpoint.Payload, _ vault: Vault, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [UInt8] {
        guard payload == .complete, let sealed = try EventReads.complete(id, scope, db) else { return thin }
        do {
            return try vault.open(sealed, Outbox.sealing(scope, connection), on: db)
        } catch VaultError.shredded {
            return thin
        }
    }

    fileprivate func object(_ members: [UInt8]) -> [UInt8] {
        [UInt8(ascii: "{")] + members + Array(",\"previous_sequence\":\(sequence - 1)}".utf8)
    }
}

extension FeedService {
    /// One event as the feed shows it, a JSON object; of one that is sent in parts the whole.
    /// - Throws: `not_found` for one that is not here, or not kept any more.
    public func event(
        _ id: String, _ payload: WebhookEndpoint.Payload, in environment: Domain.Environment
    ) async throws -> [UInt8] {
        let (scope, vault) = (environment.scope, core.vault)
        let found = try await core.database.read(snapshot: true) { db -> [UInt8]? in
            guard let number = EventID.parse(id), let row = try EventReads.place(of: number, scope, db) else {
                return nil
            }
            return row.object(try row.members(payload, vault, scope, db))
        }
        guard let found else { throw DomainError.notFound("event") }
        return found
    }
}

extension [EventCover] {
    /// Widens the connection's last range, or begins one behind a hole.
    fileprivate mutating func cover(_ next: EventCover) {
        if let place = lastIndex(where: { $0.connection == next.connection }), self[place].epoch == next.epoch,
            self[place].last + 1 == next.first
        {
            self[place].last = next.last
        } else {
            append(next)
        }
    }
}
