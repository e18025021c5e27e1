import Domain
import Storage

/// What is kept of a step, for those who look at a run.
extension Syncer {
    /// In the step's own transaction.
    func trace(_ run: Run, _ counts: StepCounts, _ tx: Transaction) throws {
        var step = run.trace
        step.durationMs = virtualNow(run) - step.at
        step.added = Int64(counts.added)
        step.modified = Int64(counts.modified)
        step.removed = Int64(counts.removed)
        StepStore.append(step, id: try core.sequence.take(), of: run.refresh.id, run.scope, tx)
    }

    /// A step that failed is kept too; what it wrote is not.
    func trace(_ run: Run, _ error: ConnectorError, _ tx: Transaction) throws {
        var step = run.trace
        step.durationMs = virtualNow(run) - step.at
        step.fail(error)
        StepStore.append(step, id: try core.sequence.take(), of: run.refresh.id, run.scope, tx)
    }

    /// One account that the bank does not serve keeps the others from nothing: the step is passed over with the reason,
    /// and whoever asked is told. The next look at the bank's list of accounts decides whether it is closed.
    func miss(_ error: ConnectorError, _ run: inout Run) async throws {
        run.trace.fail(error)
        let product: Product = run.trace.operation == Product.balance.rawValue ? .balance : .transactions
        run.refresh.missed[product] = error.code.rawValue
        try await commit(&run) { tx, current in
            try RefreshNotes.miss(current.refresh.missed, of: current.refresh.id, current.scope, tx)
            try tell(error, product, current, tx)
            return StepCounts()
        }
    }

    /// The account was closed since the run was planned, which fails nothing; whoever asked for it is told.
    func skip(_ run: inout Run) async throws {
        let product: Product = run.trace.operation == Product.balance.rawValue ? .balance : .transactions
        try await commit(&run) { tx, current in
            try tell(ConnectorError(.accountNotFound), product, current, tx)
            return StepCounts()
        }
    }

    private func tell(_ error: ConnectorError, _ product: Product, _ run: Run, _ tx: Transaction) throws {
        guard !run.refresh.causes.isDisjoint(with: [.demand, .check]) else { return }
        let steps = SyncSteps(core: core)
        var draft = Drafts.failed(product, method: steps.method(product, run.refresh.causes), error)
        draft.accountID = run.trace.accountID.flatMap { ID<Account>($0) }
        try Outbox(core: core).emit([draft], steps.context(run, steps.now(run)), tx)
    }

    /// How a run that came to its end leaves each product: one that some account lacks was not fetched well.
    func note(_ run: Run, _ schedule: inout Schedule, _ now: Instant) {
        for product in run.refresh.products.products {
            schedule.note([product], run.refresh.missed[product] ?? ProductSeen.ok, at: now)
        }
    }
}

extension ConnectorError {
    /// Whether it says something of one account, and nothing of the login.
    var isOfAccount: Bool { code == .accountNotFound || code == .accountBlocked }
}

extension StepTrace {
    /// What was not taken of a window.
    mutating func note(_ found: FetchedWindow) {
        window = found.window
        dropped = found.dropped
        notes = found.notes
    }
}
