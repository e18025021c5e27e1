import Connectors
import Domain

/// Everything that the web and the command line call.
public struct Services: Sendable {
    public let core: Core
    public let keys: KeyService
    public let tenants: TenantService
    public let endpoints: WebhookEndpointService
    public let links: LinkService
    public let widgets: WidgetService
    public let shortLinks: WidgetLinkService
    public let refreshes: RefreshService
    public let upstream: UpstreamService
    public let sandbox: SandboxService
    public let reads: ReadService
    public let completeness: CompletenessService
    public let connections: ConnectionService
    public let schedules: ScheduleService
    public let lineage: LineageService
    public let institutions: InstitutionService
    public let connectorSettings: ConnectorSettingService
    public let feeds: FeedService
    public let triggers: TriggerService
    public let deliveries: DeliveryLogService
    public let replays: ReplayService
    public let statements: StatementService
    public let incomes: IncomeService
    public let bankStatements: BankStatementService

    public init(core: Core, bank: SandboxBank, book: any SandboxBook, transport: any HTTPTransport) {
        self.core = core
        keys = KeyService(core: core)
        tenants = TenantService(core: core, keys: keys)
        endpoints = WebhookEndpointService(core: core)
        links = LinkService(core: core, keys: keys, endpoints: endpoints)
        widgets = WidgetService(core: core, keys: keys, links: links)
        shortLinks = WidgetLinkService(core: core, links: links)
        refreshes = RefreshService(core: core)
        upstream = UpstreamService(core: core, refreshes: refreshes, links: links)
        sandbox = SandboxService(core: core, keys: keys, bank: bank, book: book, transport: transport)
        reads = ReadService(core: core)
        completeness = CompletenessService(core: core)
        connections = ConnectionService(core: core)
        schedules = ScheduleService(core: core)
        lineage = LineageService(core: core)
        institutions = InstitutionService(core: core)
        connectorSettings = ConnectorSettingService(core: core)
        feeds = FeedService(core: core)
        triggers = TriggerService(core: core)
        deliveries = DeliveryLogService(core: core)
        replays = ReplayService(core: core, endpoints: endpoints)
        statements = StatementService(core: core, links: links)
        incomes = IncomeService(core: core)
        bankStatements = BankStatementService(core: core)
    }
}
