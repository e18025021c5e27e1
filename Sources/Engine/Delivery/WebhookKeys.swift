import Crypto
import Domain
import FoundationEssentials
import Storage

/// Signing secrets as text, the form of Standard Webhooks: a prefix and base64.
public enum WebhookSecret {
    /// `whsec_` and base64 of a shared secret.
    public static func text(_ bytes: [UInt8]) -> String { "whsec_" + Data(bytes).base64EncodedString() }

    /// `whpk_` and base64 of a public key's 32 bytes.
    public static func publicText(_ bytes: [UInt8]) -> String { "whpk_" + Data(bytes).base64EncodedString() }

    /// The secret's bytes; nil unless the text is `whsec_` and base64.
    public static func bytes(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("whsec_"), let data = Data(base64Encoded: String(text.dropFirst(6))) else { return nil }
        return Array(data)
    }
}

/// Makes, rotates and reads signing keys.
struct WebhookKeys {
    static let liveMax = 10
    let core: Core

    /// Adds a key that stays; those that are there stay too.
    /// - Returns: it, and what the receiver verifies with: `whsec_…`, or `whpk_…` of a `v1a` key, whose private half
    ///   nobody is told.
    func make(
        _ kind: WebhookEndpoint.Signature, of owner: WebhookKeyOwner, at now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> (key: WebhookKey, text: String) {
        let secret: [UInt8]
        var publicKey: [UInt8]?
        switch kind {
        case .v1: secret = core.runtime.randomBytes(32)
        case .v1a:
            secret = core.runtime.randomBytes(32)
            publicKey = Array(try Curve25519.Signing.PrivateKey(rawRepresentation: secret).publicKey.rawRepresentation)
        }
        let key = WebhookKey(id: core.runtime.newID(), kind: kind, publicKey: publicKey, createdAt: now)
        try WebhookKeyStore.create(
            key, secret: try core.seal(secret, Self.sealing(kind, owner, scope), tx), of: owner, scope, tx)
        return (key, publicKey.map(WebhookSecret.publicText) ?? WebhookSecret.text(secret))
    }

    /// Makes the keys that an endpoint's signatures need and its owner lacks.
    func ensure(_ endpoint: WebhookEndpoint, at now: Instant, _ scope: Scope, _ tx: Transaction) throws {
        let owner = WebhookKeyOwner(of: endpoint)
        let known = Set(try WebhookKeyStore.list(of: owner, scope, at: now, tx.db).map(\.kind))
        for kind in endpoint.signatures.subtracting(known).sorted(by: { $0.rawValue < $1.rawValue }) {
            _ = try make(kind, of: owner, at: now, scope, tx)
        }
    }

    /// The newest live key of a kind as the receiver needs it.
    func current(
        _ kind: WebhookEndpoint.Signature, of owner: WebhookKeyOwner, at now: Instant, _ scope: Scope,
        _ db: any SQLConnection
    ) throws -> String? {
        guard
            let found = try WebhookKeyStore.secrets(of: owner, scope, at: now, db).first(where: { $0.key.kind == kind })
        else { return nil }
        if let publicKey = found.key.publicKey { return WebhookSecret.publicText(publicKey) }
        return WebhookSecret.text(try core.vault.open(found.secret, Self.sealing(kind, owner, scope), on: db))
    }

    static func sealing(_ kind: WebhookEndpoint.Signature, _ owner: WebhookKeyOwner, _ scope: Scope) -> SealContext {
        let purpose =
            switch (kind, owner) {
            case (.v1, .environment): "webhook_secret"
            case (.v1, .endpoint): "endpoint_secret"
            case (.v1a, _): "webhook_signing_key"
            }
        return SealContext(environmentID: scope.environmentID, connectionID: nil, purpose: purpose)
    }
}
