import Crypto
import FoundationEssentials

/// Checks by the recipe of Standard Webhooks that a webhook comes from Kubewa, unchanged and just now.
///
/// Make one out of the endpoint's signing secret (`whsec_…`), its public key (`whpk_…`), or several of them while keys
/// are being rotated, and ask it before you read a body:
///
///     let verifier = try WebhookVerifier("whsec_…")
///     let now = Int64(Date().timeIntervalSince1970)
///     let webhook = try verifier.verify(body: bytes, headers: headers, nowSeconds: now)
///     guard !isDone(webhook.id) else { return }
///
/// Then do the work and write `webhook.id`, in one transaction: an id that is written before is taken for done when
/// the work fails and the event comes again.
public struct WebhookVerifier: Sendable {
    /// So far the sender's clock may be off, or the webhook be old.
    public static let toleranceSecondsDefault: Int64 = 300

    /// As Standard Webhooks has it.
    private static let secretBytesMin = 24
    /// Each costs a look over the whole body, and who sends them need not have a key.
    private static let signaturesMax = 20

    private enum Key: Sendable {
        /// Of `v1` signatures.
        case secret(SymmetricKey)
        /// Of `v1a` signatures.
        case `public`(Curve25519.Signing.PublicKey)
    }

    private let keys: [Key]
    private let toleranceSeconds: Int64

    /// - Parameters:
    ///   - keys: each `whsec_…` or `whpk_…`; a webhook that any of them confirms is taken.
    ///   - toleranceSeconds: how old, or how far ahead, a webhook may be.
    /// - Throws: `WebhookKeyError` for a text that is no such key.
    public init(
        _ keys: String..., toleranceSeconds: Int64 = WebhookVerifier.toleranceSecondsDefault
    ) throws(WebhookKeyError) {
        try self.init(keys: keys, toleranceSeconds: toleranceSeconds)
    }

    /// The same for keys that are in a list already.
    public init(
        keys: [String], toleranceSeconds: Int64 = WebhookVerifier.toleranceSecondsDefault
    ) throws(WebhookKeyError) {
        guard !keys.isEmpty else { throw .noKey }
        var read: [Key] = []
        for key in keys { read.append(try Self.key(key)) }
        self.keys = read
        self.toleranceSeconds = toleranceSeconds
    }

    private static func key(_ text: String) throws(WebhookKeyError) -> Key {
        if text.hasPrefix("whsec_") {
            guard let bytes = Data(base64Encoded: String(text.dropFirst(6))), bytes.count >= secretBytesMin else {
                throw .malformed
            }
            return .secret(SymmetricKey(data: bytes))
        }
        guard text.hasPrefix("whpk_"), let bytes = Data(base64Encoded: String(text.dropFirst(5))) else {
            throw .malformed
        }
        do {
            return .public(try Curve25519.Signing.PublicKey(rawRepresentation: bytes))
        } catch {
            throw .malformed
        }
    }

    /// Call this with the body as it came, before anything reads it as JSON.
    /// - Parameters:
    ///   - headers: of the request; names in any case.
    ///   - nowSeconds: the time of your clock, in seconds since 1970.
    /// - Throws: `WebhookRefusal`; answer 401 then, and nothing else.
    public func verify(
        body: [UInt8], headers: [String: String], nowSeconds: Int64
    ) throws(WebhookRefusal) -> VerifiedWebhook {
        var named: [String: String] = [:]
        for (name, value) in headers { named[name.lowercased()] = value }
        return try verify(body: body, nowSeconds: nowSeconds) { named[$0] }
    }

    /// - Parameter header: the value of a header by its name in lower case.
    public func verify(
        body: [UInt8], nowSeconds: Int64, header: (String) -> String?
    ) throws(WebhookRefusal) -> VerifiedWebhook {
        guard let id = header("webhook-id"), let time = header("webhook-timestamp"),
            let signatures = header("webhook-signature")
        else { throw .unsigned }
        guard let sentAt = Int64(time) else { throw .unsigned }
        let (off, overflow) = nowSeconds.subtractingReportingOverflow(sentAt)
        guard !overflow, off.magnitude <= max(0, toleranceSeconds).magnitude else { throw .stale }
        let signed = Data("\(id).\(time).".utf8) + body
        // While keys are rotated there are several signatures, with a space between them.
        for signature in signatures.split(separator: " ", maxSplits: Self.signaturesMax).prefix(Self.signaturesMax) {
            guard let comma = signature.firstIndex(of: ","),
                let bytes = Data(base64Encoded: String(signature[signature.index(after: comma)...]))
            else { continue }
            if isRight(bytes, version: signature[..<comma], over: signed) {
                return VerifiedWebhook(id: id, sentAtSeconds: sentAt, body: body)
            }
        }
        throw .wrongSignature
    }

    private func isRight(_ signature: Data, version: Substring, over signed: Data) -> Bool {
        keys.contains { key in
            switch key {
            case .secret(let secret):
                version == "v1"
                    && HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: secret)
            case .public(let key): version == "v1a" && key.isValidSignature(signature, for: signed)
            }
        }
    }
}

/// A webhook that is what its sender sent.
public struct VerifiedWebhook: Sendable, Equatable {
    /// The same whenever the event comes again, also when it is replayed: keep it, and do nothing for one that you
    /// have.
    public let id: String
    public let sentAtSeconds: Int64
    /// JSON.
    public let body: [UInt8]
}

/// Why a webhook is not taken.
public enum WebhookRefusal: String, Error, Sendable, CustomStringConvertible {
    case unsigned, stale, wrongSignature

    public var description: String {
        switch self {
        case .unsigned: "The request carries no signature of Standard Webhooks."
        case .stale: "The webhook's time is too far off: it is an old one sent again, or a clock is wrong."
        case .wrongSignature: "No signature is right: is this the key of this endpoint, and the body as it came?"
        }
    }
}

/// Why a text is no key.
public enum WebhookKeyError: Error, Sendable, CustomStringConvertible {
    case noKey, malformed

    public var description: String {
        switch self {
        case .noKey: "Give one key at least: the endpoint's whsec_… or whpk_…."
        case .malformed: "A key is `whsec_` or `whpk_` and base64; a public one has 32 bytes."
        }
    }
}
