import Domain

/// The list of deliveries: a walk over rows in the order of an index, in bounded chunks, with the deliveries of each.
/// An event of which there are many, as of one that is sent in thousands of parts, is read by slices.
extension AttemptReads {
    /// Events whose deliveries are read together.
    private static let eventsAtOnce = 50

    fileprivate struct Found {
        let place: DeliveryPlace
        let event: Int64
        /// nil where all deliveries of the event are meant.
        var delivery: Int64?
        /// Whether its event may be one that is asked for, as far as the walk knows.
        var isWanted = true
        /// Nothing behind it is asked for.
        var isPast = false
    }

    /// A page while it is filled.
    private struct DeliveryPage {
        let walk: DeliveryPlace.Walk
        let filter: LogFilter
        let limit: Int
        var rows: [LoggedDelivery] = []
        var place: DeliveryPlace
        /// Rows that were looked at.
        var looked = 0

        /// - Returns: whether there is room for more.
        mutating func show(_ deliveries: [LoggedDelivery], of row: Found) -> Bool {
            let shown = shown(of: row)
            for one in deliveries where one.id > shown && AttemptReads.isWanted(one, row, filter) {
                guard rows.count < limit else { return false }
                rows.append(one)
                note(one.id, of: row)
            }
            return true
        }

        /// The last of a row's deliveries that is done with.
        func shown(of row: Found) -> Int64 { place.isSameRow(as: row.place) ? place.delivery : .min }

        mutating func note(_ delivery: Int64, of row: Found) {
            place = DeliveryPlace(walk, row.place.first, row.place.second, delivery: delivery)
        }
    }

