import Domain
import Storage

/// When a connection is looked at next. Every writer of `refresh_schedule.due_ms` asks here.
enum Rescheduler {
    /// The least of what is due; `LaneStore.idleMs` when nothing is due by itself.
    static func due(_ schedule: Schedule) -> Instant {
        let times = DueTimes(
            balance: schedule.balanceDue, transactions: schedule.transactionsDue,
            consent: schedule.consentDue, isPaused: schedule.pausedAt != nil)
        return times.next ?? Instant(ms: LaneStore.idleMs)
    }

    /// Sets each product's next due time after a run that fetched `fetched`: the connection's own slot on the grid of
    /// its effective interval. What was not fetched and is still to come stays.
    static func advance(
        _ schedule: inout Schedule, of connection: ID<Connection>, fetched: Set<Product>, now: Instant
    ) {
        let phase = Spread.phase(connection.hex)
        func next(_ interval: RefreshInterval?, _ ms: Int64?, _ due: Instant?, _ product: Product) -> Instant? {
            guard let interval else { return nil }
            if let due, due > now, !fetched.contains(product) { return due }
            return Spread.next(after: now, periodMs: ms ?? interval.ms, phase: phase)
        }
        schedule.balanceDue = next(
            schedule.setting.balance, schedule.balanceEffectiveMs, schedule.balanceDue, .balance)
        schedule.transactionsDue = next(
            schedule.setting.transactions, schedule.transactionsEffectiveMs, schedule.transactionsDue, .transactions)
    }
}

extension Syncer {
    /// Writes the schedule of a run that ended, due when its next product is.
    func reschedule(_ run: Run, _ schedule: inout Schedule, _ now: Instant, _ tx: Transaction) throws {
        Rescheduler.advance(
            &schedule, of: run.connection.id, fetched: run.refresh.products.products, now: now)
        try ScheduleStore.reschedule(
            run.connection.id, schedule, due: Rescheduler.due(schedule), run.scope, tx)
    }
}
