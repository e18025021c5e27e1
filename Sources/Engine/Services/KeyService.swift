import Crypto
import Domain
import FoundationEssentials
import Storage
import Synchronization

/// Who asks: a tenant's environment, proven by a key.
public struct Principal: Sendable {
    public let environment: Domain.Environment
    public let keyID: String
    public var scope: Scope { environment.scope }
}

/// The keys of one environment, told once and never again.
public struct IssuedKeys: Sendable {
    public let publicKey: String
    public let secretKey: String
}

extension DomainError {
    /// Of a key that was replaced, or whose business was removed.
    static let revokedKey = DomainError(
        .revokedKey, "Unauthorized. This key was renewed or revoked. Use the new one, or `kubewa keys renew`.")
}

/// Makes, checks and renews keys. The server keeps only the hash of a secret key.
public struct KeyService: Sendable {
    private static let cacheMs: Int64 = 2000
    private static let cachedMax = 10_000

    private struct Cached: Sendable {
        let row: KeyRow
        let until: Instant
    }

    private let core: Core
    private let cache = KeyCache()

    public init(core: Core) { self.core = core }

    private final class KeyCache: Sendable {
        let rows = Mutex<[String: Cached]>([:])
    }

    // MARK: checking

    /// - Parameters:
    ///   - bearer: the `Authorization` header's token, if there was one.
    ///   - route: the environment that the path belongs to; nil when the key decides.
    /// - Throws: `no_key`, `unknown_key`, `revoked_key` (401), `wrong_key_kind`, `wrong_environment` (403).
    public func authenticate(bearer: String?, route: EnvironmentKind?) async throws -> Principal {
        guard let bearer, !bearer.isEmpty else {
            throw DomainError(
                .noKey, "Unauthorized. Send your secret key as `Authorization: Bearer <secret key>`.")
        }
        if ID<Tenant>(bearer) != nil {
            throw DomainError(.wrongKeyKind, "This is a client token. The API takes the secret key as its bearer.")
        }
        let row = try await find(bearer)
        guard row.kind == .secret else {
            throw DomainError(.wrongKeyKind, "This is a public key. The API takes the secret key as its bearer.")
        }
        guard route == nil || route == row.environment.kind else {
            throw DomainError(
                .wrongEnvironment,
                "This is a \(row.environment.kind.rawValue) key, and the path is of \(route?.rawValue ?? "another"). "
                    + "Use the base URL or the key of the other environment.")
        }
        return Principal(environment: row.environment, keyID: row.id)
    }

    /// A client token with a public key opens the widget, and nothing else.
    public func authenticateWidget(clientToken: String?, publicKey: String?) async throws -> Domain.Environment {
        guard let clientToken, let publicKey, !clientToken.isEmpty, !publicKey.isEmpty else {
            throw DomainError(.noKey, "Send `client_token` and `public_key`, or a secret key as the bearer.")
        }
        let row = try await find(publicKey)
        guard row.kind == .publicKey else {
            throw DomainError(
                .wrongKeyKind, "`public_key` holds a secret key. Never put a secret key into a page; renew it now.")
        }
        guard row.environment.tenantID.hex == clientToken.lowercased() else {
            throw DomainError(.unknownKey, "This client token and this public key do not belong together.")
        }
        return row.environment
    }

    /// The environment of a public key alone, which opens nothing: it says who may frame the page.
    func environment(ofPublicKey key: String) async throws -> Domain.Environment? {
        do {
            let row = try await find(key)
            return row.kind == .publicKey ? row.environment : nil
        } catch is DomainError {
            return nil
        }
    }

    private func find(_ token: String) async throws -> KeyRow {
        let hash = Hex.encode(SHA256.hash(data: Data(token.utf8)))
        let now = core.runtime.now()
        if let hit = cache.rows.withLock({ $0[hash] }), hit.until > now { return try checked(hit.row) }
        guard let row = try await core.database.read({ try KeyStore.find(hash: hash, $0) }) else {
            throw DomainError(.unknownKey, "Unauthorized. This key is not known here; check that it was copied whole.")
        }
        cache.rows.withLock { rows in
            if rows.count >= Self.cachedMax { rows.removeAll(keepingCapacity: true) }
            rows[hash] = Cached(row: row, until: now + Self.cacheMs)
        }
        return try checked(row)
    }

    private func checked(_ row: KeyRow) throws -> KeyRow {
        guard !row.isRevoked else {
            throw DomainError.revokedKey
        }
        return row
    }

    /// Forgets what is cached, as after an advance of a clock.
    func forget() { cache.rows.withLock { $0.removeAll() } }

    // MARK: making

    /// Makes a pair of keys inside a transaction; older ones of the environment stop to work.
    func issue(_ environment: Domain.Environment, at now: Instant, _ tx: Transaction) throws -> IssuedKeys {
        IssuedKeys(
            publicKey: try issuePublic(environment, at: now, tx), secretKey: try issueSecret(environment, at: now, tx))
    }

    private func issueSecret(_ environment: Domain.Environment, at now: Instant, _ tx: Transaction) throws -> String {
        try KeyStore.revoke(environment.scope, kind: .secret, at: now, tx)
        let id: ID<KeyRow> = core.runtime.newID()
        let token = jwt(id: id.hex, issuedAt: now)
        try KeyStore.create(
            id: id.hex, scope: environment.scope, kind: .secret, hash: hash(token), publicValue: nil, at: now, tx)
        return token
    }

    private func issuePublic(_ environment: Domain.Environment, at now: Instant, _ tx: Transaction) throws -> String {
        try KeyStore.revoke(environment.scope, kind: .publicKey, at: now, tx)
        let id: ID<KeyRow> = core.runtime.newID()
        let key = uuid()
        try KeyStore.create(
            id: id.hex, scope: environment.scope, kind: .publicKey, hash: hash(key), publicValue: key, at: now, tx)
        return key
    }

    /// Replaces a key; the old one stops to work at once here and within two seconds on other nodes.
    public func renew(_ kind: KeyKind, of environment: Domain.Environment) async throws -> String {
        let now = core.runtime.now()
        let key = try await core.database.write { tx in
            kind == .secret
                ? try issueSecret(environment, at: now, tx) : try issuePublic(environment, at: now, tx)
        }
        forget()
        return key
    }

    private func hash(_ token: String) -> String { Hex.encode(SHA256.hash(data: Data(token.utf8))) }

    /// HS256 over `{_id, iat}` with a key that is thrown away: the token is known by its hash, not by its signature.
    private func jwt(id: String, issuedAt: Instant) -> String {
        let head = base64url(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
        let body = base64url(Array(#"{"_id":"\#(id)","iat":\#(issuedAt.ms / 1000)}"#.utf8))
        let key = SymmetricKey(data: core.runtime.randomBytes(32))
        let signature = HMAC<SHA256>.authenticationCode(for: Data("\(head).\(body)".utf8), using: key)
        return "\(head).\(body).\(base64url(Array(signature)))"
    }

    private func base64url(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
            .filter { $0 != "=" }.reduce(into: "") { $0.append($1) }
    }

    private func uuid() -> String {
        var bytes = core.runtime.randomBytes(16)
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let hex = Array(Hex.encode(bytes))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }.joined(separator: "-")
    }
}
