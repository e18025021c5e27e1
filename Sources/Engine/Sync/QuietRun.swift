import Connectors
import Domain
import Logging
import Storage

/// A scheduled run that is fetched first and written afterwards.
///
/// What it finds is compared with what is stored on a reading connection. Nothing new is one update of the schedule,
/// written together with those of other runs, without a refresh row and without events; something new is one
/// transaction. A crash between the two loses nothing but the fetch, since the connection stays due. Whatever is out
/// of the ordinary becomes an ordinary run.
extension Syncer {
    /// What a run leaves to be written, together with others of its lane.
    struct Left: Sendable {
        let connection: ID<Connection>
        let schedule: Schedule
        let due: Instant
    }

    /// What a quiet run came to.
    enum Quiet: Sendable {
        case unchanged(Left)
        case changed(Run, [Fetched])
        case failed(Run, ConnectorError)
        /// It is none: it is run step by step.
        case stepped
    }

    /// What one step fetched.
    struct Fetched: Sendable {
        enum Answer: Sendable {
            case accounts
            case balance(Account, FetchedBalance)
            case window(Account, FetchedWindow)
        }
        let answer: Answer
        let trace: StepTrace
        let payloads: [RawPayload]
    }

    /// Where a quiet run stops being one.
    private struct Unquiet: Error {}

    /// - Returns: nil when the run has to be an ordinary one.
    func quietRun(_ due: DueConnection, _ environment: Domain.Environment, _ lease: LaneLease) async throws -> Run? {
        let now = environment.virtual(core.runtime.now())
        let (connection, schedule) = (due.connection, due.schedule)
        guard !due.hasRefresh, connection.status == .active, connection.stateCode == nil, connection.stateTries == 0,
            schedule.dueAt <= now, schedule.consentDue.map({ $0 > now }) ?? true,
            let connector = core.connectors.connector(id: connection.connector), let sealed = due.sealedGrant,
            let sealer = due.sealer, let grant = try sealer.open(sealed, purpose: "grant"),
            Rescheduler.isSettled(
                schedule, accounts: due.accounts.count,
                core.gate.capabilities(of: connector, connection.institution, environment, core), core.settings)
        else { return nil }
        let products = self.due(schedule, now)
        guard !products.isEmpty else { return nil }
        let refresh = Refresh(
            scheduled: try core.sequence.take(), of: connection.id, products: ProductSet(products), at: now)
        var run = Run(
            environment: environment, connection: connection, customerName: nil, accounts: due.accounts, numbers: [:],
            schedule: schedule, refresh: refresh,
            grant: Grant(bytes: grant), lease: lease, connector: connector, sealer: sealer)
        let looks = looksAtAccounts(run, now)
        guard !looks || !due.hasClosedAccounts else { return nil }
        let steps = (looks ? [SyncStep.accounts] : []) + plan(run, products, now)
        guard QuietRule.allows(steps, syncedTo: schedule.syncedTo), affords(steps, run) else { return nil }
        run.refresh.steps = steps.map(\.text)
        return run
    }

    /// Fetches all that the run is to fetch, and writes nothing but a renewed grant.
    func fetch(_ first: Run) async throws -> Quiet {
        var run = first
        do {
            var fetched: [Fetched] = []
            var isNew = false
            for (index, text) in run.refresh.steps.enumerated() {
                guard let step = SyncStep(text) else { return .stepped }
                run.refresh.stepsDone = index
                run.trace = StepTrace(step, at: virtualNow(run))
                let payloads = RawPayloads()
                let (answer, isStepNew) = try await renewing(step, &run, payloads)
                fetched.append(Fetched(answer: answer, trace: run.trace, payloads: payloads.all))
                isNew = isNew || isStepNew || !run.trace.dropped.isEmpty || !run.trace.notes.isEmpty
            }
            guard isNew else { return .unchanged(left(run)) }
            return rows(fetched) <= QuietRule.rowsMax ? .changed(run, fetched) : .stepped
        } catch is Unquiet {
            return .stepped
        } catch let error as ConnectorError {
            return .failed(run, error)
        } catch let wait as RefreshDeferred {
            return .unchanged(
                Left(
                    connection: run.connection.id, schedule: run.schedule,
                    due: Rescheduler.waiting(run.schedule, until: wait.until)))
        }
    }

