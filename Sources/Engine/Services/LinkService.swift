import Connectors
import Domain
import FoundationEssentials
import Logging
import Storage

/// Links a bank account step by step. Every step is kept, so a session survives a restart; answering twice is
/// harmless.
public struct LinkService: Sendable {
    private static let metadataBytesMax = 16 * 1024
    private static let historyMonthsMax = 24

    let core: Core
    private let keys: KeyService
    let finisher: LinkFinisher
    let bells = LinkBells()

    public init(core: Core, keys: KeyService, endpoints: WebhookEndpointService) {
        self.core = core
        self.keys = keys
        finisher = LinkFinisher(core: core, endpoints: endpoints)
    }

    // MARK: begin

    /// Opened by a page: the client token and the public key are all it has.
    public func begin(widget request: BeginLink) async throws -> LinkView {
        let environment = try await keys.authenticateWidget(
            clientToken: request.clientToken, publicKey: request.publicKey)
        guard request.customerID == nil else {
            throw DomainError(
                .wrongKeyKind, "Naming a customer needs a session made with the secret key.", field: "customer")
        }
        return try await begin(request, in: environment)
    }

    /// - Throws: `unknown_institution`, `unknown_product`, `unknown_interval`, `url_refused`, `invalid_field`.
    public func begin(
        _ request: BeginLink, in environment: Domain.Environment, once: Once<LinkView>? = nil
    ) async throws -> LinkView {
        let app = try await app(request.appID, environment)
        try await requireCustomer(request.customerID, environment)
        let found = try request.institution.map { try institution($0, environment) }
        let terms = try terms(request, app, environment)
        let now = environment.virtual(core.runtime.now())
        let session = LinkSession(
            id: sessionID(), appID: app.id, institution: found?.0.slug ?? "",
            connector: found?.1.descriptor.id ?? "", status: .active, step: "", state: nil, request: terms.json,
            consentText: consentText(found?.0, terms, environment), connectionID: nil, revision: 1, createdAt: now,
            expiresAt: now + core.settings.linkSessionMinutes * 60_000)
        guard let connector = found?.1 else {
            return try await store(
                new: session, LinkProgress(step: .selectInstitution, state: []), environment, once)
        }
        let request = try await linkRequest(terms, connector, environment)
        let progress: LinkProgress
        do throws(ConnectorError) {
            progress = try await connector.beginLink(request, context(session, environment))
        } catch {
            progress = LinkProgress(step: .failed(error), state: [])
        }
        return try await store(new: session, progress, reference: request.reference, environment, once)
    }

    private func store(
        new session: LinkSession, _ progress: LinkProgress, reference: String? = nil,
        _ environment: Domain.Environment, _ once: Once<LinkView>?
    ) async throws -> LinkView {
        var session = session
        session.step = StepCodec.json(progress.step).encoded
        if case .failed = progress.step { session.status = .failed }
        let kept = session
        try await core.sequence.fill()
        let view = try await core.change(once) { tx in
            var kept = kept
            kept.state = try core.seal(progress.state, sealing(environment.scope), tx)
            try LinkSessionStore.create(kept, environment.scope, tx)
            try keep(reference, of: kept, environment.scope, tx)
            try LinkFailureNotice(core: core).tell(progress.step, kept, environment, tx)
            return try self.view(kept, environment)
        }
        if kept.status == .failed { core.wakes.deliveries.set() }
        return view
    }

    func app(_ id: String?, _ environment: Domain.Environment) async throws -> WidgetApp {
        var appID: ID<WidgetApp>?
        if let id, !id.isEmpty {
            guard let parsed = ID<WidgetApp>(id) else { throw DomainError.notFound("app") }
            appID = parsed
        }
        let wanted = appID
        guard let app = try await core.database.read({ try AppStore.find(wanted, environment.scope, $0) }) else {
            throw DomainError.notFound("app")
        }
        return app
    }

    /// Told before a person logs in for nothing; the end of the link looks again.
    private func requireCustomer(_ id: String?, _ environment: Domain.Environment) async throws {
        guard let id else { return }
        guard let customer = ID<Customer>(id),
            try await core.database.read({ try CustomerStore.find(customer, environment.scope, $0) }) != nil
        else { throw DomainError.notFound("customer") }
    }

    func institution(
        _ name: String, _ environment: Domain.Environment
    ) throws -> (Institution, any Connector) {
        guard let known = InstitutionCatalog.find(slugOrID: name) else {
            throw DomainError(
                .unknownInstitution, "`\(name.prefix(60))` is not an institution known here. See `banks/list`.",
                field: "institution")
        }
        guard let (institution, connector) = core.connectors.serving(known, in: environment.kind) else {
            throw DomainError(
                .unknownInstitution,
                "\(known.name) cannot be linked in \(environment.kind.rawValue): no connector serves it there.",
                field: "institution")
        }
        return (institution, GuardedConnector(inner: connector, core: core))
    }

