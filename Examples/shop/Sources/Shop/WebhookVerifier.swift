import Crypto
import Foundation

/// Why a webhook is not taken.
public enum WebhookRefusal: String, Error, CustomStringConvertible {
    case unsigned, stale, wrongSignature

    public var description: String {
        switch self {
        case .unsigned: "it carries no signature"
        case .stale: "its time is more than five minutes off: is it an old one, sent again?"
        case .wrongSignature: "its signature is wrong: is this the signing secret of this endpoint?"
        }
    }
}

/// Checks by the recipe of Standard Webhooks that a webhook comes from Kubewa, unchanged and just now.
public struct WebhookVerifier: Sendable {
    /// A webhook may be this old, or this far ahead.
    public static let toleranceSeconds: Int64 = 300

    private let key: SymmetricKey

    /// - Parameter secret: `whsec_…`; nil when it is none.
    public init?(secret: String) {
        guard secret.hasPrefix("whsec_"), let key = Data(base64Encoded: String(secret.dropFirst(6))), !key.isEmpty
        else { return nil }
        self.key = SymmetricKey(data: key)
    }

    /// - Parameter header: the value of a header by its lower-case name.
    /// - Returns: the id of the event, the same whenever it is sent again.
    public func verify(
        body: [UInt8], nowSeconds: Int64, header: (String) -> String?
    ) throws(WebhookRefusal) -> String {
        guard let id = header("webhook-id"), let time = header("webhook-timestamp"),
            let signatures = header("webhook-signature")
        else { throw .unsigned }
        let tolerated = nowSeconds - Self.toleranceSeconds...nowSeconds + Self.toleranceSeconds
        guard let sentAt = Int64(time), tolerated.contains(sentAt) else { throw .stale }
        let signed = Data("\(id).\(time).".utf8) + body
        // While a secret is being replaced there are two signatures, with a space between them.
        let isRight = signatures.split(separator: " ").contains { signature in
            guard signature.hasPrefix("v1,"), let code = Data(base64Encoded: String(signature.dropFirst(3))) else {
                return false
            }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key)
        }
        guard isRight else { throw .wrongSignature }
        return id
    }
}
