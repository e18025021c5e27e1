import Connectors
import Domain
import Logging
import Storage

/// Runs one refresh from start to end, step by step; what is committed stays, what fails is tried again.
struct Syncer {
    private static let failuresMax: Int64 = 5
    private static let backoffMs: Int64 = 30_000
    private static let backoffMsMax: Int64 = 15 * 60_000

    let core: Core

    /// Everything that a run reads once at its start.
    struct Run {
        var environment: Domain.Environment
        var connection: Connection
        var customerName: String?
        var accounts: [Account]
        var numbers: [ID<Account>: String]
        var schedule: Schedule
        var refresh: Refresh
        var grant: Grant
        var lease: LaneLease
        let connector: any Connector
        var scope: Scope { environment.scope }
    }

    /// The run was ended from outside, since its connection is being removed.
    private struct RunOver: Error {}

    func run(_ id: ID<Connection>, lease: LaneLease) async throws {
        do {
            try await runSteps(id, lease: lease)
        } catch is RunOver {
            core.logger.info("refresh ended with its connection", metadata: ["connection": "\(id)"])
        }
    }

    private func runSteps(_ id: ID<Connection>, lease: LaneLease) async throws {
        try await core.sequence.fill()
        guard var run = try await begin(id, lease) else { return }
        var isDone = false
        while !isDone {
            while run.refresh.stepsDone < run.refresh.steps.count {
                do {
                    try await perform(&run)
                } catch let error as ConnectorError {
                    return try await fail(run, error)
                }
            }
            try await extend(&run)
            if run.refresh.stepsDone == run.refresh.steps.count { isDone = try await finish(run) }
        }
    }

    // MARK: begin

    private func begin(_ id: ID<Connection>, _ lease: LaneLease) async throws -> Run? {
        let environment = try await core.environment(lease.scope)
        let now = environment.virtual(core.runtime.now())
        return try await core.database.write { tx in
            try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            guard let run = try load(id, environment, lease, now, tx) else { return nil }
            return try start(run, now, tx)
        }
    }

    private func load(
        _ id: ID<Connection>, _ environment: Domain.Environment, _ lease: LaneLease, _ now: Instant, _ tx: Transaction
    ) throws -> Run? {
        let scope = environment.scope
        guard let connection = try ConnectionStore.find(id, scope, tx.db),
            let schedule = try RefreshStore.schedule(id, scope, tx.db)
        else { return nil }
        guard connection.status == .active, let connector = core.connectors.connector(id: connection.connector),
            let sealed = try ConnectionStore.grant(id, scope, tx.db)
        else {
            try rest(connection, schedule, now, scope, tx)
            return nil
        }
        let vaulting = AccountVault(core: core, scope: scope, connectionID: id.hex)
        let (accounts, numbers) = try open(id, scope, tx.db)
        let refresh =
            try RefreshStore.inFlight(id, scope, tx.db)
            ?? RefreshStore.request(
                id, products: due(schedule, connection, now), cause: .schedule, newID: core.sequence.take(), at: now,
                scope, tx
            ).refresh
        return Run(
            environment: environment, connection: connection,
            customerName: try CustomerStore.find(connection.customerID, scope, tx.db)?.name, accounts: accounts,
            numbers: numbers, schedule: schedule, refresh: refresh,
            grant: Grant(bytes: try core.vault.open(sealed, vaulting.context("grant"), on: tx.db)), lease: lease,
            connector: connector)
    }

    /// A connection that cannot be refreshed waits for its user.
    private func rest(
        _ connection: Connection, _ schedule: Schedule, _ now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        if let refresh = try RefreshStore.inFlight(connection.id, scope, tx.db) {
            try RefreshStore.end(refresh.id, state: "failed", error: connection.status.rawValue, at: now, scope, tx)
        }
        try ConnectionStore.setRunning(connection.id, false, scope, tx)
        try RefreshStore.reschedule(connection.id, schedule, due: Instant(ms: LaneStore.idleMs), scope, tx)
    }

