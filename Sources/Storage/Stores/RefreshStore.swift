import Domain

/// Why a refresh runs; a run may have several causes.
public enum RefreshCause: String, Sendable, CaseIterable {
    case link, schedule, demand, check, push
    /// Days in which transactions seem to be missing are fetched once more.
    case gap
}

/// One run of fetching. It is made of steps; each commits alone, so a run that stops goes on where it stopped.
public struct Refresh: Sendable, Equatable {
    public var id: Int64
    public var connectionID: ID<Connection>
    public var causes: Set<RefreshCause>
    public var products: ProductSet
    public var state: String
    public var steps: [String]
    public var stepsDone: Int
    public var error: String?
    public var requestedAt: Instant
    public var endedAt: Instant?
    public var added: Int64
    public var modified: Int64
    public var removed: Int64
    /// Products that were asked for after the run had begun; it fetches them again before it ends.
    public var rerun: ProductSet
    public var startedAt: Instant?
    /// Products that could not be fetched of some account while the run went on, each with the code of its error.
    public var missed: [Product: String] = [:]
    /// What the run was last put off for; it waits only while its connection is due later than now.
    public var waiting: String?
}

extension Refresh {
    /// A run that the schedule asks for, and that has no row yet.
    public init(scheduled id: Int64, of connection: ID<Connection>, products: ProductSet, at now: Instant) {
        self.init(
            id: id, connectionID: connection, causes: [.schedule], products: products, state: "running", steps: [],
            stepsDone: 0, error: nil, requestedAt: now, endedAt: nil, added: 0, modified: 0, removed: 0,
            rerun: ProductSet([]))
    }
}

/// Refreshes, one in flight a connection.
public enum RefreshStore {
    private static let columns = """
        id, connection_id, causes, products, state, steps, steps_done, error, requested_at_ms, ended_at_ms, added,
        modified, removed, rerun, started_at_ms, faults, waiting
        """

    private static func refresh(_ row: borrowing Row) -> Refresh {
        Refresh(
            id: row.int(0), connectionID: row.id(1),
            causes: Set(row.text(2).split(separator: ",").compactMap { RefreshCause(rawValue: String($0)) }),
            products: ProductSet(column: row.text(3)), state: row.text(4),
            steps: row.text(5).split(separator: "\n").map(String.init), stepsDone: Int(row.int(6)),
            error: row.textOrNil(7), requestedAt: row.instant(8), endedAt: row.instantOrNil(9), added: row.int(10),
            modified: row.int(11), removed: row.int(12), rerun: ProductSet(column: row.text(13)),
            startedAt: row.instantOrNil(14), missed: RefreshNotes.missed(row.text(15)), waiting: row.textOrNil(16))
    }

    private static let listSQL = """
        SELECT \(columns) FROM refresh WHERE environment_id = $1 AND connection_id = $2 AND id < $3
        ORDER BY id DESC LIMIT $4
        """

