import Crypto
import Domain

/// Reaches banks through Mono (v2): the person logs in on Mono's own page, and Mono fetches at the bank.
public struct MonoConnector: Connector {
    public static let id = "mono"
    /// Live data of an account can be asked for once in this time.
    static let liveEveryMs: Int64 = 5 * 60_000
    /// Mono's first fetch after a login goes on this long at most; until then no page is believed to be whole.
    static let firstFetchMs: Int64 = 3_600_000

    public let descriptor: ConnectorDescriptor
    let client: MonoClient

    public init(transport: any HTTPTransport) {
        client = MonoClient(transport: transport)
        descriptor = ConnectorDescriptor(
            id: Self.id,
            capabilities: Capabilities(
                products: Set(Product.allCases), pushes: true, historyMonthsMax: 12, redirects: true,
                hasLastingLogins: false, offersIncome: true, offersStatement: true),
            institutions: InstitutionCatalog.slugs, environments: [.production, .sandbox], access: .hostedPage,
            settings: [
                SettingNeed(
                    "secret_key", isRequired: true,
                    help: "The secret key of your app in Mono's dashboard; a test key for sandbox environments."),
                SettingNeed(
                    "webhook_secret", isRequired: true,
                    help: "The secret of the webhook that you set up in Mono's dashboard for this server's address."),
                SettingNeed("base_url", help: "Where Mono's API is; \(MonoClient.defaultBaseURL) unless set."),
                SettingNeed(
                    "realtime",
                    help: "`on_demand` (unless set): live data when somebody asks. `always`: on schedule too."),
                SettingNeed(
                    "auth_method",
                    help: "`internet_banking` or `mobile_banking`, where a bank has both; Mono's first unless set."),
            ])
    }

    // MARK: access

