// What items say of other rows; `RowForms` writes them.

/// An account by name, its number opened.
public struct AccountFacts: Sendable, Equatable {
    public let id: String
    public let connectionID: String
    public let name: String?
    public let number: String?
    /// Last four digits.
    public let mask: String?
    public let institution: String

    public init(
        id: String, connectionID: String, name: String?, number: String?, mask: String?, institution: String
    ) {
        self.id = id
        self.connectionID = connectionID
        self.name = name
        self.number = number
        self.mask = mask
        self.institution = institution
    }
}

/// A balance as it was.
public struct EarlierBalance: Sendable, Equatable {
    public let id: String
    public let at: Instant
    public let currency: Currency
    public let ledgerMinor: Int64?
    public let availableMinor: Int64?

    public init(id: String, at: Instant, currency: Currency, ledgerMinor: Int64?, availableMinor: Int64?) {
        self.id = id
        self.at = at
        self.currency = currency
        self.ledgerMinor = ledgerMinor
        self.availableMinor = availableMinor
    }
}

/// How a connection's data stands.
public struct ConnectionFacts: Sendable, Equatable {
    public let id: String
    public let authID: String
    public let customerID: String
    public let institution: String
    public let products: ProductSet
    public let isRunning: Bool
    public let lastSuccessAt: Instant?
    public let lastFailAt: Instant?
    public let isLinked: Bool

    public init(
        id: String, authID: String, customerID: String, institution: String, products: ProductSet, isRunning: Bool,
        lastSuccessAt: Instant?, lastFailAt: Instant?, isLinked: Bool
    ) {
        self.id = id
        self.authID = authID
        self.customerID = customerID
        self.institution = institution
        self.products = products
        self.isRunning = isRunning
        self.lastSuccessAt = lastSuccessAt
        self.lastFailAt = lastFailAt
        self.isLinked = isLinked
    }
}

/// When a connection is refreshed.
public struct RefreshFacts: Sendable, Equatable {
    public let setting: RefreshSetting
    public let nextBalanceAt: Instant?
    public let nextTransactionsAt: Instant?

    public init(setting: RefreshSetting, nextBalanceAt: Instant?, nextTransactionsAt: Instant?) {
        self.setting = setting
        self.nextBalanceAt = nextBalanceAt
        self.nextTransactionsAt = nextTransactionsAt
    }
}

/// What a page's items look like where they speak of other rows.
public protocol RowForms: Sendable {
    /// The bank as a list's item has it.
    func bank(_ institution: Institution, _ out: inout JSONWriter)
    /// The bank with all that is shown of it.
    func bankDetail(_ institution: Institution, _ out: inout JSONWriter)
    /// The bank's id and name.
    func bankNamed(_ institution: Institution, _ out: inout JSONWriter)
    /// The customer's id and name.
    func customer(id: String, name: String?, _ out: inout JSONWriter)
    /// The account's id and name.
    func account(_ account: AccountFacts, _ out: inout JSONWriter)
    /// The account that a balance belongs to, with its bank.
    func balanceAccount(_ account: AccountFacts, _ institution: Institution, _ out: inout JSONWriter)
    /// Earlier balances of an account, with the id of their owner.
    func periodic(_ balances: [EarlierBalance], owner: String, _ out: inout JSONWriter)
    /// How the connection's refreshes go: at the least, whether one is under way.
    func status(_ connection: ConnectionFacts, _ out: inout JSONWriter)
    /// The connection's products by name.
    func products(_ connection: ConnectionFacts, _ out: inout JSONWriter)
    /// Which of all products the connection has.
    func usedProducts(_ connection: ConnectionFacts, _ out: inout JSONWriter)
    /// The logins that an identity comes from, each with an account and its bank.
    func credentials(_ logins: [(ConnectionFacts, AccountFacts, Institution)], _ out: inout JSONWriter)
    /// A person's details, as the bank told them.
    func identity(_ details: IdentityDetails, _ out: inout JSONWriter)
    /// The connection's schedule: what is asked for when.
    func refresh(_ facts: RefreshFacts, _ out: inout JSONWriter)
    /// How fresh the connection's products are.
    func freshness(_ freshness: ConnectionFreshness, _ out: inout JSONWriter)
    /// How the connection stands: the slot says which part is meant.
    func report(_ slot: RowSlot, _ report: ConnectionReport, _ out: inout JSONWriter)
}

extension RowForms {
    /// As the native API tells it.
    public func freshness(_ freshness: ConnectionFreshness, _ out: inout JSONWriter) {
        out.object { out in
            out.member("connection", freshness.connection)
            freshness.write(&out)
        }
    }

    /// Only the native API shows it.
    public func refresh(_ facts: RefreshFacts, _ out: inout JSONWriter) { out.null() }
    /// Only the native API shows it.
    public func report(_ slot: RowSlot, _ report: ConnectionReport, _ out: inout JSONWriter) { out.null() }
}

/// How a page is written: an item's template and what it says of other rows.
public struct ItemForm: Sendable {
    public let template: RowTemplate
    public let forms: any RowForms
    /// Tells it from every other form.
    public let identity = Identity()

    /// Equal only to itself.
    public final class Identity: Sendable {}

    public init(_ template: RowTemplate, _ forms: any RowForms) {
        self.template = template
        self.forms = forms
    }
}
