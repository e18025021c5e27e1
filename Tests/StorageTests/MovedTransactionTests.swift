import Domain
import TestKit
import Testing

@testable import Storage

@Suite("Transactions that a bank moves to another day")
struct MovedTransactionTests {
    private static let scope = Scope(environmentID: 1)
    private static let account = Account(
        id: ID(trusted: String(repeating: "a", count: 24)), balanceID: ID(trusted: String(repeating: "b", count: 24)),
        connectionID: ID(trusted: String(repeating: "c", count: 24)),
        customerID: ID(trusted: String(repeating: "d", count: 24)), institution: "access-bank", upstreamID: "up",
        numberSealed: nil, numberIndex: nil, mask: nil, name: nil, type: nil, currency: .ngn)
    private static let march = DayWindow(from: day("2024-03-01"), to: day("2024-03-31"))
    private static let april = DayWindow(from: day("2024-04-01"), to: day("2024-04-30"))

    private static func day(_ iso: String) -> LocalDate { LocalDate(iso) ?? LocalDate(dayNumber: 0) }

    private static func row(
        _ upstream: String, _ on: String, _ minor: Int64 = 1000, _ status: TransactionStatus = .booked,
        currency: Currency = .ngn, supersedes: String? = nil
    ) -> FetchedTransaction {
        FetchedTransaction(
            upstreamID: upstream, status: status, amount: Money(minor: minor, currency: currency), bookedOn: day(on),
            text: "TRANSFER \(upstream)", supersedes: supersedes)
    }

    /// What a refresh of one window does.
    private static func refresh(
        _ rows: [FetchedTransaction], _ window: DayWindow, _ database: Database
    ) async throws -> ReconcileResult {
        let runtime = ManualRuntime()
        return try await database.write { tx in
            let stored = try TransactionStore.stored(account.id, window: window, fetched: rows, scope, tx.db)
            let result = Reconciler.reconcile(stored: stored, fetched: rows, window: window)
            try TransactionStore.apply(
                result, to: account, newID: { .init(trusted: Hex.encode(runtime.randomBytes(12))) },
                at: runtime.now(), scope, tx)
            return result
        }
    }

    private static func rows(_ database: Database) async throws -> [String] {
        try await database.read { db in
            try db.query(
                "SELECT id, upstream_id, booked_on, status FROM account_transaction ORDER BY upstream_id, id", []
            ) { "\($0.text(1)) \($0.text(2)) \($0.text(3)) \($0.text(0))" }
        }
    }

    private static func totals(_ database: Database) async throws -> [String: Int64] {
        try await database.read { db in
            let pairs = try db.query(
                "SELECT day, count, credit_minor FROM day_total WHERE list = 'transactions' AND count <> 0", []
            ) { ($0.text(0), $0.int(1) * 1_000_000 + $0.int(2)) }
            return Dictionary(pairs) { first, _ in first }
        }
    }

