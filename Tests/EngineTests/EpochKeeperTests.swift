import Domain
import Foundation
import Logging
import TestKit
import Testing

@testable import Engine
@testable import Storage

@Suite("Restored databases")
struct EpochKeeperTests {
    /// A data folder with an SQLite file that is closed, copied and put back like any file.
    private struct House {
        let folder: String
        let runtime = ManualRuntime()
        var file: String { folder + "/kubewa.db" }

        init() throws { folder = try makeTemporaryFolder() }

        /// Serves the file for as long as `body` runs, and ends in order or like a process that is killed.
        func serve<T>(
            _ first: World? = nil, isKilled: Bool = false,
            _ body: (World, RestoreRule.Reason?) async throws -> T
        ) async throws -> T {
            var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            logger.logLevel = .critical
            let database = try await Database.open(.sqlite(path: file), readers: 2, logger: logger)
            try await database.migrate(Migrations.all)
            let world = try await World.make(on: database, sameAs: first, runtime: runtime)
            let keeper = EpochKeeper(core: world.core, data: folder)
            let reason = try await keeper.open()
            let answer = try await body(world, reason)
            try await keeper.tick()
            if !isKilled { await keeper.close() }
            await database.close()
            return answer
        }

        func copy(_ from: String, _ to: String) throws {
            try? FileManager.default.removeItem(atPath: folder + "/" + to)
            try FileManager.default.copyItem(atPath: folder + "/" + from, toPath: folder + "/" + to)
        }

        /// Writes over the file as `cp` does: it stays the same file for the system.
        func overwrite(_ from: String) throws {
            let bytes = try Data(contentsOf: URL(filePath: folder + "/" + from))
            try bytes.write(to: URL(filePath: file))
        }
    }

    private static func ids(_ page: EventPage) throws -> [String] {
        try JSONValue(parsing: Array("[".utf8) + page.items + Array("]".utf8)).elements?.compactMap {
            $0["event_id"]?.text
        } ?? []
    }

    private static func pull(_ world: World, _ start: FeedStart = .beginning) async throws -> EventPage {
        try await world.services.feeds.events(EventQuery(limit: 200, start: start), in: world.environment())
    }

