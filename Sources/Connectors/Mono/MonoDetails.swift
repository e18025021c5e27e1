import Domain

/// What Mono knows of one linked account, and how far it has got with the account's data.
struct MonoDetails: Sendable, Equatable {
    /// How the last fetch at the bank went; Mono tells it for all products together, with a list of what came.
    enum Status: String, Sendable {
        case processing, available, partial, unavailable, failed
    }

    let account: FetchedAccount
    let balance: Money?
    let status: Status?
    /// Products that came, where Mono lists them.
    let retrieved: Set<String>?
    /// What the link of this account was called.
    let reference: String?
    /// CBN's or NIBSS's code of the bank.
    let bankCode: String?
    let bankName: String?

    init(_ value: JSONValue) throws(ConnectorError) {
        let data = try MonoTranslate.data(value)
        // Older answers have the account's members beside `meta`.
        let row = data["account"]?.members == nil ? data : data["account"] ?? data
        guard let id = try MonoTranslate.first(row, "id", "_id"), MonoTranslate.isID(id)
        else { throw MonoTranslate.badRow }
        let currency = try MonoTranslate.currency(row)
        let name = try MonoTranslate.text(row, "name")
        account = FetchedAccount(
            upstreamID: id,
            number: try MonoTranslate.first(row, "account_number", "accountNumber"),
            name: name, holderName: name, type: try MonoTranslate.text(row, "type").map(Self.type),
            currency: currency)
        balance = try MonoTranslate.money(row, "balance", currency)
        let bank = row["institution"] ?? data["institution"] ?? .null
        bankCode = try MonoTranslate.first(bank, "bank_code", "bankCode")
        bankName = try MonoTranslate.text(bank, "name")
        let meta = data["meta"] ?? value["meta"] ?? .null
        status = try MonoTranslate.text(meta, "data_status").flatMap { Status(rawValue: $0.lowercased()) }
        retrieved = meta["retrieved_data"]?.elements.map { Set($0.compactMap { $0.text?.lowercased() }) }
        reference = try MonoTranslate.text(meta, "ref")
    }

    /// Banks call their accounts what they like.
    private static func type(_ text: String) -> String {
        let lower = text.lowercased()
        if lower.contains("saving") { return "savings" }
        if lower.contains("current") || lower.contains("cheque") { return "current" }
        return lower
    }

    /// Whether Mono has this product of the account.
    /// - Throws: `not_ready` while Mono fetches, `data_incomplete` when this product did not come, and
    ///   `provider_unavailable` when nothing came.
    func require(_ product: String) throws(ConnectorError) {
        switch status {
        case .processing:
            throw ConnectorError(.notReady, upstreamCode: "PROCESSING", retryAfterSeconds: 10)
        case .partial:
            guard retrieved?.contains(product) ?? true else {
                throw ConnectorError(.dataIncomplete, upstreamCode: "PARTIAL")
            }
        case .unavailable: throw ConnectorError(.providerUnavailable, upstreamCode: "UNAVAILABLE")
        case .failed: throw ConnectorError(.providerUnavailable, upstreamCode: "FAILED")
        case .available, nil: break
        }
    }
}
