import Crypto
import Domain
import FoundationEssentials
import Storage

/// Signs what is sent to one endpoint, as Standard Webhooks has it: with every key that is live, so that keys can be
/// changed while events flow. Beside the signature stand Okra's bearer token and the customer's own headers.
struct WebhookSigner: Sendable {
    /// A key in the form that signs.
    enum Secret: Sendable {
        case v1(SymmetricKey)
        case v1a(Curve25519.Signing.PrivateKey)
    }

    let keys: [(secret: Secret, expiresAt: Instant?)]
    private let fixed: [(name: String, value: String)]

    /// - Parameters:
    ///   - token: sent to the endpoint's own URL alone, as are `headers`.
    init(
        keys: [(secret: Secret, expiresAt: Instant?)], token: String? = nil,
        headers: [(name: String, value: String)] = []
    ) {
        self.keys = keys
        var fixed = [(name: "content-type", value: "application/json"), ("user-agent", "Kubewa-Webhooks/1")]
        if let token { fixed.append(("authorization", "Bearer \(token)")) }
        self.fixed = fixed + headers
    }

    /// The headers of one attempt.
    /// - Parameters:
    ///   - id: the event's, the same over all attempts.
    ///   - now: machine time.
    func headers(id: String, at now: Instant, body: [UInt8]) -> [(name: String, value: String)] {
        let timestamp = String(now.ms / 1000)
        let signature = signature("\(id).\(timestamp).", at: now, body)
        var headers = fixed
        headers.append(("webhook-id", id))
        headers.append(("webhook-timestamp", timestamp))
        headers.append(("webhook-signature", signature))
        return headers
    }

    private static let open: Set<String> = [
        "content-type", "user-agent", "webhook-id", "webhook-timestamp", "traceparent",
        DeliveryBody.replayedHeader.name,
    ]

    /// What of an attempt's headers is not shown: tokens, signatures and the customer's own values.
    static func secrets(_ headers: [(name: String, value: String)]) -> [String] {
        headers.filter { !open.contains($0.name) }.flatMap { name, value in
            switch name {
            case "authorization": [value, String(value.dropFirst("Bearer ".count))]
            case "webhook-signature": value.split(separator: " ").map { String($0.drop { $0 != "," }.dropFirst()) }
            default: [value]
            }
        }
    }

    private func signature(_ prefix: String, at now: Instant, _ body: [UInt8]) -> String {
        var text = ""
        for key in keys where key.expiresAt.map({ $0 > now }) ?? true {
            if !text.isEmpty { text += " " }
            switch key.secret {
            case .v1(let secret):
                var hmac = HMAC<SHA256>(key: secret)
                hmac.update(data: Array(prefix.utf8))
                hmac.update(data: body)
                text += "v1," + Data(hmac.finalize()).base64EncodedString()
            case .v1a(let secret):
                do {
                    text += "v1a," + Data(try secret.signature(for: Array(prefix.utf8) + body)).base64EncodedString()
                } catch {
                    // It fails for no message; a receiver refuses what lacks a signature.
                    continue
                }
            }
        }
        return text
    }
}
