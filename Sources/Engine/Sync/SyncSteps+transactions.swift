import Domain
import Storage

extension SyncSteps {
    func apply(
        _ rows: [FetchedTransaction], _ window: DayWindow, to account: Account, _ run: Syncer.Run, _ tx: Transaction
    ) throws -> StepCounts {
        let now = now(run)
        let stored = try TransactionStore.stored(account.id, window: window, fetched: rows, run.scope, tx.db)
        let result = Reconciler.reconcile(stored: stored, fetched: rows, window: window)
        let ids = try TransactionStore.apply(
            result, to: account, newID: { core.runtime.newID() }, at: now, run.scope, tx)
        let isNewest = window.to >= now.day()
        let isLink = run.refresh.causes.contains(.link)
        let isLast = run.refresh.stepsDone == run.refresh.steps.count - 1
        let change = Drafts.TransactionChange(
            account: account, number: run.numbers[account.id], window: window, added: Array(zip(ids, result.added)),
            modified: result.modified.map { ($0.id, $0.after) },
            removed: result.removed.map { ($0.id, $0.fetched) }, method: method(.transactions, run.refresh.causes),
            code: isLink ? (isLast ? "FULL_TRANSACTIONS" : "INITIAL_TRANSACTIONS") : "PERIODIC_TRANSACTIONS",
            isAsked: isNewest && isAsked(run.refresh.causes))
        try Outbox(core: core).emit(Drafts.transactions(change), context(run, now), tx)
        return StepCounts(
            added: result.added.count, modified: result.modified.count, removed: result.removed.count)
    }
}
