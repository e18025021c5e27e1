import Domain
import Storage

/// A business with what it has.
public struct TenantHoldings: Sendable {
    public let tenant: TenantRow
    /// The sandbox first.
    public let environments: [EnvironmentHoldings]
}

/// The end of a business: the mark, from which on it is as if it had never been here. `TenantEraser` does the rest.
extension TenantService {
    /// What a removal would take away; nothing is changed.
    /// - Throws: `not_found` for an unknown client token.
    public func holdings(of token: String) async throws -> TenantHoldings {
        guard let id = ID<Tenant>(token),
            let found = try await core.database.read(snapshot: true, { db -> TenantHoldings? in
                try TenantStore.find(id, db).map {
                    TenantHoldings(tenant: $0, environments: try TenantStore.holdings(of: id, db))
                }
            })
        else { throw Self.unknown }
        return found
    }

    /// Ends everything that is done for a business. From the commit on no key, link or session of it is known, and
    /// nothing is sent or fetched; who has read ahead of that finds out within two seconds. Its data goes in steps, by
    /// a node that works. Asked again it says how far that is.
    /// - Throws: `not_found` for an unknown client token.
    public func remove(_ token: String) async throws -> TenantRow {
        let now = core.runtime.now()
        guard let id = ID<Tenant>(token),
            let found = try await core.database.write({ tx -> TenantRow? in
                try TenantStore.markRemoved(id, at: now, tx)
                return try TenantStore.find(id, tx.db)
            })
        else { throw Self.unknown }
        keys.forget()
        core.wakes.targets.set()
        // Who waits for events is told.
        core.wakes.deliveries.set()
        return found
    }

    private static let unknown = DomainError(
        .notFound, "There is no business with this client token. See `kubewa tenants list`.", field: "tenant")
}