    /// Deliveries that are asked for, newest first, and where to go on; nil at the end. A page can be short, or empty,
    /// while there is more: it looks at no more than `lookedMax` rows.
    public static func deliveries(
        _ filter: LogFilter, after start: DeliveryPlace?, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (rows: [LoggedDelivery], next: DeliveryPlace?) {
        let walk = DeliveryPlace.Walk(filter)
        let place = try start ?? first(walk, filter, scope, db)
        var page = DeliveryPage(walk: walk, filter: filter, limit: limit, place: place)
        while page.looked < lookedMax {
            let found = try chunk(walk, filter, after: page.place, scope, db)
            for start in stride(from: 0, to: found.count, by: eventsAtOnce) {
                let some = found[start..<min(start + eventsAtOnce, found.count)]
                switch try fill(&page, some, scope, db) {
                case .goesOn: break
                case .isFull: return (page.rows, page.place)
                case .isPast: return (page.rows, nil)
                }
            }
            if found.count < chunk || walk == .event { return (page.rows, nil) }
            page.looked += found.count
        }
        return (page.rows, page.place)
    }

    private enum Filled { case goesOn, isFull, isPast }

    private static func fill(
        _ page: inout DeliveryPage, _ some: ArraySlice<Found>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Filled {
        let known = try Known(some.filter(\.isWanted), scope, db)
        for row in some {
            if row.isPast { return .isPast }
            if known.many.contains(row.event) {
                guard try fill(&page, byParts: row, scope, db) else { return .isFull }
            } else {
                guard page.show(known.deliveries[row.event] ?? [], of: row) else { return .isFull }
            }
            page.place = row.place
        }
        return .goesOn
    }

    /// An event of which there is much, slice by slice.
    /// - Returns: whether all of it was looked at.
    private static func fill(
        _ page: inout DeliveryPage, byParts row: Found, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Bool {
        while true {
            let ids = try DeliveryRows.ids(of: row.event, after: page.shown(of: row), scope, db)
            guard let last = ids.last else { return true }
            guard page.show(try deliveries([row.event: Set(ids)], scope, db), of: row) else { return false }
            page.note(last, of: row)
            page.looked += ids.count
            if page.looked >= lookedMax { return false }
        }
    }

    /// How an event stands with an endpoint by one of its deliveries there.
    public struct Standing: Sendable, Hashable {
        public let state: DeliveryState
        public let isTried: Bool
    }

    /// How events stand with an endpoint, for each in all the ways of its deliveries; those that it was never meant for
    /// are left out.
    public static func standings(
        of events: [Int64], at endpoint: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Int64: Set<Standing>] {
        var found: [Int64: Set<Standing>] = [:]
        func note(_ deliveries: [LoggedDelivery]) {
            for one in deliveries where one.endpointID == endpoint {
                found[one.event.id, default: []].insert(Standing(state: one.state, isTried: !one.attempts.isEmpty))
            }
        }
        for start in stride(from: 0, to: events.count, by: eventsAtOnce) {
            let known = try Known(events: Array(events[start..<min(start + eventsAtOnce, events.count)]), scope, db)
            known.deliveries.values.forEach(note)
            for event in known.many {
                var last = Int64.min
                while case let ids = try DeliveryRows.ids(of: event, after: last, scope, db), let end = ids.last {
                    note(try deliveries([event: Set(ids)], scope, db))
                    last = end
                }
            }
        }
        return found
    }

    /// What was read of some events.
    private struct Known {
        var deliveries: [Int64: [LoggedDelivery]] = [:]
        /// Events that have more than is read at once.
        var many: Set<Int64> = []

        init(_ rows: [Found], _ scope: Scope, _ db: any SQLConnection) throws {
            var exact: [Int64: Set<Int64>] = [:]
            for row in rows {
                if let delivery = row.delivery { exact[row.event, default: []].insert(delivery) }
            }
            try self.init(events: exact.isEmpty ? Set(rows.map(\.event)).sorted() : [], scope, db)
            if !exact.isEmpty {
                deliveries = Dictionary(grouping: try AttemptReads.deliveries(exact, scope, db)) { $0.event.id }
            }
        }

        init(events: [Int64], _ scope: Scope, _ db: any SQLConnection) throws {
            let facts = try DeliveryRows.events(events, scope, db)
            let found = try DeliveryRows.few(events, scope, db)
            many = found.many.filter { facts[$0] != nil }
            for (event, fact) in facts where !many.contains(event) {
                deliveries[event] = AttemptReads.joined(
                    fact, found.rows.queued[event] ?? [], found.rows.tried[event] ?? [])
            }
        }
    }

    fileprivate static func isWanted(_ one: LoggedDelivery, _ row: Found, _ filter: LogFilter) -> Bool {
        row.isWanted && (row.delivery.map { $0 == one.id } ?? true) && filter.wants(one.state)
            && filter.wants(type: one.event.type) && filter.wants(at: one.event.at)
            && (filter.connection.map { $0 == one.event.connection } ?? true)
            && (filter.endpoint.map { $0 == one.endpointID } ?? true)
    }

    /// Before the newest row that may be asked for.
    private static func first(
        _ walk: DeliveryPlace.Walk, _ filter: LogFilter, _ scope: Scope, _ db: any SQLConnection
    ) throws -> DeliveryPlace {
        guard walk == .feed, let to = filter.to else { return DeliveryPlace(walk, .max, .max, delivery: .min) }
        let key = try FeedSeek.first(notBefore: to + FeedSeek.marginMs, scope, db)
        return db.dialect == .postgres
            ? DeliveryPlace(walk, key, .max, delivery: .min) : DeliveryPlace(walk, 0, key, delivery: .min)
    }

    private static func chunk(
        _ walk: DeliveryPlace.Walk, _ filter: LogFilter, after place: DeliveryPlace, _ scope: Scope,
        _ db: any SQLConnection
    ) throws -> [Found] {
        switch walk {
        case .event:
            guard place.delivery < .max else { return [] }
            return [Found(place: DeliveryPlace(walk, filter.event ?? 0, 0), event: filter.event ?? 0)]
        case .connection: return try ofConnection(filter, place, scope, db)
        case .feed: return try ofFeed(filter, place, scope, db)
        case .queue: return try ofQueue(place, scope, db)
        case .failed: return try ofFailed(filter, place, scope, db)
        }
    }

    private static let connectionSQL = """
        SELECT seq, id, type FROM event WHERE environment_id = $1 AND connection_id = $2 AND seq <= $3
        ORDER BY seq DESC LIMIT $4
        """

    private static func ofConnection(
        _ filter: LogFilter, _ place: DeliveryPlace, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Found] {
        // A row that is done with is not read again.
        let last = place.delivery == .max ? place.first - 1 : place.first
        return try db.query(
            connectionSQL,
            [.integer(scope.environmentID), .text(filter.connection), .integer(last), .int(chunk)]
        ) { row in
            Found(
                place: DeliveryPlace(.connection, row.int(0), 0), event: row.int(1),
                isWanted: filter.wants(type: row.text(2)))
        }
    }

    private static func feedSQL(_ dialect: Dialect) -> String {
        let place = FeedRows.Feed.events.place(dialect)
        return """
            SELECT batch, \(place), id, type, occurred_at_ms FROM event
            WHERE environment_id = $1 AND \(FeedRows.Feed.events.upTo("$2", "$3", dialect))
            ORDER BY batch DESC, \(place) DESC LIMIT $4
            """
    }
    private static let sqliteFeedSQL = feedSQL(.sqlite)
    private static let postgresFeedSQL = feedSQL(.postgres)

    private static func ofFeed(
        _ filter: LogFilter, _ place: DeliveryPlace, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Found] {
        let end = filter.from.map { $0 + -FeedSeek.marginMs }
        let last = place.delivery == .max ? place.second - 1 : place.second
        return try db.query(
            db.dialect == .sqlite ? sqliteFeedSQL : postgresFeedSQL,
            [.integer(scope.environmentID), .integer(place.first), .integer(last), .int(chunk)]
        ) { row in
            Found(
                place: DeliveryPlace(.feed, row.int(0), row.int(1)), event: row.int(2),
                isWanted: filter.wants(type: row.text(3)) && filter.wants(at: row.instant(4)),
                isPast: end.map { row.instant(4) < $0 } ?? false)
        }
    }

    private static let queueSQL = """
        SELECT event_id, id FROM delivery
        WHERE environment_id = $1 AND event_id <= $2 AND (event_id, id) < ($2, $3)
        ORDER BY event_id DESC, id DESC LIMIT $4
        """

    private static func ofQueue(
        _ place: DeliveryPlace, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Found] {
        try db.query(
            queueSQL,
            [.integer(scope.environmentID), .integer(place.first), .integer(place.second), .int(chunk)]
        ) { Found(place: DeliveryPlace(.queue, $0.int(0), $0.int(1)), event: $0.int(0), delivery: $0.int(1)) }
    }

    private static func ofFailed(
        _ filter: LogFilter, _ place: DeliveryPlace, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Found] {
        let before = AttemptPlace(at: Instant(ms: place.first), delivery: place.second, number: .min)
        return try attempts(before: before, failed: true, limit: chunk, scope, db).map { event, attempt in
            Found(
                place: DeliveryPlace(.failed, attempt.place.at.ms, attempt.place.delivery), event: event,
                delivery: attempt.place.delivery, isWanted: attempt.outcome != "retry")
        }
    }
}

/// Where in the feed a time begins. Events are written at about the time that they tell, so the feed is in the order of
/// time but for the length of a transaction.
enum FeedSeek {
    /// A transaction that writes events lasts less than this: who walks by commits goes this much further.
    static let marginMs: Int64 = 3_600_000

    private static func edgeSQL(_ dialect: Dialect, _ direction: String) -> String {
        let key = key(dialect)
        return """
            SELECT \(key) FROM event WHERE environment_id = $1 ORDER BY batch \(direction), \
            \(FeedRows.Feed.events.place(dialect)) \(direction) LIMIT 1
            """
    }
    private static func timeSQL(_ dialect: Dialect) -> String {
        let place = FeedRows.Feed.events.place(dialect)
        let condition =
            dialect == .postgres ? "batch >= $2" : "batch = 0 AND \(place) >= $2"
        return """
            SELECT occurred_at_ms, \(key(dialect)) FROM event WHERE environment_id = $1 AND \(condition)
            ORDER BY batch, \(place) LIMIT 1
            """
    }
    /// What is searched: numbers of transactions on PostgreSQL, of rows on SQLite.
    private static func key(_ dialect: Dialect) -> String {
        dialect == .postgres ? "batch" : FeedRows.Feed.events.place(dialect)
    }
    private static let sqlite = (
        first: edgeSQL(.sqlite, "ASC"), last: edgeSQL(.sqlite, "DESC"), time: timeSQL(.sqlite)
    )
    private static let postgres = (
        first: edgeSQL(.postgres, "ASC"), last: edgeSQL(.postgres, "DESC"), time: timeSQL(.postgres)
    )

    /// The first key whose event is not before `instant`; one behind the last when all are. Some forty looks at an
    /// index, however many events there are.
    static func first(notBefore instant: Instant, _ scope: Scope, _ db: any SQLConnection) throws -> Int64 {
        let sql = db.dialect == .postgres ? postgres : sqlite
        let environment = SQLValue.integer(scope.environmentID)
        guard var low = try db.first(sql.first, [environment], { $0.int(0) }),
            let last = try db.first(sql.last, [environment], { $0.int(0) })
        else { return 0 }
        var high = last + 1
        while low < high {
            let middle = low + (high - low) / 2
            let found = try db.first(sql.time, [environment, .integer(middle)]) { ($0.instant(0), $0.int(1)) }
            guard let (at, key) = found else {
                high = middle
                continue
            }
            if at < instant { low = key + 1 } else { high = middle }
        }
        return low
    }
}
