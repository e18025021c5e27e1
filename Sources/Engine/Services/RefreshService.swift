import Domain
import Storage

/// A run that was asked for, or joined.
public struct RefreshTicket: Sendable {
    public let refreshID: Int64
    public let connectionID: String
    /// Whether a run was in flight already.
    public let isJoined: Bool
    public let state: String
    public let causes: [String]
    public let requestedAt: Instant
    public let endedAt: Instant?
    public let error: String?
    public let added: Int64
    public let modified: Int64
    public let removed: Int64
}

/// Asks for refreshes. One runs per connection; a second request joins it.
public struct RefreshService: Sendable {
    private let core: Core
    public init(core: Core) { self.core = core }

    /// - Parameters:
    ///   - accountID: or `connectionID`; an account stands for its connection.
    /// - Throws: `missing_field`, `not_found`, `product_not_enabled`, `conflict` when the user must act first.
    public func request(
        scope: Scope, accountID: String?, connectionID: String?, products: Set<Product>, cause: RefreshCause,
        once: Once<RefreshTicket>? = nil
    ) async throws -> RefreshTicket {
        let connection = try await connection(scope, accountID: accountID, connectionID: connectionID)
        for product in products where !connection.products.contains(product) {
            throw DomainError(
                .productNotEnabled, "This connection was linked without `\(product.rawValue)`. Link it again with it.")
        }
        guard connection.status == .active else {
            throw DomainError(
                .conflict, "This connection is \(connection.status.rawValue): the user must link it again at the bank.")
        }
        let ticket = try await enqueue(connection.id, products: products, cause: cause, once: once, scope)
        core.wakes.refreshes.set()
        return ticket
    }

    func enqueue(
        _ connection: ID<Connection>, products: Set<Product>, cause: RefreshCause,
        once: Once<RefreshTicket>? = nil, _ scope: Scope
    ) async throws -> RefreshTicket {
        let environment = try await core.environment(scope)
        try await core.sequence.fill()
        let machineNow = core.runtime.now()
        let now = environment.virtual(machineNow)
        return try await core.change(once) { tx in
            let (refresh, isJoined) = try RefreshStore.request(
                connection, products: ProductSet(products), cause: cause, newID: core.sequence.take(), at: now, scope,
                tx)
            if !isJoined { try ConnectionStore.setRunning(connection, true, scope, tx) }
            try ScheduleStore.bringForward(connection, due: now, laneDue: machineNow, scope, tx)
            return ticket(refresh, isJoined: isJoined)
        }
    }

    /// - Throws: `DomainError.notFound` when the environment has no such refresh.
    public func find(scope: Scope, id: Int64) async throws -> RefreshTicket {
        guard let refresh = try await core.database.read({ try RefreshStore.find(id, scope, $0) }) else {
            throw DomainError.notFound("refresh")
        }
        return ticket(refresh, isJoined: false)
    }

    private func connection(_ scope: Scope, accountID: String?, connectionID: String?) async throws -> Connection {
        guard accountID != nil || connectionID != nil else { throw DomainError.missing("account_id") }
        let found = try await core.database.read { db -> Connection? in
            if let accountID {
                guard let id = ID<Account>(accountID), let account = try AccountStore.find(id, scope, db) else {
                    return nil
                }
                return try ConnectionStore.find(account.connectionID, scope, db)
            }
            return try connectionID.flatMap { ID<Connection>($0) }.flatMap {
                try ConnectionStore.find($0, scope, db)
            }
        }
        guard let found else { throw DomainError.notFound(accountID == nil ? "connection" : "account") }
        return found
    }

    private func ticket(_ refresh: Refresh, isJoined: Bool) -> RefreshTicket {
        RefreshTicket(
            refreshID: refresh.id, connectionID: refresh.connectionID.hex, isJoined: isJoined, state: refresh.state,
            causes: refresh.causes.map(\.rawValue).sorted(), requestedAt: refresh.requestedAt,
            endedAt: refresh.endedAt, error: refresh.error, added: refresh.added, modified: refresh.modified,
            removed: refresh.removed)
    }
}
