import Domain
import Storage

/// What a link session is asked for, by the widget or by the API.
public struct BeginLink: Sendable {
    public var clientToken: String?
    public var publicKey: String?
    public var appID: String?
    public var products: [String]?
    /// Slug, alias or id.
    public var institution: String
    public var refresh: JSONValue?
    public var callbackURL: String?
    public var redirectURL: String?
    public var options: JSONValue?
    public var meta: JSONValue?
    public var historyMonths: Int?
    public var customerID: String?
    public var loginType: String?

    public init(institution: String) { self.institution = institution }
}

/// A link session as it is shown.
public struct LinkView: Sendable {
    public let id: String
    public let status: LinkStatus
    public let step: Step
    /// Counts the steps; an answer may name the one that it is for.
    public let revision: Int64
    public let institution: String
    public let connectionID: String?
    public let customerID: String?
    public let consentText: String
    public let expiresAt: Instant
}

/// The part of a request that is kept until the link is done.
struct LinkTerms {
    var products: ProductSet
    var setting: RefreshSetting
    var callbackURL: String?
    var options: JSONValue
    var meta: JSONValue
    var historyMonths: Int
    var customerID: String?
    var loginType: String

    var json: String {
        let value: [String: JSONValue] = [
            "products": .string(products.column), "balance": text(setting.balance?.rawValue),
            "transactions": text(setting.transactions?.rawValue), "refresh_url": text(setting.webhookURL),
            "callback_url": text(callbackURL), "options": options, "meta": meta,
            "months": .integer(Int64(historyMonths)), "customer": text(customerID), "login_type": .string(loginType),
        ]
        return JSONValue.object(value).encoded
    }

    private func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    init(
        products: ProductSet, setting: RefreshSetting, callbackURL: String?, options: JSONValue, meta: JSONValue,
        historyMonths: Int, customerID: String?, loginType: String
    ) {
        self.products = products
        self.setting = setting
        self.callbackURL = callbackURL
        self.options = options
        self.meta = meta
        self.historyMonths = historyMonths
        self.customerID = customerID
        self.loginType = loginType
    }

    init(json: String) throws {
        let value = try JSONValue(parsing: Array(json.utf8))
        var months = 24
        if case .integer(let number) = value["months"] { months = Int(number) }
        self.init(
            products: ProductSet(column: value["products"]?.text ?? ""),
            setting: RefreshSetting(
                balance: value["balance"]?.text.flatMap(RefreshInterval.init(rawValue:)),
                transactions: value["transactions"]?.text.flatMap(RefreshInterval.init(rawValue:)),
                webhookURL: value["refresh_url"]?.text),
            callbackURL: value["callback_url"]?.text, options: value["options"] ?? [:], meta: value["meta"] ?? [:],
            historyMonths: months, customerID: value["customer"]?.text, loginType: value["login_type"]?.text ?? "ind")
    }
}
