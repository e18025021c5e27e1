import Crypto
import Domain
import FoundationEssentials
import Storage

/// A request under its `Idempotency-Key`, on its way to the change that it asks for.
public struct IdempotentRequest: Sendable {
    let key: String
    /// Of method, path, query and body.
    let hash: String
    let environment: Domain.Environment

    /// The request with a body that is read to its end.
    public func with(_ pieces: some AsyncSequence<[UInt8], any Error>) async throws -> IdempotentRequest {
        var digest = SHA256()
        for try await piece in pieces { digest.update(data: piece) }
        return with(Array(digest.finalize()))
    }

    /// - Parameter digest: SHA-256 of the body.
    func with(_ digest: [UInt8]) -> IdempotentRequest {
        IdempotentRequest(
            key: key, hash: Hex.encode(SHA256.hash(data: Data(Array(hash.utf8) + digest))), environment: environment)
    }
}

/// Makes a change happen once: the reply that a repeated request will get commits together with it.
public struct Once<Value: Sendable>: Sendable {
    let request: IdempotentRequest
    let reply: @Sendable (Value) throws -> IdempotencyService.Kept

    /// - Parameter reply: what the change is answered with; called inside the transaction, so it has no effects.
    public init(_ request: IdempotentRequest, reply: @escaping @Sendable (Value) throws -> IdempotencyService.Kept) {
        self.request = request
        self.reply = reply
    }

    /// For a body that was read while it came.
    func with(_ digest: [UInt8]) -> Once { Once(request.with(digest), reply: reply) }

    /// The same for a change that is shown as this one is.
    func shown<Other: Sendable>(_ view: @escaping @Sendable (Other) throws -> Value) -> Once<Other> {
        let reply = reply
        return Once<Other>(request) { try reply(view($0)) }
    }
}

/// The key is taken already: its request was done before, or is being done. Look it up.
public struct RequestRepeated: Error, Sendable {}

private struct NothingToChange: Error {}

extension Core {
    /// Commits a change, and under a key the reply that it gets again.
    /// - Throws: `RequestRepeated` when the key is taken; nothing is changed then.
    func change<T: Sendable>(
        _ once: Once<T>?, _ unit: @escaping @Sendable (Transaction) throws -> T
    ) async throws -> T {
        guard let once else { return try await database.write(unit) }
        return try await database.write { tx in
            try take(once.request, tx)
            let value = try unit(tx)
            try IdempotencyService(core: self).keep(once.request, once.reply(value), tx)
            return value
        }
    }

    /// A change that may find nothing to change.
    /// - Parameter unit: false when it found nothing; then it did nothing, and the key stays free.
    /// - Returns: what the unit said.
    func changeIfThere(
        _ once: Once<Void>?, _ unit: @escaping @Sendable (Transaction) throws -> Bool
    ) async throws -> Bool {
        do {
            try await change(once) { tx in guard try unit(tx) else { throw NothingToChange() } }
            return true
        } catch is NothingToChange {
            return false
        }
    }

    /// For a change that another layer commits: what it has to do inside its unit, given what the change comes to.
    func together<T: Sendable>(_ once: Once<T>?) -> (@Sendable (T) -> UnitStep)? {
        guard let once else { return nil }
        return { value in step(once, value) }
    }

    private func step<T: Sendable>(_ once: Once<T>, _ value: T) -> UnitStep {
        { unit in
            guard let tx = unit as? Transaction else { preconditionFailure("a unit of another database") }
            try take(once.request, tx)
            try IdempotencyService(core: self).keep(once.request, once.reply(value), tx)
        }
    }

    /// A request of another node with this key waits here for the end of the first one's transaction.
    fileprivate func take(_ request: IdempotentRequest, _ tx: Transaction) throws {
        let now = runtime.now()
        let known = try IdempotencyStore.take(
            request.key, hash: request.hash, at: now, staleBefore: now + -IdempotencyService.staleMs,
            request.environment.scope, tx)
        guard known == nil else { throw RequestRepeated() }
    }
}

/// Answers a repeated request with the reply of its first time.
///
/// Most changes commit their key and reply themselves (`Core.change`): whoever finds the key finds the change, and
/// the other way round. For the few that commit in several steps the key is taken before the work begins and its
/// reply is kept right after it; a crash between leaves a key whose outcome is unknown, which a later request may use
/// again after a minute.
public struct IdempotencyService: Sendable {
    public static let keyLengthMax = 255
    public static let keptDays: Int64 = 30
    static let staleMs: Int64 = 60_000
    private static let prunedPerStep = 2000

