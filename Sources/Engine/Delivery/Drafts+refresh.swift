import Domain
import Storage

/// What is told of a connection's rhythm.
extension Drafts {
    /// - Parameters:
    ///   - before: as it was told last.
    ///   - after: as it is from now on.
    static func intervalChanged(_ before: Schedule, _ after: Schedule) -> EventDraft {
        EventDraft(
            type: EventCatalog.intervalChanged, method: "REFRESH", code: "REFRESH_INTERVAL_CHANGED",
            message: "The record is refreshed in another rhythm",
            data: { out, _ in
                out.member("paused", after.pausedAt != nil)
                out.object("balance") { rhythm(&$0, .balance, before, after) }
                out.object("transactions") { rhythm(&$0, .transactions, before, after) }
            })
    }

    private static func rhythm(
        _ out: inout JSONWriter, _ product: Product, _ before: Schedule, _ after: Schedule
    ) {
        let (old, new) = (ProductRhythm(before, product), ProductRhythm(after, product))
        out.member("interval", new.asked?.rawValue)
        out.member("effective_seconds", new.effective?.seconds)
        out.member("reason", new.effective?.reason?.rawValue)
        out.member("previous_interval", old.asked?.rawValue)
        out.member("previous_effective_seconds", old.effective?.seconds)
        out.member("next_refresh_at", new.nextAt)
    }

    static func phaseChanged(from before: ScanPhase, to after: ScanPhase, historyMonths: Int) -> EventDraft {
        EventDraft(
            type: EventCatalog.phaseChanged, method: "REFRESH", code: "REFRESH_PHASE_CHANGED",
            message: after == .full
                ? "The newest data is there; the history is on its way" : "Everything that was asked for is there",
            data: { out, _ in
                out.member("phase", after.rawValue)
                out.member("previous_phase", before.rawValue)
                out.member("history_months", Int64(historyMonths))
            })
    }
}

/// One product's part of a schedule.
struct ProductRhythm: Equatable {
    let asked: RefreshInterval?
    let effective: EffectiveInterval?
    let dueAt: Instant?
    /// When it is fetched next by itself; nil while it is not.
    let nextAt: Instant?

    init(_ schedule: Schedule, _ product: Product) {
        let isBalance = product == .balance
        let asked = isBalance ? schedule.setting.balance : schedule.setting.transactions
        let ms = isBalance ? schedule.balanceEffectiveMs : schedule.transactionsEffectiveMs
        self.asked = asked
        effective = asked.map {
            EffectiveInterval(
                ms: ms ?? $0.ms, reason: isBalance ? schedule.balanceReason : schedule.transactionsReason)
        }
        dueAt = isBalance ? schedule.balanceDue : schedule.transactionsDue
        let isWaiting = schedule.pausedAt == nil && schedule.dueAt.ms < LaneStore.idleMs
        // A connection that is caught up with later, or put off, is looked at when the whole of it is.
        nextAt = isWaiting && asked != nil ? dueAt.map { max($0, schedule.dueAt) } : nil
    }
}
