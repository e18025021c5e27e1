import Domain
import TestKit
import Testing

@testable import Storage

@Suite("The log of changes, in the order of commits")
struct FeedStoreTests {
    private static let scope = Scope(environmentID: 1)
    private static let account = String(repeating: "a", count: 24)
    private static let open = FeedPlace(batch: Int64.max, place: Int64.max)

    private static func id(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 24 - text.count) + text
    }

    private static let changeSQL = """
        INSERT INTO transaction_change (environment_id, account_id, added, modified, removed, from_on, to_on, at_ms)
        VALUES (1, '\(account)', $1, '', '', '2024-01-01', '2024-01-01', 0)
        """
    private static let eventSQL = """
        INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
        VALUES (1, $1, 'c', $1, 'auth.success', 0, '')
        """

    private static func seen(_ db: any SQLConnection) throws -> [[String]] {
        try FeedStore.changes(of: nil, after: .start, until: FeedStore.horizon(db).place, limit: 100, scope, db).map(
            \.added)
    }

    private static func seenEvents(_ db: any SQLConnection) throws -> [Int64] {
        try EventReads.feed(after: .start, until: EventReads.horizon(db).place, limit: 100, scope, db).map(\.sequence)
    }

    @Test("of two interleaved transactions the later commit is never read behind a reader's back")
    func interleaved() async throws {
        try await onDatabase(.postgres) { test in
            guard case .postgres(let url) = test.location else { return }
            let slow = try PostgresConnection(url: url, role: .writer)
            let quick = try PostgresConnection(url: url, role: .writer)
            let reader = try PostgresConnection(url: url, role: .reader)
            // The slow one takes the lower numbers and commits last.
            try slow.script("BEGIN")
            try slow.run(Self.changeSQL, [.string(Self.id(1))])
            try slow.run(Self.eventSQL, [.integer(1)])
            try quick.script("BEGIN")
            try quick.run(Self.changeSQL, [.string(Self.id(2))])
            try quick.run(Self.eventSQL, [.integer(2)])
            try quick.script("COMMIT")
            #expect(try Self.seen(reader).isEmpty, "the quick one waits for the slow one")
            #expect(try Self.seenEvents(reader).isEmpty)
            let before = try FeedStore.horizon(reader).place
            try slow.script("COMMIT")
            #expect(try Self.seen(reader) == [[Self.id(1)], [Self.id(2)]])
            #expect(try Self.seenEvents(reader) == [1, 2])
            // A reader that had come to the horizon finds both behind it.
            let late = try FeedStore.changes(
                of: [Self.account], after: before, until: FeedStore.horizon(reader).place, limit: 100, Self.scope,
                reader)
            #expect(late.map(\.added) == [[Self.id(1)], [Self.id(2)]])
        }
    }

    @Test("a transaction that never commits leaves no hole that is waited for")
    func rolledBack() async throws {
        try await onDatabase(.postgres) { test in
            guard case .postgres(let url) = test.location else { return }
            let other = try PostgresConnection(url: url, role: .writer)
            try other.script("BEGIN")
            try other.run(Self.changeSQL, [.string(Self.id(1))])
            try other.script("ROLLBACK")
            let reader = try PostgresConnection(url: url, role: .reader)
            try other.run(Self.changeSQL, [.string(Self.id(2))])
            #expect(try Self.seen(reader) == [[Self.id(2)]])
        }
    }

    @Test("a transaction of another database hides nothing, also when it ends while a page is read")
    func strangers() async throws {
        try await onDatabase(.postgres) { test in
            guard case .postgres(let url) = test.location else { return }
            let server = try #require(url.lastIndex(of: "/"))
            let stranger = try PostgresConnection(url: url[..<server] + "/postgres", role: .writer)
            try stranger.script("BEGIN")
            try stranger.run("SELECT pg_current_xact_id()")
            try await test.database.write { try $0.db.run(Self.eventSQL, [.integer(1)]) }
            let reader = try PostgresConnection(url: url, role: .reader)
            let open = try FeedStrangers.find(reader)
            try reader.script("BEGIN ISOLATION LEVEL REPEATABLE READ")
            try reader.run("SELECT 1")
            try stranger.script("COMMIT")
            func isSeen(_ strangers: FeedStrangers) throws -> Bool {
                let end = try EventReads.horizon(reader, strangers).place
                return try !EventReads.feed(after: .start, until: end, limit: 9, Self.scope, reader).isEmpty
            }
            #expect(try isSeen(open))
            #expect(try !isSeen(FeedStrangers(numbers: [])), "nobody can tell any more whose it was")
        }
    }

    @Test("places only rise, also when everything before was forgotten, and the floor tells how far")
    func forgotten() async throws {
        try await onEveryDatabase { database in
            func append(_ number: Int, at ms: Int64) async throws {
                try await database.write { tx in
                    FeedStore.append(
                        added: [Self.id(number)], days: [LocalDate(dayNumber: 0)], account: Self.account,
                        at: Instant(ms: ms), Self.scope, tx)
                }
            }
            for number in 1...3 { try await append(number, at: Int64(number) * 10) }
            let all = try await database.read {
                try FeedStore.changes(of: nil, after: .start, until: Self.open, limit: 100, Self.scope, $0)
            }
            #expect(all.map(\.added) == [1, 2, 3].map { [Self.id($0)] })
            #expect(try await database.read { try FeedStore.floor(Self.scope, $0) } == nil)
            let young = try await database.write { try FeedStore.forget(before: Instant(ms: 25), Self.scope, $0) }
            #expect(young == 2)
            #expect(try await database.read { try FeedStore.floor(Self.scope, $0) } == all[1].place)
            let rest = try await database.write { try FeedStore.forget(before: Instant(ms: 99), Self.scope, $0) }
            #expect(rest == 1)
            let horizon = try await database.read { try FeedStore.horizon($0).place }
            #expect(horizon >= all[2].place)
            try await append(4, at: 100)
            let later = try await database.read {
                try FeedStore.changes(of: nil, after: horizon, until: Self.open, limit: 100, Self.scope, $0)
            }
            #expect(later.map(\.added) == [[Self.id(4)]])
        }
    }

    @Test("thousands of ids of one step are kept in rows of bounded size, each once")
    func large() async throws {
        try await onEveryDatabase { database in
            let added = (1...4500).map(Self.id)
            let modified = (5001...5010).map(Self.id)
            try await database.write { tx in
                FeedStore.append(
                    added: added, modified: modified, removed: [Self.id(9000)], days: [LocalDate(dayNumber: 3)],
                    account: Self.account, at: Instant(ms: 1), Self.scope, tx)
            }
            let rows = try await database.read {
                try FeedStore.changes(
                    of: [Self.account], after: .start, until: Self.open, limit: 10, Self.scope, $0)
            }
            #expect(rows.map(\.count) == [2000, 2000, 511])
            #expect(rows.flatMap(\.added) == added)
            #expect(rows.flatMap(\.modified) == modified)
            #expect(rows.flatMap(\.removed) == [Self.id(9000)])
        }
    }

    @Test("rows of a dump from a server that was further are read before what the new server writes")
    func restored() async throws {
        try await onDatabase(.postgres) { test in
            let database = test.database
            try await database.write { tx in
                try tx.db.run(Self.changeSQL, [.string(Self.id(1))])
                try tx.db.run(Self.eventSQL, [.integer(1)])
                try tx.db.script("UPDATE transaction_change SET batch = 9000000000000")
                try tx.db.script("UPDATE event SET batch = 9000000000000")
            }
            #expect(try await database.read { try Self.seen($0) }.isEmpty)
            #expect(try await database.write { try FeedStore.settle(Self.scope, $0) } == 2)
            #expect(try await database.write { try FeedStore.settle(Self.scope, $0) } == 0)
            try await database.write { tx in
                try tx.db.run(Self.changeSQL, [.string(Self.id(2))])
                try tx.db.run(Self.eventSQL, [.integer(2)])
            }
            #expect(try await database.read { try Self.seen($0) } == [[Self.id(1)], [Self.id(2)]])
            #expect(try await database.read { try Self.seenEvents($0) } == [1, 2])
        }
    }

    @Test("rows of a dump keep the order that they had, also when it is restored a second time")
    func restoredOrder() async throws {
        try await onDatabase(.postgres) { test in
            let database = test.database
            try await database.write { tx in
                // The later commit has the lower id, as when two nodes write.
                for (id, batch) in [(Int64(7), 9_000_000_000_001), (3, 9_000_000_000_005), (5, 9_000_000_000_009)] {
                    try tx.db.run(Self.eventSQL, [.integer(id)])
                    try tx.db.run("UPDATE event SET batch = $1 WHERE id = $2", [.integer(Int64(batch)), .integer(id)])
                }
                try FeedStore.raiseFloor(.events, to: FeedPlace(batch: 9_000_000_000_001, place: 7), Self.scope, tx)
            }
            #expect(try await database.write { try FeedStore.settle(Self.scope, $0) } == 3)
            try await database.write { try $0.db.run(Self.eventSQL, [.integer(4)]) }
            #expect(try await database.read { try Self.seenEvents($0) } == [7, 3, 5, 4])
            try await database.write { try $0.db.script("UPDATE event SET batch = 9000000000000 WHERE id = 4") }
            #expect(try await database.write { try FeedStore.settle(Self.scope, $0) } == 4)
            #expect(try await database.read { try Self.seenEvents($0) } == [7, 3, 5, 4])
            let floor = try await database.read { try FeedStore.floor(.events, Self.scope, $0) }
            let first = try await database.read { db in
                try EventReads.feed(after: .start, until: Self.open, limit: 1, Self.scope, db).first?.place
            }
            #expect(floor == first, "what was forgotten is forgotten up to the same place")
        }
    }

    @Test("both feeds and the history are read by their indexes")
    func plans() async throws {
        try await onEveryDatabase { database in
            let plans = try await database.read { db in
                let recorder = StatementRecorder(db)
                let end = FeedPlace(batch: 9, place: 9)
                _ = try FeedStore.changes(
                    of: nil, after: .start, until: end, limit: 10, Self.scope, recorder)
                _ = try FeedStore.changes(
                    of: [Self.account], after: .start, until: end, limit: 10, Self.scope, recorder)
                _ = try EventReads.feed(after: .start, until: end, limit: 10, Self.scope, recorder)
                _ = try EventReads.feed(connection: "c", after: 1, limit: 10, Self.scope, recorder)
                _ = try EventReads.latest(of: nil, limit: 10, Self.scope, recorder)
                _ = try EventReads.latest(of: "c", limit: 10, Self.scope, recorder)
                _ = try EventReads.lastLinked(Self.scope, recorder)
                return try recorder.plans()
            }
            let horizon = database.dialect == .postgres ? 2 : 1
            #expect(plans.count == 7 + horizon)
            for (sql, plan) in plans where database.dialect == .sqlite {
                #expect(plan.contains("USING INDEX") && !plan.contains("TEMP B-TREE"), "\(sql)\n\(plan)")
            }
        }
    }
}
