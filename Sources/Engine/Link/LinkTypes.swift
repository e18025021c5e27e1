import Domain
import Storage

/// What a link session is asked for, by the widget or by the API.
public struct BeginLink: Sendable {
    public var clientToken: String?
    public var publicKey: String?
    public var appID: String?
    public var products: [String]?
    /// Slug, alias or id; without it the person chooses first.
    public var institution: String?
    public var refresh: JSONValue?
    public var callbackURL: String?
    public var redirectURL: String?
    public var options: JSONValue?
    public var meta: JSONValue?
    public var historyMonths: Int?
    public var customerID: String?
    public var loginType: String?
    public var run = WidgetRun()

    public init(institution: String? = nil) { self.institution = institution }
}

/// What a person does next in a link session.
public enum LinkMove: Sendable {
    case answer(StepAnswer)
    /// Begins at a bank, also at another one than before.
    case choose(institution: String)
    /// Begins again at the same bank, also after the link failed.
    case retry
    /// Leaves the bank, to choose another one.
    case back
}

/// What became of a person's answer.
public enum AnswerOutcome: String, Sendable {
    /// It was worked on; the session shows what came of it.
    case taken
    /// The same answer was being worked on already; the session shows what came of that one.
    case joined
    /// Another answer to this step is being worked on; this one changed nothing.
    case busy
    /// The step was over; this answer changed nothing.
    case past
}

/// A link session as it is shown.
public struct LinkView: Sendable {
    public let id: String
    public let status: LinkStatus
    public private(set) var step: Step
    /// Counts the steps; an answer may name the one that it is for.
    public let revision: Int64
    /// An answer is being worked on; the step is a `wait` meanwhile.
    public let isWorking: Bool
    /// nil until one is chosen.
    public let institution: String?
    public let connectionID: String?
    public let customerID: String?
    public let consentText: String
    /// What the bank did not do for the last answer; the step can be answered again.
    public let problem: LinkProblem?
    /// Why the person ended it.
    public let reason: String?
    public let expiresAt: Instant
    /// Set in the reply to an answer.
    public var outcome: AnswerOutcome?

    /// `taken`, `joined`, `busy` or `past`; nil when nothing was answered.
    public var outcomeName: String? { outcome?.rawValue }

    func with(_ step: Step) -> LinkView {
        var view = self
        view.step = step
        return view
    }

    func with(_ outcome: AnswerOutcome) -> LinkView {
        var view = self
        view.outcome = outcome
        return view
    }
}

/// Why an answer came to nothing although it may be right.
public struct LinkProblem: Sendable, Equatable {
    public let code: String
    public let message: String

    init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    init?(json: String?) throws {
        guard let json else { return nil }
        let value = try JSONValue(parsing: Array(json.utf8))
        self.init(code: value["code"]?.text ?? "", message: value["message"]?.text ?? "")
    }

    var json: String { JSONValue.object(["code": .string(code), "message": .string(message)]).encoded }
}

/// The part of a request that is kept until the link is done.
struct LinkTerms {
    var products: ProductSet
    var setting: RefreshSetting
    var callbackURL: String?
    var redirectURL: String?
    var options: JSONValue
    var meta: JSONValue
    var historyMonths: Int
    var customerID: String?
    var loginType: String
    var run = WidgetRun()

    var json: String {
        let value: [String: JSONValue] = [
            "products": .string(products.column), "balance": text(setting.balance?.rawValue),
            "transactions": text(setting.transactions?.rawValue), "refresh_url": text(setting.webhookURL),
            "callback_url": text(callbackURL), "redirect_url": text(redirectURL), "options": options, "meta": meta,
            "months": .integer(Int64(historyMonths)), "customer": text(customerID), "login_type": .string(loginType),
            "run": run.json,
        ]
        return JSONValue.object(value).encoded
    }

    private func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    init(
        products: ProductSet, setting: RefreshSetting, callbackURL: String?, redirectURL: String?, options: JSONValue,
        meta: JSONValue, historyMonths: Int, customerID: String?, loginType: String
    ) {
        self.products = products
        self.setting = setting
        self.callbackURL = callbackURL
        self.redirectURL = redirectURL
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
            callbackURL: value["callback_url"]?.text, redirectURL: value["redirect_url"]?.text,
            options: value["options"] ?? [:], meta: value["meta"] ?? [:],
            historyMonths: months, customerID: value["customer"]?.text, loginType: value["login_type"]?.text ?? "ind")
        run = WidgetRun(json: value["run"])
    }
}
