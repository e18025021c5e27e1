import Connectors
import Domain
import Storage

/// Sees once a day which accounts the bank still has, and what it calls them, before anything is fetched of them.
extension Syncer {
    /// The first run of a day looks; the run of a link has just been told.
    func looksAtAccounts(_ run: Run, _ now: Instant) -> Bool {
        guard !run.refresh.causes.contains(.link), !isFedByStatements(run),
            run.connector.descriptor.capabilities.products.contains(.accounts),
            let last = run.schedule.accountsSeenOn ?? run.schedule.lastOK?.day()
        else { return false }
        return last < now.day()
    }

    func accounts(_ run: inout Run) async throws {
        let payloads = RawPayloads()
        let listed = FetchedRules.accounts(try await list(&run, payloads))
        let rows = listed.accounts
        run.trace.dropped = listed.dropped
        run.trace.notes = listed.notes
        let steps = SyncSteps(core: core)
        try await commit(&run, payloads) { tx, current in try steps.apply(rows, current, tx) }
        run.schedule.accountsSeenOn = virtualNow(run).day()
        try await reload(&run)
    }

    /// What a bank never tells must not keep balances from being fetched.
    func list(_ run: inout Run, _ payloads: RawPayloads) async throws -> [FetchedAccount] {
        do {
            return try await ask(.accounts, &run, payloads) { bank, grant, context throws(ConnectorError) in
                try await bank.listAccounts(grant, context)
            }
        } catch let error as ConnectorError {
            guard error.recovery == .stop else { throw error }
            return []
        }
    }

    /// What the step changed decides what the rest of the run fetches.
    private func reload(_ run: inout Run) async throws {
        let current = run
        let fresh = try await core.database.read { db in
            (
                try open(current.connection.id, current.scope, db),
                try RefreshStore.find(current.refresh.id, current.scope, db)
            )
        }
        run.accounts = fresh.0.accounts
        run.numbers = fresh.0.numbers
        if let refresh = fresh.1 { run.refresh.steps = refresh.steps }
    }

    /// The accounts from which something is fetched, with their numbers.
    func open(
        _ id: ID<Connection>, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (accounts: [Account], numbers: [ID<Account>: String]) {
        let vaulting = AccountVault(core: core, scope: scope, connectionID: id.hex)
        let closed = try ConnectionRepairs.closed(id, scope, db)
        let accounts = try AccountStore.list(id, scope, db).filter { !closed.contains($0.id) }
        var numbers: [ID<Account>: String] = [:]
        for account in accounts { numbers[account.id] = try vaulting.number(account, db) }
        return (accounts, numbers)
    }
}

extension SyncSteps {
    func apply(_ listed: [FetchedAccount], _ run: Syncer.Run, _ tx: Transaction) throws -> StepCounts {
        let stored = try AccountStore.list(run.connection.id, run.scope, tx.db)
        let closed = try ConnectionRepairs.closed(run.connection.id, run.scope, tx.db)
        let consented = Set(try ConsentStore.list(run.connection.id, run.scope, tx.db).last?.accounts ?? [])
        let vaulting = AccountVault(core: core, scope: run.scope, connectionID: run.connection.id.hex)
        let known = try stored.map {
            AccountReview.Known(
                id: $0.id.hex, upstreamID: $0.upstreamID, number: try vaulting.number($0, tx.db), name: $0.name,
                type: $0.type, isClosed: closed.contains($0.id), isConsented: consented.contains($0.id.hex))
        }
        let changes = AccountReview.changes(known: known, listed: listed)
        guard !changes.isEmpty else { return StepCounts() }
        let now = run.environment.virtual(core.runtime.now())
        var drafts: [EventDraft] = []
        var returned: [String] = []
        for change in changes {
            guard var account = stored.first(where: { $0.id.hex == change.id }) else { continue }
            if closed.contains(account.id), !change.isClosed { returned.append(change.id) }
            account.upstreamID = change.upstreamID
            account.name = change.name
            account.type = change.type
            try AccountStore.review(account, isClosed: change.isClosed, at: now, run.scope, tx)
            drafts.append(Drafts.account(account, number: change.number, isClosed: change.isClosed))
        }
        try fetchWhole(returned, run, now, tx)
        try Outbox(core: core).emit(drafts, context(run, now), tx)
        return StepCounts(modified: drafts.count)
    }

    /// Nothing was fetched of a closed account, so one that is back is fetched like a new one.
    private func fetchWhole(_ accounts: [String], _ run: Syncer.Run, _ now: Instant, _ tx: Transaction) throws {
        guard !accounts.isEmpty else { return }
        let capabilities = run.connector.descriptor.capabilities
        let products = run.connection.products.products.intersection(capabilities.products)
        let steps = SyncPlan.steps(
            accounts: accounts, products: products.intersection([.balance, .transactions]), today: now.day(),
            syncedTo: nil, historyMonths: min(run.connection.historyMonths, capabilities.historyMonthsMax),
            windowDaysMax: capabilities.windowDaysMax)
        try RefreshStore.append(
            steps: steps.map(\.text), to: run.refresh.id, after: run.refresh.steps, run.scope, tx)
    }
}
