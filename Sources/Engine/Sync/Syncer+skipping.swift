import Connectors
import Domain
import Logging
import Storage

extension Syncer {
    /// The outcome of a product whose calls of the day were used up.
    static let skippedQuota = "skipped_quota"

    /// A run whose budget is used up ends where it is: what it has fetched stays, and what is left waits for its next
    /// turn, so that it keeps nothing else from being fetched. A first fetch of the history is only put off.
    /// - Returns: whether the run was ended.
    func skip(_ run: Run, _ wait: RefreshDeferred) async throws -> Bool {
        let left = Self.products(run.refresh.steps.dropFirst(run.refresh.stepsDone))
        guard wait.reason == BankMachine.Reason.budget.rawValue,
            run.schedule.syncedTo != nil || !left.contains(.transactions)
        else { return false }
        let now = virtualNow(run)
        let until = max(wait.until, ready(run))
        try await core.sequence.fill()
        try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            try RefreshStore.end(
                run.refresh.id, state: "failed", error: Self.skippedQuota, at: now, run.scope, tx)
            try ConnectionStore.setRunning(run.connection.id, false, run.scope, tx)
            try answer(run, left, until: until, now, tx)
            var schedule = run.schedule
            schedule.failures = 0
            let asked = run.refresh.products.products
            schedule.note(asked.subtracting(left), ProductSeen.ok, at: now)
            if asked.contains(.transactions), !left.contains(.transactions) { schedule.syncedTo = now.day() }
            schedule.note(left, Self.skippedQuota, at: now)
            Rescheduler.advance(&schedule, of: run.connection.id, fetched: asked, now: now)
            // Not the next turn of its interval, which may leave the same part out again.
            if left.contains(.balance), schedule.balanceDue != nil { schedule.balanceDue = until }
            if left.contains(.transactions), schedule.transactionsDue != nil { schedule.transactionsDue = until }
            try ScheduleStore.reschedule(
                run.connection.id, schedule, due: Rescheduler.due(schedule), run.scope, tx)
        }
        core.counters.count(.failed)
        core.wakes.deliveries.set()
        core.logger.info(
            "the calls of the day are used up",
            metadata: ["connection": "\(run.connection.id)", "until": "\(until.iso)"])
        return true
    }

    /// When the budget holds all that is left: a run that began with half of it would leave the same half out again.
    private func ready(_ run: Run) -> Instant {
        let left = run.refresh.steps.dropFirst(run.refresh.stepsDone).compactMap { SyncStep($0)?.operation }
        let budget = core.gate.budget(run.connection.institution, run.environment, core)
        return budget.ready(for: left, calls: run.schedule.calls, at: virtualNow(run))
    }

    static func products(_ steps: some Sequence<String>) -> Set<Product> {
        var found: Set<Product> = []
        for step in steps {
            switch SyncStep(step) {
            case .balance: found.insert(.balance)
            case .transactions, .statement: found.insert(.transactions)
            case .identity: found.insert(.identity)
            case .accounts, nil: break
            }
        }
        return found
    }

    /// Who asked by hand is told that nothing was fetched, and when it can be.
    private func answer(
        _ run: Run, _ left: Set<Product>, until: Instant, _ now: Instant, _ tx: Transaction
    ) throws {
        guard !run.refresh.causes.isDisjoint(with: [.demand, .check]) else { return }
        let steps = SyncSteps(core: core)
        let error = ConnectorError(
            .rateLimited,
            "The bank takes no more calls for this record today. The next one can be made at \(until.iso).")
        let drafts = left.sorted { $0.rawValue < $1.rawValue }.map {
            Drafts.failed($0, method: steps.method($0, run.refresh.causes), error)
        }
        try Outbox(core: core).emit(drafts, steps.context(run, now), tx)
    }
}
