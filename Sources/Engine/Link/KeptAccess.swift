import Domain
import FoundationEssentials

/// What the bank gave, sealed in the session until the person has said that the accounts are the right ones.
enum KeptAccess {
    static func bytes(_ access: LinkedAccess) -> [UInt8] {
        let accounts = access.accounts.map { account -> JSONValue in
            [
                "id": .string(account.upstreamID), "number": text(account.number), "name": text(account.name),
                "holder": text(account.holderName), "type": text(account.type),
                "currency": .string(account.currency.code), "active": .bool(account.isActive),
            ]
        }
        let value: JSONValue = [
            "grant": .string(Hex.encode(access.grant.bytes)), "accounts": .array(accounts),
            "user": text(access.upstreamUserID),
            "expires": access.consentExpiresAt.map { .integer($0.ms) } ?? .null,
        ]
        return Array(value.encoded.utf8)
    }

    static func access(_ bytes: [UInt8]) throws(ConnectorError) -> LinkedAccess {
        let lost = ConnectorError(.protocolViolation, "What the bank gave was lost. Log in again.")
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch { throw lost }
        guard let grant = value["grant"]?.text.flatMap({ Hex.decode($0) }), let accounts = value["accounts"]?.elements
        else { throw lost }
        var expires: Instant?
        if case .integer(let ms) = value["expires"] { expires = Instant(ms: ms) }
        return LinkedAccess(
            grant: Grant(bytes: grant),
            accounts: accounts.map {
                FetchedAccount(
                    upstreamID: $0["id"]?.text ?? "", number: $0["number"]?.text, name: $0["name"]?.text,
                    holderName: $0["holder"]?.text, type: $0["type"]?.text,
                    currency: Currency(code: $0["currency"]?.text ?? ""), isActive: $0["active"] != .bool(false))
            }, upstreamUserID: value["user"]?.text, consentExpiresAt: expires)
    }

    private static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
}