    private func due(_ schedule: Schedule, _ connection: Connection, _ now: Instant) -> ProductSet {
        var products: Set<Product> = []
        if schedule.setting.balance != nil, schedule.balanceDue ?? now <= now { products.insert(.balance) }
        if schedule.setting.transactions != nil, schedule.transactionsDue ?? now <= now {
            products.insert(.transactions)
        }
        return ProductSet(products.isEmpty ? connection.products.products.intersection([.balance]) : products)
    }

    private func start(_ run: Run, _ now: Instant, _ tx: Transaction) throws -> Run {
        var run = run
        if run.refresh.steps.isEmpty {
            let first: [SyncStep] = try looksAtAccounts(run, now, tx) ? [.accounts] : []
            run.refresh.steps = (first + plan(run, run.refresh.products.products, now)).map(\.text)
        }
        run.refresh.state = "running"
        try RefreshStore.start(run.refresh.id, steps: run.refresh.steps, at: now, run.scope, tx)
        try ConnectionStore.setRunning(run.connection.id, true, run.scope, tx)
        return run
    }

    private func plan(_ run: Run, _ products: Set<Product>, _ now: Instant) -> [SyncStep] {
        let capabilities = run.connector.descriptor.capabilities
        return SyncPlan.steps(
            accounts: run.accounts.map(\.id.hex), products: products.intersection(capabilities.products),
            today: now.day(), syncedTo: run.schedule.syncedTo,
            historyMonths: min(run.connection.historyMonths, capabilities.historyMonthsMax),
            windowDaysMax: capabilities.windowDaysMax)
    }

    /// What was asked for while the run was under way is fetched again before it ends.
    private func extend(_ run: inout Run) async throws {
        let current = run
        let now = virtualNow(run)
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        let longer = try await core.database.write { tx -> Refresh? in
            try LaneStore.renew(current.lease, until: leaseEnd, tx)
            guard var refresh = try RefreshStore.find(current.refresh.id, current.scope, tx.db),
                !refresh.rerun.products.isEmpty
            else { return nil }
            var again = current
            again.schedule.syncedTo = now.day()
            refresh.steps += plan(again, refresh.rerun.products, now).map(\.text)
            try RefreshStore.extend(refresh.id, steps: refresh.steps, current.scope, tx)
            return refresh
        }
        if let longer { run.refresh = longer }
    }

    // MARK: steps

    private func perform(_ run: inout Run) async throws {
        let step = SyncStep(run.refresh.steps[run.refresh.stepsDone])
        do {
            try await perform(step, &run)
        } catch let error as ConnectorError where error.isTokenExpired {
            try await keep(try await run.connector.refreshAuth(run.grant, context(run)), &run)
            try await perform(step, &run)
        }
    }

    private func perform(_ step: SyncStep?, _ run: inout Run) async throws {
        switch step {
        case .balance(let account): try await balance(account, &run)
        case .transactions(let account, let window): try await transactions(account, window, &run)
        case .accounts: try await accounts(&run)
        case .identity: try await identity(&run)
        case nil: try await commit(&run) { _, _ in StepCounts() }
        }
    }

