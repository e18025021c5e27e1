import Domain

/// A connection that is due with all that its run starts from, read without a lock: whatever is written of the run
/// checks `schedule.revision` or the rows themselves again.
public struct DueConnection: Sendable {
    public var connection: Connection
    public var schedule: Schedule
    /// nil when the connection has no grant.
    public var sealedGrant: [UInt8]?
    /// For the grant and the connection's other secrets; nil when their key is gone.
    public var sealer: Sealer?
    /// Those from which something is fetched.
    public var accounts: [Account]
    public var hasClosedAccounts: Bool
    /// A run is queued or under way.
    public var hasRefresh: Bool
}

/// Reads what many runs start from: on PostgreSQL a handful of statements however many there are, on SQLite prepared
/// texts once a connection.
public enum RefreshBatch {
    private static let dueSQL = """
        SELECT connection_id, due_ms FROM refresh_schedule WHERE lane_id = $1 AND due_ms <= $2
        ORDER BY due_ms LIMIT $3
        """
    private static let nextSQL = """
        SELECT due_ms FROM refresh_schedule WHERE lane_id = $1 AND due_ms > $2 ORDER BY due_ms LIMIT 1
        """

    /// Connections of a lane that are due, the longest waiting first, without those of `busy`.
    /// - Returns: at most `limit`.
    public static func due(
        lane: Int64, now: Instant, limit: Int, busy: Set<ID<Connection>>, _ db: any SQLConnection
    ) throws -> [ID<Connection>] {
        let found: [ID<Connection>] = try db.query(
            dueSQL, [.integer(lane), .at(now), .int(limit + busy.count)]
        ) { $0.id(0) }
        return Array(found.lazy.filter { !busy.contains($0) }.prefix(limit))
    }

    /// When the lane's next connection that is not due yet will be.
    public static func nextDue(lane: Int64, after now: Instant, _ db: any SQLConnection) throws -> Instant? {
        try db.first(nextSQL, [.integer(lane), .at(now)]) { $0.instant(0) }
    }

    /// What the runs of these connections start from, in their order; those that are gone are left out.
    public static func load(
        _ ids: [ID<Connection>], _ scope: Scope, _ vault: Vault, _ db: any SQLConnection
    ) throws -> [DueConnection] {
        guard !ids.isEmpty else { return [] }
        let reader = PerConnection(ids: ids, scope: scope, db: db)
        var schedules: [ID<Connection>: Schedule] = [:]
        let key = ScheduleStore.columns.split(separator: ",").count
        try reader.each(schedulesSQL) { schedules[$0.id(key)] = ScheduleStore.schedule($0) }
        var connections: [ID<Connection>: Connection] = [:]
        try reader.each(connectionsSQL) { row in
            let connection = ConnectionStore.connection(row)
            connections[connection.id] = connection
        }
        var grants: [ID<Connection>: [UInt8]] = [:]
        try reader.each(grantsSQL) { grants[$0.id(0)] = $0.blob(1) }
        var running: Set<ID<Connection>> = []
        try reader.each(runningSQL) { running.insert($0.id(0)) }
        var accounts: [ID<Connection>: [Account]] = [:]
        var closed: Set<ID<Connection>> = []
        // Sorted here: asked for the order of ids, SQLite would walk the accounts of the whole environment.
        let status = AccountStore.columns.split(separator: ",").count
        try reader.each(accountsSQL) { row in
            let account = AccountStore.account(row)
            if row.text(status) == "closed" {
                closed.insert(account.connectionID)
            } else {
                accounts[account.connectionID, default: []].append(account)
            }
        }
        let sealers = try vault.sealers(
            of: grants.map { (id: $0.key.hex, sealed: $0.value) }, scope.environmentID, on: db)
        return ids.compactMap { id in
            guard let connection = connections[id], let schedule = schedules[id] else { return nil }
            return DueConnection(
                connection: connection, schedule: schedule, sealedGrant: grants[id], sealer: sealers[id.hex],
                accounts: (accounts[id] ?? []).sorted { $0.id < $1.id },
                hasClosedAccounts: closed.contains(id), hasRefresh: running.contains(id))
        }
    }

    private static let schedulesSQL = PerConnection.Pair(
        "SELECT \(ScheduleStore.columns), connection_id FROM refresh_schedule WHERE environment_id = $1 AND",
        "connection_id")
    private static let connectionsSQL = PerConnection.Pair(
        "SELECT \(ConnectionStore.readColumns) FROM connection WHERE environment_id = $1 AND", "id")
    private static let grantsSQL = PerConnection.Pair(
        "SELECT connection_id, sealed FROM connection_grant WHERE environment_id = $1 AND", "connection_id")
    private static let runningSQL = PerConnection.Pair(
        "SELECT connection_id FROM refresh WHERE environment_id = $1 AND state IN ('queued', 'running') AND",
        "connection_id")
    private static let accountsSQL = PerConnection.Pair(
        "SELECT \(AccountStore.columns), status FROM account WHERE environment_id = $1 AND", "connection_id")
}

/// One question about each of some connections.
private struct PerConnection {
    struct Pair {
        let postgres: String
        let sqlite: String

        init(_ select: String, _ column: String) {
            postgres = "\(select) \(column) = ANY ($2::text[])"
            sqlite = "\(select) \(column) = $2"
        }
    }

    let ids: [ID<Connection>]
    let scope: Scope
    let db: any SQLConnection

    func each(_ pair: Pair, _ body: (borrowing Row) throws -> Void) throws {
        switch db.dialect {
        case .postgres:
            try db.forEach(pair.postgres, [.integer(scope.environmentID), .strings(ids.map(\.hex))], body)
        case .sqlite:
            for id in ids { try db.forEach(pair.sqlite, [.integer(scope.environmentID), .id(id)], body) }
        }
    }
}
