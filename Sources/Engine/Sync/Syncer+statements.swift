import Connectors
import Domain
import Storage

/// Takes over what people uploaded. It is one more kind of step of a run, for connections of every bank.
extension Syncer {
    private static let windowDays = 31

    func isFedByStatements(_ run: Run) -> Bool { run.connector.descriptor.access == .statement }

    /// Steps for the statements that wait, oldest upload first and of each the newest days first.
    func statementSteps(_ run: Run, _ products: Set<Product>, _ db: any SQLConnection) throws -> [SyncStep] {
        guard core.statements != nil, products.contains(.transactions) else { return [] }
        var steps: [SyncStep] = []
        for waiting in try StatementStore.waiting(run.connection.id, run.scope, db) {
            var days = waiting.days[...]
            while let newest = days.first {
                let from = newest.adding(days: 1 - Self.windowDays)
                let window = days.prefix { $0 >= from }
                steps.append(
                    .statement(
                        account: waiting.account, upload: waiting.upload,
                        window: DayWindow(from: window.last ?? newest, to: newest)))
                days = days.dropFirst(window.count)
            }
        }
        return steps
    }

    /// A connection that only files feed has nothing to fetch but what they close with.
    func fedPlan(_ run: Run, _ products: Set<Product>, _ now: Instant) -> [SyncStep] {
        products.contains(.balance) ? inTurn(run, now).map(SyncStep.balance) : []
    }

    func statement(_ id: String, _ upload: String, _ window: DayWindow, _ run: inout Run) async throws {
        guard let source = core.statements, let account = run.accounts.first(where: { $0.id.hex == id }) else {
            return try await commit(&run) { tx, current in
                try StatementStore.take(upload, account: id, window, at: virtualNow(current), current.scope, tx)
                return StepCounts()
            }
        }
        let scope = run.scope
        let names = try await core.database.read { try StatementStore.names(upload, account: id, scope, $0) }
        let grant = StatementGrant(book: names?.book ?? "", accounts: []).grant
        let key = "\(names?.key ?? "")/\(upload)"
        let today = virtualNow(run).day()
        let asked = try await context(run)
        let found = try await PageWalker.window(window, currency: account.currency, today: today) { cursor in
            try await source.transactions(grant, account: key, window: window, cursor: cursor, asked)
        }
        run.trace.note(found)
        run.trace.window = found.window
        let rest = found.rest.map { [SyncStep.statement(account: id, upload: upload, window: $0).text] } ?? []
        let steps = SyncSteps(core: core)
        let connector = source.descriptor.id
        try await commit(&run, then: rest) { tx, current in
            let counts = try steps.apply(found, ofStatement: upload, from: connector, to: account, current, tx)
            try StatementStore.take(
                upload, account: id, found.window, at: virtualNow(current), current.scope, tx)
            return counts
        }
    }

    /// The end of the newest statement: what is known of a connection that files feed is as old as that.
    func statementsEnd(_ run: Run, _ now: Instant, _ tx: Transaction) throws -> Instant? {
        guard isFedByStatements(run) else { return nil }
        let end = try StatementStore.periods(run.connection.id, run.scope, tx.db).map(\.to).max()
        return end.map { min($0.adding(days: 1).start() + -1, now) }
    }

    /// When the person is next told that a statement is due.
    func statementDue(_ run: Run, _ now: Instant, _ tx: Transaction) throws -> Instant? {
        let periods = try StatementStore.periods(run.connection.id, run.scope, tx.db)
        return StatementRhythm.next(due: StatementRhythm.due(periods), after: now)
    }
}

/// Tells that the next statement is due, with a link by which it can be uploaded.
struct StatementReminder {
    let core: Core

    /// Tells what is due, and sets the next moment. The schedule is for the caller to write.
    func tell(
        _ connection: Connection, _ schedule: inout Schedule, _ environment: Domain.Environment, _ now: Instant,
        _ tx: Transaction
    ) throws {
        guard let moment = schedule.consentDue, moment <= now else { return }
        let periods = try StatementStore.periods(connection.id, environment.scope, tx.db)
        let due = StatementRhythm.due(periods)
        schedule.consentDue = StatementRhythm.next(due: due, after: now)
        guard connection.status == .active, let due, due.start() <= now, let end = periods.map(\.to).max() else {
            return
        }
        let links = ReauthLinks(core)
        let link = try links.create(connection, environment.scope, tx)
        let name = try CustomerStore.find(connection.customerID, environment.scope, tx.db)?.name
        let context = EventContext(
            environment: environment, connection: connection, customerName: name, bvn: nil, startedAt: now, now: now,
            publicURL: core.settings.publicURL)
        try Outbox(core: core).emit(
            [Drafts.statementDue(since: end, on: due, url: links.url(link), until: link.expiresAt)], context, tx)
    }
}
