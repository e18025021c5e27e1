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
        let isDone = try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            guard try RefreshStore.finish(run.refresh.id, at: now, run.scope, tx) else { return false }
            try ConnectionStore.recordSuccess(run.connection.id, at: now, run.scope, tx)
            var schedule = run.schedule
            schedule.failures = 0
            schedule.note(run.refresh.products.products, ProductSeen.ok, at: now)
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
        try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            _ = try stillRunning(run, tx)
            try ScheduleStore.reschedule(run.connection.id, run.schedule, due: wait.until, run.scope, tx)
        }
    }

    /// The run stays where it is and goes on from its step.
    private func retry(
        _ run: Run, _ error: ConnectorError, _ schedule: Schedule, _ now: Instant, _ tx: Transaction
    ) throws {
        let ceiling = min(Self.backoffMsMax, Self.backoffMs << min(schedule.failures - 1, 10))
        let wait = max(1000 + core.runtime.chance(ceiling), Int64(error.retryAfterSeconds ?? 0) * 1000)
        try ScheduleStore.reschedule(run.connection.id, schedule, due: now + wait, run.scope, tx)
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
        try ScheduleStore.reschedule(
            run.connection.id, schedule, due: Instant(ms: LaneStore.idleMs), run.scope, tx)
    }
}
