import Connectors
import Domain
import Logging
import Storage

/// How a run ends: well, put off, given up, or with its person to be asked.
extension Syncer {
    private static let failuresMax: Int64 = 5
    private static let backoffMs: Int64 = 30_000
    private static let backoffMsMax: Int64 = 15 * 60_000

    /// - Returns: false when something was asked for in the last moment; the run goes on.
    func finish(_ run: Run) async throws -> Bool {
        let now = virtualNow(run)
        let (_, news) = run.connection.state.after(.succeeded, at: now)
        if !news.isEmpty { try await core.sequence.fill() }
        let isDone = try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            guard try RefreshStore.finish(run.refresh.id, at: now, run.scope, tx) else { return false }
            try ConnectionStore.recordSuccess(run.connection.id, at: now, run.scope, tx)
            try ConsentTeller(core: core).tell(
                news, ConnectorError(.reauthRequired), run.connection, run.environment, now, tx)
            var schedule = run.schedule
            schedule.failures = 0
            let fetchedAt = try statementsEnd(run, now, tx) ?? now
            note(run, &schedule, fetchedAt)
            if run.refresh.products.contains(.transactions) { schedule.syncedTo = fetchedAt.day() }
            try reschedule(run, &schedule, now, tx)
            return true
        }
        if isDone {
            if !news.isEmpty { core.wakes.deliveries.set() }
            core.counters.count(.done)
            core.logger.info(
                "refreshed",
                metadata: ["connection": "\(run.connection.id)", "steps": "\(run.refresh.steps.count)"])
        }
        return isDone
    }

    func fail(_ run: Run, _ error: ConnectorError) async throws {
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
            schedule.note(run.refresh.products.products, error.code.rawValue, at: now)
            try trace(run, error, tx)
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

    /// The bank may not be asked now: the run stays where it is, and nothing counts as failed.
    func putOff(_ run: Run, _ wait: RefreshDeferred) async throws {
        if try await skip(run, wait) { return }
        try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            try ScheduleStore.reschedule(
                run.connection.id, run.schedule, due: Rescheduler.waiting(run.schedule, until: wait.until), run.scope,
                tx)
            try RefreshNotes.wait(run.refresh.id, for: wait.reason, run.scope, tx)
        }
    }

    /// The run stays where it is and goes on from its step.
    private func retry(
        _ run: Run, _ error: ConnectorError, _ schedule: Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        let ceiling = min(Self.backoffMsMax, Self.backoffMs << min(schedule.failures - 1, 10))
        let wait = max(1000 + core.runtime.chance(ceiling), Int64(error.retryAfterSeconds ?? 0) * 1000)
        let due = Rescheduler.waiting(schedule, until: now + wait)
        try RefreshNotes.wait(run.refresh.id, for: "retry", run.scope, tx)
        try ScheduleStore.reschedule(run.connection.id, schedule, due: due, run.scope, tx)
    }

    private func giveUp(
        _ run: Run, _ error: ConnectorError, _ schedule: inout Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        try RefreshStore.end(run.refresh.id, state: "failed", error: error.code.rawValue, at: now, run.scope, tx)
        let (state, _) = run.connection.state.after(.failed(error.code), at: now)
        try ConnectionStore.recordFailure(
            run.connection.id, state: state, error: error.code.rawValue, at: now, run.scope, tx)
        try answer(run, error, now, tx)
        schedule.failures = 0
        guard state.status == .active else {
            return try ScheduleStore.reschedule(
                run.connection.id, schedule, due: Rescheduler.resting(schedule), run.scope, tx)
        }
        try reschedule(run, &schedule, now, tx)
    }

    /// A run that somebody asked for, or the first one of a link, says what it could not fetch.
    private func answer(_ run: Run, _ error: ConnectorError, _ now: Instant, _ tx: Transaction) throws {
        let steps = SyncSteps(core: core)
        guard steps.isAsked(run.refresh.causes) else { return }
        let left = run.refresh.steps.dropFirst(run.refresh.stepsDone)
        var products = Self.products(left)
        if left.contains(where: { SyncStep($0) == .accounts }) { products.insert(.accounts) }
        let drafts = products.sorted { $0.rawValue < $1.rawValue }.map {
            Drafts.failed($0, method: steps.method($0, run.refresh.causes), error)
        }
        try Outbox(core: core).emit(drafts, steps.context(run, now), tx)
    }

    private func askUser(
        _ run: Run, _ error: ConnectorError, _ schedule: Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        let (state, news) = run.connection.state.after(.failed(error.code), at: now)
        try RefreshStore.end(run.refresh.id, state: "failed", error: error.code.rawValue, at: now, run.scope, tx)
        try ConnectionStore.recordFailure(
            run.connection.id, state: state, error: error.code.rawValue, at: now, run.scope, tx)
        var schedule = schedule
        schedule.failures = 0
        if state.status == .expired {
            schedule.consentDue = nil
            try ConsentStore.end(
                run.connection.id, as: error.code == .consentRevoked ? .revoked : .expired,
                newID: core.runtime.newID(), at: now, run.scope, tx)
        }
        try answer(run, error, now, tx)
        var connection = run.connection
        connection.take(state)
        try ConsentTeller(core: core).tell(news, error, connection, run.environment, now, tx)
        try ScheduleStore.reschedule(
            run.connection.id, schedule, due: Rescheduler.resting(schedule), run.scope, tx)
    }
}
