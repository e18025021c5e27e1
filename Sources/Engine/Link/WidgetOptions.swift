import Connectors
import Domain

/// The options of a widget run as a page, a loader or a short link gave them, read into what they mean here.
///
/// Every option that Okra's widget knew is accepted. What decides about data, money or destinations is checked and
/// refused by name; what only decorates is left out and named in `ignored`.
public struct WidgetOptions: Sendable, Equatable {
    public static let bytesMax = 64 * 1024
    static let nameLengthMax = 80
    static let namesMax = 64
    /// Okra's names for what is not served here; a page that asks for them gets the rest.
    private static let laterProducts: Set<String> = ["income", "payment", "payments"]

    public var shortLink: String?
    public var clientToken: String?
    public var publicKey: String?
    public var appID: String?
    public var kind: EnvironmentKind?
    public var name: String?
    public var products: [String]?
    public var historyMonths: Int?
    public var refresh: JSONValue?
    public var callbackURL: String?
    public var redirectURL: String?
    public var successURL: String?
    /// Returned with the redirect as it is.
    public var state: String?
    public var options: JSONValue?
    public var meta: JSONValue?
    /// A customer's id; only a link made with the secret key may name one.
    public var customerID: String?
    /// Slugs of the banks that are shown; nil for all.
    public var banks: [String]?
    public var institution: String?
    /// Number of an account that was linked before and is to come back.
    public var reauthAccount: String?
    /// `both`, `ind` or `corp`.
    public var loginType = "both"
    public var selectsOne = false
    public var expiresAt: Instant?
    public var branding = WidgetBranding()
    /// Options that change nothing here, and those that could not be used.
    public var ignored: [String] = []

    public init() {}

    /// - Throws: `invalid_field`, `unknown_institution`, `wrong_environment`.
    public init(_ value: JSONValue) throws {
        guard let members = value.members else { throw DomainError.invalid("options", "must be an object.") }
        var lean = members
        lean["logo"] = nil
        guard JSONValue.object(lean).encoded.utf8.count <= Self.bytesMax else {
            throw DomainError(.tooLarge, "The options have more than 64 KiB. Send less.", field: "options")
        }
        var reader = WidgetReader(members)
        try readKeys(&reader)
        try readScope(&reader)
        try readDestinations(&reader)
        try readBanks(&reader)
        branding = WidgetBranding(&reader)
        ignored = reader.leftOver()
    }

    private mutating func readKeys(_ reader: inout WidgetReader) throws {
        shortLink = try reader.text("ref", "short_url", "shortUrl", lengthMax: 2048)
        clientToken = try reader.text("token", "client_token", "clientToken", lengthMax: 100)
        publicKey = try reader.text("key", "public_key", "publicKey", lengthMax: 1024)
        appID = try reader.text("app_id", "appId", lengthMax: 100)
        guard let text = try reader.text("env", "environment", lengthMax: 40)?.lowercased() else { return }
        switch text {
        case "production": kind = .production
        case "production-sandbox", "sandbox": kind = .sandbox
        default:
            throw DomainError(
                .wrongEnvironment, "`env` must be `production` or `production-sandbox`.", field: "env")
        }
    }

    private mutating func readScope(_ reader: inout WidgetReader) throws {
        if let value = reader.take("products") {
            guard let elements = value.elements, elements.count <= Self.namesMax else {
                throw DomainError.invalid("products", "must be a list of names.")
            }
            products = try elements.compactMap { element in
                guard let text = element.text else { throw DomainError.invalid("products", "must be a list of names.") }
                guard Self.laterProducts.contains(text.lowercased()) else { return text }
                reader.ignore("products.\(text.lowercased())")
                return nil
            }
        }
        historyMonths = try reader.months("limit")
        refresh = reader.take("refresh")
        options = reader.take("options")
        meta = reader.take("meta")
        if let customer = reader.take("customer") {
            customerID = customer["id"]?.text
            if customerID == nil { reader.ignore("customer") }
        }
        expiresAt = try reader.text("exp", lengthMax: 40).flatMap { text in
            if let instant = Instant(iso: text) { return instant }
            if let day = LocalDate(text) { return day.adding(days: 1).start() }
            throw DomainError.invalid("exp", "must be a date.")
        }
    }

    private mutating func readDestinations(_ reader: inout WidgetReader) throws {
        callbackURL = try reader.text("callback_url", "callbackUrl", lengthMax: 2048)
        redirectURL = try reader.text("redirect_url", "redirectUrl", lengthMax: 2048)
        successURL = try reader.text("success_url", "successUrl", lengthMax: 2048)
        state = try reader.text("state", lengthMax: 1024)
    }

    private mutating func readBanks(_ reader: inout WidgetReader) throws {
        if let filter = reader.take("filter", "filters") { try readFilter(filter, &reader) }
        if let text = try reader.text("institution", "reauth_bank", "bank", lengthMax: 100) {
            institution = InstitutionCatalog.find(slugOrID: text)?.slug
            if institution == nil { reader.ignore("institution") }
        }
        if let number = try reader.text("reauth_account", lengthMax: 20) {
            guard number.utf8.count == 10, number.utf8.allSatisfy({ (48...57).contains($0) }) else {
                throw DomainError.invalid("reauth_account", "must be the ten digits of an account number.")
            }
            reauthAccount = number
        }
        if let type = reader.decoration("account_type", lengthMax: 20)?.lowercased() {
            switch type {
            case "individual", "ind": loginType = "ind"
            case "corporate", "corp": loginType = "corp"
            case "both": break
            default: reader.ignore("account_type")
            }
        }
        if reader.flag("isCorporate", "corporate") == true { loginType = "corp" }
        if reader.decoration("selection_type", lengthMax: 20)?.lowercased() == "single" { selectsOne = true }
        if reader.flag("multi_account") == false { selectsOne = true }
    }

    private mutating func readFilter(_ filter: JSONValue, _ reader: inout WidgetReader) throws {
        let list = filter.elements ?? filter["banks"]?.elements
        if let type = filter["industry_type"]?.text, type != "all" { reader.ignore("filter.industry_type") }
        guard let list, !list.isEmpty else {
            if filter["banks"].map({ !$0.isNull && $0.elements == nil }) == true || filter.members == nil {
                reader.ignore("filter")
            }
            return
        }
        var known: [String] = []
        for name in list.prefix(500) {
            guard let bank = name.text.flatMap({ InstitutionCatalog.find(slugOrID: $0) }) else {
                reader.ignore("filter.banks")
                continue
            }
            // A bank that merged is linked as the one it became.
            for each in InstitutionCatalog.directory.line(of: bank) where !known.contains(each.slug) {
                known.append(each.slug)
            }
        }
        guard !known.isEmpty else {
            throw DomainError(
                .unknownInstitution, "`filter.banks` names no bank that is known here. See the list of banks.",
                field: "filter.banks")
        }
        banks = known
    }
}

extension BeginLink {
    /// What a page's options ask of a link.
    init(_ options: WidgetOptions) {
        self.init()
        products = options.products
        refresh = options.refresh
        callbackURL = options.callbackURL
        redirectURL = options.redirectURL
        self.options = options.options
        meta = options.meta
        historyMonths = options.historyMonths
        customerID = options.customerID
    }
}