    /// Mono's ids do not expire: there is nothing to exchange.
    public func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        try MonoAccess(grant).grant
    }

    public func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        let account = try MonoAccess(grant).account
        do {
            _ = try await client.send(.init(method: "POST", path: "/v2/accounts/\(account)/unlink"), context)
        } catch {
            // Unlinked before: that is what was wanted.
            guard error.code != .consentRevoked else { return }
            throw error
        }
    }

    // MARK: data

    public func listAccounts(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedAccount] {
        [try await details(MonoAccess(grant).account, context, keptAs: "accounts").account]
    }

    public func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        let access = try access(grant, account)
        if isLive(access, context) {
            let answer = try await client.send(
                .init(path: "/v2/accounts/\(account)/balance", isLive: true, operation: "balance"), context)
            try answer.live.check()
            // The bank takes longer than Mono waits for it.
            guard let data = answer.value["data"] else { throw MonoTranslate.badRow }
            guard !data.isNull else { throw ConnectorError(.notReady, upstreamCode: "realtime_processing") }
            let currency = try MonoTranslate.currency(data, access.currency)
            return try balance(try MonoTranslate.money(data, "balance", currency), context)
        }
        let details = try await details(account, context, keptAs: "balance")
        try details.require("balance")
        return try balance(details.balance, context)
    }

    /// Mono does not say when it was at the bank.
    private func balance(_ money: Money?, _ context: ConnectorContext) throws(ConnectorError) -> FetchedBalance {
        guard let money else { throw ConnectorError(.protocolViolation, fault: .amountUnreadable) }
        return FetchedBalance(ledger: nil, available: money, asOf: context.now)
    }

    public func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        let access = try access(grant, account)
        let number = try number(cursor)
        let isLive = number == 1 && window.contains(context.now.day()) && isLive(access, context)
        if number == 1, context.now - access.loggedInAt < Self.firstFetchMs {
            // While Mono fetches, pages hold what it has so far, and would be taken for all there is.
            try await details(account, context).require("transactions")
        }
        let answer = try await client.send(
            .init(
                path: "/v2/accounts/\(account)/transactions",
                query: [
                    ("start", Self.day(window.from)), ("end", Self.day(window.to)), ("page", String(number)),
                ], isLive: isLive, operation: "transactions"), context)
        try answer.live.check()
        if answer.value["data"]?.isNull == true {
            throw ConnectorError(.notReady, upstreamCode: "no_data_yet", retryAfterSeconds: 10)
        }
        let page = try MonoTranslate.page(answer.value, access.currency, number: number)
        if number == 1, page.rows.isEmpty { try await details(account, context).require("transactions") }
        return page
    }

    /// nil while Mono knows nothing of the person.
    public func identity(
        _ grant: Grant, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IdentityDetails? {
        let account = try MonoAccess(grant).account
        let answer = try await client.send(
            .init(path: "/v2/accounts/\(account)/identity", operation: "identity"), context)
        if answer.value["data"]?.isNull == true { return nil }
        return try MonoTranslate.identity(try MonoTranslate.data(answer.value))
    }

    func details(
        _ account: String, _ context: ConnectorContext, keptAs operation: String? = nil
    ) async throws(ConnectorError) -> MonoDetails {
        let answer = try await client.send(.init(path: "/v2/accounts/\(account)", operation: operation), context)
        let details = try MonoDetails(answer.value)
        guard details.account.upstreamID == account else { throw MonoTranslate.badRow }
        return details
    }

    func access(_ grant: Grant, _ account: String) throws(ConnectorError) -> MonoAccess {
        let access = try MonoAccess(grant)
        guard access.account == account else { throw ConnectorError(.accountNotFound) }
        return access
    }

    /// Right after a login the data is fresh, and asking for it again would only ask the person for another code.
    private func isLive(_ access: MonoAccess, _ context: ConnectorContext) -> Bool {
        let isWanted = context.isUserPresent || context.settings["realtime"] == "always"
        return isWanted && context.now - access.loggedInAt >= Self.liveEveryMs
    }

    private func number(_ cursor: String?) throws(ConnectorError) -> Int {
        guard let cursor else { return 1 }
        guard let number = Int(cursor), number > 1 else { throw ConnectorError(.invalidRequest) }
        return number
    }

    /// `31-12-2026`.
    private static func day(_ day: LocalDate) -> String {
        day.iso.split(separator: "-").reversed().joined(separator: "-")
    }

    // MARK: health

    public func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth {
        do {
            _ = try await institutions(context)
            return .healthy
        } catch {
            return error.code == .rateLimited ? .degraded : .down
        }
    }

    /// The list of banks takes the key and costs nothing.
    public func check(_ context: ConnectorContext) async throws(ConnectorError) { _ = try await institutions(context) }

    func institutions(_ context: ConnectorContext) async throws(ConnectorError) -> [MonoBank] {
        let answer = try await client.send(
            .init(path: "/v3/institutions", query: [("scope", "financial_data")]), context)
        guard let rows = answer.value["data"]?.elements else { throw MonoTranslate.badRow }
        return rows.compactMap(MonoBank.init)
    }
}

/// A bank of Mono's list.
struct MonoBank: Sendable, Equatable {
    let id: String
    let codes: Set<String>
    let isForBusiness: Bool
    /// `internet_banking`, `mobile_banking`, in Mono's order.
    let methods: [String]

    /// nil when the row names none.
    init?(_ row: JSONValue) {
        guard let id = row["_id"]?.text ?? row["id"]?.text else { return nil }
        self.id = id
        codes = Set([row["nip_code"]?.text, row["bank_code"]?.text].compactMap { $0 }.filter { !$0.isEmpty })
        isForBusiness = row["type"]?.text?.uppercased() == "BUSINESS_BANKING"
        methods = (row["auth_methods"]?.elements ?? []).compactMap { $0.text ?? $0["type"]?.text }
    }

    func isSame(as institution: Institution) -> Bool {
        !codes.isDisjoint(with: [institution.nipCode, institution.cbnCode].compactMap { $0 })
    }
}
