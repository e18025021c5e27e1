import Domain
import Engine
import Foundation
import Logging
import Storage

/// Ten million transactions, as ten thousand connections have after two years, written by the store that a refresh
/// uses; then what a page, a refresh's window and dropping a year cost on top of them.
enum Volume {
    static let rowsEach = 1000
    static let months = 24
    static let writers = 64
    static let samples = 200

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        let rows = ProcessInfo.processInfo.environment["KUBEWA_BENCH_ROWS"].flatMap { Int($0) } ?? 10_000_000
        let connections = rows / rowsEach
        print("volume: \(connections) connections of one account, \(rowsEach) transactions each over \(months) months")
        for (name, location) in locations {
            let core = try await Bench.core(location)
            let scope = try await Bench.scope(core)
            let clock = ContinuousClock()
            let accounts = (0..<connections).map { account($0, core) }
            let spent = try await clock.measure { try await fill(core, scope, accounts) }
            print("  \(name)")
            print("    written in \(rounded(seconds(spent))) s: \(rounded(Double(rows) / seconds(spent))) rows/s")
            try await settle(core)
            try await sizes(core, location, connections)
            try await reads(core, scope, accounts)
            await core.database.close()
        }
        print("")
    }

    private static func account(_ number: Int, _ core: Core) -> Account {
        Account(
            id: core.runtime.newID(), balanceID: core.runtime.newID(), connectionID: core.runtime.newID(),
            customerID: core.runtime.newID(), institution: "bank-\(number % 40)", upstreamID: "acc-\(number)",
            numberSealed: nil, numberIndex: nil, mask: "0001", name: "Current account", type: "current",
            currency: .ngn)
    }

    private static let today = LocalDate(dayNumber: 20_400)

    /// A month of each account after the other, as history comes in: the newest first.
    private static func fill(_ core: Core, _ scope: Scope, _ accounts: [Account]) async throws {
        for month in 0..<months {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, account) in accounts.enumerated() {
                    if index >= writers { try await group.next() }
                    group.addTask {
                        let added = added(rows(account, month))
                        try await core.database.write { tx in
                            _ = try TransactionStore.apply(
                                added, to: account, newID: { core.runtime.newID() }, at: core.runtime.now(), scope, tx)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func added(_ rows: [FetchedTransaction]) -> ReconcileResult {
        let days = rows.map(\.bookedOn)
        return Reconciler.reconcile(
            stored: [], fetched: rows, window: DayWindow(from: days.min() ?? today, to: days.max() ?? today))
    }

    private static func rows(_ account: Account, _ month: Int) -> [FetchedTransaction] {
        let count = rowsEach / months + (month < rowsEach % months ? 1 : 0)
        return (0..<count).map { number in
            let day = today.adding(days: -month * 30 - number * 30 / count)
            let minor = Int64(number * 7919 + month * 104_729 + 12_345) % 5_000_000 - 2_500_000
            return FetchedTransaction(
                upstreamID: "\(account.upstreamID)-\(month)-\(number)-7f3a9c51", status: .booked,
                amount: Money(minor: minor == 0 ? 100 : minor, currency: .ngn), bookedOn: day,
                occurredAt: Instant(ms: Int64(day.dayNumber) * 86_400_000 + Int64(number) * 60_000),
                text: "NIP TRF TO ADEBAYO STORES LTD/REF 00001324\(number)\(month)/POS PURCHASE LAGOS NG",
                counterparty: "ADEBAYO STORES LTD", reference: "0000132411\(month)\(number)", channel: "nip",
                runningBalance: Money(minor: 250_000_000 + minor, currency: .ngn))
        }
    }

    /// What is measured next is a database at rest.
    private static func settle(_ core: Core) async throws {
        if core.database.dialect == .postgres {
            try await core.database.write { _ = try $0.db.run("ANALYZE account_transaction") }
        }
    }

    private static func sizes(_ core: Core, _ location: DatabaseLocation, _ connections: Int) async throws {
        let perMillion = 1_000_000 / Double(connections) / 1e9
        func show(_ name: String, _ bytes: Int64) {
            print(
                "    \(name.padding(toLength: 42, withPad: " ", startingAt: 0)) "
                    + "\(String(format: "%8.2f", Double(bytes) / 1e9)) GB   "
                    + "\(String(format: "%8.0f", Double(bytes) * perMillion)) GB per million connections")
        }
        let sql =
            switch location {
            case .postgres:
                """
                SELECT regexp_replace(c.relname, '_(before|after|[0-9]{4})', '_YYYY') AS name,
                    CAST(SUM(pg_table_size(c.oid)) AS BIGINT)
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i') GROUP BY 1 HAVING SUM(pg_table_size(c.oid)) > 1e7
                ORDER BY 2 DESC
                """
            case .sqlite:
                "SELECT 'the file', page_count * page_size FROM pragma_page_count, pragma_page_size"
            }
        let found = try await core.database.read { try $0.query(sql) { ($0.text(0), $0.int(1)) } }
        for (name, bytes) in found { show(name, bytes) }
        if found.count > 1 { show("in all", found.reduce(0) { $0 + $1.1 }) }
    }

    private static func reads(_ core: Core, _ scope: Scope, _ accounts: [Account]) async throws {
        let window = DayWindow(from: today.adding(days: -7), to: today)
        var windows: [Double] = []
        var days: [Double] = []
        let clock = ContinuousClock()
        for number in 0..<samples {
            let account = accounts[number * 7919 % accounts.count]
            let fetched = rows(account, 0).filter { window.contains($0.bookedOn) }
            let spent = try await clock.measure {
                _ = try await core.database.read {
                    try TransactionStore.stored(account.id, window: window, fetched: fetched, scope, $0)
                }
            }
            windows.append(seconds(spent) * 1000)
            let new = FetchedTransaction(
                upstreamID: "\(account.upstreamID)-new-\(number)", status: .booked,
                amount: Money(minor: 100, currency: .ngn), bookedOn: today, text: "TRANSFER")
            let added = added([new])
            let written = try await clock.measure {
                try await core.database.write { tx in
                    _ = try TransactionStore.apply(
                        added, to: account, newID: { core.runtime.newID() },
                        at: core.runtime.now(), scope, tx)
                }
            }
            days.append(seconds(written) * 1000)
        }
        func show(_ name: String, _ values: [Double]) {
            let sorted = values.sorted()
            print(
                "    \(name)  p50 \(String(format: "%.2f", median(values))) ms  "
                    + "p99 \(String(format: "%.2f", sorted[sorted.count * 99 / 100])) ms")
        }
        show("the stored rows of a week's window", windows)
        show("one new row, committed            ", days)
    }
}
