import Connectors
import Domain
import Storage

/// When a connection is looked at next. Every writer of `refresh_schedule.due_ms` asks here.
enum Rescheduler {
    /// The least of what is due; `LaneStore.idleMs` when nothing is due by itself.
    static func due(_ schedule: Schedule) -> Instant {
        let times = DueTimes(
            balance: schedule.balanceDue, transactions: schedule.transactionsDue,
            consent: schedule.consentDue, isPaused: schedule.pausedAt != nil)
        return times.next ?? Instant(ms: LaneStore.idleMs)
    }

    /// Sets each product's next due time after a run that fetched `fetched`: the connection's own slot on the grid of
    /// its effective interval. What was not fetched stays due when it is.
    static func advance(
        _ schedule: inout Schedule, of connection: ID<Connection>, fetched: Set<Product>, now: Instant
    ) {
        let phase = Spread.phase(connection.hex)
        func next(_ interval: RefreshInterval?, _ ms: Int64?, _ due: Instant?, _ product: Product) -> Instant? {
            guard let interval else { return nil }
            if let due, !fetched.contains(product) { return due }
            return Spread.next(after: now, periodMs: ms ?? interval.ms, phase: phase)
        }
        schedule.balanceDue = next(
            schedule.setting.balance, schedule.balanceEffectiveMs, schedule.balanceDue, .balance)
        schedule.transactionsDue = next(
            schedule.setting.transactions, schedule.transactionsEffectiveMs, schedule.transactionsDue, .transactions)
    }

    // MARK: what intervals come to

    /// The schedule with what its asked intervals come to.
    /// - Parameter accounts: those from which something is fetched; each costs a call.
    static func settled(
        _ schedule: Schedule, accounts: Int, _ capabilities: Capabilities, _ settings: EngineSettings
    ) -> Schedule {
        var settled = schedule
        let budget = capabilities.budget.sustainable(schedule.setting, accounts: accounts)
        func effective(_ asked: RefreshInterval?, _ budgetMs: Int64?) -> EffectiveInterval? {
            asked.map {
                EffectiveInterval(
                    asked: $0,
                    IntervalBounds(
                        bankMinimumMs: capabilities.intervalMsMin, budgetMs: budgetMs,
                        floorMs: settings.refreshFloorMs))
            }
        }
        let balance = effective(schedule.setting.balance, budget.balanceMs)
        let transactions = effective(schedule.setting.transactions, budget.transactionsMs)
        (settled.balanceEffectiveMs, settled.balanceReason) = (balance?.ms, balance?.reason)
        (settled.transactionsEffectiveMs, settled.transactionsReason) = (transactions?.ms, transactions?.reason)
        return settled
    }

    /// Whether the bank, its budget and the operator still let the intervals be what they were told to be.
    static func isSettled(
        _ schedule: Schedule, accounts: Int, _ capabilities: Capabilities, _ settings: EngineSettings
    ) -> Bool {
        isAlike(settled(schedule, accounts: accounts, capabilities, settings), schedule)
    }

    /// Whether nobody needs to be told of a change.
    static func isAlike(_ one: Schedule, _ other: Schedule) -> Bool {
        func rhythm(_ schedule: Schedule) -> [EffectiveInterval?] {
            [Product.balance, .transactions].map { ProductRhythm(schedule, $0).effective }
        }
        return one.setting.balance == other.setting.balance && one.setting.transactions == other.setting.transactions
            && (one.pausedAt == nil) == (other.pausedAt == nil) && rhythm(one) == rhythm(other)
    }
}

extension Syncer {
    /// Writes the schedule of a run that ended, due when its next product is.
    func reschedule(_ run: Run, _ schedule: inout Schedule, _ now: Instant, _ tx: Transaction) throws {
        let settled = Rescheduler.settled(
            schedule, accounts: run.accounts.count,
            core.gate.capabilities(of: run.connector, run.connection.institution, run.environment, core), core.settings)
        let isNew = !Rescheduler.isAlike(settled, schedule)
        let before = schedule
        schedule = settled
        Rescheduler.advance(
            &schedule, of: run.connection.id, fetched: run.refresh.products.products, now: now)
        if isFedByStatements(run) { schedule.consentDue = try statementDue(run, now, tx) }
        try ScheduleStore.reschedule(
            run.connection.id, schedule, due: Rescheduler.due(schedule), run.scope, tx)
        guard isNew, try ScheduleStore.settle(run.connection.id, schedule, run.scope, tx) else { return }
        var told = schedule
        told.dueAt = Rescheduler.due(schedule)
        try Outbox(core: core).emit(
            [Drafts.intervalChanged(before, told)], SyncSteps(core: core).context(run, now), tx)
    }

    /// Tells when a connection that is read for the first time has come one phase further. Part of each step's
    /// transaction; costs nothing once everything is there.
    func advancePhase(_ run: Run, _ tx: Transaction) throws {
        var next = run
        next.refresh.stepsDone += 1
        let phase = phase(next)
        guard phase != run.schedule.phase, try ScheduleStore.enter(phase, run.connection.id, run.scope, tx) else {
            return
        }
        let draft = Drafts.phaseChanged(
            from: run.schedule.phase, to: phase, historyMonths: run.connection.historyMonths)
        try Outbox(core: core).emit([draft], SyncSteps(core: core).context(run, virtualNow(run)), tx)
    }

    /// How far a run has come; what was reached is not left again.
    func phase(_ run: Run) -> ScanPhase {
        guard run.schedule.phase != .periodic else { return .periodic }
        let phase = ScanPhase.during(run.refresh.steps.map { SyncStep($0) }, done: run.refresh.stepsDone)
        return phase == .initial ? run.schedule.phase : phase
    }
}

/// What a new connection's intervals come to, told when they are not what was asked for.
struct FirstIntervals {
    let core: Core

    func settle(
        _ connection: Connection, accounts: Int, _ connector: any Connector, _ context: EventContext, _ tx: Transaction
    ) throws {
        let scope = context.environment.scope
        guard let asked = try ScheduleStore.find(connection.id, scope, tx.db) else { return }
        let settled = Rescheduler.settled(
            asked, accounts: accounts,
            try BankGate.capabilities(of: connector, connection.institution, context.environment, tx.db), core.settings)
        guard try ScheduleStore.settle(connection.id, settled, scope, tx), !Rescheduler.isAlike(asked, settled) else {
            return
        }
        try Outbox(core: core).emit([Drafts.intervalChanged(asked, settled)], context, tx)
    }
}