    func terms(_ request: BeginLink, _ app: WidgetApp, _ environment: Domain.Environment) throws -> LinkTerms {
        var products = Set<Product>([.auth, .accounts])
        for name in request.products ?? app.products.names { products.insert(try Product(wire: name)) }
        for product in products where !app.products.contains(product) && product != .auth && product != .accounts {
            throw DomainError(
                .productNotEnabled, "The app does not have `\(product.rawValue)`. Enable it, or do not ask for it.",
                field: "products")
        }
        let rules = URLRules(environment, core.settings)
        let option = try request.refresh ?? JSONValue(parsing: Array(app.refresh.utf8))
        var setting = try RefreshSetting(option: option)
        if !products.contains(.balance) { setting.balance = nil }
        if !products.contains(.transactions) { setting.transactions = nil }
        setting.webhookURL = try setting.webhookURL.map {
            try rules.checked($0, field: "refresh.webhook_url", app: app)
        }
        let callback = try (request.callbackURL ?? app.callbackURL).map {
            try rules.checked($0, field: "callback_url", app: app)
        }
        let redirect = try request.redirectURL.map { try rules.checked($0, field: "redirect_url", app: app) }
        let months = request.historyMonths ?? Self.historyMonthsMax
        guard (1...Self.historyMonthsMax).contains(months) else {
            throw DomainError.invalid("limit", "must be 1 to 24 months.")
        }
        var terms = LinkTerms(
            products: ProductSet(products), setting: setting, callbackURL: callback, redirectURL: redirect,
            options: try metadata(request.options, "options"), meta: try metadata(request.meta, "meta"),
            historyMonths: months, customerID: request.customerID,
            loginType: request.loginType == "corp" ? "corp" : "ind")
        terms.run = request.run
        return terms
    }

    private func metadata(_ value: JSONValue?, _ field: String) throws -> JSONValue {
        guard let value, !value.isNull else { return [:] }
        guard value.encoded.utf8.count <= Self.metadataBytesMax else {
            throw DomainError.invalid(field, "may hold at most 16 KiB.")
        }
        return value
    }

    func consentText(
        _ institution: Institution?, _ terms: LinkTerms, _ environment: Domain.Environment
    ) -> String {
        ConsentText.sentence(
            products: terms.products.products, historyMonths: terms.historyMonths, business: environment.businessName,
            bank: institution?.name)
    }

    // MARK: parts

    /// The environment of a session that a page names; the id itself is the secret.
    public func environment(of sessionID: String) async throws -> Domain.Environment {
        guard let id = try await core.database.read({ try LinkSessionStore.environment(of: sessionID, $0) }) else {
            throw DomainError.notFound("link session")
        }
        return try await core.environment(Scope(environmentID: id))
    }

    /// `okr-<ms>-<21 characters>`; the last part is 126 random bits.
    private func sessionID() -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")
        let tail = String(core.runtime.randomBytes(21).map { alphabet[Int($0 & 63)] })
        return "okr-\(core.runtime.now().ms)-\(tail)"
    }
}

extension LinkService {
    func get(_ id: String, _ scope: Scope) async throws -> LinkSession {
        guard let session = try await core.database.read({ try LinkSessionStore.find(id, scope, $0) }) else {
            throw DomainError.notFound("link session")
        }
        return session
    }

    func check(_ session: LinkSession, _ environment: Domain.Environment) throws {
        guard environment.virtual(core.runtime.now()) < session.expiresAt else {
            throw DomainError(.expired, "This link session has expired. Begin a new one.")
        }
    }

    func step(_ session: LinkSession) throws -> Step {
        StepCodec.step(try JSONValue(parsing: Array(session.step.utf8)))
    }

    func isWorking(_ session: LinkSession) -> Bool {
        session.isOpen && session.busyUntil > core.runtime.now()
    }

    func shown(_ session: LinkSession, _ environment: Domain.Environment) async throws -> LinkView {
        if case .confirmStatement(let kept) = try step(session), !isWorking(session) {
            return try await shown(session, kept, environment)
        }
        guard let id = session.connectionID else { return try view(session, environment) }
        let connection = try await core.database.read { try ConnectionStore.find(id, environment.scope, $0) }
        return try view(session, environment, customerID: connection?.customerID.hex)
    }

    /// What was read of a statement is kept sealed with its upload.
    private func shown(
        _ session: LinkSession, _ kept: StatementPreview, _ environment: Domain.Environment
    ) async throws -> LinkView {
        let shelf = StatementShelf(database: core.database, vault: core.vault)
        var preview =
            try await shelf.preview(upload: kept.upload, session: session.id, environmentID: environment.id) ?? kept
        preview.problem = kept.problem
        return try view(session, environment).with(.confirmStatement(preview))
    }

    private func view(
        _ session: LinkSession, _ environment: Domain.Environment, customerID: String? = nil
    ) throws -> LinkView {
        let isWorking = isWorking(session)
        var status = session.status
        if isWorking {
            status = .active
        } else if status == .active, environment.virtual(core.runtime.now()) >= session.expiresAt {
            // The housekeeper writes it down a while later.
            status = .expired
        }
        let step: Step =
            isWorking
            ? .wait(reason: "The bank is being asked.", pollAfterMs: Self.workingPollMs) : try step(session)
        return LinkView(
            id: session.id, status: status, step: step, revision: session.revision, isWorking: isWorking,
            institution: session.institution.isEmpty ? nil : session.institution,
            connectionID: session.connectionID?.hex, customerID: customerID, consentText: session.consentText,
            problem: try LinkProblem(json: session.problem), reason: session.reason, expiresAt: session.expiresAt)
    }

    func context(
        _ session: LinkSession, _ environment: Domain.Environment
    ) async throws(ConnectorError) -> ConnectorContext {
        try await core.bankContext(
            environment, session.institution, connector: session.connector, correlationID: session.id,
            isUserPresent: true)
    }

    static func sealing(_ scope: Scope) -> SealContext {
        SealContext(environmentID: scope.environmentID, connectionID: nil, purpose: "link_state")
    }

    func sealing(_ scope: Scope) -> SealContext { Self.sealing(scope) }
}

extension LinkSession {
    /// Whether a person can still do something with it: what failed can be begun again.
    var isOpen: Bool { status == .active || status == .failed }
}
