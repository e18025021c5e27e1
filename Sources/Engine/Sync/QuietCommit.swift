import Domain
import Logging
import Storage

/// What becomes of a run that was fetched before anything of it was written.
extension Syncer {
    /// One run from what was read of it.
    /// - Returns: what is to be written still, with others of its lane; nil when all is.
    func run(_ due: DueConnection, _ environment: Domain.Environment, _ lease: LaneLease) async throws -> Left? {
        let id = due.connection.id
        do {
            try await core.sequence.fill()
            guard let run = try await quietRun(due, environment, lease) else {
                try await runSteps(id, lease: lease)
                return nil
            }
            switch try await fetch(run) {
            case .unchanged(let left): return left
            case .changed(let run, let fetched):
                // Somebody asked meanwhile, or there is more to fetch: that run is an ordinary one.
                if try await commit(run, fetched) == false { try await runSteps(id, lease: lease) }
            case .failed(let run, let error): try await failed(run, error)
            case .stepped: try await runSteps(id, lease: lease)
            }
        } catch is RunOver {
            core.logger.info("refresh ended with its connection", metadata: ["connection": "\(id)"])
        }
        return nil
    }

    /// Writes schedules that runs left behind, under one check of the lease.
    static func write(_ left: [Left], _ lease: LaneLease, _ core: Core) async throws {
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        try await core.database.write { tx in
            try LaneStore.renew(lease, until: leaseEnd, tx)
            for one in left {
                QuietRefreshes.append(one.connection, one.schedule, due: one.due, lease.scope, tx)
            }
        }
        core.counters.count(.done, left.count)
    }

    /// All that a run found, in one transaction with the row that tells of it.
    /// - Returns: false when the connection has a run to go on with.
    private func commit(_ found: Run, _ fetched: [Fetched]) async throws -> Bool {
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        let left = left(found)
        try await core.sequence.fill()
        let run = try await told(found)
        let isDone = try await core.database.write { tx -> Bool in
            try LaneStore.renew(run.lease, until: leaseEnd, tx)
            // The row is locked before it is believed: a removal ends its connection's runs.
            guard try ConnectionStore.succeed(run.connection.id, at: virtualNow(run), run.scope, tx) else {
                guard try RefreshStore.hold(run.connection.id, run.scope, tx) else { throw RunOver() }
                return false
            }
            var current = run
            var sum = StepCounts()
            for (index, one) in fetched.enumerated() {
                current.refresh.stepsDone = index
                current.trace = one.trace
                let counts = try apply(one, current, tx)
                try trace(current, counts, tx)
                try PayloadKeeper(core: core).keep(
                    one.payloads, of: run.connection.id, sealer: run.sealer, run.scope, tx)
                sum.added += counts.added
                sum.modified += counts.modified
                sum.removed += counts.removed
            }
            current.refresh.stepsDone = fetched.count
            current.refresh.added = Int64(sum.added)
            current.refresh.modified = Int64(sum.modified)
            current.refresh.removed = Int64(sum.removed)
            RefreshStore.record(current.refresh, at: virtualNow(run), run.scope, tx)
            QuietRefreshes.append(run.connection.id, left.schedule, due: left.due, run.scope, tx)
            return true
        }
        core.wakes.deliveries.set()
        guard isDone else { return false }
        core.counters.count(.done)
        await CompletenessReview(core: core).after(run)
        return true
    }

    /// What the events of a run tell beside what it found, read before the one connection that writes is needed.
    private func told(_ found: Run) async throws -> Run {
        var run = found
        for account in run.accounts where account.numberSealed != nil {
            run.numbers[account.id] = try await number(of: account, run)
        }
        run.customerName = try await core.database.read {
            try CustomerStore.find(found.connection.customerID, found.scope, $0)?.name
        }
        return run
    }

    private func apply(_ fetched: Fetched, _ run: Run, _ tx: Transaction) throws -> StepCounts {
        let steps = SyncSteps(core: core)
        switch fetched.answer {
        case .accounts: return StepCounts()
        // The connection is held, and nobody else fetches for it: the account is as it was read.
        case .balance(let account, let balance): return try steps.apply(balance, stored: account, run, tx)
        case .window(let account, let found):
            return try steps.apply(found, to: account, run, tx)
        }
    }

    /// The failure is written as that of an ordinary run. One that was asked for meanwhile is not blamed for it.
    private func failed(_ run: Run, _ error: ConnectorError) async throws {
        guard var ordinary = try await begin(run.connection.id, run.lease) else { return }
        guard ordinary.refresh.causes == [.schedule], ordinary.refresh.stepsDone == 0, !error.isOfAccount else {
            return try await steps(ordinary)
        }
        ordinary.trace = run.trace
        try await fail(ordinary, error)
    }
}
