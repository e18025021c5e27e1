import Connectors
import Domain
import Logging
import Storage

/// Runs one refresh from start to end, step by step; what is committed stays, what fails is tried again.
struct Syncer {
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
        /// For the connection's secrets, where it was asked for beforehand.
        var sealer: Sealer?
        /// Of the step that is under way.
        var trace = StepTrace(nil, at: Instant(ms: 0))
        var scope: Scope { environment.scope }
    }

    /// The run was ended from outside, since its connection is being removed.
    struct RunOver: Error {}

    /// One run of a connection that is due, written to its end.
    func run(_ id: ID<Connection>, lease: LaneLease) async throws {
        let environment = try await core.environment(of: lease)
        let vault = core.vault
        let found = try await core.database.read { try RefreshBatch.load([id], lease.scope, vault, $0) }
        guard let due = found.first else { return }
        if let left = try await run(due, environment, lease) { try await Self.write([left], lease, core) }
    }

    /// A run step by step, each kept before the next: one that goes on, was asked for, or has much to fetch.
    func runSteps(_ id: ID<Connection>, lease: LaneLease) async throws {
        try await core.sequence.fill()
        if let run = try await begin(id, lease) { try await steps(run) }
    }

    func steps(_ begun: Run) async throws {
        defer { core.refreshBells.ring(begun.connection.id.hex) }
        var run = begun
        var isDone = false
        while !isDone {
            while run.refresh.stepsDone < run.refresh.steps.count {
                do {
                    try await perform(&run)
                } catch let error as ConnectorError {
                    return try await fail(run, error)
                } catch let wait as RefreshDeferred {
                    return try await putOff(run, wait)
                }
            }
            try await extend(&run)
            if run.refresh.stepsDone == run.refresh.steps.count { isDone = try await finish(run) }
        }
        await CompletenessReview(core: core).after(run)
    }

    // MARK: begin

    func begin(_ id: ID<Connection>, _ lease: LaneLease) async throws -> Run? {
        let environment = try await core.environment(of: lease)
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
        guard var connection = try ConnectionStore.find(id, scope, tx.db),
            var schedule = try ScheduleStore.find(id, scope, tx.db),
            try isToRun(&connection, &schedule, environment, now, tx)
        else { return nil }
        guard let connector = core.connectors.connector(id: connection.connector),
            let sealed = try ConnectionStore.grant(id, scope, tx.db)
        else {
            try passOver(connection, &schedule, now, scope, tx)
            return nil
        }
        let vaulting = AccountVault(core: core, scope: scope, connectionID: id.hex)
        let (accounts, numbers) = try open(id, scope, tx.db)
        let refresh =
            try RefreshStore.inFlight(id, scope, tx.db)
            ?? RefreshStore.request(
                id, products: products(due: schedule, connection, now), cause: .schedule,
                newID: core.sequence.take(), at: now, scope, tx
            ).refresh
        return Run(
            environment: environment, connection: connection,
            customerName: try CustomerStore.find(connection.customerID, scope, tx.db)?.name, accounts: accounts,
            numbers: numbers, schedule: schedule, refresh: refresh,
            grant: Grant(bytes: try core.vault.open(sealed, vaulting.context("grant"), on: tx.db)), lease: lease,
            connector: connector)
    }

    private func start(_ run: Run, _ now: Instant, _ tx: Transaction) throws -> Run {
        var run = run
        if run.refresh.steps.isEmpty {
            let first: [SyncStep] = looksAtAccounts(run, now) ? [.accounts] : []
            let products = run.refresh.products.products
            let statements = try statementSteps(run, products, tx.db)
            run.refresh.steps = (first + statements + plan(run, products, now)).map(\.text)
        }
        run.refresh.state = "running"
        try RefreshStore.start(run.refresh.id, steps: run.refresh.steps, at: now, run.scope, tx)
        try ConnectionStore.setRunning(run.connection.id, true, run.scope, tx)
        return run
    }

    func plan(_ run: Run, _ products: Set<Product>, _ now: Instant) -> [SyncStep] {
        guard !isFedByStatements(run) else { return fedPlan(run, products, now) }
        let capabilities = run.connector.descriptor.capabilities
        return SyncPlan.steps(
            accounts: inTurn(run, now), products: products.intersection(capabilities.products),
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
            let products = refresh.rerun.products
            let statements = try statementSteps(again, products, tx.db)
            refresh.steps += (statements + plan(again, products, now)).map(\.text)
            try RefreshStore.extend(refresh.id, steps: refresh.steps, current.scope, tx)
            return refresh
        }
        if let longer { run.refresh = longer }
    }

    // MARK: steps

    private func perform(_ run: inout Run) async throws {
        let step = SyncStep(run.refresh.steps[run.refresh.stepsDone])
        run.trace = StepTrace(step, at: virtualNow(run))
        do {
            try await perform(step, &run)
        } catch let error as ConnectorError where error.isTokenExpired {
            let grant = try await ask(.auth, &run) { bank, grant, context throws(ConnectorError) in
                try await bank.refreshAuth(grant, context)
            }
            try await keep(grant, &run)
            try await perform(step, &run)
        } catch let error as ConnectorError where error.isOfAccount {
            try await miss(error, &run)
        }
    }

    private func perform(_ step: SyncStep?, _ run: inout Run) async throws {
        switch step {
        case .balance(let account): try await balance(account, &run)
        case .transactions(let account, let window): try await transactions(account, window, &run)
        case .statement(let account, let upload, let window):
            try await statement(account, upload, window, &run)
        case .accounts: try await accounts(&run)
        case .identity: try await identity(&run)
        case nil: try await commit(&run) { _, _ in StepCounts() }
        }
    }

    private func balance(_ id: String, _ run: inout Run) async throws {
        guard let account = run.accounts.first(where: { $0.id.hex == id }) else { return try await skip(&run) }
        let payloads = RawPayloads()
        let told = try await ask(.balance, &run, payloads) { bank, grant, context throws(ConnectorError) in
            try await bank.balance(grant, account: account.upstreamID, context)
        }
        let fetched = try FetchedRules.balance(told, currency: account.currency, now: virtualNow(run))
        run.trace.notes = fetched.notes
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads) { tx, current in try steps.apply(fetched.balance, to: account, current, tx) }
    }

    private func transactions(_ id: String, _ window: DayWindow, _ run: inout Run) async throws {
        guard let account = run.accounts.first(where: { $0.id.hex == id }) else { return try await skip(&run) }
        let payloads = RawPayloads()
        let today = virtualNow(run).day()
        let found = try await PageWalker.window(window, currency: account.currency, today: today) { cursor in
            try await ask(.transactions, &run, payloads) { bank, grant, context throws(ConnectorError) in
                try await bank.transactions(
                    grant, account: account.upstreamID, window: window, cursor: cursor, context)
            }
        }
        run.trace.note(found)
        let rest = found.rest.map { [SyncStep.transactions(account: id, window: $0).text] } ?? []
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads, then: rest) { tx, current in
            try steps.apply(found, to: account, current, tx)
        }
    }

    private func identity(_ run: inout Run) async throws {
        let payloads = RawPayloads()
        let details = try await ask(.identity, &run, payloads) { bank, grant, context throws(ConnectorError) in
            try await bank.identity(grant, context)
        }
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads) { tx, current in
            try details.map { try steps.apply($0, current, tx) } ?? StepCounts()
        }
    }

    /// One step, one transaction: the lease is checked, then rows, cursor, events and deliveries commit together.
    /// - Parameter more: steps that this one found to be needed.
    func commit(
        _ run: inout Run, _ payloads: RawPayloads? = nil, then more: [String] = [],
        _ body: @escaping @Sendable (Transaction, Run) throws -> StepCounts
    ) async throws {
        let current = run
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        try await core.sequence.fill()
        run.refresh.causes = try await core.database.write { tx in
            try LaneStore.renew(current.lease, until: leaseEnd, tx)
            var fresh = current
            fresh.refresh.causes = try stillRunning(current, tx).causes
            if !more.isEmpty {
                try RefreshStore.append(
                    steps: more, to: current.refresh.id, after: current.refresh.steps, current.scope, tx)
                fresh.refresh.steps += more
            }
            let counts = try body(tx, fresh)
            try trace(current, counts, tx)
            try advancePhase(fresh, tx)
            let raw = payloads?.all ?? []
            try PayloadKeeper(core: core).keep(raw, of: current.connection.id, current.scope, tx)
            try RefreshStore.finishStep(
                current.refresh.id, step: current.refresh.stepsDone, added: counts.added,
                modified: counts.modified, removed: counts.removed, current.scope, tx)
            return fresh.refresh.causes
        }
        run.refresh.stepsDone += 1
        run.refresh.steps += more
        run.schedule.phase = phase(run)
        // Only failures without progress between them count towards giving up.
        run.schedule.failures = 0
        core.wakes.deliveries.set()
    }

    func stillRunning(_ run: Run, _ tx: Transaction) throws -> Refresh {
        guard let known = try RefreshStore.find(run.refresh.id, run.scope, tx.db), known.state == "running" else {
            throw RunOver()
        }
        return known
    }

    /// The bank gave a new grant: it is kept before it is used, since the old one may be dead.
    /// - Parameter isQuiet: the run has no row yet, so its connection tells whether it goes on.
    func keep(_ grant: Grant, _ run: inout Run, isQuiet: Bool = false) async throws {
        let current = run
        let now = virtualNow(run)
        try await core.database.write { tx in
            try LaneStore.renew(current.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            if isQuiet {
                guard try RefreshStore.hold(current.connection.id, current.scope, tx) else { throw RunOver() }
            } else {
                _ = try stillRunning(current, tx)
            }
            let vaulting = AccountVault(core: core, scope: current.scope, connectionID: current.connection.id.hex)
            let sealed = try core.seal(grant.bytes, vaulting.context("grant"), tx)
            try ConnectionStore.setGrant(current.connection.id, sealed: sealed, at: now, current.scope, tx)
        }
        run.grant = grant
    }

    func virtualNow(_ run: Run) -> Instant { run.environment.virtual(core.runtime.now()) }

    func context(_ run: Run, _ payloads: RawPayloads? = nil) async throws(ConnectorError) -> ConnectorContext {
        var context = try await core.bankContext(
            run.environment, run.connection.institution, connector: run.connection.connector,
            correlationID: "refresh-\(run.refresh.id)", isUserPresent: isUserPresent(run))
        context.payloads = payloads
        return context
    }
}

/// What a step changed.
struct StepCounts: Sendable {
    var added = 0
    var modified = 0
    var removed = 0
}
