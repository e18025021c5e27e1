import Connectors
import Domain
import Engine
import Logging
import Storage
import Synchronization

/// The whole house without sockets: a real database, the real sandbox bank behind its connector, a tenant, and a clock
/// that is moved by hand. Loops are ticked, so that a test decides when something happens.
public struct World: Sendable {
    public let core: Core
    public let services: Services
    public let runtime: ManualRuntime
    public let bank: SandboxBank
    public let webhooks: RecordedWebhooks
    public let tenant: CreatedTenant
    public let refreshes: LaneLoop<RefreshWork>
    public let deliveries: LaneLoop<DeliveryWork>
    public let clocks: ClockLoop

    public static let webhookURL = "https://shop.example/hook"

    /// - Parameters:
    ///   - sameAs: goes on with the database, the tenant and the clock of an earlier world, as a restart does.
    ///   - runtime: the first world's clock and chance; by default the usual ones.
    ///   - environments: where the sandbox bank serves.
    ///   - refreshFloor: the operator's floor.
    public static func make(
        on database: Database, sameAs earlier: World? = nil, runtime: ManualRuntime? = nil,
        environments: Set<EnvironmentKind> = [.sandbox], refreshFloor: RefreshInterval? = nil,
        wrap: @escaping (any HTTPTransport) -> any HTTPTransport = { $0 }
    ) async throws -> World {
        var plan = Plan()
        plan.environments = environments
        plan.refreshFloor = refreshFloor
        plan.wrap = wrap
        return try await make(on: database, plan, sameAs: earlier, runtime: runtime)
    }

    /// What a world is made of, where it is not the usual.
    public struct Plan {
        /// Where the sandbox bank serves.
        public var environments: Set<EnvironmentKind> = [.sandbox]
        /// Where banks that nobody else serves are linked by uploaded files.
        public var statements: Set<EnvironmentKind> = [.production]
        /// The operator's floor.
        public var refreshFloor: RefreshInterval?
        public var wrap: (any HTTPTransport) -> any HTTPTransport = { $0 }
        /// What stands in the place of the usual connectors.
        public var connectors: ([any Connector]) -> [any Connector] = { $0 }
        /// nil: the first connector serves that is made for an institution.
        public var rules: [ServingRule]?
        /// What an operator sets otherwise.
        public var settings: (inout EngineSettings) -> Void = { _ in }
        public init() {}
    }

    /// As the other `make`, by a plan.
    public static func make(
        on database: Database, _ plan: Plan, sameAs earlier: World? = nil, runtime: ManualRuntime? = nil
    ) async throws -> World {
        let runtime = earlier?.runtime ?? runtime ?? ManualRuntime()
        let vault = try await Vault.open(
            .value(String(repeating: "0f", count: 32), variable: "KUBEWA_MASTER_KEY"), database: database,
            runtime: runtime)
        let book = SandboxStore(database: database, runtime: runtime)
        let bank = SandboxBank(book: book, runtime: runtime)
        let transport = plan.wrap(SandboxBankTransport(bank))
        let connector = SandboxConnector(
            transport: transport, baseURL: "http://sandbox.bank", pushSecret: "push-secret-of-tests",
            environments: plan.environments)
        let files = FileConnector(
            book: StatementShelf(database: database, vault: vault), environments: plan.statements)
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        var settings = EngineSettings(publicURL: "https://kubewa.example")
        settings.refreshFloorMs = plan.refreshFloor?.ms ?? 0
        plan.settings(&settings)
        let core = Core(
            database: database, vault: vault, runtime: runtime,
            connectors: ConnectorCatalog(plan.connectors([connector, files]), rules: plan.rules), settings: settings,
            logger: logger)
        let pushes = LatePushes()
        let services = Services(core: core, bank: bank, book: book, transport: pushes)
        pushes.connect(services.upstream)
        let webhooks = earlier?.webhooks ?? RecordedWebhooks()
        let tenant: CreatedTenant
        if let earlier {
            tenant = earlier.tenant
        } else {
            tenant = try await services.tenants.create(name: "Acme Shop")
        }
        return World(
            core: core, services: services, runtime: runtime, bank: bank, webhooks: webhooks, tenant: tenant,
            refreshes: LaneLoop(RefreshWork(core: core)),
            deliveries: LaneLoop(DeliveryWork(core: core, transport: webhooks)), clocks: ClockLoop(core: core))
    }

    /// The tenant's environment of this kind.
    public func environment(_ kind: EnvironmentKind = .sandbox) -> Domain.Environment {
        tenant.environments.first { $0.environment.kind == kind }!.environment
    }

    /// The keys of the tenant's environment of this kind.
    public func keys(_ kind: EnvironmentKind = .sandbox) -> IssuedKeys {
        tenant.environments.first { $0.environment.kind == kind }!.keys
    }

    public var scope: Scope { Scope(environmentID: environment().id) }

    /// Sets the environment's webhook URL.
    public func listen(payload: WebhookEndpoint.Payload = .thin, token: String? = nil) async throws {
        _ = try await services.endpoints.set(
            in: environment(), url: Self.webhookURL, payload: payload, token: token)
    }

    /// Links a scenario user as far as it goes, answering OTP, question and account choice.
    public func link(
        _ username: String = "success", password: String = "pass", institution: String = "access-bank",
        _ change: (inout BeginLink) -> Void = { _ in }
    ) async throws -> LinkView {
        var request = BeginLink(institution: institution)
        change(&request)
        var view = try await services.links.begin(request, in: environment())
        for _ in 0..<6 where view.status == .active {
            view = try await services.links.answer(
                sessionID: view.id, in: scope, answer: answer(view.step, username, password), revision: view.revision)
        }
        return view
    }

    private func answer(_ step: Step, _ username: String, _ password: String) -> StepAnswer {
        switch step {
        case .selectAccounts(let choices): return StepAnswer(accounts: choices.map(\.upstreamID))
        case .form(let form):
            var fields: [String: String] = [:]
            for field in form.fields {
                switch field.key {
                case "username": fields[field.key] = username
                case "password": fields[field.key] = password
                case "otp": fields[field.key] = "0000"
                default: fields[field.key] = "blue"
                }
            }
            return StepAnswer(fields: fields)
        default: return StepAnswer()
        }
    }

    /// Ticks every loop until none finds work.
    public func settle() async throws {
        for _ in 0..<500 {
            let refreshed = try await refreshes.tick()
            let sent = try await deliveries.tick()
            if refreshed == 0 && sent == 0 { break }
        }
        try webhooks.requireSchemas()
    }

    /// Advances the sandbox clock and lets everything due happen.
    public func advance(days: Int64) async throws {
        _ = try await services.sandbox.advance(environment(), byMs: days * Instant.dayMs)
        while try await clocks.tick() {}
        try await settle()
    }
}

/// Gives the bank's pushes straight to the server that they are for.
final class LatePushes: HTTPTransport {
    private let service = Mutex<UpstreamService?>(nil)

    func connect(_ upstream: UpstreamService) { service.withLock { $0 = upstream } }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        do {
            let upstream = service.withLock { $0 }
            _ = try await upstream?.receive(connector: "sandbox", headers: request.headers, body: request.body)
            return HTTPReplyData(status: 200)
        } catch {
            return HTTPReplyData(status: 401)
        }
    }
}
