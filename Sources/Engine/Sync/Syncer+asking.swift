import Connectors
import Domain
import Storage

extension Syncer {
    /// Of a run that banks put off for longer than this, the bank's answer is what it ends with.
    private static let throttledMsMax: Int64 = 3_600_000
    /// A connection that the bank throttles alone, without saying for how long.
    private static let connectionWaitMs: Int64 = 3_600_000

    /// The one door to a bank of every call of a run.
    /// - Throws: `RefreshDeferred` when the bank may not be asked now; `ConnectorError` when it did not answer well.
    func ask<Value: Sendable>(
        _ operation: BankOperation, _ run: inout Run, _ payloads: RawPayloads? = nil,
        _ call: (any Connector, Grant, ConnectorContext) async throws(ConnectorError) -> Value
    ) async throws -> Value {
        if isFedByStatements(run) { return try await call(run.connector, run.grant, context(run, payloads)) }
        let institution = run.connection.institution
        let isUserPresent = isUserPresent(run)
        try await core.gate.enter(institution, run.environment, isUserPresent: isUserPresent, core)
        let context: ConnectorContext
        do {
            context = try await self.context(run, payloads)
            try await reserve(operation, &run)
        } catch {
            core.gate.withdraw(institution, run.environment, core)
            throw error
        }
        run.trace.calls += 1
        let result: Result<Value, ConnectorError>
        do {
            result = .success(try await call(run.connector, run.grant, context))
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let value):
            try await core.gate.leave(institution, run.environment, nil, core)
            return value
        case .failure(let error):
            try await core.gate.leave(institution, run.environment, error, core)
            if error.code == .rateLimited { try await wait(for: error, operation, &run) }
            throw error
        }
    }

    /// A person waits for what was asked for by hand.
    func isUserPresent(_ run: Run) -> Bool {
        !run.refresh.causes.isDisjoint(with: [.demand, .check, .link])
    }

    /// Takes the call from the connection's budget of the day, in the database before the call is made: a crash after
    /// it spends a call that was not made, and never makes one that was not counted.
    private func reserve(_ operation: BankOperation, _ run: inout Run) async throws {
        let budget = core.gate.budget(run.connection.institution, run.environment, core)
        guard budget.isLimited else { return }
        let now = virtualNow(run)
        let isUserPresent = isUserPresent(run)
        let denied = try await change(&run) { ledger in
            budget.take(operation, &ledger, at: now, isUserPresent: isUserPresent)
        }
        guard let denied else { return }
        core.gate.tally.waited(.budget)
        throw RefreshDeferred(until: denied, .budget)
    }

    /// Whether the budget holds a call for each of these steps. A run that must leave some out says so in its row.
    func affords(_ steps: [SyncStep], _ run: Run) -> Bool {
        let budget = core.gate.budget(run.connection.institution, run.environment, core)
        guard budget.isLimited else { return true }
        var ledger = CallLedger(text: run.schedule.calls)
        let now = virtualNow(run)
        return steps.allSatisfy { budget.take($0.operation, &ledger, at: now, isUserPresent: false) == nil }
    }

    /// The accounts in the order in which they are fetched: with a budget another one is the first each day, so that
    /// none is always the one that is left out.
    func inTurn(_ run: Run, _ now: Instant) -> [String] {
        let ids = run.accounts.map(\.id.hex)
        guard ids.count > 1, core.gate.budget(run.connection.institution, run.environment, core).isLimited else {
            return ids
        }
        let first = now.day().dayNumber % ids.count
        return Array(ids[first...] + ids[..<first])
    }

    private func change<Value: Sendable>(
        _ run: inout Run, _ body: @escaping @Sendable (inout CallLedger) -> Value
    ) async throws -> Value {
        let current = run
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        let (value, calls) = try await core.database.write { tx in
            try LaneStore.renew(current.lease, until: leaseEnd, tx)
            var ledger = CallLedger(text: try CallStore.calls(current.connection.id, current.scope, tx.db))
            let value = body(&ledger)
            let calls = ledger.text
            try CallStore.set(calls, current.connection.id, current.scope, tx)
            return (value, calls)
        }
        run.schedule.calls = calls
        return value
    }

    /// The bank said when to come back: the whole institution waits, or the connection when the bank means it alone.
    private func wait(for error: ConnectorError, _ operation: BankOperation, _ run: inout Run) async throws {
        let now = virtualNow(run)
        if error.isOfConnection {
            let pause = error.retryAfterSeconds.map { Int64($0) * 1000 } ?? Self.connectionWaitMs
            let until = now + min(max(pause, 1000), Instant.dayMs)
            let budget = core.gate.budget(run.connection.institution, run.environment, core)
            if budget.isLimited {
                _ = try await change(&run) { budget.exhaust(operation, &$0, until: until, at: now) }
            }
            core.gate.tally.waited(.budget)
            throw RefreshDeferred(until: until, .budget)
        }
        guard let seconds = error.retryAfterSeconds, seconds > 0 else { return }
        let until = now + min(Int64(seconds) * 1000, BankGate.blockedMsMax)
        try await core.gate.block(run.connection.institution, run.environment, until: until, core)
        // A bank that throttles for good must not keep a run, and who waits for it, for ever.
        guard now - run.refresh.requestedAt < Self.throttledMsMax else { return }
        core.gate.tally.waited(.throttled)
        throw RefreshDeferred(until: until, .throttled)
    }
}

extension SyncStep {
    /// What the bank is asked for.
    var operation: BankOperation {
        switch self {
        case .accounts: .accounts
        case .balance: .balance
        case .transactions, .statement: .transactions
        case .identity: .identity
        }
    }
}
