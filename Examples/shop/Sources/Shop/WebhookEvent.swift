import Foundation

/// What the shop reads of a webhook. There is more in it, and more may be added.
public struct WebhookEvent: Decodable, Sendable {
    struct Details: Decodable, Sendable {
        var record: String?
        var account: String?
        var count: Int?
        /// The last day that a transaction event covers.
        var to: String?
        var query: Query?
    }

    /// What has changed, for those who look it up.
    struct Query: Decodable, Sendable {
        var ids: [String]
    }

    struct Balance: Decodable, Sendable {
        var available: Decimal?
        enum CodingKeys: String, CodingKey { case available = "available_balance" }
    }

    let event: String
    let id: String
    let data: Details
    let balance: Balance?
    let nuban: String?

    enum CodingKeys: String, CodingKey {
        case event, data, balance, nuban
        case id = "event_id"
    }

    public init(parsing body: [UInt8]) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(body))
    }

    /// The last four digits of the account's number; a complete body has them all.
    var lastFour: String? { nuban.map { String($0.suffix(4)) } }

    /// One line for a terminal.
    public var line: String {
        var parts = ["✓ verified", event]
        if let account = data.account { parts.append("account \(account)") }
        if let count = data.count { parts.append("\(count) transactions") }
        if let available = balance?.available { parts.append("available NGN \(available)") }
        return parts.joined(separator: "  ")
    }
}
