import Domain
import TestKit
import Testing

@testable import Storage

/// Reading in parallel and committing in groups.
@Suite(.timeLimit(.minutes(30)))
struct DatabaseTests {
    private static let item = "CREATE TABLE item (id BIGINT PRIMARY KEY, note TEXT)"
    private static let insert = "INSERT INTO item (id) VALUES ($1)"
    private static let deferred = BulkStatement.insert(order: 1, into: "item", [("id", .bigint)])

    private func ids(_ database: Database) async throws -> [Int] {
        try await database.read { try $0.query("SELECT id FROM item ORDER BY id") { Int($0.int(0)) } }
    }

    /// Stops the writer's thread, so that what is written meanwhile becomes one group. It holds no transaction: the
    /// server ends one that idles, and a busy machine may take long to fill the queue.
    private func whileWriterWaits<T: Sendable>(
        _ database: Database, _ body: @Sendable (_ letGo: @Sendable () -> Void) async throws -> T
    ) async throws -> T {
        let gate = BlockingQueue<Void>(countMax: 1)
        let entered = Signal()
        try database.core.writer.queue.push(
            .alone { _ in
                entered.fire()
                _ = gate.next()
            })
        await entered.wait()
        return try await body { gate.close() }
    }

    /// Writes units 0..<count as one group.
    /// - Returns: the errors by number.
    private func writeGroup(
        _ database: Database, _ count: Int, _ unit: @escaping @Sendable (Int, Transaction) throws -> Void
    ) async throws -> [Int: any Error] {
        let tasks = try await whileWriterWaits(database) { letGo in
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<count {
                tasks.append(Task { try await database.write { try unit(number, $0) } })
                // One after the other, so that the group's order is known.
                await database.queued(number + 1)
            }
            letGo()
            return tasks
        }
        var errors: [Int: any Error] = [:]
        for (number, task) in tasks.enumerated() {
            do { try await task.value } catch { errors[number] = error }
        }
        return errors
    }

    @Test("units that wait together are committed together")
    func groups() async throws {
        try await onEveryDriver(Self.item) { test in
            let runs = Tally()
            let seen = Tally()
            let errors = try await writeGroup(test.database, 100) { number, tx in
                runs.add(number)
                // A unit sees those before it in its transaction.
                seen.add(Int(try tx.db.first("SELECT count(*) FROM item") { $0.int(0) } ?? -1))
                try tx.db.run(Self.insert, [.int(number)])
            }
            #expect(errors.isEmpty)
            #expect((0..<100).allSatisfy { runs[$0] == 1 && seen[$0] == 1 })
            #expect(try await ids(test.database) == Array(0..<100))
        }
    }

    @Test("a failing unit among a hundred harms no other and keeps its own error")
    func oneFails() async throws {
        try await onEveryDriver(Self.item) { test in
            let runs = Tally()
            let errors = try await writeGroup(test.database, 100) { number, tx in
                runs.add(number)
                try tx.db.run(Self.insert, [.int(number)])
                if number == 50 { throw DomainError.missing("fifty") }
            }
            #expect(errors.keys.sorted() == [50])
            #expect(errors[50] as? DomainError == DomainError.missing("fifty"))
            #expect(try await ids(test.database) == (0..<100).filter { $0 != 50 })
            // Those before it ran twice, those after it once.
            #expect(runs[0] == 2 && runs[49] == 2 && runs[50] == 2 && runs[51] == 1 && runs[99] == 1)
        }
    }

    @Test("a statement that fails a unit on the database fails only that unit")
    func statementFails() async throws {
        try await onEveryDriver(Self.item) { test in
            let errors = try await writeGroup(test.database, 60) { number, tx in
                try tx.db.run(Self.insert, [.int(number % 50)])
            }
            #expect(errors.keys.sorted() == Array(50..<60))
            #expect(errors.values.allSatisfy { ($0 as? StorageError)?.code == .uniqueViolation })
            #expect(try await ids(test.database) == Array(0..<50))
        }
    }

