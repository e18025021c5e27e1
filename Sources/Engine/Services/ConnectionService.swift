import Connectors
import Domain
import Logging
import Storage

/// Takes connections and customers away, with everything that is known by them.
///
/// A removal begins with a durable mark that stops all fetching; then the data goes in bounded steps, and last the
/// connection with its key. Whoever asked waits for the end; should this process die, the housekeeper goes on.
public struct ConnectionService: Sendable {
    private static let connectionsPerStep = 100
    private static let resumedMax = 100
    /// Of a removed business so many go at once: most of the time is the banks'.
    static let togetherMax = 16

    let core: Core
    public init(core: Core) { self.core = core }

    // MARK: asked for

    /// Returns when nothing of the connection can be read any more.
    /// - Throws: `not_found` for an id that is unknown, another's, or was removed.
    public func remove(
        _ id: String, in environment: Domain.Environment, once: Once<Void>? = nil
    ) async throws {
        guard let id = ID<Connection>(id), try await mark(id, environment, once: once) else {
            throw DomainError.notFound("connection")
        }
        try await finish(id, environment)
    }

    /// Removes a person: all their connections, then themselves.
    public func removeCustomer(
        _ id: String, in environment: Domain.Environment, once: Once<Void>? = nil
    ) async throws {
        let now = core.runtime.now()
        let scope = environment.scope
        guard let id = ID<Customer>(id) else { throw DomainError.notFound("customer") }
        try await core.change(once) { tx in
            guard try CustomerStore.find(id, scope, tx.db) != nil else { throw DomainError.notFound("customer") }
            _ = try RemovalStore.mark(.customer, id.hex, at: now, scope, tx)
        }
        try await finish(id, environment)
    }

    /// Goes on with removals that broke off.
    /// - Returns: how many.
    func resume() async throws -> Int {
        let open = try await core.database.read { try RemovalStore.open(limit: Self.resumedMax, $0) }
        for removal in open {
            let environment = try await core.environment(removal.scope)
            switch removal.kind {
            case .connection: try await finish(ID<Connection>(trusted: removal.subject), environment)
            case .customer: try await finish(ID<Customer>(trusted: removal.subject), environment)
            }
        }
        return open.count
    }

    // MARK: the mark

    /// From here on nothing more is fetched, and the removal will come to its end.
    /// - Parameter isTold: by an event, for which somebody must be there.
    /// - Returns: false when there is no such connection.
    func mark(
        _ id: ID<Connection>, _ environment: Domain.Environment, isTold: Bool = true, once: Once<Void>? = nil
    ) async throws -> Bool {
        try await core.sequence.fill()
        let machineNow = core.runtime.now()
        let now = environment.virtual(machineNow)
        let scope = environment.scope
        let isThere = try await core.changeIfThere(once) { tx in
            guard let connection = try ConnectionStore.find(id, scope, tx.db) else { return false }
            guard try RemovalStore.mark(.connection, id.hex, at: machineNow, scope, tx) else { return true }
            try ErasureStore.stop(id, at: now, scope, tx)
            if var last = try ConsentStore.list(id, scope, tx.db).last, last.action != .revoked {
                last.action = .revoked
                try ConsentStore.append(id: core.runtime.newID(), connection: id, last, at: now, scope, tx)
            }
            if isTold { try announce(connection, environment, now, tx) }
            return true
        }
        guard isTold else { return isThere }
        core.wakes.targets.set()
        core.wakes.deliveries.set()
        return isThere
    }

    /// The receiver knows the connection by its id; what was noted with it is not told again.
    private func announce(
        _ connection: Connection, _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws {
        var bare = connection
        bare.options = "{}"
        bare.meta = "{}"
        let context = EventContext(
            environment: environment, connection: bare, customerName: nil, bvn: nil, startedAt: now, now: now,
            publicURL: core.settings.publicURL)
        try Outbox(core: core).emit([Drafts.removed()], context, tx)
        try EndpointStore.end(of: connection.id, environment.scope, tx)
    }

    // MARK: the end

    private func finish(_ id: ID<Connection>, _ environment: Domain.Environment) async throws {
        let scope = environment.scope
        try await revoke(id, environment)
        let erasedAt = environment.virtual(core.runtime.now())
        while try await core.database.write({
            try ErasureStore.step(id, keeping: EventCatalog.removed.name, at: erasedAt, scope, $0)
        }) {}
        let now = core.runtime.now()
        try await core.database.write { tx in
            try ErasureStore.finish(id, scope, tx)
            try core.vault.shred(scope.environmentID, id.hex, on: tx.db)
            try RemovalStore.finish(.connection, id.hex, at: now, scope, tx)
        }
        core.logger.info("connection removed", metadata: ["connection": "\(id)"])
    }

    private func finish(_ id: ID<Customer>, _ environment: Domain.Environment) async throws {
        let scope = environment.scope
        while true {
            let connections = try await core.database.read {
                try ErasureStore.connections(of: id, limit: Self.connectionsPerStep, scope, $0)
            }
            guard !connections.isEmpty else { break }
            // All of them first: none of the person's own may be what another one's access is kept for.
            var marked: [ID<Connection>] = []
            for connection in connections where try await mark(connection, environment) { marked.append(connection) }
            for connection in marked { try await finish(connection, environment) }
        }
        while try await core.database.write({ try ErasureStore.step(id, scope, $0) }) {}
        let now = core.runtime.now()
        try await core.database.write { try RemovalStore.finish(.customer, id.hex, at: now, scope, $0) }
        core.logger.info("customer removed", metadata: ["customer": "\(id)"])
    }

    /// Takes connections of a removed business away, side by side.
    func removeUntold(_ connections: [ID<Connection>], of environment: Domain.Environment) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for id in connections {
                group.addTask {
                    if try await mark(id, environment, isTold: false) { try await finish(id, environment) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Ends the access at the bank as well, if the bank can be reached and no other connection lives by the same login;
    /// the removal does not wait for it.
    private func revoke(_ id: ID<Connection>, _ environment: Domain.Environment) async throws {
        let scope = environment.scope
        let found = try await core.database.read { db -> (connection: Connection, grant: Grant)? in
            guard let connection = try ConnectionStore.find(id, scope, db),
                let sealed = try ConnectionStore.grant(id, scope, db)
            else { return nil }
            let vaulting = AccountVault(core: core, scope: scope, connectionID: id.hex)
            return (connection, Grant(bytes: try core.vault.open(sealed, vaulting.context("grant"), on: db)))
        }
        guard let found, let connector = core.connectors.connector(id: found.connection.connector) else { return }
        guard await !NeededAccess(core: core, environment: environment).includes(accessOf: found.connection) else {
            return
        }
        do throws(ConnectorError) {
            let context = try await core.bankContext(
                environment, found.connection.institution, connector: found.connection.connector,
                correlationID: "removal-\(id)")
            try await connector.revoke(found.grant, context)
        } catch {
            core.logger.warning(
                "the bank did not revoke the access",
                metadata: ["connection": "\(id)", "code": "\(error.code.rawValue)"])
        }
    }
}
