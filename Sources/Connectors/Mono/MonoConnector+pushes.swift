import Crypto
import Domain

/// What Mono sends to the webhook: a shared secret in a header stands for a signature.
extension MonoConnector {
    static let secretHeader = "mono-webhook-secret"

    public func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent] {
        let given = headers.first { $0.name.lowercased() == Self.secretHeader }?.value
        guard let secret = settings["webhook_secret"], !secret.isEmpty, let given, Self.isSame(given, secret) else {
            throw ConnectorError(.accessDenied, "The push does not carry the secret of the webhook.")
        }
        let value = try MonoTranslate.object(body)
        guard let event = value["event"]?.text else { throw MonoTranslate.badRow }
        let data = value["data"] ?? .null
        switch event {
        case "mono.events.account_connected": return linked(data, id: try Self.id(data))
        case "mono.events.account_updated": return updated(data, id: try Self.id(data))
        case "mono.events.account_reauthorized", "mono.events.account_reauthorised":
            return [.dataReady(environmentID: nil, upstreamUserID: try Self.id(data))]
        case "mono.events.reauthorisation_required":
            return [.loginNeeded(environmentID: nil, upstreamUserID: try Self.id(data))]
        case "mono.events.account_unlinked":
            return [.accessEnded(environmentID: nil, upstreamUserID: try Self.id(data))]
        case "mono.events.account_income":
            let id = try Self.id(data)
            // Mono's login is its account.
            return [
                .income(environmentID: nil, upstreamUserID: id, account: id, try MonoIncome.outcome(data))
            ]
        // Of Mono's other products, of jobs whose end another push tells, and of what may come one day.
        default: return []
        }
    }

    /// Compared by keyed hashes, so that the time tells nothing of the secret.
    private static func isSame(_ given: String, _ secret: String) -> Bool {
        let key = SymmetricKey(size: .bits256)
        let expected = HMAC<SHA256>.authenticationCode(for: Array(secret.utf8), using: key)
        return HMAC<SHA256>.isValidAuthenticationCode(expected, authenticating: Array(given.utf8), using: key)
    }

    /// Of `{"account": {"_id": …}}`, `{"account": "…"}`, `{"account_id": …}` or `{"id": …}`: each event has its own.
    private static func id(_ data: JSONValue) throws(ConnectorError) -> String {
        let account = data["account"]
        let found = [
            account?["_id"], account?["id"], account, data["account_id"], data["id"], data["_id"],
        ].lazy.compactMap { $0?.text }.first
        guard let found, MonoTranslate.isID(found) else { throw MonoTranslate.badRow }
        return found
    }

    private func linked(_ data: JSONValue, id: String) -> [UpstreamEvent] {
        guard let reference = data["meta"]?["ref"]?.text, !reference.isEmpty, reference.utf8.count <= 128 else {
            return []
        }
        let access = MonoAccess(account: id, loggedInAt: Instant(ms: 0))
        return [.linked(reference: reference, upstreamUserID: id, grant: access.grant)]
    }

    private func updated(_ data: JSONValue, id: String) -> [UpstreamEvent] {
        let meta = data["meta"]
        let sync = meta?["sync_status"]?.text?.lowercased()
        if sync == "reauthorisation_required" { return [.loginNeeded(environmentID: nil, upstreamUserID: id)] }
        // The person may have closed the page: what they began goes on.
        let begun = linked(data, id: id)
        switch meta?["data_status"]?.text?.lowercased() {
        case "available", "partial": return begun + [.dataReady(environmentID: nil, upstreamUserID: id)]
        default: return begun
        }
    }
}
