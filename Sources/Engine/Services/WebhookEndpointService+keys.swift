import Domain
import Storage

extension WebhookEndpointService {
    public static let overlapSecondsMax: Int64 = 7 * 86_400
    public static let overlapSecondsDefault: Int64 = 86_400

    /// Makes a new key that signs from now on; those before it sign along until the overlap ends.
    /// An endpoint without keys of its own rotates the environment's, which sign for its own endpoint and for those
    /// that links name.
    /// - Parameters:
    ///   - kind: nil for `v1`, or `v1a` where that is all it signs with.
    ///   - overlapSeconds: 0 to seven days.
    /// - Throws: `conflict` when it does not sign with that kind, or ten keys are live.
    public func rotate(
        _ id: String, _ kind: WebhookEndpoint.Signature?, overlapSeconds: Int64, in environment: Domain.Environment,
        once: Once<RotatedKey>? = nil
    ) async throws -> RotatedKey {
        let id = try parsed(id)
        let scope = environment.scope
        guard (0...Self.overlapSecondsMax).contains(overlapSeconds) else {
            throw DomainError.invalid(
                "overlap_seconds", "must be 0 to \(Self.overlapSecondsMax) (seven days): for so long both keys sign.")
        }
        let now = core.runtime.now()
        let end = now + overlapSeconds * 1000
        let rotated = try await core.change(once) { tx in
            try WebhookKeyStore.lock(scope, tx)
            guard let endpoint = try EndpointStore.find(id, scope, tx.db) else { throw Self.unknown }
            let kind = kind ?? (endpoint.signatures.contains(.v1) ? .v1 : .v1a)
            guard endpoint.signatures.contains(kind) else {
                throw DomainError(
                    .conflict, "This endpoint does not sign with `\(kind.rawValue)`. Add it to `signatures` first.",
                    field: "kind")
            }
            let owner = WebhookKeyOwner(of: endpoint)
            let live = try WebhookKeyStore.list(of: owner, scope, at: now, tx.db)
            guard live.count < WebhookKeys.liveMax || overlapSeconds == 0 else {
                let first = live.compactMap(\.expiresAt).min()?.iso ?? "the end of an overlap"
                throw DomainError(
                    .conflict,
                    "\(WebhookKeys.liveMax) keys are live. Wait for one to expire (\(first)), or rotate with "
                        + "`overlap_seconds` 0, which ends the others of its kind at once.")
            }
            try WebhookKeyStore.expire(kind, of: owner, at: end, now: now, scope, tx)
            let made = try WebhookKeys(core: core).make(kind, of: owner, at: now, scope, tx)
            return RotatedKey(
                key: WebhookKeyView(made.key), secret: kind == .v1 ? made.text : nil, overlapEndsAt: end)
        }
        core.wakes.targets.set()
        return rotated
    }

    /// The live keys that sign for an endpoint, the newest first.
    public func keys(of id: String, in environment: Domain.Environment) async throws -> [WebhookKeyView] {
        let id = try parsed(id)
        let now = core.runtime.now()
        let found = try await core.database.read { db -> [WebhookKey]? in
            guard let endpoint = try EndpointStore.find(id, environment.scope, db) else { return nil }
            return try WebhookKeyStore.list(of: WebhookKeyOwner(of: endpoint), environment.scope, at: now, db)
        }
        guard let found else { throw Self.unknown }
        return found.map { WebhookKeyView($0) }
    }

    /// The public keys under which what an endpoint is sent verifies, for whoever asks.
    public func publicKeys(of id: String) async throws -> [WebhookKeyView] {
        let id = try parsed(id)
        let now = core.runtime.now()
        guard let found = try await core.database.read({ try WebhookKeyStore.publicKeys(of: id, at: now, $0) }) else {
            throw Self.unknown
        }
        return found.map { WebhookKeyView($0) }
    }
}
