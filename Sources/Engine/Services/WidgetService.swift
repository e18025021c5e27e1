import Connectors
import Domain
import FoundationEssentials
import Storage

/// Who may put the page into a frame.
public enum FrameAncestors: Sendable, Equatable {
    case anyone
    case origins([String])
}

/// What the page needs to know before it shows anything.
public struct WidgetView: Sendable {
    public let environment: Domain.Environment
    public let options: WidgetOptions
    /// The name that the page calls the customer by.
    public let name: String
    public let products: [String]
    public let consent: WidgetConsent
    /// Where messages may be posted to; nil when the page stands alone.
    public let targetOrigin: String?
    public let hasRedirect: Bool
    /// The bank that is chosen already.
    public let institution: String?
    public let isReauth: Bool
    public let expiresAt: Instant?
}

/// The page's side of linking: who may open it, what it may ask for, and what it tells in the end.
public struct WidgetService: Sendable {
    /// A link that began more sessions than this is being abused.
    static let sessionsPerLinkMax: Int64 = 10_000
    static let sessionsPerReauthMax: Int64 = 50

    let core: Core
    let keys: KeyService
    let links: LinkService
    private let board = InstitutionBoard()

    public init(core: Core, keys: KeyService, links: LinkService) {
        self.core = core
        self.keys = keys
        self.links = links
    }

    /// The banks that can be linked, the best known first.
    public func institutions(_ kind: EnvironmentKind) async -> [ListedInstitution] { await core.board.list(kind, core) }

    // MARK: framing

    /// Production's pages stand only on the hosts of its apps; the sandbox and pages without a key say at opening.
    public func frameAncestors(publicKey: String?) async throws -> FrameAncestors {
        guard let publicKey, !publicKey.isEmpty, publicKey.utf8.count <= 1024,
            let environment = try await keys.environment(ofPublicKey: publicKey)
        else { return .anyone }
        return try await frameAncestors(environment, appID: nil)
    }

    /// nil when there is no such link.
    public func frameAncestors(slug: String) async throws -> FrameAncestors? {
        guard let found = try await core.database.read({ try WidgetLinkStore.find(slug: slug, $0) }),
            let environment = try await core.database.read({ try TenantStore.environment(found.environmentID, $0) })
        else { return nil }
        return try await frameAncestors(environment, appID: found.link.appID)
    }

    private func frameAncestors(
        _ environment: Domain.Environment, appID: ID<WidgetApp>?
    ) async throws -> FrameAncestors {
        guard environment.kind == .production else { return .anyone }
        let apps = try await core.database.read { try AppStore.list(environment.scope, $0) }
            .filter { appID == nil || $0.id == appID }
        let hosts = Set(apps.flatMap(\.allowedHosts)).sorted().filter { $0.utf8.allSatisfy(WebOrigin.isHostByte) }
        let schemes = core.settings.allowsLoopbackWebhooks ? ["https", "http"] : ["https"]
        return .origins(hosts.flatMap { host in schemes.map { "\($0)://\(host):*" } })
    }

    // MARK: opening

    /// - Throws: what is wrong with the keys, the link, the products, a URL or the site around the page.
    public func open(_ opening: WidgetOpening) async throws -> WidgetView {
        let run = try await resolve(opening)
        let known = try run.options.institution.map { name in
            try offered(name, run) ?? links.institution(name, run.environment).0
        }
        let terms = run.terms
        let name = run.options.branding.name ?? run.environment.businessName
        return WidgetView(
            environment: run.environment, options: run.options, name: name, products: terms.products.names,
            consent: WidgetConsent(
                terms, business: run.environment.businessName,
                text: links.consentText(known, terms, run.environment)),
            targetOrigin: opening.origin, hasRedirect: terms.redirectURL != nil, institution: known?.slug,
            isReauth: run.connection != nil || run.options.reauthAccount != nil, expiresAt: run.options.expiresAt)
    }

    /// Begins to link at the bank that the person chose.
    public func begin(_ opening: WidgetOpening, institution: String, loginType: String?) async throws -> LinkView {
        let run = try await resolve(opening)
        var request = run.request
        request.loginType = try self.loginType(loginType, run)
        request.institution = run.connection?.institution ?? institution
        if run.options.banks != nil, run.connection == nil {
            guard let bank = offered(institution, run) else {
                throw DomainError(
                    .unknownInstitution, "This page does not offer that bank. Choose one of the list.",
                    field: "institution")
            }
            request.institution = bank.slug
        }
        if let link = run.link {
            let max = link.kind == .reauth ? Self.sessionsPerReauthMax : Self.sessionsPerLinkMax
            let isCounted = try await core.database.write {
                try WidgetLinkStore.countSession(link.id, max: max, run.environment.scope, $0)
            }
            guard isCounted else {
                throw DomainError(.rateLimited, "This link was opened too often. Ask for a new one.")
            }
        }
        return try await links.begin(request, in: run.environment)
    }