    @Test("when deferred rows cannot be written, each unit is tried alone and only the guilty fail")
    func flushFails() async throws {
        try await onEveryDriver(Self.item) { test in
            try await test.database.write { _ = try $0.db.run(Self.insert, [.int(7)]) }
            let errors = try await writeGroup(test.database, 20) { number, tx in
                tx.append(Self.deferred, [.int(number)])
            }
            #expect(errors.keys.sorted() == [7])
            #expect((errors[7] as? StorageError)?.code == .uniqueViolation)
            #expect(try await ids(test.database) == Array(0..<20))
        }
    }

    @Test("when COMMIT is refused, each unit is tried alone and only the guilty fail")
    func commitFails() async throws {
        let ddl = """
            CREATE TABLE item (id BIGINT PRIMARY KEY, note TEXT);
            CREATE TABLE part (id BIGINT PRIMARY KEY,
                item_id BIGINT REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED);
            """
        try await onEveryDriver(ddl) { test in
            let errors = try await writeGroup(test.database, 20) { number, tx in
                try tx.db.run("INSERT INTO part (id, item_id) VALUES ($1, $1)", [.int(number)])
                if number != 13 { try tx.db.run(Self.insert, [.int(number)]) }
            }
            #expect(errors.keys.sorted() == [13])
            #expect((errors[13] as? StorageError)?.code == .foreignKey)
            #expect(try await ids(test.database) == (0..<20).filter { $0 != 13 })
        }
    }

    @Test("all units of a group may fail")
    func allFail() async throws {
        try await onEveryDriver(Self.item) { test in
            let runs = Tally()
            let errors = try await writeGroup(test.database, 300) { number, tx in
                runs.add(number)
                throw DomainError.missing("\(number)")
            }
            #expect(errors.count == 300)
            #expect((0..<300).allSatisfy { errors[$0] as? DomainError == DomainError.missing("\($0)") })
            // Linear: a group of failing units is not run over and over.
            #expect(runs.total <= 600)
            try await test.database.write { _ = try $0.db.run(Self.insert, [.int(1)]) }
            #expect(try await ids(test.database) == [1])
        }
    }

    @Test("what is busy is tried at most five times more")
    func retries() async throws {
        try await onEveryDriver(Self.item) { test in
            for (failures, expected) in [(5, nil), (6, StorageError.Code.serialization)] {
                let runs = Tally()
                let code = await storageCode {
                    try await test.database.write { tx in
                        runs.add()
                        try tx.db.run(Self.insert, [.int(failures)])
                        if runs.total <= failures { throw StorageError(.serialization, "asked for") }
                    }
                }
                #expect(code == expected)
                #expect(runs.total == 6)
            }
            let left = try await ids(test.database)
            #expect(left == [5])
        }
    }

    @Test("an answer comes after COMMIT: a reader sees what was answered")
    func answersAfterCommit() async throws {
        try await onEveryDriver(Self.item) { test in
            let database = test.database
            let missed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await database.write { tx in tx.append(Self.deferred, [.int(number)]) }
                        let found = try await database.read { db in
                            try db.first("SELECT id FROM item WHERE id = $1", [.int(number)]) { $0.int(0) }
                        }
                        return found == nil
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(missed == 0)
        }
    }

    @Test("nothing of a unit is seen before it is committed")
    func notBefore() async throws {
        try await onEveryDriver(Self.item) { test in
            let database = test.database
            let gate = BlockingQueue<Void>(countMax: 1)
            let written = Signal()
            async let unit: Void = database.write { tx in
                if tx.db.dialect == .postgres {
                    // The server ends a transaction that idles, and a busy machine may take long to look.
                    try tx.db.script("SET LOCAL idle_in_transaction_session_timeout = 0")
                }
                try tx.db.run(Self.insert, [.int(1)])
                written.fire()
                _ = gate.next()
            }
            await written.wait()
            #expect(try await ids(database) == [])
            gate.close()
            try await unit
            #expect(try await ids(database) == [1])
        }
    }

    @Test("a snapshot sees one state, a plain read each newest state")
    func snapshots() async throws {
        try await onEveryDriver(Self.item) { test in
            let database = test.database
            for (snapshot, expected) in [(true, [0, 0]), (false, [0, 1])] {
                try await database.write { _ = try $0.db.run("DELETE FROM item") }
                let gate = BlockingQueue<Void>(countMax: 1)
                let looked = Signal()
                async let counts = database.read(snapshot: snapshot) { db in
                    let count = "SELECT count(*) FROM item"
                    let before = try db.first(count) { Int($0.int(0)) }
                    looked.fire()
                    _ = gate.next()
                    return [before, try db.first(count) { Int($0.int(0)) }]
                }
                await looked.wait()
                try await database.write { _ = try $0.db.run(Self.insert, [.int(1)]) }
                gate.close()
                #expect(try await counts == expected)
            }
        }
    }

