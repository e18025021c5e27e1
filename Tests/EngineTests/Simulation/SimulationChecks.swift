import Domain
import Storage

/// What the database holds of one connection.
struct SimulationState: Sendable {
    struct Row: Sendable {
        var id: String
        var status: String
        var amountMinor: Int64
        var day: String
        var text: String
        var runningMinor: Int64?

        /// What stays of a row through its whole life.
        var content: String { "\(day) \(amountMinor) \(text)" }
    }
    struct Account: Sendable {
        var id: String
        var upstreamID: String
        var status: String
        var ledgerMinor: Int64?
        var rows: [Row] = []
    }
    struct Event: Sendable, Hashable {
        var id: Int64
        var sequence: Int64
        var type: String
    }

    var id: String
    var status: String
    var accounts: [Account] = []
    var events: [Event] = []
    var balanceOK: Int64?
    var transactionsOK: Int64?

    static func read(_ db: any SQLConnection) throws -> [String: SimulationState] {
        var states: [String: SimulationState] = [:]
        try db.forEach(
            """
            SELECT c.id, c.status, s.balance_ok_ms, s.transactions_ok_ms FROM connection c JOIN refresh_schedule s
                ON s.environment_id = c.environment_id AND s.connection_id = c.id
            """, []
        ) { row in
            states[row.text(0)] = SimulationState(
                id: row.text(0), status: row.text(1), balanceOK: row.intOrNil(2), transactionsOK: row.intOrNil(3))
        }
        var rows: [String: [Row]] = [:]
        try db.forEach(
            """
            SELECT account_id, id, status, amount_minor, booked_on, description, running_minor
            FROM account_transaction WHERE status <> 'removed' ORDER BY account_id, booked_on, id
            """, []
        ) { row in
            rows[row.text(0), default: []].append(
                Row(
                    id: row.text(1), status: row.text(2), amountMinor: row.int(3), day: row.text(4), text: row.text(5),
                    runningMinor: row.intOrNil(6)))
        }
        try db.forEach(
            "SELECT connection_id, id, upstream_id, status, ledger_minor FROM account ORDER BY id", []
        ) { row in
            states[row.text(0)]?.accounts.append(
                Account(
                    id: row.text(1), upstreamID: row.text(2), status: row.text(3), ledgerMinor: row.intOrNil(4),
                    rows: rows[row.text(1)] ?? []))
        }
        try db.forEach("SELECT connection_id, id, seq, type FROM event ORDER BY connection_id, seq", []) { row in
            states[row.text(0)]?.events.append(Event(id: row.int(1), sequence: row.int(2), type: row.text(3)))
        }
        return states
    }
}

/// What must be so, whatever happened.
struct SimulationChecks {
    private(set) var findings: [String] = []
    /// The id that a row of this content was first seen with, by account.
    private var known: [String: [String: String]] = [:]

    private mutating func expect(_ isSo: Bool, _ finding: @autoclosure () -> String) {
        if !isSo, findings.count < 40 { findings.append(finding()) }
    }

    /// Ids are for life.
    mutating func ids(_ states: [String: SimulationState]) {
        for state in states.values.sorted(by: { $0.id < $1.id }) {
            for account in state.accounts {
                for (content, rows) in Dictionary(grouping: account.rows, by: \.content).sorted(by: { $0.key < $1.key })
                where rows.count == 1 {
                    let before = known[account.id]?[content]
                    expect(before == nil || before == rows[0].id, "the id of “\(content)” changed")
                    known[account.id, default: [:]][content] = rows[0].id
                }
            }
        }
    }

    /// Events of a connection are numbered from 1 without gap.
    mutating func sequences(_ states: [String: SimulationState]) {
        for state in states.values.sorted(by: { $0.id < $1.id }) {
            let numbers = state.events.map(\.sequence)
            expect(
                numbers == Array(1..<Int64(numbers.count + 1)), "the events of \(state.id) are numbered \(numbers)")
        }
    }

