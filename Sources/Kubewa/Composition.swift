import Connectors
import Domain
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Outbound
import ServiceLifecycle
import Storage
import UnixSignals
import Web

/// The only place that knows every part.
struct Composition {
    let database: Database
    let services: Services
    let bank: SandboxBank
    let banks: BankConnectors
    let logger: Logger
    /// The data folder.
    let data: String

    /// Opens the database, migrates it, opens the vault and puts the services together.
    static func open(
        _ options: DataOptions, serve: ServeOptions, isServing: Bool, settings: EngineSettings
    ) async throws -> Composition {
        let logger = options.logger()
        try options.makeFolder()
        // Before anything else: every name of a bank is read by this list.
        let institutions = try InstitutionSetup(files: try options.institutionFiles())
        InstitutionCatalog.install(institutions.directory)
        var settings = settings
        settings.statementProfiles = try options.statementProfiles()
        let location = try options.location()
        if isServing, serve.role != .all, location.dialect == .sqlite { throw RoleRefused(role: serve.role) }
        let database = try await Database.open(location, exclusive: isServing, logger: logger)
        do {
            _ = try await database.migrate(Migrations.all)
            let runtime = SystemRuntime()
            let vault = try await Vault.open(
                options.masterKey(), database: database, runtime: runtime)
            let book = SandboxStore(database: database, runtime: runtime)
            let bank = SandboxBank(book: book, runtime: runtime)
            let banks = try BankConnectors(
                institutions, serve.banks, serve,
                BankConnectors.Parts(database: database, vault: vault, runtime: runtime, logger: logger))
            let core = Core(
                database: database, vault: vault, runtime: runtime, connectors: banks.catalog, settings: settings,
                logger: logger)
            let services = Services(core: core, bank: bank, book: book, transport: banks.sandboxClient)
            return Composition(
                database: database, services: services, bank: bank, banks: banks, logger: logger, data: options.data)
        } catch {
            await database.close()
            throw error
        }
    }

    static func settings(_ serve: ServeOptions) -> EngineSettings {
        var settings = EngineSettings(
            publicURL: serve.root, allowsLoopbackWebhooks: serve.allowLoopbackWebhooks,
            deadlineSeconds: Int64(serve.deadlineSeconds), rateLimitPerMinute: serve.rateLimit,
            leaseMs: Int64(serve.leaseSeconds) * 1000, pollMs: Int64(serve.pollSeconds) * 1000,
            retentionDays: Int64(max(0, serve.retentionDays)))
        settings.webhookRanges = serve.webhooks.ranges
        settings.attemptRetentionDays = Int64(serve.attemptRetentionDays)
        settings.pageCacheBytes = serve.pageCacheMegabytes << 20
        settings.reauthLinkHours = Int64(serve.reauthLinkHours)
        settings.refreshFloorMs = serve.refreshFloor.flatMap(RefreshInterval.init(rawValue:))?.ms ?? 0
        settings.refreshCooldownSeconds = Int64(serve.refreshCooldown)
        settings.deliveriesInFlight = OpenFiles.requests(settings.deliveriesInFlight, of: OpenFiles.raise())
        return settings
    }

    func close() async {
        await banks.close()
        await services.core.giveBackShares()
        await WakeRelay(core: services.core).flush()
        await database.close()
    }

    private static let stopSeconds = 30

    /// Runs every loop and both servers until a signal asks to stop; what is in flight is finished.
    func run(_ serve: ServeOptions, onReady: @escaping @Sendable () async -> Void = {}) async throws {
        let core = services.core
        if database.dialect == .sqlite {
            let now = core.runtime.now()
            try await database.write { tx in
                try LaneStore.dropLeases(now: now, tx)
                try BankStore.dropShares(tx)
            }
        }
        let epochs = EpochKeeper(core: core, data: data)
        try await epochs.open()
        // Beside everything else: a program that is slow to start holds nobody up.
        async let _ = banks.warmUp()
        let group = MultiThreadedEventLoopGroup.singleton
        let resolver = SystemResolver(group: group)
        let listeners = await serve.webhooks.ownListeners(serve, of: database.location, resolver)
        let sender = WebhookSender(
            group: group, resolver: resolver,
            addressGuard: AddressGuard(
                allowsLoopback: serve.allowLoopbackWebhooks, allowed: core.settings.webhookRanges),
            runtime: core.runtime, limits: serve.webhooks.limits, ownListeners: listeners)
        let connections = WebMetrics.Gauge("kubewa_webhook_connections", help: "Connections to webhook receivers.") {
            [("", Double(sender.openConnections))]
        }
        let work: [any Service] = [
            Housekeeper(core: core), ClockLoop(core: core), LaneLoop(DeliveryWork(core: core, transport: sender)),
            LaneLoop(RefreshWork(core: core)), ReplayWork(services.replays), TenantEraser(core: core),
        ]
        let parts: [any Service] =
            [epochs, WakeRelay(core: core), bankServer(serve)] + (serve.role.doesWork ? work : [])
            + [webServer(serve, [connections], onReady), StopLimit(seconds: Self.stopSeconds)]
        var configuration = ServiceGroupConfiguration(
            services: parts, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(Self.stopSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await close()
            throw error
        }
        await epochs.close()
        await close()
    }

    private func bankServer(_ serve: ServeOptions) -> any Service {
        let bank = bank
        let runtime = services.core.runtime
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            let headers = request.headers.map { (name: $0.name.rawName, value: $0.value) }
            let reply = await bank.handle(
                method: request.method.rawValue, path: request.uri.string, headers: headers,
                body: Array(body.readableBytesView))
            if reply.delayMs > 0 { try await runtime.sleep(until: runtime.now() + Int64(reply.delayMs)) }
            var fields = HTTPFields()
            for (name, value) in reply.headers {
                if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
            }
            return Response(
                status: .init(code: reply.status), headers: fields,
                body: .init(byteBuffer: ByteBuffer(bytes: reply.body)))
        }
        return Application(
            responder: responder,
            configuration: .init(address: .hostname("127.0.0.1", port: serve.bankPort), serverName: "kubewa-bank"),
            logger: logger)
    }

    private func webServer(
        _ serve: ServeOptions, _ gauges: [WebMetrics.Gauge], _ onReady: @escaping @Sendable () async -> Void
    ) -> any Service {
        var settings = WebSettings()
        settings.perAddressPerMinute = max(0, serve.addressLimit)
        settings.role = serve.role
        let web = WebApp(services: services, settings: settings, gauges: gauges)
        let server = Application(
            responder: web, server: WebApp.server,
            configuration: .init(address: .hostname(serve.host, port: serve.port), serverName: "kubewa"),
            onServerRunning: { _ in await onReady() }, logger: logger)
        return WebServer(web.background, server)
    }
}
