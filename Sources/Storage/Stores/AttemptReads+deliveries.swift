import Domain

/// The list of deliveries: a walk over rows in the order of an index, in bounded chunks, with the deliveries of each.
extension AttemptReads {
    private struct Found {
        let place: DeliveryPlace
        let event: Int64
        /// nil where all deliveries of the event are meant.
        var delivery: Int64?
        /// Whether its event may be one that is asked for, as far as the walk knows.
        var isWanted = true
        /// Nothing behind it is asked for.
        var isPast = false
    }

    /// Deliveries that are asked for, newest first, and where to go on; nil at the end. A page can be short, or empty,
    /// while there is more: it looks at no more than `lookedMax` rows.
    public static func deliveries(
        _ filter: LogFilter, after start: DeliveryPlace?, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (rows: [LoggedDelivery], next: DeliveryPlace?) {
        let walk = DeliveryPlace.Walk(filter)
        var place = try start ?? first(walk, filter, scope, db)
        var rows: [LoggedDelivery] = []
        var looked = 0
        while looked < lookedMax {
            let found = try chunk(walk, filter, after: place, scope, db)
            let events = Set(found.filter(\.isWanted).map(\.event)).sorted()
            let deliveries = Dictionary(grouping: try deliveries(of: events, scope, db)) { $0.event.id }
            for row in found {
                if row.isPast { return (rows, nil) }
                let shown = place.isSameRow(as: row.place) ? place.delivery : .min
                for one in deliveries[row.event] ?? [] where one.id > shown && isWanted(one, row, filter) {
                    guard rows.count < limit else { return (rows, place) }
                    rows.append(one)
                    place = DeliveryPlace(walk, row.place.first, row.place.second, delivery: one.id)
                }
                place = row.place
            }
            if found.count < chunk || walk == .event { return (rows, nil) }
            looked += found.count
        }
        return (rows, place)
    }

    private static func isWanted(_ one: LoggedDelivery, _ row: Found, _ filter: LogFilter) -> Bool {
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
            WHERE environment_id = $1 AND batch <= $2 AND (batch, \(place)) <= ($2, $3)
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