    /// A reply as it was first given.
    public struct Kept: Sendable, Equatable {
        public let status: Int
        public let body: [UInt8]
        public init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    private let core: Core
    public init(core: Core) { self.core = core }

    /// - Parameter content: method, path and body; another one under the same key is refused.
    /// - Throws: `invalid_field` for a key that is empty, too long, or not visible ASCII.
    public func request(
        _ key: String, content: [UInt8], in environment: Domain.Environment
    ) throws -> IdempotentRequest {
        guard (1...Self.keyLengthMax).contains(key.utf8.count), key.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw DomainError.invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters, without a space.")
        }
        return IdempotentRequest(
            key: key, hash: Hex.encode(SHA256.hash(data: Data(content))), environment: environment)
    }

    /// The reply that a request was given before; nil when its key is free.
    /// - Throws: `idempotency_mismatch` when the key was used for another request, `conflict` while the first one is
    ///   being answered.
    public func find(_ request: IdempotentRequest) async throws -> Kept? {
        let now = core.runtime.now()
        let found = try await core.database.read {
            try IdempotencyStore.find(request.key, request.environment.scope, $0)
        }
        guard let found, found.status != 0 || now - found.createdAt < Self.staleMs else { return nil }
        return try await opened(found, request)
    }

    /// Whether a request of this key was done, whatever it said.
    public func isTaken(_ request: IdempotentRequest) async throws -> Bool {
        try await core.database.read { try IdempotencyStore.find(request.key, request.environment.scope, $0) } != nil
    }

    /// Keeps the reply of a request that found nothing to change, unless its change kept it.
    public func keepIfFree(_ request: IdempotentRequest, _ kept: Kept) async throws {
        let found = try await core.database.read {
            try IdempotencyStore.find(request.key, request.environment.scope, $0)
        }
        guard found == nil else { return }
        do {
            try await core.database.write { tx in
                try core.take(request, tx)
                try keep(request, kept, tx)
            }
        } catch is RequestRepeated {
            // The same request, at the same moment.
        }
    }

    /// Takes the key before work that commits in several steps.
    /// - Returns: nil when the caller is to do the work and then call `keep` or `drop`.
    public func take(_ request: IdempotentRequest) async throws -> Kept? {
        let now = core.runtime.now()
        let found = try await core.database.write { tx in
            try IdempotencyStore.take(
                request.key, hash: request.hash, at: now, staleBefore: now + -Self.staleMs, request.environment.scope,
                tx)
        }
        guard let found else { return nil }
        return try await opened(found, request)
    }

    private func opened(_ found: IdempotencyStore.Kept, _ request: IdempotentRequest) async throws -> Kept {
        guard found.requestHash == request.hash else {
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
        let body = try await core.database.read { try core.vault.open(sealed, context(request), on: $0) }
        return Kept(status: found.status, body: body)
    }

    /// Keeps the reply of a request that `take` was called for.
    public func keep(_ request: IdempotentRequest, _ kept: Kept) async throws {
        try await core.database.write { try keep(request, kept, $0) }
    }

    func keep(_ request: IdempotentRequest, _ kept: Kept, _ tx: Transaction) throws {
        // A reply may tell a secret once, so it is kept sealed.
        let sealed = try core.seal(kept.body, context(request), tx)
        try IdempotencyStore.keep(
            request.key, status: kept.status, body: Hex.encode(sealed), request.environment.scope, tx)
    }

    private func context(_ request: IdempotentRequest) -> SealContext {
        SealContext(environmentID: request.environment.id, connectionID: nil, purpose: "idempotency")
    }

    /// Gives the key of a failed request back.
    public func drop(_ request: IdempotentRequest) async throws {
        try await core.database.write { try IdempotencyStore.drop(request.key, request.environment.scope, $0) }
    }

    /// Forgets keys that are older than `keptDays`, a bounded number at a time.
    /// - Returns: how many.
    @discardableResult
    func prune() async throws -> Int {
        let before = core.runtime.now() + -Self.keptDays * Instant.dayMs
        var sum = 0
        while true {
            let count = try await core.database.write {
                try IdempotencyStore.prune(before: before, limit: Self.prunedPerStep, $0)
            }
            sum += count
            guard count == Self.prunedPerStep else { return sum }
        }
    }
}
