import Crypto
import Domain
import FoundationEssentials

/// The headers of Standard Webhooks, with Okra's optional bearer token beside them.
enum Signer {
    static func headers(
        id: String, at now: Instant, body: [UInt8], secret: SymmetricKey, token: String?
    ) -> [(name: String, value: String)] {
        let timestamp = String(now.ms / 1000)
        var hmac = HMAC<SHA256>(key: secret)
        hmac.update(data: Array("\(id).\(timestamp).".utf8))
        hmac.update(data: body)
        let signature = Data(hmac.finalize()).base64EncodedString()
        var headers: [(name: String, value: String)] = [
            ("content-type", "application/json"), ("webhook-id", id), ("webhook-timestamp", timestamp),
            ("webhook-signature", "v1,\(signature)"), ("user-agent", "Kubewa-Webhooks/1"),
        ]
        if let token { headers.append(("authorization", "Bearer \(token)")) }
        return headers
    }
}
