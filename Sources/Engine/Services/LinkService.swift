import Connectors
import Domain
import FoundationEssentials
import Logging
import Storage

/// Links a bank account step by step. Every step is kept, so a session survives a restart; answering twice is
/// harmless.
public struct LinkService: Sendable {
    /// A claimed answer that never came back may be given again after this.
    private static let answerClaimMs: Int64 = 20_000
    private static let metadataBytesMax = 16 * 1024
    private static let historyMonthsMax = 24

    private let core: Core
    private let keys: KeyService
    private let finisher: LinkFinisher

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
    public func begin(_ request: BeginLink, in environment: Domain.Environment) async throws -> LinkView {
        let app = try await app(request.appID, environment)
        let (institution, connector) = try institution(request.institution, environment)
        let terms = try terms(request, app, environment)
        let now = environment.virtual(core.runtime.now())
        let session = LinkSession(
            id: sessionID(), appID: app.id, institution: institution.slug, connector: connector.descriptor.id,
            status: .active, step: "", state: nil, request: terms.json,
            consentText: consentText(institution, terms, environment), connectionID: nil, revision: 1, createdAt: now,
            expiresAt: now + core.settings.linkSessionMinutes * 60_000)
        let progress: LinkProgress
        do throws(ConnectorError) {
            progress = try await connector.beginLink(
                LinkRequest(
                    products: terms.products.products, historyMonths: terms.historyMonths,
                    redirectURL: request.redirectURL,
                    pushURL: "\(core.settings.publicURL)/upstream/\(connector.descriptor.id)"),
                context(session, environment))
        } catch {
            progress = LinkProgress(step: .failed(error), state: [])
        }
        return try await store(new: session, progress, environment)
    }

    private func store(
        new session: LinkSession, _ progress: LinkProgress, _ environment: Domain.Environment
    ) async throws -> LinkView {
        var session = session
        session.step = StepCodec.json(progress.step).encoded
        if case .failed = progress.step { session.status = .failed }
        let kept = session
        let saved = try await core.database.write { tx in
            var kept = kept
            kept.state = try core.seal(progress.state, sealing(environment.scope), tx)
            try LinkSessionStore.create(kept, environment.scope, tx)
            return kept
        }
        return try view(saved, customerID: nil)
    }

