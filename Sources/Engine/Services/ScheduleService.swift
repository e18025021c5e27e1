import Connectors
import Domain
import Storage

/// A connection's rhythm, as it is shown. Times are the environment's.
public struct ScheduleView: Sendable {
    /// One product's part.
    public struct Part: Sendable {
        /// nil is on demand only.
        public let interval: RefreshInterval?
        public let effective: EffectiveInterval?
        /// nil while it is not fetched by itself.
        public let nextAt: Instant?
    }

    public let connectionID: String
    /// The connection's own status; only `active` ones are refreshed.
    public let status: String
    public let phase: ScanPhase
    public let pausedAt: Instant?
    public let balance: Part
    public let transactions: Part
    public var nextAt: Instant? { [balance.nextAt, transactions.nextAt].compactMap { $0 }.min() }

    init(_ connection: Connection, _ schedule: Schedule) {
        func part(_ product: Product) -> Part {
            let rhythm = ProductRhythm(schedule, product)
            return Part(
                interval: rhythm.asked, effective: rhythm.effective,
                nextAt: connection.status == .active ? rhythm.nextAt : nil)
        }
        connectionID = connection.id.hex
        status = connection.status.rawValue
        phase = schedule.phase
        pausedAt = schedule.pausedAt
        balance = part(.balance)
        transactions = part(.transactions)
    }
}

/// Shows and changes how often connections are refreshed by themselves.
public struct ScheduleService: Sendable {
    private let core: Core
    public init(core: Core) { self.core = core }

    /// - Throws: `not_found`.
    public func view(_ id: String, in environment: Domain.Environment) async throws -> ScheduleView {
        try await core.database.read { db in
            let (connection, schedule) = try find(id, environment.scope, db)
            return ScheduleView(connection, schedule)
        }
    }

    /// Makes the change and tells of it, in one transaction; a run under way goes on to its end.
    /// - Throws: `not_found`; `product_not_enabled` for a product that the connection was linked without.
    public func change(
        _ id: String, _ change: RefreshChange, in caller: Domain.Environment, once: Once<ScheduleView>? = nil
    ) async throws -> ScheduleView {
        // The caller's may be older than the last move of the clock.
        let environment = try await core.environment(caller.scope)
        try await core.sequence.fill()
        let machineNow = core.runtime.now()
        let now = environment.virtual(machineNow)
        let view = try await core.change(once) { tx in
            let (connection, schedule) = try find(id, environment.scope, tx.db)
            try allow(change, connection)
            let changed = try changed(schedule, change, connection, now, environment.scope, tx)
            guard !Rescheduler.isAlike(schedule, changed) else { return ScheduleView(connection, schedule) }
            try ScheduleStore.control(connection.id, changed, due: changed.dueAt, environment.scope, tx)
            if changed.dueAt.ms < LaneStore.idleMs {
                LaneStore.touch(
                    changed.laneID, due: max(machineNow, changed.dueAt + -environment.offsetMs), tx)
            }
            try tell(schedule, changed, connection, environment, now, tx)
            return ScheduleView(connection, changed)
        }
        core.wakes.refreshes.set()
        core.wakes.deliveries.set()
        return view
    }