    /// Every event was told.
    mutating func events(_ states: [String: SimulationState], _ told: Set<SimulatedShop.Told>) {
        for state in states.values.sorted(by: { $0.id < $1.id }) {
            let heard = told.filter { $0.connection == state.id }.map(\.sequence).sorted()
            let missing = Set(state.events.map(\.sequence)).subtracting(heard).sorted()
            expect(missing.isEmpty, "events \(missing) of \(state.id) were never told")
            expect(Set(heard).count == heard.count, "two events of \(state.id) have one number: \(heard)")
        }
    }

    /// No window of a rate and no day of a budget held more calls than the bank takes.
    mutating func caps(_ calls: [BankWatch.Call]) {
        for (institution, setting) in SimulationPlan.limits.sorted(by: { $0.key < $1.key }) {
            let here = calls.filter { $0.institution == institution }
            if let rate = setting.rate {
                let most = BankWatch.most(here.map(\.atMs), within: rate.windowMs)
                expect(most <= rate.calls, "\(institution) got \(most) calls in a window of \(rate.calls)")
            }
            guard let total = setting.budget?.total else { continue }
            for (grant, own) in Dictionary(grouping: here, by: \.grant).sorted(by: { $0.key < $1.key })
            where !grant.isEmpty {
                let most = BankWatch.fullest(own, within: Instant.dayMs)
                let told = most.map { "\($0.atMs / 1000) \($0.name)" }
                expect(
                    most.count <= total,
                    "\(institution) got \(most.count) calls of one connection in a day of \(total): \(told)")
            }
        }
    }

    /// A connection whose bank is up is as fresh as its interval promises.
    mutating func freshness(
        _ state: SimulationState, _ login: SimulationPlan.Login, now: Instant, slackMs: Int64 = 3_600_000
    ) {
        expect(!login.isClean || state.status == "active", "\(login.username) is \(state.status) for nothing")
        // A budget may hold back what an interval asks for.
        guard state.status == "active", SimulationPlan.limits[login.institution]?.budget == nil else { return }
        for (product, ok) in [("balance", state.balanceOK), ("transactions", state.transactionsOK)] {
            let age = now.ms - (ok ?? 0)
            expect(
                age <= login.interval.ms + slackMs,
                "\(login.username) (\(login.interval.rawValue)): \(product) is \(age / 60_000) minutes old")
        }
    }

    /// Nothing is lost, nothing doubled, and the balance is what the rows come to.
    mutating func truth(
        _ state: SimulationState, _ truth: SimulationObserver.Truth, _ login: SimulationPlan.Login
    ) {
        for shown in truth.accounts {
            guard let account = state.accounts.first(where: { $0.upstreamID == shown.upstreamID }) else {
                expect(false, "\(login.username) lacks the account \(shown.upstreamID)")
                continue
            }
            let fetchedTo = state.transactionsOK ?? 0
            let old = (truth.rows[shown.upstreamID] ?? []).filter { ($0.occurredAt?.ms ?? 0) <= fetchedTo }
            var wanted = Self.counted(old.map { "\($0.bookedOn.iso) \($0.amount.minor) \($0.text)" })
            let rows = account.rows.filter { $0.day >= truth.from.iso }
            for (content, count) in Self.counted(rows.map(\.content)) { wanted[content, default: 0] -= count }
            for (content, count) in wanted.sorted(by: { $0.key < $1.key }) where count != 0 {
                expect(
                    false, "\(login.username): “\(content)” is \(count > 0 ? "lost" : "doubled") \(abs(count)) times")
            }
            let latest = rows.filter { $0.status == "booked" && $0.runningMinor != nil }
            if state.balanceOK == state.transactionsOK, let ledger = account.ledgerMinor {
                let sums = Set(latest.map { $0.runningMinor ?? 0 })
                expect(sums.contains(ledger), "\(login.username): no row comes to the balance \(ledger)")
            }
        }
    }

    private static func counted(_ texts: [String]) -> [String: Int] {
        texts.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}
