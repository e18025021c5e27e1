import Domain

/// A way to reach banks. One folder a wire protocol; every implementation passes `ConnectorConformance`.
///
/// A connector translates and nothing else: it never sees the database, keeps no state of its own between calls
/// (what it must remember travels in a link's `state` or in the `Grant`), and reaches out only through the
/// `HTTPTransport` that it was made with. Calls that fetch data (accounts, balance, transactions, identity) hand what
/// the bank answered to the context's `payloads`; calls that carry a grant or a person's answer never do.
public protocol Connector: Sendable {
    var descriptor: ConnectorDescriptor { get }

    /// Starts linking and returns what the person must do first.
    func beginLink(_ request: LinkRequest, _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress

    /// Goes on with a person's answer. `state` is what the last progress carried, also after a restart.
    /// A wrong answer is not an error: it returns the same form with `problem` set, or `.failed`.
    func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress

    /// Asks again while the last step was `.wait`.
    func poll(_ state: [UInt8], _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress

    /// Exchanges a grant that the bank no longer takes. The old one may be dead afterwards: store the new one first.
    func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant

    /// Withdraws access at the bank. Access that is already gone is success.
    func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError)

    /// The accounts that the grant covers.
    func listAccounts(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> [FetchedAccount]

    /// One account's balance; `account` is the bank's own id of it.
    func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance

    /// One page of an account's transactions in a window of days, newest first. A page that cannot be read whole
    /// is an error, never a short page.
    func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage

    /// nil when the bank knows nothing of the person.
    func identity(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> IdentityDetails?

    /// What the bank makes of the money that comes into an account, of so many months at most or of all that it has.
    /// A bank that needs time says `.processing`, and pushes `.income` when it is done.
    func income(
        _ grant: Grant, account: String, months: Int?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IncomeAnswer

    /// The bank's own statement of an account: what was booked in the last `months` (1 to 12), newest first, whole or
    /// an error.
    func statement(
        _ grant: Grant, account: String, months: Int, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedTransaction]

    /// Reads what a bank pushed, after checking that the bank sent it.
    /// - Parameter settings: of one kind of environment, for all institutions.
    /// - Throws: `access_denied` when the signature is wrong.
    func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent]

    /// How one institution does, by its slug; a bank that cannot be asked is `.down`, never an error.
    func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth

    /// Those of its institutions that are in trouble, by slug; all others are healthy. One call for a list of banks.
    func troubled(_ context: ConnectorContext) async -> [String: InstitutionHealth]

    /// Whether it can do its work with these settings, asked by `kubewa institutions check`: the bank answers and takes
    /// the credentials. Nothing is changed there.
    func check(_ context: ConnectorContext) async throws(ConnectorError)
}

extension Connector {
    /// By default throws `unsupported`, for connectors whose steps never wait.
    public func poll(_ state: [UInt8], _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        throw ConnectorError(.unsupported)
    }
    /// By default does nothing, for banks at which access cannot be withdrawn.
    public func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {}
    /// By default throws `unsupported`, for banks that tell nothing of the person.
    public func identity(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IdentityDetails? { throw ConnectorError(.unsupported) }
    /// By default throws `unsupported`, for banks that make nothing of what comes in.
    public func income(
        _ grant: Grant, account: String, months: Int?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IncomeAnswer { throw ConnectorError(.unsupported) }
    /// By default throws `unsupported`, for banks that give no statement.
    public func statement(
        _ grant: Grant, account: String, months: Int, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedTransaction] { throw ConnectorError(.unsupported) }
    /// By default throws `unsupported`, for banks that push nothing.
    public func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent] { throw ConnectorError(.unsupported) }
    /// By default `.healthy`, without asking the bank.
    public func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth { .healthy }
    /// By default empty: no institution is known to be in trouble.
    public func troubled(_ context: ConnectorContext) async -> [String: InstitutionHealth] { [:] }
    /// By default asks the health of the context's institution.
    public func check(_ context: ConnectorContext) async throws(ConnectorError) {
        let health = await health(institution: context.institution, context)
        guard health != .down else { throw ConnectorError(.providerUnavailable) }
    }
}

/// Who and what a connector is.
public struct ConnectorDescriptor: Sendable {
    public var id: String
    public var capabilities: Capabilities
    /// Slugs of the institutions that it serves.
    public var institutions: Set<String>
    /// Serves sandbox environments, production ones, or (by an explicit setting) both.
    public var environments: Set<EnvironmentKind>
    public var access: BankAccess
    /// What an operator can set, in the order in which it is told.
    public var settings: [SettingNeed]
    /// Takes settings that it does not list, as for a program that an operator wrote.
    public var takesOtherSettings: Bool

    public init(
        id: String, capabilities: Capabilities, institutions: Set<String>, environments: Set<EnvironmentKind>,
        access: BankAccess = .login, settings: [SettingNeed] = [], takesOtherSettings: Bool = false
    ) {
        self.id = id
        self.capabilities = capabilities
        self.institutions = institutions
        self.environments = environments
        self.access = access
        self.settings = settings
        self.takesOtherSettings = takesOtherSettings
    }
}

/// What a bank protocol can do; the engine asks this, never the connector's name.
public struct Capabilities: Sendable, Equatable {
    public var products: Set<Product>
    public var reportsPending: Bool
    public var pushes: Bool
    public var historyMonthsMax: Int
    /// A window may span at most this many days.
    public var windowDaysMax: Int
    public var isUnattended: Bool
    /// Calls that the bank takes for one connection in a rolling day.
    public var budget: CallBudget
    /// What one institution takes of all connections together.
    public var limits: BankLimits
    /// The bank is asked no more often than this by itself, per connection and product; 0 is no minimum.
    public var intervalMsMin: Int64
    /// May send the person to a page of its own, so that a link needs a way back.
    public var redirects: Bool
    /// The bank's name for a login outlasts it: who links again has the same one. Where every link gets a new one, only
    /// the accounts tell that a login is the same.
    public var hasLastingLogins: Bool
    /// Answers `income`.
    public var offersIncome: Bool
    /// Answers `statement`.
    public var offersStatement: Bool

    public init(
        products: Set<Product>, reportsPending: Bool = false, pushes: Bool = false, historyMonthsMax: Int = 24,
        windowDaysMax: Int = 31, isUnattended: Bool = true, budget: CallBudget = CallBudget(),
        limits: BankLimits = BankLimits(), intervalMsMin: Int64 = 0, redirects: Bool = false,
        hasLastingLogins: Bool = true, offersIncome: Bool = false, offersStatement: Bool = false
    ) {
        self.products = products
        self.reportsPending = reportsPending
        self.pushes = pushes
        self.historyMonthsMax = historyMonthsMax
        self.windowDaysMax = windowDaysMax
        self.isUnattended = isUnattended
        self.budget = budget
        self.limits = limits
        self.intervalMsMin = intervalMsMin
        self.redirects = redirects
        self.hasLastingLogins = hasLastingLogins
        self.offersIncome = offersIncome
        self.offersStatement = offersStatement
    }
}

/// What every call carries.
public struct ConnectorContext: Sendable {
    public var environmentID: Int64
    public var institution: String
    /// The environment's time.
    public var now: Instant
    public var correlationID: String
    public var isUserPresent: Bool
    /// Where data calls put what the bank answered, when it is to be kept.
    public var payloads: RawPayloads?
    /// What the operator set for this connector at this institution in this kind of environment.
    public var settings: ConnectorSettings

    public init(
        environmentID: Int64, institution: String, now: Instant, correlationID: String, isUserPresent: Bool = false,
        payloads: RawPayloads? = nil, settings: ConnectorSettings = ConnectorSettings()
    ) {
        self.environmentID = environmentID
        self.institution = institution
        self.now = now
        self.correlationID = correlationID
        self.isUserPresent = isUserPresent
        self.payloads = payloads
        self.settings = settings
    }
}

/// What linking is asked for.
public struct LinkRequest: Sendable {
    public var products: Set<Product>
    public var historyMonths: Int
    /// Where a bank's own page sends the person back to, on this server; nil for a connector that does not redirect.
    public var returnURL: String?
    /// Names this attempt to the bank, which may tell it again in a push. It is in `returnURL`, too.
    public var reference: String?
    /// Where the bank may push to.
    public var pushURL: String?
    /// The access of a connection that is to be brought back; banks that renew a login in place are asked for that.
    public var renews: Grant?
    /// Who asks the person for the link.
    public var business: String
    /// The person logs in for a company.
    public var isForBusiness: Bool

    public init(
        products: Set<Product>, historyMonths: Int = 24, returnURL: String? = nil, reference: String? = nil,
        pushURL: String? = nil, renews: Grant? = nil, business: String = "", isForBusiness: Bool = false
    ) {
        self.products = products
        self.historyMonths = historyMonths
        self.returnURL = returnURL
        self.reference = reference
        self.pushURL = pushURL
        self.renews = renews
        self.business = business
        self.isForBusiness = isForBusiness
    }
}

/// What a bank tells of its own accord.
public enum UpstreamEvent: Sendable, Equatable {
    /// There is new data of this login. Without an environment, in all of those that the push may be about.
    case dataReady(environmentID: Int64?, upstreamUserID: String)
    case accessEnded(environmentID: Int64?, upstreamUserID: String)
    /// The bank serves this login no more until its person logs in again.
    case loginNeeded(environmentID: Int64?, upstreamUserID: String)
    /// An income profile of one account of this login, by the bank's own id of it.
    case income(environmentID: Int64?, upstreamUserID: String, account: String, IncomeOutcome)
    /// Somebody logged in on the bank's page, for the link of that reference; the page may never send them back.
    case linked(reference: String, upstreamUserID: String, grant: Grant)
}
