import Connectors
import Domain
import Logging
import Storage

/// Looks after a run whether an account's transactions are all that its balances speak of. What seems to be missing is
/// fetched once more by a run of its own, and told of when that did not bring it.
struct CompletenessReview {
    /// A gap that stays so long is told of and left behind, so that checks do not read ever more rows.
    private static let settleDays: Int64 = 30
    private static let gapsKeptMax = 50
    private static let windowsMax = 12
    /// A bank whose answers change with every look is not asked once more for each of them.
    private static let suspectedPerDayMax = 5
    /// Rows may be booked a little before or after the day that the balances point at.
    private static let marginDays = 3

    let core: Core

    /// What a check came to, before it is written.
    private struct Look {
        let account: Account
        let known: AccountCheck?
        let finding: Completeness.Finding
        let changes: GapChanges
        let suspected: [CompletenessGap]

        /// Once a day it is noted that nothing is missing.
        func isNews(_ today: LocalDate) -> Bool {
            guard let known else { return finding.basis != .none }
            return !changes.isEmpty || !suspected.isEmpty || finding.base != nil || known.checkedTo < today
        }
    }

    /// A review that fails harms no run: the next one looks again.
    func after(_ run: Syncer.Run) async {
        do {
            try await review(run)
        } catch {
            core.logger.warning(
                "completeness was not reviewed",
                metadata: ["connection": "\(run.connection.id)", "error": "\(error)"])
        }
    }

    private func review(_ run: Syncer.Run) async throws {
        guard run.refresh.products.contains(.transactions), run.refresh.missed.isEmpty else { return }
        let now = run.environment.virtual(core.runtime.now())
        let looks = try await core.database.read { try look(run, now, $0) }.filter { $0.isNews(now.day()) }
        guard !looks.isEmpty else { return }
        try await core.sequence.fill()
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        try await core.database.write { tx in
            try LaneStore.renew(run.lease, until: leaseEnd, tx)
            for look in looks { try write(look, run, now, tx) }
            try fetchAgain(looks, run, now, tx)
        }
        core.wakes.deliveries.set()
    }

    private func look(_ run: Syncer.Run, _ now: Instant, _ db: any SQLConnection) throws -> [Look] {
        let closed = try ConnectionRepairs.closed(run.connection.id, run.scope, db)
        let accounts = try AccountStore.list(run.connection.id, run.scope, db).filter { !closed.contains($0.id) }
        return try accounts.compactMap { try look($0, run, now, db) }
    }

    private func look(
        _ account: Account, _ run: Syncer.Run, _ now: Instant, _ db: any SQLConnection
    ) throws -> Look? {
        let known = try CompletenessStore.check(account.id, run.scope, db)
        guard let rows = try CompletenessStore.rows(account.id, after: known?.base?.on, run.scope, db) else {
            return nil
        }
        let all = try CompletenessStore.gaps(account.id, limit: Self.gapsKeptMax, run.scope, db)
        let isRestless = all.count { now - $0.foundAt < Instant.dayMs } >= Self.suspectedPerDayMax
        let gaps = all.filter { row in
            row.kept.state != .closed && known?.base.map { row.kept.gap.window.to > $0.on } ?? true
        }
        let settleBefore = now + -Self.settleDays * Instant.dayMs
        let finding = Completeness.check(
            // Balances are comparable with rows only when both were fetched by one run.
            ledger: run.refresh.products.contains(.balance) ? account.ledgerMinor : nil, base: known?.base, rows: rows,
            today: knownTo(account, run, now),
            mustSettle: !gaps.isEmpty && gaps.allSatisfy { $0.reportedAt.map { $0 < settleBefore } ?? false })
        guard finding.basis != .none else { return nil }
        let changes = GapChanges(
            kept: gaps.map(\.kept), found: finding.gaps, isRefetched: run.refresh.causes.contains(.gap))
        let opened = Set(changes.opened.map(\.id) + changes.closed.map(\.id))
        let still = gaps.filter { $0.kept.state == .suspected && !opened.contains($0.kept.id) }.map(\.kept.gap)
        return Look(
            account: account, known: known, finding: finding, changes: changes,
            suspected: isRestless ? [] : changes.suspected + still)
    }

