import Domain

/// Tenants, their two environments, their keys and their apps.
public enum TenantStore {
    /// Inserts a tenant without environments.
    public static func create(_ id: ID<Tenant>, name: String, at now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            "INSERT INTO tenant (id, name, created_at_ms) VALUES ($1, $2, $3)", [.id(id), .text(name), .at(now)])
    }

    /// Inserts an environment without keys.
    public static func create(_ environment: Environment, at now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO environment (id, tenant_id, kind, project_id, offset_ms, created_at_ms)
            VALUES ($1, $2, $3, $4, 0, $5)
            """,
            [
                .integer(environment.id), .id(environment.tenantID), .text(environment.kind.rawValue),
                .id(environment.projectID), .at(now),
            ])
    }

    static let environmentColumns =
        """
        e.id, e.tenant_id, e.project_id, e.kind, e.offset_ms, t.name
        FROM environment e JOIN tenant t ON t.id = e.tenant_id
        """

    static func environment(_ row: borrowing Row) -> Environment {
        Environment(
            id: row.int(0), tenantID: row.id(1), projectID: row.id(2),
            kind: EnvironmentKind(rawValue: row.text(3)) ?? .sandbox, offsetMs: row.int(4), businessName: row.text(5))
    }

    private static let findSQL = "SELECT \(environmentColumns) WHERE e.id = $1 AND e.removed_at_ms IS NULL"

    /// nil when there is none of that number, or its tenant was removed.
    public static func environment(_ id: Int64, _ db: any SQLConnection) throws -> Environment? {
        try db.first(findSQL, [.integer(id)], environment)
    }

    private static let ofTenantSQL =
        "SELECT \(environmentColumns) WHERE e.tenant_id = $1 AND e.kind = $2 AND e.removed_at_ms IS NULL"

    /// The tenant's environment of this kind; nil when the tenant was removed.
    public static func environment(
        of tenant: ID<Tenant>, _ kind: EnvironmentKind, _ db: any SQLConnection
    ) throws -> Environment? {
        try db.first(ofTenantSQL, [.id(tenant), .text(kind.rawValue)], environment)
    }

    /// Moves a sandbox's clock, as milliseconds ahead of the machine's; never back, and in production not at all.
    public static func setOffset(_ scope: Scope, _ offsetMs: Int64, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE environment SET offset_ms = $2 WHERE id = $1 AND offset_ms <= $2 AND kind = 'sandbox'",
            [.integer(scope.environmentID), .integer(offsetMs)])
    }
}

/// Public or secret.
public enum KeyKind: String, Sendable { case publicKey = "public", secret }

/// A key as the server keeps it: never the secret itself.
public struct KeyRow: Sendable {
    public let id: String
    public let environment: Environment
    public let kind: KeyKind
    public let isRevoked: Bool
}

/// Keys are found by the SHA-256 of their text.
public enum KeyStore {
    /// Inserts a key; only its token's hash is kept and, of a public key, the value.
    public static func create(
        id: String, scope: Scope, kind: KeyKind, hash: String, publicValue: String?, at now: Instant, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO api_key (id, environment_id, kind, token_hash, public_value, created_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .text(id), .integer(scope.environmentID), .text(kind.rawValue), .text(hash), .text(publicValue),
                .at(now),
            ])
    }

    private static let findSQL = """
        SELECT k.id, k.kind, COALESCE(k.revoked_at_ms, e.removed_at_ms), e.id, e.tenant_id, e.project_id, e.kind,
            e.offset_ms, t.name
        FROM api_key k JOIN environment e ON e.id = k.environment_id JOIN tenant t ON t.id = e.tenant_id
        WHERE k.token_hash = $1
        """

    /// The key of a token's hash with its environment; revoked ones are found too, as those of a removed tenant are.
    public static func find(hash: String, _ db: any SQLConnection) throws -> KeyRow? {
        try db.first(findSQL, [.text(hash)]) { row in
            let environment = Environment(
                id: row.int(3), tenantID: row.id(4), projectID: row.id(5),
                kind: EnvironmentKind(rawValue: row.text(6)) ?? .sandbox, offsetMs: row.int(7),
                businessName: row.text(8))
            return KeyRow(
                id: row.text(0), environment: environment, kind: KeyKind(rawValue: row.text(1)) ?? .publicKey,
                isRevoked: !row.isNull(2))
        }
    }

    /// Revokes the live keys of a kind; a renewed key replaces all before it.
    public static func revoke(_ scope: Scope, kind: KeyKind, at now: Instant, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE api_key SET revoked_at_ms = $3 WHERE environment_id = $1 AND kind = $2 AND revoked_at_ms IS NULL",
            [.integer(scope.environmentID), .text(kind.rawValue), .at(now)])
    }

    /// At most 200 keys of the environment, revoked ones too.
    public static func list(
        _ scope: Scope, _ db: any SQLConnection
    ) throws -> [(id: String, kind: KeyKind, publicValue: String?, createdAt: Instant, revokedAt: Instant?)] {
        try db.query(
            """
            SELECT id, kind, public_value, created_at_ms, revoked_at_ms FROM api_key
            WHERE environment_id = $1 ORDER BY kind, created_at_ms LIMIT 200
            """, [.integer(scope.environmentID)]
        ) {
            (
                $0.text(0), KeyKind(rawValue: $0.text(1)) ?? .publicKey, $0.textOrNil(2), $0.instant(3),
                $0.instantOrNil(4)
            )
        }
    }
}
