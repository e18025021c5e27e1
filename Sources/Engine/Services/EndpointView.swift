import Domain
import Storage

/// An endpoint as it is shown.
public struct EndpointView: Sendable {
    public let endpoint: WebhookEndpoint
    /// `whsec_…`, told when it is made and when it is rotated.
    public var secret: String?
    /// `whpk_…`, under which its `v1a` signatures verify.
    public var publicKey: String?
    /// nil when nothing was sent to it yet, or not since it was changed.
    public var health: EndpointHealth?

    init(_ endpoint: WebhookEndpoint) { self.endpoint = endpoint }

    var withoutSecrets: EndpointView { EndpointView(endpoint) }
}

/// A live signing key as it is shown: never its secret.
public struct WebhookKeyView: Sendable {
    public let id: String
    public let kind: WebhookEndpoint.Signature
    /// `whpk_…`; only of `v1a`.
    public let publicKey: String?
    public let createdAt: Instant
    /// nil: it stays until the next rotation.
    public let expiresAt: Instant?

    init(_ key: WebhookKey) {
        id = key.id.hex
        kind = key.kind
        publicKey = key.publicKey.map(WebhookSecret.publicText)
        createdAt = key.createdAt
        expiresAt = key.expiresAt
    }
}

/// What a rotation made.
public struct RotatedKey: Sendable {
    public let key: WebhookKeyView
    /// `whsec_…` of a `v1` key; told this once.
    public let secret: String?
    /// Until then what went before signs too.
    public let overlapEndsAt: Instant
}

/// How a test of an endpoint came out.
public struct EndpointTestView: Sendable {
    /// `evt_…`
    public let eventID: String
    /// `delivered`, `failed`, or `waiting` when it had not been sent in time.
    public let outcome: String
    public let status: Int?
    public let error: String?
    /// The same in a word, as in the log.
    public let errorClass: String?
    public let durationMs: Int64?
}