    @Test(
        "a file that is put back counts on in a new epoch: no number and no id comes twice", arguments: [true, false])
    func restored(_ isSameFile: Bool) async throws {
        let house = try House()
        defer { removeFolder(house.folder) }
        let world = try await house.serve { world, reason in
            #expect(reason == nil)
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            return world
        }
        try house.copy("kubewa.db", "backup.db")
        let before = try await house.serve(world) { world, reason in
            #expect(reason == nil)
            try await world.advance(days: 2)
            return try await Self.pull(world)
        }
        if isSameFile { try house.overwrite("backup.db") } else { try house.copy("backup.db", "kubewa.db") }
        try await house.serve(world) { world, reason in
            #expect(reason == .older)
            let told = try await Self.pull(world, .cursor(before.next))
            #expect(told.gap == .restored)
            let kept = try Self.ids(told)
            let earlier = try Self.ids(before)
            #expect(!kept.isEmpty && Set(kept).isSubset(of: earlier))
            try await world.advance(days: 3)
            let after = try await Self.pull(world, .cursor(told.next))
            #expect(after.gap == nil && after.count > 0)
            #expect(Set(try Self.ids(after)).isDisjoint(with: try Self.ids(before)))
            let epochs = Set(after.covered.map(\.epoch))
            #expect(epochs.count == 1 && (epochs.first ?? 0) > 1)
            // The last event that the consumer had is not here; one that is here is a place as good as ever.
            let lost = try #require(try Self.ids(before).last)
            #expect(try await Self.pull(world, .cursor(lost)).gap == .restored)
            #expect(try await Self.pull(world, .cursor(kept[0])).gap == nil)
        }
        try await house.serve(world) { _, reason in #expect(reason == nil, "one restore is one epoch") }
    }

    @Test("a killed server's file goes on as it was, and another one in its place does not")
    func killed() async throws {
        let house = try House()
        defer { removeFolder(house.folder) }
        let world = try await house.serve(isKilled: true) { world, _ in world }
        try await house.serve(world, isKilled: true) { _, reason in #expect(reason == nil) }
        // The killed one's file stays under another name: its number is not given to the copy.
        try house.copy("kubewa.db", "moved.db")
        try FileManager.default.moveItem(atPath: house.file, toPath: house.file + ".old")
        try house.copy("moved.db", "kubewa.db")
        try await house.serve(world) { _, reason in
            #expect(reason == .moved, "what came after the last beat may be missing")
        }
        try FileManager.default.removeItem(atPath: house.file + ".mark")
        try await house.serve(world) { _, reason in #expect(reason == .unmarked) }
    }

    @Test("a folder that is moved after its server has ended is the same database")
    func moved() async throws {
        let house = try House()
        defer { removeFolder(house.folder) }
        let world = try await house.serve { world, _ in world }
        try house.copy("kubewa.db", "moved.db")
        try house.copy("moved.db", "kubewa.db")
        try await house.serve(world) { _, reason in #expect(reason == nil) }
    }

    @Test("the same copy put back twice begins two epochs, also where nothing remembers the first")
    func twice() async throws {
        let house = try House()
        defer { removeFolder(house.folder) }
        let world = try await house.serve { world, _ in world }
        try house.copy("kubewa.db", "backup.db")
        var epochs: [Int64] = []
        for _ in 0..<2 {
            house.runtime.advance(milliseconds: 3_600_000)
            try house.copy("backup.db", "kubewa.db")
            try FileManager.default.removeItem(atPath: house.file + ".mark")
            epochs.append(
                try await house.serve(world) { world, reason in
                    #expect(reason == .unmarked)
                    let history = try await world.core.database.read { try EpochStore.history($0) }
                    #expect(history.map(\.reason) == ["unmarked"])
                    return history.first?.epoch ?? 0
                })
        }
        #expect(epochs[1] > epochs[0] && epochs[0] > 1)
    }

    @Test("a database that goes back under a server that runs begins an epoch with the next beat")
    func underWay() async throws {
        try await onEveryDatabase { database in
            let folder = try makeTemporaryFolder()
            defer { removeFolder(folder) }
            let world = try await World.make(on: database)
            let keeper = EpochKeeper(core: world.core, data: folder)
            #expect(try await keeper.open() == nil)
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            for _ in 0..<3 { try await keeper.tick() }
            let before = try await Self.pull(world)
            try await database.write { try $0.db.script("UPDATE database_mark SET beat = 1") }
            try await keeper.tick()
            #expect(try await Self.pull(world, .cursor(before.next)).gap == .restored)
            let began = try await database.read { try EpochStore.history($0) }
            #expect(began.map(\.reason) == ["older"])
            try await keeper.tick()
            #expect(try await database.read { try EpochStore.history($0) } == began)
            try await world.advance(days: 2)
            let after = try await Self.pull(world)
            #expect(after.covered.count == before.covered.count + 1, "the connection's numbers go on in a new range")
            #expect(after.covered.last?.first == (before.covered.last?.last ?? 0) + 1)
        }
    }

    @Test("after a failover nothing is written before the epoch was looked at, and each node goes on by itself")
    func failover() async throws {
        try await onDatabase(.postgres) { test in
            guard case .postgres(let url) = test.location else { return }
            let folders = [try makeTemporaryFolder(), try makeTemporaryFolder()]
            defer { folders.forEach(removeFolder) }
            let one = try await World.make(on: test.database)
            let two = try await World.make(on: try await test.reopened(), sameAs: one)
            let nodes = zip([one, two], folders).map { (core: $0.core, keeper: EpochKeeper(core: $0.core, data: $1)) }
            for node in nodes {
                #expect(try await node.keeper.open() == nil)
                try await node.core.sequence.fill()
            }
            let server = try PostgresConnection(url: url, role: .writer)
            func end() throws {
                try server.run(
                    """
                    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
            }
            func take(_ core: Core) async throws -> Int64 {
                try await core.database.write { _ in try core.sequence.take() }
            }
            // The same database as ever, on new connections.
            try end()
            for node in nodes { #expect(Epoch.of(id: try await take(node.core)) == 1) }
            // As a standby that became the server, or a dump that was read back: what was trusted is another one.
            try server.script(
                """
                CREATE TABLE other (LIKE database_mark INCLUDING ALL); INSERT INTO other SELECT * FROM database_mark;
                DROP TABLE database_mark; ALTER TABLE other RENAME TO database_mark;
                """)
            try end()
            for node in nodes {
                let refused = await #expect(throws: StorageError.self) { try await take(node.core) }
                #expect(refused?.code == .replaced)
            }
            for node in nodes {
                try await node.keeper.tick()
                try await node.core.sequence.fill()
                #expect(Epoch.of(id: try await take(node.core)) > 1)
            }
            let history = try await test.database.read { try EpochStore.history($0) }
            #expect(history.map(\.reason) == ["moved"], "one failover is one epoch")
        }
    }

    @Test("a node that hears of another's epoch gives out no more ids of the last one")
    func otherNode() async throws {
        try await onDatabase(.postgres) { test in
            let folders = [try makeTemporaryFolder(), try makeTemporaryFolder()]
            defer { folders.forEach(removeFolder) }
            let one = try await World.make(on: test.database)
            let two = try await World.make(on: try await test.reopened(), sameAs: one)
            let keepers = zip([one, two], folders).map { EpochKeeper(core: $0.core, data: $1) }
            for keeper in keepers { #expect(try await keeper.open() == nil) }
            try await two.core.sequence.fill()
            let epoch = try await keepers[0].begin()
            try await keepers[1].tick()
            try await two.core.sequence.fill()
            #expect(Epoch.of(id: try two.core.sequence.take()) == epoch)
            // The tables are others than they were: the dump of a database was read back.
            try await test.database.write { try $0.db.script("UPDATE database_mark SET identity = 'elsewhere'") }
            #expect(try await keepers[0].open() == .moved)
            #expect(try await keepers[1].open() == nil, "it was begun by the other node")
        }
    }

    @Test("transactions are read anew by who has read another epoch's")
    func transactions() async throws {
        try await onEveryDatabase { database in
            let folder = try makeTemporaryFolder()
            defer { removeFolder(folder) }
            let world = try await World.make(on: database)
            _ = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let form = ItemForm(RowTemplate(TransactionColumn.self, "{\"id\":$id}"), BareForms())
            func page(_ cursor: String?) async throws -> TransactionSync {
                try await world.services.feeds.transactions(
                    .all, from: FeedStart(cursor), count: 5, in: world.environment(), as: form)
            }
            // In the middle of the history, and behind it.
            let middle = try await page(nil)
            var end = middle
            while end.hasMore { end = try await page(end.next) }
            _ = try await EpochKeeper(core: world.core, data: folder).begin()
            for cursor in [middle.next, end.next] {
                let told = try await page(cursor)
                #expect(told.gap == .restored && told.hasMore && told.added.isEmpty)
                let again = try await page(told.next)
                #expect(again.gap == nil && again.added == middle.added)
            }
        }
    }
}