    @Test("a booked row that moves over the window's edge keeps its id, has no twin, and the day totals follow")
    func movedOverEdge() async throws {
        try await onEveryDatabase { database in
            _ = try await Self.refresh(
                [Self.row("one", "2024-03-31"), Self.row("two", "2024-03-30")], Self.march, database)
            let before = try await Self.rows(database)
            let result = try await Self.refresh([Self.row("one", "2024-04-02")], Self.april, database)
            #expect(result.added.isEmpty && result.removed.isEmpty)
            #expect(result.modified.count == 1)
            let after = try await Self.rows(database)
            #expect(after == before.map { $0.replacing("one 2024-03-31", with: "one 2024-04-02") })
            #expect(
                try await Self.totals(database) == [
                    "": 2_002_000, "2024-03-30": 1_001_000, "2024-04-02": 1_001_000,
                ])
            // The window that it left does not take it back or lose it.
            let left = try await Self.refresh([Self.row("two", "2024-03-30")], Self.march, database)
            #expect(left.isEmpty)
        }
    }

    @Test("a row can move by years, which on PostgreSQL is another partition")
    func movedByYears() async throws {
        try await onEveryDatabase { database in
            let old = DayWindow(from: Self.day("2019-05-01"), to: Self.day("2019-05-31"))
            _ = try await Self.refresh([Self.row("one", "2019-05-06")], old, database)
            let result = try await Self.refresh([Self.row("one", "2024-04-06")], Self.april, database)
            #expect(result.added.isEmpty && result.modified.count == 1)
            #expect(try await Self.rows(database).count == 1)
        }
    }

    @Test("a booked row that names a pending one of long ago replaces it")
    func lateSupersede() async throws {
        try await onEveryDatabase { database in
            _ = try await Self.refresh([Self.row("hold", "2024-03-02", 1000, .pending)], Self.march, database)
            let result = try await Self.refresh(
                [Self.row("final", "2024-04-20", 1500, supersedes: "hold")], Self.april, database)
            #expect(result.added.isEmpty && result.modified.count == 1)
            #expect(try await Self.rows(database).count == 1)
        }
    }

    @Test("what the bank took back and shows again is the same row")
    func shownAgain() async throws {
        try await onEveryDatabase { database in
            _ = try await Self.refresh([Self.row("one", "2024-04-02", 1000, .pending)], Self.april, database)
            let before = try await Self.rows(database)
            #expect(try await Self.refresh([], Self.april, database).removed.count == 1)
            #expect(try await Self.totals(database).isEmpty)
            let again = try await Self.refresh([Self.row("one", "2024-04-03")], Self.april, database)
            #expect(again.added.isEmpty && again.modified.count == 1)
            #expect(try await Self.rows(database) == [before[0].replacing("04-02 pending", with: "04-03 booked")])
            #expect(try await Self.totals(database) == ["": 1_001_000, "2024-04-03": 1_001_000])
        }
    }

    @Test("amounts are read back with the decimals of their currency")
    func currencies() async throws {
        try await onEveryDatabase { database in
            let yen = Self.row("yen", "2024-04-02", 1200, currency: Currency(code: "JPY"))
            let dinar = Self.row("dinar", "2024-04-02", 1234, currency: Currency(code: "KWD"))
            _ = try await Self.refresh([yen, dinar], Self.april, database)
            let stored = try await database.read {
                try TransactionStore.stored(Self.account.id, window: Self.april, fetched: [], Self.scope, $0)
            }
            #expect(Set(stored.map(\.fetched.amount.decimal)) == ["1200", "1.234"])
            #expect(try await Self.refresh([yen, dinar], Self.april, database).isEmpty, "nothing has changed")
        }
    }

    @Test("rows are found by the bank's id through an index")
    func plan() async throws {
        try await onEveryDatabase { database in
            let account = Self.account.id.hex
            let many = (0..<2000).map { Self.row("id-\($0)", "2024-04-\(format2($0 % 30 + 1))") }
            _ = try await Self.refresh(many, Self.april, database)
            let plan = try await database.read { db -> String in
                switch db.dialect {
                case .sqlite:
                    return try db.query(
                        "EXPLAIN QUERY PLAN \(UpstreamRows.sql(.sqlite))",
                        [.integer(1), .text(account), .text("id-7"), .integer(8)]
                    ) { $0.text(3) + "\n" }.joined()
                case .postgres:
                    try db.script("ANALYZE account_transaction")
                    let sql = UpstreamRows.sql(.postgres).replacing("$1", with: "1")
                        .replacing("$2", with: "'\(account)'").replacing("$3::text[]", with: "'{id-7,id-8}'::text[]")
                        .replacing("$4", with: "16")
                    return try db.query("EXPLAIN \(sql)", []) { $0.text(0) + "\n" }.joined()
                }
            }
            let index = database.dialect == .sqlite ? "transaction_by_upstream" : "_upstream_idx"
            #expect(plan.contains(index), "\(plan)")
            #expect(!plan.contains("Seq Scan on account_transaction_2024"), "\(plan)")
        }
    }

    private func format2(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