    /// The bank, or the one that it became, that the page's filter leaves and that can be linked; nil without a filter,
    /// or where it leaves none of them.
    private func offered(_ name: String, _ run: Opened) -> Institution? {
        guard let banks = run.options.banks, let bank = InstitutionCatalog.find(slugOrID: name) else { return nil }
        return InstitutionCatalog.directory.line(of: bank).first { one in
            banks.contains(one.slug) && core.connectors.connector(for: one.slug, in: run.environment.kind) != nil
        }
    }

    private func loginType(_ asked: String?, _ run: Opened) throws -> String {
        if let connection = run.connection { return connection.loginType }
        let offered = run.options.loginType
        let type = asked ?? (offered == "corp" ? "corp" : "ind")
        guard type == "ind" || type == "corp" else { throw DomainError.invalid("login_type", "must be ind or corp.") }
        guard offered == "both" || offered == type else {
            throw DomainError.invalid("login_type", "must be \(offered): the page offers only that.")
        }
        return type
    }

    // MARK: resolving

    /// An opening that was found right.
    struct Opened {
        let environment: Domain.Environment
        var options: WidgetOptions
        let link: WidgetLink?
        /// Set for a re-authentication link.
        let connection: Connection?
        let request: BeginLink
        let terms: LinkTerms
    }

    func resolve(_ opening: WidgetOpening) async throws -> Opened {
        var options = opening.options
        let link: WidgetLink?
        let environment: Domain.Environment
        var connection: Connection?
        if let text = options.shortLink {
            let found = try await find(link: text)
            (link, environment) = (found.link, found.environment)
            connection = try await repaired(found.link, environment)
            options = try merged(found.link, connection, under: opening)
        } else {
            link = nil
            environment = try await keys.authenticateWidget(
                clientToken: options.clientToken, publicKey: options.publicKey)
            try check(options.kind, environment)
            // Naming a person is for who holds the secret key.
            if options.customerID != nil { options.ignored.append("customer") }
            options.customerID = nil
        }
        if let end = options.expiresAt, core.runtime.now() >= end {
            throw DomainError(.linkExpired, "This link has expired. Ask for a new one.")
        }
        let app = try await links.app(connection?.appID.hex ?? options.appID ?? link?.appID.hex, environment)
        try check(origin: opening.origin, app, environment)
        if let url = options.successURL {
            options.successURL = try URLRules(environment, core.settings).checked(url, field: "success_url", app: app)
        }
        let request = request(options, app, link, connection)
        var terms = try links.terms(request, app, environment)
        if let id = connection?.id {
            // A repair leaves the rhythm as it is; the page tells of it.
            let schedule = try await core.database.read { try ScheduleStore.find(id, environment.scope, $0) }
            terms.setting = schedule?.setting ?? terms.setting
        }
        return Opened(
            environment: environment, options: options, link: link, connection: connection, request: request,
            terms: terms)
    }

    private func check(_ kind: EnvironmentKind?, _ environment: Domain.Environment) throws {
        guard kind == nil || kind == environment.kind else {
            throw DomainError(
                .wrongEnvironment,
                "`env` is `\(kind?.okraName ?? "")` and the public key is of `\(environment.kind.okraName)`. Use the "
                    + "key of the environment that `env` names.", field: "env")
        }
    }

    private func check(origin: String?, _ app: WidgetApp, _ environment: Domain.Environment) throws {
        guard let origin, environment.kind == .production else { return }
        do {
            _ = try URLRules(environment, core.settings).checked(origin, field: "origin", app: app)
        } catch is DomainError {
            throw DomainError(
                .originRefused,
                "This page may not stand in \(origin). Add its host to the allowed hosts of the app.", field: "origin")
        }
    }

    private func request(
        _ options: WidgetOptions, _ app: WidgetApp, _ link: WidgetLink?, _ connection: Connection?
    ) -> BeginLink {
        var request = BeginLink(options)
        request.appID = app.id.hex
        request.redirectURL = options.redirectURL ?? app.redirectURL
        request.run.state = options.state
        request.run.linkID = link?.id
        guard let connection else {
            request.run.banks = options.banks
            // Whether the account was linked before is told to whoever logs in at its bank, and to nobody else.
            request.run.reauthNumber = options.reauthAccount.map { core.vault.index($0, purpose: "nuban") }
            return request
        }
        // What was agreed with the person is not the page's to change.
        request.products = connection.products.names
        request.refresh = false
        request.callbackURL = nil
        request.historyMonths = connection.historyMonths
        request.customerID = nil
        request.run.repairs = connection.id
        return request
    }
}