    private func find(
        _ id: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (connection: Connection, schedule: Schedule) {
        guard let id = ID<Connection>(id), let connection = try ConnectionStore.find(id, scope, db),
            let schedule = try ScheduleStore.find(id, scope, db)
        else { throw DomainError.notFound("connection") }
        return (connection, schedule)
    }

    private func allow(_ change: RefreshChange, _ connection: Connection) throws {
        let asked: [(Product, RefreshChange.Rhythm?)] = [
            (.balance, change.balance), (.transactions, change.transactions),
        ]
        for (product, rhythm) in asked where rhythm?.interval != nil && !connection.products.contains(product) {
            throw DomainError(
                .productNotEnabled, "This connection was linked without `\(product.rawValue)`. Link it again with it.",
                field: product.rawValue)
        }
    }

    private func changed(
        _ schedule: Schedule, _ change: RefreshChange, _ connection: Connection, _ now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws -> Schedule {
        var changed = schedule
        changed.setting = change.applied(to: schedule.setting)
        if let isPaused = change.isPaused { changed.pausedAt = isPaused ? schedule.pausedAt ?? now : nil }
        if let connector = core.connectors.connector(id: connection.connector),
            let environment = try TenantStore.environment(scope.environmentID, tx.db)
        {
            let accounts = try AccountStore.list(connection.id, scope, tx.db).count
            changed = Rescheduler.settled(
                changed, accounts: accounts,
                try BankGate.capabilities(of: connector, connection.institution, environment, tx.db), core.settings)
        }
        var moved: Set<Product> = []
        for product in [Product.balance, .transactions]
        where ProductRhythm(changed, product).effective?.ms != ProductRhythm(schedule, product).effective?.ms {
            moved.insert(product)
        }
        let kept = (balance: schedule.balanceDue, transactions: schedule.transactionsDue)
        Rescheduler.advance(&changed, of: connection.id, fetched: moved, now: now)
        // What was missed in a pause is made good at once.
        if !moved.contains(.balance) { changed.balanceDue = kept.balance }
        if !moved.contains(.transactions) { changed.transactionsDue = kept.transactions }
        changed.dueAt = try due(changed, from: schedule, connection, scope, tx)
        return changed
    }

    /// A run that was asked for is not put off, and a connection that waits for its person goes on waiting.
    private func due(
        _ changed: Schedule, from schedule: Schedule, _ connection: Connection, _ scope: Scope, _ tx: Transaction
    ) throws -> Instant {
        guard connection.status == .active else { return schedule.dueAt }
        let isRunning = try RefreshStore.inFlight(connection.id, scope, tx.db) != nil
        let due = Rescheduler.due(changed)
        return isRunning ? min(schedule.dueAt, due) : due
    }

    private func tell(
        _ before: Schedule, _ after: Schedule, _ connection: Connection, _ environment: Domain.Environment,
        _ now: Instant, _ tx: Transaction
    ) throws {
        let name = try CustomerStore.find(connection.customerID, environment.scope, tx.db)?.name
        let context = EventContext(
            environment: environment, connection: connection, customerName: name, startedAt: now, now: now,
            publicURL: core.settings.publicURL)
        try Outbox(core: core).emit([Drafts.intervalChanged(before, after)], context, tx)
    }
}

/// A widget app, as it is shown.
public struct AppView: Sendable {
    public let id: String
    public let name: String
    public let isDefault: Bool
    public let products: [String]
    /// The refresh option of links that give none: `true`, `false` or an object, as JSON.
    public let refresh: String

    init(_ app: WidgetApp) {
        id = app.id.hex
        name = app.name
        isDefault = app.isDefault
        products = app.products.names
        refresh = app.refresh
    }
}

extension ScheduleService {
    /// The environment's apps, at most 200.
    public func apps(in environment: Domain.Environment) async throws -> [AppView] {
        try await core.database.read { try AppStore.list(environment.scope, $0) }.map(AppView.init)
    }

    /// Sets how often connections are refreshed that an app links from now on; those that are linked stay as they are.
    /// - Parameter option: what the widget option `refresh` may be.
    /// - Throws: `not_found`, and what is wrong with the option.
    public func setApp(
        _ id: String, refresh option: JSONValue, in environment: Domain.Environment, once: Once<AppView>? = nil
    ) async throws -> AppView {
        let setting = try RefreshSetting(option: option)
        return try await core.change(once) { tx in
            guard let id = ID<WidgetApp>(id), var app = try AppStore.find(id, environment.scope, tx.db) else {
                throw DomainError.notFound("app")
            }
            if let url = setting.webhookURL {
                _ = try URLRules(environment, core.settings).checked(url, field: "refresh.webhook_url", app: app)
            }
            app.refresh = option.encoded
            try AppStore.update(app, environment.scope, tx)
            return AppView(app)
        }
    }
}