    @Test("reads run beside one another and wait in order when all readers are taken")
    func parallelReads() async throws {
        try await onEveryDriver(Self.item) { test in
            let database = test.database
            let gates = (0..<TestDatabase.readers).map { _ in BlockingQueue<Void>(countMax: 1) }
            let inside = gates.map { _ in Signal() }
            let holders = zip(gates, inside).map { gate, signal in
                Task {
                    try await database.read { _ in
                        signal.fire()
                        _ = gate.next()
                    }
                }
            }
            // All are inside at once.
            for signal in inside { await signal.wait() }
            let late = Task { try await database.read { try $0.first("SELECT 1") { $0.int(0) } } }
            gates[0].close()
            #expect(try await late.value == 1)
            gates[1].close()
            for holder in holders { try await holder.value }
        }
    }

    @Test("a reader that an error left in a transaction is usable")
    func failedRead() async throws {
        try await onEveryDriver(Self.item) { test in
            for _ in 0..<4 {
                await #expect(throws: DomainError.missing("x")) {
                    try await test.database.read(snapshot: true) { _ in throw DomainError.missing("x") }
                }
            }
            let left = try await ids(test.database)
            #expect(left == [])
        }
    }

    @Test("closing finishes what waits and refuses what comes later")
    func closing() async throws {
        try await onEveryDriver(Self.item) { test in
            let database = try await test.reopened()
            let tasks = try await whileWriterWaits(database) { letGo in
                let tasks = (0..<50).map { number in
                    Task { try await database.write { _ = try $0.db.run(Self.insert, [.int(number)]) } }
                }
                await database.queued(50)
                letGo()
                return tasks
            }
            await database.close()
            for task in tasks { try await task.value }
            #expect(await storageCode { try await database.read { _ in } } == .closed)
            #expect(await storageCode { try await database.write { _ in } } == .closed)
            #expect(try await ids(test.database).count == 50)
            await database.close()
        }
    }

    @Test("what was answered is there after the database is opened again")
    func reopening() async throws {
        try await onEveryTestDatabase { test in
            try await test.database.write { tx in
                try tx.db.run("INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'T', 1)")
            }
            let again = try await test.reopened()
            let name = try await again.read { try $0.first("SELECT name FROM tenant") { $0.text(0) } }
            #expect(name == "T")
        }
    }

    @Test("day totals of a group add up")
    func totals() async throws {
        try await onEveryTestDatabase { test in
            try await test.database.write { tx in
                try tx.db.run("INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'T', 1)")
                try tx.db.run(
                    """
                    INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                    VALUES (1, 't', 'sandbox', 'p', 1)
                    """)
            }
            let errors = try await writeGroup(test.database, 40) { number, tx in
                let day = "2024-01-0\(number % 2 + 1)"
                tx.count("list", of: 1, on: day, Total(count: 1, creditMinor: 5, debitMinor: 2))
                if number == 3 { throw DomainError.missing("three") }
            }
            #expect(errors.keys.sorted() == [3])
            let rows = try await test.database.read { db in
                try db.query("SELECT day, count, credit_minor, debit_minor FROM day_total ORDER BY day") {
                    [$0.text(0), String($0.int(1)), String($0.int(2)), String($0.int(3))]
                }
            }
            let days = [["2024-01-01", "20", "100", "40"], ["2024-01-02", "19", "95", "38"]]
            #expect(rows == [["", "39", "195", "78"]] + days)
        }
    }
}

/// Fires once; whoever waits, before or after, goes on.
private final class Signal: Sendable {
    private let (stream, fired) = AsyncStream<Void>.makeStream()
    func fire() { fired.finish() }
    func wait() async { for await _ in stream {} }
}

extension Database {
    /// Returns when so many units wait for the writer.
    fileprivate func queued(_ count: Int) async {
        while unitsWaiting < count { await Task.yield() }
    }
}
