import Domain
import Storage

/// Asks for refreshes. One runs per connection; a second request joins it.
public struct RefreshService: Sendable {
    let core: Core
    public init(core: Core) { self.core = core }

    /// - Parameters:
    ///   - accountID: or `connectionID`; an account stands for its connection.
    /// - Throws: `missing_field`, `not_found`, `product_not_enabled`, `conflict` when the user must act first,
    ///   `refresh_cooldown` when it was fetched just now.
    public func request(
        scope: Scope, accountID: String?, connectionID: String?, products: Set<Product>, cause: RefreshCause,
        once: Once<RefreshTicket>? = nil
    ) async throws -> RefreshTicket {
        let connection = try await connection(scope, accountID: accountID, connectionID: connectionID)
        for product in products where !connection.products.contains(product) {
            throw DomainError(
                .productNotEnabled, "This connection was linked without `\(product.rawValue)`. Link it again with it.")
        }
        try connection.requireServed(at: try await core.environment(scope).virtual(core.runtime.now()))
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
        let cooldownMs = cause == .demand || cause == .check ? cooldownMs(environment) : 0
        return try await core.change(once) { tx in
            try allow(connection, products, cooldownMs: cooldownMs, now, scope, tx)
            let (refresh, isJoined) = try RefreshStore.request(
                connection, products: ProductSet(products), cause: cause, newID: core.sequence.take(), at: now, scope,
                tx)
            if !isJoined { try ConnectionStore.setRunning(connection, true, scope, tx) }
            try ScheduleStore.bringForward(connection, due: now, laneDue: machineNow, scope, tx)
            return RefreshTicket(refresh, isJoined: isJoined)
        }
    }

    /// A run in flight is joined, whatever was fetched before it.
    private func allow(
        _ connection: ID<Connection>, _ products: Set<Product>, cooldownMs: Int64, _ now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        guard cooldownMs > 0, try RefreshStore.inFlight(connection, scope, tx.db) == nil,
            let schedule = try ScheduleStore.find(connection, scope, tx.db)
        else { return }
        let next = RefreshCooldown.nextAllowed(okAt: schedule.okAt(products), now: now, cooldownMs: cooldownMs)
        if let next { throw DomainError.cooldown(until: next, now: now) }
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
}
