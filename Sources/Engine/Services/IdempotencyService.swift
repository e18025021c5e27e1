import Crypto
import Domain
import FoundationEssentials
import Storage

/// Answers a repeated request with the reply of its first time.
///
/// The key is taken before the work begins and its reply is kept right after it; a crash between leaves a key whose
/// outcome is unknown, which a later request may use again after a minute.
public struct IdempotencyService: Sendable {
    public static let keyLengthMax = 255
    public static let keptDays: Int64 = 30
    static let staleMs: Int64 = 60_000

    /// A reply as it was first given.
    public struct Kept: Sendable {
        public let status: Int
        public let body: [UInt8]
    }

    private let core: Core
    public init(core: Core) { self.core = core }

    /// - Parameter request: method, path and body; another one under the same key is refused.
    /// - Returns: nil when the caller is to do the work and then call `keep` or `drop`.
    public func take(_ key: String, request: [UInt8], in environment: Domain.Environment) async throws -> Kept? {
        guard key.utf8.count <= Self.keyLengthMax, key.utf8.allSatisfy({ $0 > 31 && $0 < 127 }) else {
            throw DomainError.invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters.")
        }
        let hash = Hex.encode(SHA256.hash(data: Data(request)))
        let now = core.runtime.now()
        let found = try await core.database.write { tx in
            try IdempotencyStore.take(
                key, hash: hash, at: now, staleBefore: now + -Self.staleMs, environment.scope, tx)
        }
        guard let found else { return nil }
        guard found.requestHash == hash else {
            throw DomainError(
                .idempotencyMismatch, "This Idempotency-Key was used for another request. Use a new key.",
                field: "Idempotency-Key")
        }
        guard found.status != 0 else {
            throw DomainError(
                .conflict, "The first request with this Idempotency-Key is not answered yet. Try again in a minute.",
                field: "Idempotency-Key")
        }
        let sealed = Hex.decode(found.body) ?? []
        let body = try await core.database.read { try core.vault.open(sealed, context(environment), on: $0) }
        return Kept(status: found.status, body: body)
    }

    public func keep(_ key: String, status: Int, body: [UInt8], in environment: Domain.Environment) async throws {
        try await core.database.write { tx in
            // A reply may tell a secret once, so it is kept sealed.
            let sealed = try core.seal(body, context(environment), tx)
            try IdempotencyStore.keep(key, status: status, body: Hex.encode(sealed), environment.scope, tx)
        }
    }

    private func context(_ environment: Domain.Environment) -> SealContext {
        SealContext(environmentID: environment.id, connectionID: nil, purpose: "idempotency")
    }

    public func drop(_ key: String, in environment: Domain.Environment) async throws {
        try await core.database.write { try IdempotencyStore.drop(key, environment.scope, $0) }
    }

    /// Forgets keys that are older than `keptDays`.
    /// - Returns: how many.
    @discardableResult
    public func prune() async throws -> Int {
        let before = core.runtime.now() + -Self.keptDays * Instant.dayMs
        return try await core.database.write { try IdempotencyStore.prune(before: before, $0) }
    }
}
