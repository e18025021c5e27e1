import Domain
import Storage

extension SyncSteps {
    func apply(
        _ found: FetchedWindow, to account: Account, _ run: Syncer.Run, _ tx: Transaction
    ) throws -> StepCounts {
        let connector = run.connection.connector
        let result = try reconcile(found, of: account, connector: connector, run.scope, tx.db)
        return try write(result, of: found.window, from: connector, to: account, run, tx)
    }

    /// Rows of a statement, which add what is missing and overrule nothing but the days that the person named.
    func apply(
        _ found: FetchedWindow, ofStatement upload: String, from connector: String, to account: Account,
        _ run: Syncer.Run, _ tx: Transaction
    ) throws -> StepCounts {
        let replaced = try StatementStore.replaced(upload, account: account.id.hex, run.scope, tx.db)
        let stored = try storedByValue(found.rows, found.window, of: account, run.scope, tx.db)
        let compared = try compare(
            found.rows, found.window, of: account, connector: connector, stored, replacing: replaced, run.scope, tx.db)
        let result = StatementMerge.merged(compared, replaced: replaced)
        return try write(result, of: found.window, from: connector, to: account, run, tx)
    }

    /// What a statement's rows are compared with: those that it may date by their days of value too.
    private func storedByValue(
        _ rows: [FetchedTransaction], _ window: DayWindow, of account: Account, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [StoredTransaction] {
        let values = try StatementStore.valueDays(account.id, window, scope, db)
        guard !values.isEmpty || rows.contains(where: { $0.valueOn != nil }) else {
            return try TransactionStore.stored(account.id, window: window, fetched: rows, scope, db)
        }
        let days = Reconciler.valueDaysMax
        let wide = DayWindow(from: window.from.adding(days: -days), to: window.to.adding(days: days))
        var stored = try TransactionStore.stored(account.id, window: wide, fetched: rows, scope, db)
        for index in stored.indices { stored[index].fetched.valueOn = values[stored[index].id] }
        return stored
    }

    private func write(
        _ result: ReconcileResult, of window: DayWindow, from connector: String, to account: Account,
        _ run: Syncer.Run, _ tx: Transaction
    ) throws -> StepCounts {
        let now = now(run)
        let ids = try TransactionStore.apply(
            result, to: account, newID: { core.runtime.newID() }, at: now, run.scope, tx)
        StatementStore.keepValueDays(result.added, ids: ids, of: account.id, run.scope, tx)
        trace(result, ids, account, from: connector, run, now, tx)
        let isNewest = window.to >= now.day()
        let isLink = run.refresh.causes.contains(.link)
        let isLast = run.refresh.stepsDone == run.refresh.steps.count - 1
        let change = Drafts.TransactionChange(
            account: account, number: run.numbers[account.id], window: window, added: Array(zip(ids, result.added)),
            modified: result.modified.map { ($0.id, $0.after) },
            removed: result.removed.map { ($0.id, $0.fetched) },
            matched: result.modified.filter { ![.id, .supersedes, .ruling].contains($0.match.rule) }
                .map { ($0.id, $0.match) },
            method: method(.transactions, run.refresh.causes),
            code: isLink ? (isLast ? "FULL_TRANSACTIONS" : "INITIAL_TRANSACTIONS") : "PERIODIC_TRANSACTIONS",
            isAsked: isNewest && isAsked(run.refresh.causes))
        try Outbox(core: core).emit(Drafts.transactions(change), context(run, now), tx)
        return StepCounts(
            added: result.added.count, modified: result.modified.count, removed: result.removed.count)
    }

    /// What a fetched window would change, read on any connection. Trust and rulings are asked for only when something
    /// is to change without them: a window without news costs one read and no write.
    func reconcile(
        _ found: FetchedWindow, of account: Account, connector: String, _ scope: Scope, _ db: any SQLConnection
    ) throws -> ReconcileResult {
        let stored = try TransactionStore.stored(account.id, window: found.window, fetched: found.rows, scope, db)
        var result = try compare(found.rows, found.window, of: account, connector: connector, stored, scope, db)
        // What seems gone may be among the rows that were not believed.
        if !found.isWhole { result.removed = [] }
        return result
    }

    private func compare(
        _ rows: [FetchedTransaction], _ window: DayWindow, of account: Account, connector: String,
        _ stored: [StoredTransaction], replacing: Set<LocalDate> = [], _ scope: Scope, _ db: any SQLConnection
    ) throws -> ReconcileResult {
        var stored = stored
        let plain = Reconciler.reconcile(stored: stored, fetched: rows, window: window, replacing: replacing)
        guard !plain.isEmpty else { return plain }
        let trust = try LineageStore.trust(connector: connector, institution: account.institution, scope, db)
        let all = try LineageStore.rulings(account.id, scope, db)
        guard trust.level != .unknown || !all.isEmpty else { return plain }
        let rulings = all.filter { ruling in rows.contains { ruling.row.matches($0) } }
        let known = Set(stored.map(\.id))
        for id in Set(rulings.filter { $0.kind == .same }.map(\.transaction)).subtracting(known).sorted() {
            guard let found = try TransactionStore.find(id, scope, db) else { continue }
            if found.account == account.id, found.row.fetched.status != .removed { stored.append(found.row) }
        }
        return Reconciler.reconcile(
            stored: stored, fetched: rows, window: window, trust: trust, rulings: rulings, replacing: replacing)
    }

    /// Notes how rows were matched that did not come under their id, and how ids behaved.
    private func trace(
        _ result: ReconcileResult, _ added: [ID<FetchedTransaction>], _ account: Account, from connector: String,
        _ run: Syncer.Run, _ now: Instant, _ tx: Transaction
    ) {
        guard !result.isEmpty else { return }
        let isFickle = result.level == .changing || result.level == .reused
        var entries = result.modified.filter { $0.match.rule != .id }.map { entry($0, before: $0.before, now) }
        // That a bank changes its ids again is no news of a transaction.
        if !isFickle { entries += result.renamed.filter { $0.match.rule != .id }.map { entry($0, before: nil, now) } }
        for (place, other) in result.reused.sorted(by: { $0.key < $1.key }) where !isFickle {
            entries.append(
                LineageEntry(
                    id: core.runtime.newID(), transaction: added[place], kind: .keptApart, match: Match(.reuse, 90),
                    other: other, upstreamAfter: result.added[place].upstreamID, at: now))
        }
        LineageStore.append(entries, of: account.id, run.scope, tx)
        LineageStore.count(
            result.evidence, connector: connector, institution: account.institution, at: now,
            run.scope, tx)
    }

    private func entry(
        _ change: ReconcileResult.Change, before: FetchedTransaction?, _ now: Instant
    ) -> LineageEntry {
        LineageEntry(
            id: core.runtime.newID(), transaction: change.id, kind: .matched, match: change.match,
            upstreamBefore: change.before.upstreamID, upstreamAfter: change.after.upstreamID, before: before, at: now)
    }
}