    /// How a run that went well leaves the schedule.
    func left(_ run: Run) -> Left {
        let now = virtualNow(run)
        var schedule = run.schedule
        let products = run.refresh.products.products
        schedule.failures = 0
        schedule.note(products, ProductSeen.ok, at: now)
        if products.contains(.transactions) { schedule.syncedTo = now.day() }
        if run.refresh.steps.first == SyncStep.accounts.text { schedule.accountsSeenOn = now.day() }
        Rescheduler.advance(&schedule, of: run.connection.id, fetched: products, now: now)
        return Left(connection: run.connection.id, schedule: schedule, due: Rescheduler.due(schedule))
    }

    private func rows(_ fetched: [Fetched]) -> Int {
        fetched.reduce(0) { sum, one in
            if case .window(_, let found) = one.answer { return sum + found.rows.count }
            return sum
        }
    }

    // MARK: steps

    private func renewing(
        _ step: SyncStep, _ run: inout Run, _ payloads: RawPayloads
    ) async throws -> (Fetched.Answer, isNew: Bool) {
        do {
            return try await answer(step, &run, payloads)
        } catch let error as ConnectorError where error.isTokenExpired {
            let grant = try await ask(.auth, &run) { bank, grant, context throws(ConnectorError) in
                try await bank.refreshAuth(grant, context)
            }
            try await keep(grant, &run, isQuiet: true)
            return try await answer(step, &run, payloads)
        }
    }

    private func answer(
        _ step: SyncStep, _ run: inout Run, _ payloads: RawPayloads
    ) async throws -> (Fetched.Answer, isNew: Bool) {
        switch step {
        case .accounts: return (try await accountsAsKnown(&run, payloads), false)
        case .balance(let id): return try await balance(of: account(id, run), &run, payloads)
        case .transactions(let id, let window):
            return try await transactions(of: account(id, run), window, &run, payloads)
        case .identity, .statement: throw Unquiet()
        }
    }

    private func account(_ id: String, _ run: Run) throws -> Account {
        guard let account = run.accounts.first(where: { $0.id.hex == id }) else { throw Unquiet() }
        return account
    }

    /// The list of accounts when it says nothing new; what it changes decides what the rest of a run fetches.
    private func accountsAsKnown(_ run: inout Run, _ payloads: RawPayloads) async throws -> Fetched.Answer {
        let listed = FetchedRules.accounts(try await list(&run, payloads))
        run.trace.dropped = listed.dropped
        run.trace.notes = listed.notes
        var known: [AccountReview.Known] = []
        for account in run.accounts {
            let number = try await number(of: account, run)
            known.append(
                AccountReview.Known(
                    id: account.id.hex, upstreamID: account.upstreamID, number: number, name: account.name,
                    type: account.type))
        }
        guard AccountReview.changes(known: known, listed: listed.accounts).isEmpty else { throw Unquiet() }
        return .accounts
    }

    private func balance(
        of account: Account, _ run: inout Run, _ payloads: RawPayloads
    ) async throws -> (Fetched.Answer, isNew: Bool) {
        let told = try await ask(.balance, &run, payloads) { bank, grant, context throws(ConnectorError) in
            try await bank.balance(grant, account: account.upstreamID, context)
        }
        let found = try FetchedRules.balance(told, currency: account.currency, now: virtualNow(run))
        run.trace.notes = found.notes
        return (.balance(account, found.balance), SyncSteps.isChanged(found.balance, account))
    }

    private func transactions(
        of account: Account, _ window: DayWindow, _ run: inout Run, _ payloads: RawPayloads
    ) async throws -> (Fetched.Answer, isNew: Bool) {
        let today = virtualNow(run).day()
        let found = try await PageWalker.window(window, currency: account.currency, today: today) { cursor in
            try await ask(.transactions, &run, payloads) { bank, grant, context throws(ConnectorError) in
                try await bank.transactions(
                    grant, account: account.upstreamID, window: window, cursor: cursor, context)
            }
        }
        guard found.rest == nil else { throw Unquiet() }
        run.trace.note(found)
        let (scope, connector) = (run.scope, run.connection.connector)
        let steps = SyncSteps(core: core)
        let changes = try await core.database.read {
            try steps.reconcile(found, of: account, connector: connector, scope, $0)
        }
        return (.window(account, found), !changes.isEmpty)
    }
}

extension Syncer {
    /// An account's number; nil when the bank tells none.
    func number(of account: Account, _ run: Run) async throws -> String? {
        if let sealed = account.numberSealed, let plain = try run.sealer?.open(sealed, purpose: "account_number") {
            return String(decoding: plain, as: UTF8.self)
        }
        let vaulting = AccountVault(core: core, scope: run.scope, connectionID: run.connection.id.hex)
        return try await core.database.read { try vaulting.number(account, $0) }
    }
}