    private func balance(_ id: String, _ run: inout Run) async throws {
        guard let account = run.accounts.first(where: { $0.id.hex == id }) else {
            return try await commit(&run) { _, _ in StepCounts() }
        }
        let payloads = RawPayloads()
        let fetched = try await run.connector.balance(
            run.grant, account: account.upstreamID, context(run, payloads))
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads) { tx, current in try steps.apply(fetched, to: account, current, tx) }
    }

    private func transactions(_ id: String, _ window: DayWindow, _ run: inout Run) async throws {
        guard let account = run.accounts.first(where: { $0.id.hex == id }) else {
            return try await commit(&run) { _, _ in StepCounts() }
        }
        let payloads = RawPayloads()
        let rows = try await PageWalker.rows(
            run.connector, run.grant, account.upstreamID, window, context(run, payloads))
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads) { tx, current in try steps.apply(rows, window, to: account, current, tx) }
    }

    private func identity(_ run: inout Run) async throws {
        let payloads = RawPayloads()
        let details = try await run.connector.identity(run.grant, context(run, payloads))
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads) { tx, current in
            try details.map { try steps.apply($0, current, tx) } ?? StepCounts()
        }
    }

    /// One step, one transaction: the lease is checked, then rows, cursor, events and deliveries commit together.
    func commit(
        _ run: inout Run, _ payloads: RawPayloads? = nil,
        _ body: @escaping @Sendable (Transaction, Run) throws -> StepCounts
    ) async throws {
        let current = run
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        try await core.sequence.fill()
        run.refresh.causes = try await core.database.write { tx in
            try LaneStore.renew(current.lease, until: leaseEnd, tx)
            var fresh = current
            fresh.refresh.causes = try stillRunning(current, tx).causes
            let counts = try body(tx, fresh)
            let raw = payloads?.all ?? []
            try PayloadKeeper(core: core).keep(raw, of: current.connection.id, current.scope, tx)
            try RefreshStore.finishStep(
                current.refresh.id, step: current.refresh.stepsDone, added: counts.added,
                modified: counts.modified, removed: counts.removed, current.scope, tx)
            return fresh.refresh.causes
        }
        run.refresh.stepsDone += 1
        // Only failures without progress between them count towards giving up.
        run.schedule.failures = 0
        core.wakes.deliveries.set()
    }

    private func stillRunning(_ run: Run, _ tx: Transaction) throws -> Refresh {
        guard let known = try RefreshStore.find(run.refresh.id, run.scope, tx.db), known.state == "running" else {
            throw RunOver()
        }
        return known
    }

    /// The bank gave a new grant: it is kept before it is used, since the old one may be dead.
    private func keep(_ grant: Grant, _ run: inout Run) async throws {
        let current = run
        let now = virtualNow(run)
        try await core.database.write { tx in
            try LaneStore.renew(current.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(current, tx)
            let vaulting = AccountVault(core: core, scope: current.scope, connectionID: current.connection.id.hex)
            let sealed = try core.seal(grant.bytes, vaulting.context("grant"), tx)
            try ConnectionStore.setGrant(current.connection.id, sealed: sealed, at: now, current.scope, tx)
        }
        run.grant = grant
    }

    // MARK: end

    /// - Returns: false when something was asked for in the last moment; the run goes on.
    private func finish(_ run: Run) async throws -> Bool {
        let now = virtualNow(run)
        let isDone = try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            guard try RefreshStore.finish(run.refresh.id, at: now, run.scope, tx) else { return false }
            try ConnectionStore.recordSuccess(run.connection.id, at: now, run.scope, tx)
            var schedule = run.schedule
            schedule.failures = 0
            if run.refresh.products.contains(.transactions) { schedule.syncedTo = now.day() }
            try reschedule(run, &schedule, now, tx)
            return true
        }
        if isDone {
            core.counters.count(.done)
            core.logger.info(
                "refreshed",
                metadata: ["connection": "\(run.connection.id)", "steps": "\(run.refresh.steps.count)"])
        }
        return isDone
    }

    private func reschedule(_ run: Run, _ schedule: inout Schedule, _ now: Instant, _ tx: Transaction) throws {
        let phase = UInt64(run.connection.id.hex.suffix(14), radix: 16) ?? 0
        let fetched = run.refresh.products
        func next(_ interval: RefreshInterval?, _ due: Instant?, _ product: Product) -> Instant? {
            guard let interval else { return nil }
            if let due, due > now, !fetched.contains(product) { return due }
            return RefreshSetting.nextDue(after: now, interval: interval, phase: phase &* 2_654_435_761)
        }
        schedule.balanceDue = next(schedule.setting.balance, schedule.balanceDue, .balance)
        schedule.transactionsDue = next(schedule.setting.transactions, schedule.transactionsDue, .transactions)
        let due = [schedule.balanceDue, schedule.transactionsDue].compactMap { $0 }.min()
        try RefreshStore.reschedule(
            run.connection.id, schedule, due: due ?? Instant(ms: LaneStore.idleMs), run.scope, tx)
    }

    private func fail(_ run: Run, _ error: ConnectorError) async throws {
        let now = virtualNow(run)
        core.logger.notice(
            "refresh failed",
            metadata: ["connection": "\(run.connection.id)", "code": "\(error.code.rawValue)"])
        try await core.sequence.fill()
        let outcome = try await core.database.write { tx -> EngineCounters.RefreshOutcome in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            var schedule = run.schedule
            schedule.failures += 1
            switch error.recovery {
            case .askUser:
                try askUser(run, error, schedule, now, tx)
                return .needsUser
            case .retry where schedule.failures < Self.failuresMax:
                try retry(run, error, schedule, now, tx)
                return .retry
            case .retry, .stop:
                try giveUp(run, error, &schedule, now, tx)
                return .failed
            }
        }
        core.counters.count(outcome)
        core.wakes.deliveries.set()
    }

    /// The run stays where it is and goes on from its step.
    private func retry(
        _ run: Run, _ error: ConnectorError, _ schedule: Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        let ceiling = min(Self.backoffMsMax, Self.backoffMs << min(schedule.failures - 1, 10))
        let wait = max(1000 + core.runtime.chance(ceiling), Int64(error.retryAfterSeconds ?? 0) * 1000)
        try RefreshStore.reschedule(run.connection.id, schedule, due: now + wait, run.scope, tx)
    }

    private func giveUp(
        _ run: Run, _ error: ConnectorError, _ schedule: inout Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        try RefreshStore.end(run.refresh.id, state: "failed", error: error.code.rawValue, at: now, run.scope, tx)
        try ConnectionStore.recordFailure(
            run.connection.id, status: .active, error: error.code.rawValue, at: now, run.scope, tx)
        if !run.refresh.causes.isDisjoint(with: [.demand, .check]) {
            let steps = SyncSteps(core: core)
            let drafts = run.refresh.products.products.intersection([.balance, .transactions]).map {
                Drafts.failed($0, method: steps.method($0, run.refresh.causes), error)
            }
            try Outbox(core: core).emit(drafts, steps.context(run, now), tx)
        }
        schedule.failures = 0
        try reschedule(run, &schedule, now, tx)
    }

    private func askUser(
        _ run: Run, _ error: ConnectorError, _ schedule: Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        let isOver = error.code == .consentExpired || error.code == .consentRevoked
        try RefreshStore.end(run.refresh.id, state: "failed", error: error.code.rawValue, at: now, run.scope, tx)
        try ConnectionStore.recordFailure(
            run.connection.id, status: isOver ? .expired : .needsUser, error: error.code.rawValue, at: now, run.scope,
            tx)
        if isOver, let last = try ConsentStore.list(run.connection.id, run.scope, tx.db).last {
            var ended = last
            ended.action = error.code == .consentRevoked ? .revoked : .expired
            try ConsentStore.append(
                id: core.runtime.newID(), connection: run.connection.id, ended, at: now, run.scope, tx)
        }
        let links = ReauthLinks(core)
        let link = try links.create(run.connection, run.scope, tx)
        let draft = Drafts.reauthRequired(error, url: links.url(link), until: link.expiresAt)
        try Outbox(core: core).emit([draft], SyncSteps(core: core).context(run, now), tx)
        try RefreshStore.reschedule(
            run.connection.id, schedule, due: Instant(ms: LaneStore.idleMs), run.scope, tx)
    }

    private func virtualNow(_ run: Run) -> Instant { run.environment.virtual(core.runtime.now()) }

    func context(_ run: Run, _ payloads: RawPayloads? = nil) -> ConnectorContext {
        ConnectorContext(
            environmentID: run.environment.id, institution: run.connection.institution, now: virtualNow(run),
            correlationID: "refresh-\(run.refresh.id)", payloads: payloads)
    }
}

/// What a step changed.
struct StepCounts: Sendable {
    var added = 0
    var modified = 0
    var removed = 0
}
