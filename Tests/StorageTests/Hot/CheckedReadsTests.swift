import Domain
import Synchronization
import TestKit
import Testing

@testable import Storage

@Suite("Reads that are spared while their list stands as it did")
struct CheckedReadsTests {
    private static let scope = Scope(environmentID: 1)
    private static let account = Account(
        id: ID(trusted: String(repeating: "a", count: 24)), balanceID: ID(trusted: String(repeating: "b", count: 24)),
        connectionID: ID(trusted: String(repeating: "c", count: 24)),
        customerID: ID(trusted: String(repeating: "d", count: 24)), institution: "access-bank", upstreamID: "up",
        numberSealed: nil, numberIndex: nil, mask: nil, name: nil, type: nil, currency: .ngn)
    private static let runtime = ManualRuntime()
    private static let list = "account:\(account.id)"
    private static let lists = [list, "customer:\(account.customerID)", "bank:access-bank", "transactions"]
    private static let march = DayWindow(
        from: LocalDate("2024-03-01") ?? LocalDate(dayNumber: 0),
        to: LocalDate("2024-03-31") ?? LocalDate(dayNumber: 0))

    private static func row(_ number: Int, _ status: TransactionStatus = .booked, text: String = "POS")
        -> FetchedTransaction
    {
        FetchedTransaction(
            upstreamID: "T\(number)", status: status, amount: Money(minor: 100, currency: .ngn),
            bookedOn: march.from, text: text)
    }

    private static func apply(_ result: ReconcileResult, _ database: Database) async throws {
        _ = try await database.write { tx in
            try TransactionStore.apply(
                result, to: account, newID: { .init(trusted: Hex.encode(runtime.randomBytes(12))) },
                at: runtime.now(), scope, tx)
        }
    }

    private static func reconcile(
        _ stored: [StoredTransaction], _ fetched: [FetchedTransaction]
    ) -> ReconcileResult { Reconciler.reconcile(stored: stored, fetched: fetched, window: march) }

    /// What a caller that keeps what it read has afterwards, and whether it was read anew.
    private static func look(
        _ list: String, _ kept: Kept<String>?, _ database: Database, answer: String = "read"
    ) async throws -> (kept: Kept<String>?, isNew: Bool) {
        switch try await database.read(list, scope, unless: kept, { _ in answer }) {
        case .unchanged(let value, _): return (kept.map { $0.value == value ? $0 : nil } ?? nil, false)
        case .read(let value, let revision): return (revision.map { Kept(value, at: $0) }, true)
        }
    }

    @Test("a list is read once until a row is added, changed in its words alone, or removed")
    func changes() async throws {
        try await onEveryDatabase { database in
            try await Self.apply(Self.reconcile([], [Self.row(1), Self.row(2)]), database)
            for list in Self.lists {
                let first = try await Self.look(list, nil, database)
                #expect(first.isNew)
                let second = try await Self.look(list, first.kept, database)
                #expect(second.kept != nil && !second.isNew)
            }
            var kept: [String: Kept<String>] = [:]
            for list in Self.lists { kept[list] = try await Self.look(list, nil, database).kept }
            for (fetched, change) in [
                ([Self.row(1), Self.row(2), Self.row(3, .pending)], "added"),
                ([Self.row(1, text: "POS 2"), Self.row(2), Self.row(3, .pending)], "other words"),
                ([Self.row(1, text: "POS 2"), Self.row(2)], "removed"),
            ] {
                let stored = try await database.read {
                    try TransactionStore.stored(
                        Self.account.id, window: Self.march, fetched: fetched, Self.scope, $0)
                }
                try await Self.apply(Self.reconcile(stored, fetched), database)
                for list in Self.lists {
                    let found = try await Self.look(list, kept[list], database)
                    #expect(found.isNew, "\(list) after \(change)")
                    kept[list] = found.kept
                }
            }
        }
    }

    @Test("a customer's other name is a change of every list, the same name is none")
    func names() async throws {
        try await onEveryDatabase { database in
            let customer = Customer(id: Self.account.customerID, name: "ADA")
            try await database.write { tx in
                try tx.db.script(
                    """
                    INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'x', 0);
                    INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                        VALUES (1, 't', 'sandbox', 'p', 0);
                    """)
                try CustomerStore.create(customer, bvnIndex: nil, at: Instant(ms: 0), Self.scope, tx)
            }
            try await Self.apply(Self.reconcile([], [Self.row(1)]), database)
            var kept = try await Self.look(Self.list, nil, database).kept
            for (name, isChange) in [("ADA", false), ("ADA OBI", true), ("ADA OBI", false), (nil, false)] {
                try await database.write { tx in
                    try CustomerStore.update(
                        customer.id, name: name, bvnIndex: nil, at: Instant(ms: 1), Self.scope, tx)
                }
                let found = try await Self.look(Self.list, kept, database)
                #expect(found.isNew == isChange, "\(name ?? "nil")")
                kept = found.kept
            }
            let shown = try await database.read { try CustomerStore.find(customer.id, Self.scope, $0)?.name }
            #expect(shown == "ADA OBI")
        }
    }

    @Test("a list that nothing was ever in is read each time, and another environment's is another list")
    func strangers() async throws {
        try await onEveryDatabase { database in
            try await Self.apply(Self.reconcile([], [Self.row(1)]), database)
            let empty = try await Self.look("account:none", nil, database)
            #expect(empty.isNew && empty.kept == nil)
            let kept = try #require(try await Self.look(Self.list, nil, database).kept)
            let other = try await database.read(Self.list, Scope(environmentID: 2), unless: kept) { _ in "theirs" }
            guard case .read("theirs", nil) = other else {
                Issue.record("another environment was shown \(other)")
                return
            }
        }
    }

    @Test("hundreds that ask at once each get their own answer")
    func many() async throws {
        try await onEveryDatabase { database in
            try await Self.apply(Self.reconcile([], [Self.row(1)]), database)
            let kept = try #require(try await Self.look(Self.list, nil, database, answer: "kept").kept)
            let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<600 {
                    group.addTask {
                        let found = try await database.read(
                            number % 3 == 0 ? "account:none" : Self.list, Self.scope,
                            unless: number % 3 == 1 ? kept : nil
                        ) { _ in "read \(number)" }
                        switch found {
                        case .unchanged(let text, _): return (number, text)
                        case .read(let text, _): return (number, text)
                        }
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for number in 0..<600 { #expect(answers[number] == (number % 3 == 1 ? "kept" : "read \(number)")) }
        }
    }

    @Test("what fails in a read is told to its caller, and a closed database to every caller")
    func failures() async throws {
        try await onEveryDatabase { database in
            struct Broken: Error {}
            await #expect(throws: Broken.self) {
                _ = try await database.read(Self.list, Self.scope, unless: Kept<Int>?.none) { _ in throw Broken() }
            }
            await database.close()
            for _ in 0..<2 {
                await #expect(throws: StorageError.self) {
                    _ = try await database.read(Self.list, Self.scope, unless: Kept<Int>?.none) { _ in 1 }
                }
            }
        }
    }
}