    /// A connection's runs older than `id`, the newest first.
    public static func list(
        _ connection: ID<Connection>, before id: Int64, limit: Int, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [Refresh] {
        try db.query(
            listSQL, [.integer(scope.environmentID), .id(connection), .integer(id), .int(limit)], refresh)
    }

    private static let findSQL = "SELECT \(columns) FROM refresh WHERE environment_id = $1 AND id = $2"
    private static let inFlightSQL = """
        SELECT \(columns) FROM refresh
        WHERE environment_id = $1 AND connection_id = $2 AND state IN ('queued', 'running')
        """

    /// nil when the environment has no such refresh.
    public static func find(_ id: Int64, _ scope: Scope, _ db: any SQLConnection) throws -> Refresh? {
        try db.first(findSQL, [.integer(scope.environmentID), .integer(id)], refresh)
    }

    /// The connection's refresh that is queued or running, if there is one.
    public static func inFlight(
        _ connection: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> Refresh? {
        try db.first(inFlightSQL, [.integer(scope.environmentID), .id(connection)], refresh)
    }

    /// Locks a connection for a run that has no row yet.
    /// - Returns: false when the connection is not active any more.
    public static func hold(_ connection: ID<Connection>, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            "UPDATE connection SET is_running = is_running WHERE environment_id = $1 AND id = $2 AND status = 'active'",
            [.integer(scope.environmentID), .id(connection)]) == 1
    }

    /// Writes a run that is over as it begins: all its steps are written with it.
    public static func record(_ run: Refresh, at now: Instant, _ scope: Scope, _ tx: Transaction) {
        tx.append(
            recordStatement,
            [
                .integer(scope.environmentID), .integer(run.id), .id(run.connectionID), .text(column(run.causes)),
                .text(run.products.column), .string("done"), .text(run.steps.joined(separator: "\n")),
                .int(run.stepsDone), .integer(run.added), .integer(run.modified), .integer(run.removed),
                .at(run.requestedAt), .at(run.requestedAt), .at(now),
            ])
    }

    private static let recordStatement = BulkStatement.insert(
        order: 25, into: "refresh",
        [
            ("environment_id", .bigint), ("id", .bigint), ("connection_id", .text), ("causes", .text),
            ("products", .text), ("state", .text), ("steps", .text), ("steps_done", .bigint), ("added", .bigint),
            ("modified", .bigint), ("removed", .bigint), ("requested_at_ms", .bigint), ("started_at_ms", .bigint),
            ("ended_at_ms", .bigint),
        ])

    /// Asks for a run, or adds the cause and products to the one that has not started its steps yet.
    /// - Returns: the run, and whether it was already there.
    public static func request(
        _ connection: ID<Connection>, products: ProductSet, cause: RefreshCause, newID: Int64, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws -> (refresh: Refresh, isJoined: Bool) {
        let key: [SQLValue] = [.integer(scope.environmentID), .id(connection)]
        if var running = try inFlight(connection, scope, tx.db) {
            running.causes.insert(cause)
            running.products.products.formUnion(products.products)
            if running.state == "running" { running.rerun.products.formUnion(products.products) }
            try tx.db.run(
                """
                UPDATE refresh SET causes = $3, products = $4, rerun = $5
                WHERE environment_id = $1 AND connection_id = $2 AND state IN ('queued', 'running')
                """,
                key + [.text(column(running.causes)), .text(running.products.column), .text(running.rerun.column)])
            return (running, true)
        }
        try tx.db.run(
            """
            INSERT INTO refresh (environment_id, connection_id, id, causes, products, state, requested_at_ms)
            VALUES ($1, $2, $3, $4, $5, 'queued', $6)
            """, key + [.integer(newID), .text(cause.rawValue), .text(products.column), .at(now)])
        let made = Refresh(
            id: newID, connectionID: connection, causes: [cause], products: products, state: "queued", steps: [],
            stepsDone: 0, error: nil, requestedAt: now, endedAt: nil, added: 0, modified: 0, removed: 0,
            rerun: ProductSet([]))
        return (made, false)
    }

    private static func column(_ causes: Set<RefreshCause>) -> String {
        RefreshCause.allCases.filter(causes.contains).map(\.rawValue).joined(separator: ",")
    }

    /// Begins a run, or takes up one that broke off: what was asked for meanwhile (`rerun`) stays asked for.
    public static func start(_ id: Int64, steps: [String], at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            """
            UPDATE refresh SET state = 'running', steps = $3, started_at_ms = COALESCE(started_at_ms, $4)
            WHERE environment_id = $1 AND id = $2
            """, [.integer(scope.environmentID), .integer(id), .text(steps.joined(separator: "\n")), .at(now)])
    }

    /// Adds the steps of what was asked for while the run was under way.
    public static func extend(_ id: Int64, steps: [String], _ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE refresh SET steps = $3, rerun = '' WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(id), .text(steps.joined(separator: "\n"))])
    }

    /// Adds steps that one of the run's own steps found to be needed; what was asked for meanwhile stays asked for.
    public static func append(
        steps: [String], to id: Int64, after known: [String], _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            "UPDATE refresh SET steps = $3 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(id), .text((known + steps).joined(separator: "\n"))])
    }

    /// - Throws: `LeaseLost` when the run is not at this step any more.
    public static func finishStep(
        _ id: Int64, step: Int, added: Int, modified: Int, removed: Int, _ scope: Scope, _ tx: Transaction
    ) throws {
        let rows = try tx.db.run(
            """
            UPDATE refresh SET steps_done = $3 + 1, added = added + $4, modified = modified + $5, removed = removed + $6
            WHERE environment_id = $1 AND id = $2 AND steps_done = $3 AND state = 'running'
            """,
            [.integer(scope.environmentID), .integer(id), .int(step), .int(added), .int(modified), .int(removed)])
        guard rows == 1 else { throw LeaseLost() }
    }

    /// Ends a run unless something was asked for meanwhile.
    /// - Returns: whether it ended.
    public static func finish(_ id: Int64, at now: Instant, _ scope: Scope, _ tx: Transaction) throws -> Bool {
        try tx.db.run(
            """
            UPDATE refresh SET state = 'done', error = NULL, ended_at_ms = $3
            WHERE environment_id = $1 AND id = $2 AND rerun = ''
            """, [.integer(scope.environmentID), .integer(id), .at(now)]) == 1
    }

    /// Ends a run in the given state, with the code of the error if one ended it.
    public static func end(
        _ id: Int64, state: String, error: String?, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            "UPDATE refresh SET state = $3, error = $4, ended_at_ms = $5 WHERE environment_id = $1 AND id = $2",
            [.integer(scope.environmentID), .integer(id), .text(state), .text(error), .at(now)])
    }
}
