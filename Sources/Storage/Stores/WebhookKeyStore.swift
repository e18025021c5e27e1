import Domain

/// A key that signs what is sent. Secrets are sealed.
public struct WebhookKey: Sendable, Equatable {
    public var id: ID<WebhookKey>
    public var kind: WebhookEndpoint.Signature
    /// 32 bytes that anybody may know; only of `v1a`.
    public var publicKey: [UInt8]?
    public var createdAt: Instant
    /// In machine time; nil for the one that stays.
    public var expiresAt: Instant?

    public init(
        id: ID<WebhookKey>, kind: WebhookEndpoint.Signature, publicKey: [UInt8]?, createdAt: Instant,
        expiresAt: Instant? = nil
    ) {
        self.id = id
        self.kind = kind
        self.publicKey = publicKey
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Whose a signing key is: the environment's, which signs for its own endpoint and for those of links, or one
/// endpoint's.
public enum WebhookKeyOwner: Sendable, Hashable {
    case environment
    case endpoint(ID<WebhookEndpoint>)

    /// The owner of the keys that sign for an endpoint.
    public init(of endpoint: WebhookEndpoint) {
        self = endpoint.source == .api ? .endpoint(endpoint.id) : .environment
    }

    var name: String {
        switch self {
        case .environment: ""
        case .endpoint(let id): id.hex
        }
    }
}

/// Signing keys. Several of a kind live while one is rotated; an expired one is as good as gone.
public enum WebhookKeyStore {
    private static let fields = "id, kind, public_key, created_at_ms, expires_at_ms"
    private static let live = """
        FROM webhook_key WHERE environment_id = $1 AND owner = $2 AND (expires_at_ms IS NULL OR expires_at_ms > $3)
        ORDER BY kind, CASE WHEN expires_at_ms IS NULL THEN 0 ELSE 1 END, created_at_ms DESC, id DESC LIMIT 20
        """

    private static func key(_ row: borrowing Row) -> WebhookKey {
        WebhookKey(
            id: row.id(0), kind: .init(rawValue: row.text(1)) ?? .v1, publicKey: row.blobOrNil(2),
            createdAt: row.instant(3), expiresAt: row.instantOrNil(4))
    }

    /// Inserts a key with its sealed secret.
    public static func create(
        _ key: WebhookKey, secret: [UInt8], of owner: WebhookKeyOwner, _ scope: Scope, _ tx: Transaction
    ) throws {
        try tx.db.run(
            """
            INSERT INTO webhook_key (environment_id, owner, id, kind, secret, public_key, created_at_ms, expires_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .integer(scope.environmentID), .string(owner.name), .id(key.id), .text(key.kind.rawValue),
                .blob(secret), .blob(key.publicKey), .at(key.createdAt), .at(key.expiresAt),
            ])
    }

    /// An owner's keys that have not expired, by kind, the one that stays first and the newest before older ones; at
    /// most 20.
    public static func list(
        of owner: WebhookKeyOwner, _ scope: Scope, at now: Instant, _ db: any SQLConnection
    ) throws -> [WebhookKey] {
        try db.query("SELECT \(fields) \(live)", values(owner, scope, now), key)
    }

    /// As `list`, with the sealed secrets.
    public static func secrets(
        of owner: WebhookKeyOwner, _ scope: Scope, at now: Instant, _ db: any SQLConnection
    ) throws -> [(key: WebhookKey, secret: [UInt8])] {
        try db.query("SELECT \(fields), secret \(live)", values(owner, scope, now)) { (key($0), $0.blob(5)) }
    }

    private static func values(_ owner: WebhookKeyOwner, _ scope: Scope, _ now: Instant) -> [SQLValue] {
        [.integer(scope.environmentID), .string(owner.name), .at(now)]
    }

    /// Lets the keys of a kind that stay live until then, and forgets those that have expired.
    public static func expire(
        _ kind: WebhookEndpoint.Signature, of owner: WebhookKeyOwner, at end: Instant, now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        let values: [SQLValue] = [
            .integer(scope.environmentID), .string(owner.name), .text(kind.rawValue), .at(end), .at(now),
        ]
        try tx.db.run(
            """
            UPDATE webhook_key SET expires_at_ms = $4
            WHERE environment_id = $1 AND owner = $2 AND kind = $3
              AND (expires_at_ms IS NULL OR (expires_at_ms > $5 AND expires_at_ms > $4))
            """, values)
        try tx.db.run(
            "DELETE FROM webhook_key WHERE environment_id = $1 AND owner = $2 AND expires_at_ms <= $3",
            [values[0], values[1], .at(now)])
    }

    /// Makes changes of the environment's keys come one after the other.
    public static func lock(_ scope: Scope, _ tx: Transaction) throws {
        _ = try tx.db.first(
            "SELECT id FROM environment WHERE id = $1 \(EndpointStore.rowWait(tx.db.dialect))",
            [.integer(scope.environmentID)]
        ) { $0.int(0) }
    }

    /// The public keys that an endpoint's `v1a` signatures verify under, whoever asks; nil when there is no such
    /// endpoint.
    public static func publicKeys(
        of endpoint: ID<WebhookEndpoint>, at now: Instant, _ db: any SQLConnection
    ) throws -> [WebhookKey]? {
        let owner: (Int64, String)? = try db.first(
            "SELECT environment_id, source FROM webhook_endpoint WHERE id = $1", [.id(endpoint)]
        ) { ($0.int(0), $0.text(1) == "api" ? endpoint.hex : "") }
        guard let owner else { return nil }
        return try db.query("SELECT \(fields) \(live)", [.integer(owner.0), .string(owner.1), .at(now)], key)
            .filter { $0.kind == .v1a }
    }
}
