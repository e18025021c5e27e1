import Domain
import Storage

/// A new business with the keys of its two environments. Secrets are told here and never again.
public struct CreatedTenant: Sendable {
    public let id: ID<Tenant>
    public let name: String
    public let environments: [(environment: Domain.Environment, keys: IssuedKeys, webhookSecret: String, appID: String)]
    /// The client token is the business's id.
    public var clientToken: String { id.hex }
}

/// Makes businesses and their apps.
public struct TenantService: Sendable {
    let core: Core
    let keys: KeyService

    public init(core: Core, keys: KeyService) {
        self.core = core
        self.keys = keys
    }

    /// Makes a tenant with both its environments and their first keys, which are told only here.
    /// - Throws: `DomainError` unless the name has 1 to 200 characters.
    public func create(name: String) async throws -> CreatedTenant {
        let name = name.filter { !$0.isNewline }
        guard (1...200).contains(name.count) else {
            throw DomainError.invalid("name", "must have 1 to 200 characters.")
        }
        try await core.sequence.fill()
        let id: ID<Tenant> = core.runtime.newID()
        let now = core.runtime.now()
        return try await core.database.write { tx in
            try TenantStore.create(id, name: name, at: now, tx)
            let environments = try EnvironmentKind.allCases.map { kind in
                try create(kind, of: id, name: name, at: now, tx)
            }
            return CreatedTenant(id: id, name: name, environments: environments)
        }
    }

    private func create(
        _ kind: EnvironmentKind, of tenant: ID<Tenant>, name: String, at now: Instant, _ tx: Transaction
    ) throws -> (environment: Domain.Environment, keys: IssuedKeys, webhookSecret: String, appID: String) {
        let environment = Domain.Environment(
            id: try core.sequence.take(), tenantID: tenant, projectID: core.runtime.newID(), kind: kind, offsetMs: 0,
            businessName: name)
        try TenantStore.create(environment, at: now, tx)
        let secret = try WebhookKeys(core: core).make(.v1, of: .environment, at: now, environment.scope, tx).text
        let app = WidgetApp(id: core.runtime.newID(), name: "Default", products: .all, isDefault: true)
        try AppStore.create(app, environment.scope, at: now, tx)
        return (environment, try keys.issue(environment, at: now, tx), secret, app.id.hex)
    }

    /// At most 1000 tenants, the oldest first and the removed ones last.
    public func list() async throws -> [TenantRow] {
        try await core.database.read { try TenantStore.list($0) }
    }

    /// - Throws: `not_found` for a client token that is unknown or whose tenant was removed.
    public func environment(of tenant: String, _ kind: EnvironmentKind) async throws -> Domain.Environment {
        guard let id = ID<Tenant>(tenant),
            let found = try await core.database.read({ try TenantStore.environment(of: id, kind, $0) })
        else { throw DomainError.notFound("tenant") }
        return found
    }

    // MARK: apps

    /// The environment's widget apps.
    public func apps(_ environment: Domain.Environment) async throws -> [WidgetApp] {
        try await core.database.read { try AppStore.list(environment.scope, $0) }
    }

    /// - Parameter change: says what the app has; its products are all until it does.
    public func createApp(
        in environment: Domain.Environment, _ change: @Sendable (WidgetApp) throws -> WidgetApp
    ) async throws -> WidgetApp {
        let app = try change(WidgetApp(id: core.runtime.newID(), name: "App", products: .all))
        let now = core.runtime.now()
        try await core.database.write { try AppStore.create(app, environment.scope, at: now, $0) }
        return app
    }

    /// Stores all fields of an app but `isDefault`; an app that does not exist is no error.
    public func update(_ app: WidgetApp, in environment: Domain.Environment) async throws {
        try await core.database.write { try AppStore.update(app, environment.scope, $0) }
    }

    /// The environment's keys, revoked ones too. Only a public key's value is kept to be shown.
    public func keys(
        of environment: Domain.Environment
    ) async throws -> [(id: String, kind: KeyKind, publicValue: String?, createdAt: Instant, revokedAt: Instant?)] {
        try await core.database.read { try KeyStore.list(environment.scope, $0) }
    }
}