    /// The day up to which balance and rows are known: of what files feed, the end of the newest statement.
    private func knownTo(_ account: Account, _ run: Syncer.Run, _ now: Instant) -> LocalDate {
        guard core.isFedByStatements(run.connection), let asOf = account.balanceAsOf else { return now.day() }
        return min(asOf.day(), now.day())
    }

    private func write(_ look: Look, _ run: Syncer.Run, _ now: Instant, _ tx: Transaction) throws {
        let account = look.account
        let check = AccountCheck(
            basis: look.finding.basis, base: look.finding.base ?? look.known?.base, checkedAt: now,
            checkedTo: now.day())
        try CompletenessStore.put(check, of: account.id, run.scope, tx)
        guard !look.changes.isEmpty else { return }
        try CompletenessStore.apply(
            look.changes, basis: look.finding.basis, of: account.id, connection: run.connection.id,
            newID: core.sequence.take, at: now, run.scope, tx)
        let told = look.changes.closed.filter { $0.state == .open }
        let drafts =
            look.changes.opened.map { Drafts.gap($0.gap, of: account, isClosed: false) }
            + told.map { Drafts.gap($0.gap, of: account, isClosed: true) }
        try Outbox(core: core).emit(drafts, SyncSteps(core: core).context(run, now), tx)
    }

    /// One run for all that is suspected of the connection; a run that is in flight already is waited for.
    /// What such a run finds in its turn waits for the next ordinary one.
    private func fetchAgain(_ looks: [Look], _ run: Syncer.Run, _ now: Instant, _ tx: Transaction) throws {
        let suspects = looks.filter { !$0.suspected.isEmpty }
        guard !suspects.isEmpty, !run.refresh.causes.contains(.gap),
            try RefreshStore.inFlight(run.connection.id, run.scope, tx.db) == nil
        else { return }
        let products = run.connection.products.products.intersection([.balance, .transactions])
        var steps: [SyncStep] = []
        if products.contains(.balance) { steps += suspects.map { .balance(account: $0.account.id.hex) } }
        let daysMax = max(1, run.connector.descriptor.capabilities.windowDaysMax)
        for look in suspects {
            let windows = Self.windows(look.suspected, today: now.day(), daysMax: daysMax)
            steps += windows.map { .transactions(account: look.account.id.hex, window: $0) }
        }
        let refresh = try RefreshStore.request(
            run.connection.id, products: ProductSet(products), cause: .gap, newID: core.sequence.take(), at: now,
            run.scope, tx
        ).refresh
        try RefreshStore.append(steps: steps.map(\.text), to: refresh.id, after: [], run.scope, tx)
        try ConnectionStore.setRunning(run.connection.id, true, run.scope, tx)
        try ScheduleStore.bringForward(
            run.connection.id, due: now, laneDue: core.runtime.now(), run.scope, tx)
    }

    /// The days of gaps with some around them, cut to what a bank gives at once; the newest of very many.
    static func windows(_ gaps: [CompletenessGap], today: LocalDate, daysMax: Int) -> [DayWindow] {
        var windows: [DayWindow] = []
        for gap in gaps {
            var to = min(gap.window.to.adding(days: marginDays), today)
            let oldest = gap.window.from.adding(days: -marginDays)
            while to >= oldest {
                let from = max(oldest, to.adding(days: 1 - daysMax))
                windows.append(DayWindow(from: from, to: to))
                to = from.adding(days: -1)
            }
        }
        return Array(Set(windows).sorted { $0.to > $1.to }.prefix(windowsMax))
    }
}
