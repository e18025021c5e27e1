import Domain
import Storage

/// Which connections are run at all, and what becomes of those that are not.
extension Syncer {
    /// Tells first what is due of the consent. A connection that needs its person runs only when it was asked for: the
    /// request was let in because the bank may serve it again.
    func isToRun(
        _ connection: inout Connection, _ schedule: inout Schedule, _ environment: Domain.Environment, _ now: Instant,
        _ tx: Transaction
    ) throws -> Bool {
        let scope = environment.scope
        let isConsentDue = schedule.consentDue.map { $0 <= now } ?? false
        if core.isFedByStatements(connection) {
            try StatementReminder(core: core).tell(connection, &schedule, environment, now, tx)
        } else {
            try ConsentTeller(core: core).tell(&connection, &schedule, environment, now, tx)
        }
        let refresh = try RefreshStore.inFlight(connection.id, scope, tx.db)
        guard connection.status == .active || connection.status == .needsUser && refresh != nil else {
            try rest(connection, schedule, refresh, now, scope, tx)
            return false
        }
        guard refresh == nil, isConsentDue, due(schedule, now).isEmpty else { return true }
        try ScheduleStore.reschedule(connection.id, schedule, due: Rescheduler.due(schedule), scope, tx)
        return false
    }

    /// A connection that cannot be refreshed waits for its person.
    private func rest(
        _ connection: Connection, _ schedule: Schedule, _ refresh: Refresh?, _ now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        if let refresh {
            try RefreshStore.end(refresh.id, state: "failed", error: connection.status.rawValue, at: now, scope, tx)
        }
        try ConnectionStore.setRunning(connection.id, false, scope, tx)
        try ScheduleStore.reschedule(connection.id, schedule, due: Rescheduler.resting(schedule), scope, tx)
    }

    /// This server cannot reach the bank, which is its operator's to mend: the connection waits for its next turn.
    func passOver(
        _ connection: Connection, _ schedule: inout Schedule, _ now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        let error = ConnectorError.Code.clientMisconfigured.rawValue
        if let refresh = try RefreshStore.inFlight(connection.id, scope, tx.db) {
            try RefreshStore.end(refresh.id, state: "failed", error: error, at: now, scope, tx)
        }
        try ConnectionStore.recordFailure(
            connection.id, status: connection.status, error: error, at: now, scope, tx)
        let products = connection.products.products
        schedule.note(products, error, at: now)
        Rescheduler.advance(&schedule, of: connection.id, fetched: products, now: now)
        let due = connection.status == .active ? Rescheduler.due(schedule) : Rescheduler.resting(schedule)
        try ScheduleStore.reschedule(connection.id, schedule, due: due, scope, tx)
    }

    /// What a run that nobody asked for fetches.
    func products(due schedule: Schedule, _ connection: Connection, _ now: Instant) -> ProductSet {
        let products = due(schedule, now)
        return ProductSet(products.isEmpty ? connection.products.products.intersection([.balance]) : products)
    }

    /// What is due by itself.
    func due(_ schedule: Schedule, _ now: Instant) -> Set<Product> {
        guard schedule.pausedAt == nil else { return [] }
        var products: Set<Product> = []
        if schedule.setting.balance != nil, schedule.balanceDue ?? now <= now { products.insert(.balance) }
        if schedule.setting.transactions != nil, schedule.transactionsDue ?? now <= now {
            products.insert(.transactions)
        }
        return products
    }
}

extension Rescheduler {
    /// When a connection that is not served is looked at again: to tell of its consent's end.
    static func resting(_ schedule: Schedule) -> Instant { schedule.consentDue ?? Instant(ms: LaneStore.idleMs) }

    /// A run that waits is not woken later than the person is to be told of the consent's end.
    static func waiting(_ schedule: Schedule, until: Instant) -> Instant { min(until, resting(schedule)) }
}

extension Connection {
    /// - Throws: `conflict` when only its person can bring it back, with the moment from which it may be tried again if
    ///   there is one.
    func requireServed(at now: Instant) throws(DomainError) {
        switch state.trial(by: .person, at: now) {
        case .allowed: return
        case .notBefore(let instant):
            throw DomainError(
                .conflict,
                "This connection is \(status.rawValue): the user must act at the bank first. It was tried a short "
                    + "while ago; the next try is allowed at \(instant.iso).")
        case .never:
            throw DomainError(
                .conflict, "This connection is \(status.rawValue): the user must link it again at the bank.")
        }
    }
}
