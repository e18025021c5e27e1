import Crypto
import Domain
import FoundationEssentials

/// Signs on a developer's machine what the delivery loop signs on the server: with the secret of its environment's
/// listeners.
public struct ListenSigner: Sendable {
    private let signer: WebhookSigner

    /// nil for what is no `whsec_…`.
    public init?(secret: String) {
        guard secret.hasPrefix("whsec_"), let key = Data(base64Encoded: String(secret.dropFirst("whsec_".count))),
            !key.isEmpty
        else { return nil }
        signer = WebhookSigner(
            keys: [(secret: .v1(SymmetricKey(data: key)), expiresAt: nil)], token: nil, headers: [])
    }

    /// The headers of one attempt.
    /// - Parameters:
    ///   - id: the event's.
    ///   - now: machine time.
    public func headers(id: String, at now: Instant, body: [UInt8]) -> [(name: String, value: String)] {
        signer.headers(id: id, at: now, body: body)
    }
}
