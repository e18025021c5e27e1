import Crypto
import Domain
import FoundationEssentials
import Storage
import Synchronization

/// Where a lane's deliveries go, ready to be signed.
struct DeliveryTarget: Sendable {
    let endpoint: WebhookEndpoint
    let signer: WebhookSigner

    /// Two look-ups by key; secrets are unsealed when they are first met.
    /// - Parameter subject: the lane's: an endpoint, or `endpoint:connection`.
    /// - Returns: nil when the endpoint is gone.
    static func load(
        _ subject: String, _ scope: Scope, _ core: Core, _ db: any SQLConnection
    ) throws -> DeliveryTarget? {
        let id = subject.prefix { $0 != ":" }
        guard let found = try EndpointStore.sending(String(id), scope, db) else { return nil }
        let extras = try core.signing.extras(of: found.endpoint, found.revision, scope) {
            try (
                found.sealed.token.map { try core.vault.open($0, sealing("endpoint_token", scope), on: db) },
                found.sealed.headers.map { try core.vault.open($0, sealing("endpoint_headers", scope), on: db) }
            )
        }
        let owner = WebhookKeyOwner(of: found.endpoint)
        var keys: [(secret: WebhookSigner.Secret, expiresAt: Instant?)] = []
        for (key, sealed) in try WebhookKeyStore.secrets(of: owner, scope, at: core.runtime.now(), db)
        where found.endpoint.signatures.contains(key.kind) {
            let secret = try core.signing.secret(key, scope) {
                try core.vault.open(sealed, WebhookKeys.sealing(key.kind, owner, scope), on: db)
            }
            keys.append((secret, key.expiresAt))
        }
        if let lane = ReplayLane(subject: subject) {
            return try ReplayStore.url(lane.replayID, scope, db).map {
                DeliveryTarget(endpoint: found.endpoint.elsewhere($0), signer: WebhookSigner(keys: keys))
            }
        }
        return DeliveryTarget(
            endpoint: found.endpoint, signer: WebhookSigner(keys: keys, token: extras.token, headers: extras.headers))
    }

    static func sealing(_ purpose: String, _ scope: Scope) -> SealContext {
        SealContext(environmentID: scope.environmentID, connectionID: nil, purpose: purpose)
    }
}

/// What was unsealed to sign with, so that a batch does not pay for it. Keys never change under their id, and an
/// endpoint's revision changes with its token and headers.
final class SigningCache: Sendable {
    /// What is sent beside the signature.
    struct Extras: Sendable {
        var revision: Int64
        var token: String?
        var headers: [(name: String, value: String)]
    }

    private struct Name: Hashable {
        let environmentID: Int64
        let id: String
    }

    private struct Entries {
        var secrets: [Name: WebhookSigner.Secret] = [:]
        var extras: [Name: Extras] = [:]
    }

    /// Of each kind; a full cache begins anew.
    private static let entriesMax = 10_000
    private let entries = Mutex(Entries())

    func secret(
        _ key: WebhookKey, _ scope: Scope, _ open: () throws -> [UInt8]
    ) throws -> WebhookSigner.Secret {
        let name = Name(environmentID: scope.environmentID, id: key.id.hex)
        if let known = entries.withLock({ $0.secrets[name] }) { return known }
        let plain = try open()
        let secret: WebhookSigner.Secret =
            switch key.kind {
            case .v1: .v1(SymmetricKey(data: plain))
            case .v1a: .v1a(try Curve25519.Signing.PrivateKey(rawRepresentation: plain))
            }
        entries.withLock { entries in
            if entries.secrets.count >= Self.entriesMax { entries.secrets = [:] }
            entries.secrets[name] = secret
        }
        return secret
    }

    func extras(
        of endpoint: WebhookEndpoint, _ revision: Int64, _ scope: Scope,
        _ open: () throws -> (token: [UInt8]?, headers: [UInt8]?)
    ) throws -> Extras {
        let name = Name(environmentID: scope.environmentID, id: endpoint.id.hex)
        if let known = entries.withLock({ $0.extras[name] }), known.revision == revision { return known }
        let (token, headers) = try open()
        var extras = Extras(revision: revision, token: nil, headers: [])
        extras.token = token.map { String(decoding: $0, as: UTF8.self) }
        if let headers { extras.headers = try EndpointHeaders(json: headers).values }
        entries.withLock { entries in
            if entries.extras.count >= Self.entriesMax { entries.extras = [:] }
            entries.extras[name] = extras
        }
        return extras
    }
}