    private func app(_ id: String?, _ environment: Domain.Environment) async throws -> WidgetApp {
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

    private func institution(
        _ name: String, _ environment: Domain.Environment
    ) throws -> (Institution, any Connector) {
        guard let known = InstitutionCatalog.find(slugOrID: name) else {
            throw DomainError(
                .unknownInstitution, "`\(name.prefix(60))` is not an institution known here. See `banks/list`.",
                field: "institution")
        }
        guard let connector = core.connectors.connector(for: known.slug, in: environment.kind) else {
            throw DomainError(
                .unknownInstitution,
                "\(known.name) cannot be linked in \(environment.kind.rawValue): no connector serves it there.",
                field: "institution")
        }
        return (known, connector)
    }

    private func terms(_ request: BeginLink, _ app: WidgetApp, _ environment: Domain.Environment) throws -> LinkTerms {
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
        _ = try request.redirectURL.map { try rules.checked($0, field: "redirect_url", app: app) }
        let months = request.historyMonths ?? Self.historyMonthsMax
        guard (1...Self.historyMonthsMax).contains(months) else {
            throw DomainError.invalid("limit", "must be 1 to 24 months.")
        }
        return LinkTerms(
            products: ProductSet(products), setting: setting, callbackURL: callback,
            options: try metadata(request.options, "options"), meta: try metadata(request.meta, "meta"),
            historyMonths: months, customerID: request.customerID,
            loginType: request.loginType == "corp" ? "corp" : "ind")
    }

    private func metadata(_ value: JSONValue?, _ field: String) throws -> JSONValue {
        guard let value, !value.isNull else { return [:] }
        guard value.encoded.utf8.count <= Self.metadataBytesMax else {
            throw DomainError.invalid(field, "may hold at most 16 KiB.")
        }
        return value
    }

    private func consentText(
        _ institution: Institution, _ terms: LinkTerms, _ environment: Domain.Environment
    ) -> String {
        let names = terms.products.names.filter { $0 != "auth" }.joined(separator: ", ")
        return "You allow \(environment.businessName) to read \(names) of your accounts at \(institution.name), up to "
            + "\(terms.historyMonths) months back, until you withdraw it. Your login is used for this alone."
    }

    // MARK: answer

    /// - Parameter revision: the step that the answer is for; an answer to an earlier one changes nothing.
    public func answer(
        sessionID: String, in scope: Scope, answer: StepAnswer, revision: Int64?
    ) async throws -> LinkView {
        let environment = try await core.environment(scope)
        let session = try await get(sessionID, scope)
        guard session.status == .active, revision == nil || revision == session.revision else {
            return try await find(sessionID: sessionID, in: scope)
        }
        try check(session, environment)
        return try await go(session, environment) { connector, state, context throws(ConnectorError) in
            try await connector.continueLink(state, answer, context)
        }
    }

    /// As it is now; while the bank is busy, asks it.
    public func find(sessionID: String, in scope: Scope) async throws -> LinkView {
        let session = try await get(sessionID, scope)
        if session.status == .active, case .wait = try step(session) {
            let environment = try await core.environment(scope)
            return try await go(session, environment) { connector, state, context throws(ConnectorError) in
                try await connector.poll(state, context)
            }
        }
        return try await shown(session, scope)
    }

    /// The person went away. An ended session stays as it ended.
    public func abandon(sessionID: String, in scope: Scope) async throws -> LinkView {
        var session = try await get(sessionID, scope)
        guard session.status == .active else { return try await shown(session, scope) }
        let revision = session.revision
        session.status = .abandoned
        session.state = nil
        session.revision += 1
        let ended = session
        _ = try await core.database.write { try LinkSessionStore.advance(ended, from: revision, scope, $0) }
        return try await shown(try await get(sessionID, scope), scope)
    }

    private typealias BankCall =
        @Sendable (any Connector, [UInt8], ConnectorContext) async throws(ConnectorError) -> LinkProgress

    private func go(
        _ session: LinkSession, _ environment: Domain.Environment, _ call: BankCall
    ) async throws -> LinkView {
        let scope = environment.scope
        let machineNow = core.runtime.now()
        let state = try await core.database.write { tx -> [UInt8]? in
            guard
                try LinkSessionStore.claim(
                    session.id, revision: session.revision, now: machineNow,
                    until: machineNow + Self.answerClaimMs, scope, tx)
            else { return nil }
            return try core.vault.open(session.state ?? [], sealing(scope), on: tx.db)
        }
        guard let state, let connector = core.connectors.connector(id: session.connector) else {
            return try await shown(try await get(session.id, scope), scope)
        }
        let progress: LinkProgress
        do throws(ConnectorError) {
            progress = try await call(connector, state, context(session, environment))
        } catch {
            guard error.recovery == .retry else {
                return try await advance(session, LinkProgress(step: .failed(error), state: []), connector, environment)
            }
            try await core.database.write { try LinkSessionStore.unclaim(session.id, scope, $0) }
            throw DomainError(.unavailable, "\(error.message) The step is unchanged; answer it again in a while.")
        }
        return try await advance(session, progress, connector, environment)
    }

    private func advance(
        _ session: LinkSession, _ progress: LinkProgress, _ connector: any Connector, _ environment: Domain.Environment
    ) async throws -> LinkView {
        let scope = environment.scope
        var next = session
        next.revision += 1
        next.step = StepCodec.json(progress.step).encoded
        if let access = progress.linked, progress.step == .done {
            try await finisher.finish(next, from: session.revision, access, connector, environment)
            return try await shown(try await get(session.id, scope), scope)
        }
        if case .failed = progress.step { next.status = .failed }
        let kept = next
        _ = try await core.database.write { tx in
            var kept = kept
            kept.state = kept.status == .active
                ? try core.seal(progress.state, sealing(scope), tx) : nil
            return try LinkSessionStore.advance(kept, from: session.revision, scope, tx)
        }
        return try await shown(try await get(session.id, scope), scope)
    }

    // MARK: parts

    /// The environment of a session that a page names; the id itself is the secret.
    public func environment(of sessionID: String) async throws -> Domain.Environment {
        guard let id = try await core.database.read({ try LinkSessionStore.environment(of: sessionID, $0) }) else {
            throw DomainError.notFound("link session")
        }
        return try await core.environment(Scope(environmentID: id))
    }

    private func get(_ id: String, _ scope: Scope) async throws -> LinkSession {
        guard let session = try await core.database.read({ try LinkSessionStore.find(id, scope, $0) }) else {
            throw DomainError.notFound("link session")
        }
        return session
    }

    private func check(_ session: LinkSession, _ environment: Domain.Environment) throws {
        guard environment.virtual(core.runtime.now()) < session.expiresAt else {
            throw DomainError(.expired, "This link session has expired. Begin a new one.")
        }
    }

    private func step(_ session: LinkSession) throws -> Step {
        StepCodec.step(try JSONValue(parsing: Array(session.step.utf8)))
    }

    private func shown(_ session: LinkSession, _ scope: Scope) async throws -> LinkView {
        guard let id = session.connectionID else { return try view(session, customerID: nil) }
        let connection = try await core.database.read { try ConnectionStore.find(id, scope, $0) }
        return try view(session, customerID: connection?.customerID.hex)
    }

    private func view(_ session: LinkSession, customerID: String?) throws -> LinkView {
        LinkView(
            id: session.id, status: session.status, step: try step(session), revision: session.revision,
            institution: session.institution, connectionID: session.connectionID?.hex, customerID: customerID,
            consentText: session.consentText, expiresAt: session.expiresAt)
    }

    private func context(_ session: LinkSession, _ environment: Domain.Environment) -> ConnectorContext {
        ConnectorContext(
            environmentID: environment.id, institution: session.institution,
            now: environment.virtual(core.runtime.now()), correlationID: session.id, isUserPresent: true)
    }

    private func sealing(_ scope: Scope) -> SealContext {
        SealContext(environmentID: scope.environmentID, connectionID: nil, purpose: "link_state")
    }

    /// `okr-<ms>-<21 characters>`; the last part is 126 random bits.
    private func sessionID() -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")
        let tail = String(core.runtime.randomBytes(21).map { alphabet[Int($0 & 63)] })
        return "okr-\(core.runtime.now().ms)-\(tail)"
    }
}
