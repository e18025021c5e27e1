import Domain
import FoundationEssentials
import Glibc
import Logging
import Storage
import Synchronization

/// Runs `body` on a fresh, migrated SQLite file and on a fresh, migrated PostgreSQL database.
public func onEveryDatabase(_ body: (Database) async throws -> Void) async throws {
    try await onEveryTestDatabase { try await body($0.database) }
}

/// Like `onEveryDatabase`, for tests that open the same database a second time or after a crash.
public func onEveryTestDatabase(_ body: (TestDatabase) async throws -> Void) async throws {
    for dialect in [Dialect.sqlite, .postgres] { try await onDatabase(dialect, body) }
}

/// Runs `body` on a fresh database of one kind, for what only that kind can do.
/// - Parameter migrations: none, for tests of the driver itself.
public func onDatabase(
    _ dialect: Dialect, migrations: [Migration] = Migrations.all, _ body: (TestDatabase) async throws -> Void
) async throws {
    await TestDatabases.places.acquire()
    do {
        let test = try await TestDatabase.make(dialect, migrations)
        do {
            try await body(test)
        } catch {
            await test.remove()
            throw TestDatabaseError("on \(dialect): \(error) – \(String(reflecting: error))")
        }
        await test.remove()
    } catch {
        TestDatabases.places.release()
        throw error
    }
    TestDatabases.places.release()
}

/// A database of one test.
public struct TestDatabase: Sendable {
    public static let readers = 2

    public let location: DatabaseLocation
    public let database: Database
    private let folder: String?
    private let opened = Opened()

    /// Opens the same database again, as a process does after a crash. The caller's old `Database` goes on living;
    /// it is closed with the test.
    /// - Parameter wrap: what stands between the pool and each connection.
    public func reopened(
        exclusive: Bool = false, wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
    ) async throws -> Database {
        let again = try await Database.open(
            location, readers: Self.readers, exclusive: exclusive, logger: TestDatabases.logger, wrap: wrap)
        opened.list.withLock { $0.append(again) }
        return again
    }

    fileprivate static func make(_ dialect: Dialect, _ migrations: [Migration]) async throws -> TestDatabase {
        switch dialect {
        case .sqlite:
            let folder = try makeTemporaryFolder()
            let location = DatabaseLocation.sqlite(path: folder + "/kubewa.db")
            let database = try await Database.open(location, readers: readers, logger: TestDatabases.logger)
            if !migrations.isEmpty { try await database.migrate(migrations) }
            return TestDatabase(location: location, database: database, folder: folder)
        case .postgres:
            let location = try await TestDatabases.shared.makeDatabase(migrated: migrations)
            let database = try await Database.open(location, readers: readers, logger: TestDatabases.logger)
            return TestDatabase(location: location, database: database, folder: nil)
        }
    }

    fileprivate func remove() async {
        for again in opened.list.withLock({ $0 }) { await again.close() }
        await database.close()
        if let folder { removeFolder(folder) }
        if case .postgres(let url) = location { await TestDatabases.shared.drop(url) }
    }

    private final class Opened: Sendable {
        let list = Mutex<[Database]>([])
    }
}

/// Why a test has no database, in a sentence.
public struct TestDatabaseError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// A new empty folder under the system's temporary one.
public func makeTemporaryFolder() throws -> String {
    var template = Array("/tmp/kubewa-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestDatabaseError("no temporary folder can be made") }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Removes a folder with all that is in it; failing at that fails no test.
public func removeFolder(_ path: String) {
    // What cannot be removed is left in the temporary folder.
    try? FileManager.default.removeItem(atPath: path)
}

/// The PostgreSQL server of the tests. A template database is migrated once per process; a test gets a copy.
actor TestDatabases {
    static let shared = TestDatabases()
    /// So many tests hold a database at a time; each holds up to six connections of the server's 300.
    static let places = Places(32)
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private var made = 0
    private var template: Task<String, any Error>?
    private var admin: Task<Database, any Error>?

    /// The URL of the server, without which nothing is skipped.
    static func serverURL() throws -> String {
        guard let url = getenv("KUBEWA_TEST_POSTGRES").map({ String(cString: $0) }), !url.isEmpty else {
            throw TestDatabaseError(
                """
                KUBEWA_TEST_POSTGRES is not set. `make test` starts a PostgreSQL and sets it; by hand: \
                export KUBEWA_TEST_POSTGRES=$(scripts/postgres start)
                """)
        }
        return url
    }

    func makeDatabase(migrated migrations: [Migration]) async throws -> DatabaseLocation {
        made += 1
        let name = "kubewa_test_\(getpid())_\(made)"
        let isTemplate = migrations.count == Migrations.all.count
        let source = isTemplate ? try await templateName() : "template0"
        try await run("CREATE DATABASE \(name) TEMPLATE \(source)")
        let location = DatabaseLocation.postgres(url: Self.url(try Self.serverURL(), name))
        if !isTemplate && !migrations.isEmpty {
            let database = try await Database.open(location, readers: 1, logger: Self.logger)
            try await database.migrate(migrations)
            await database.close()
        }
        return location
    }

    func drop(_ url: String) async {
        guard let name = url.split(separator: "/").last else { return }
        // A database that cannot be dropped goes with the server.
        try? await run("DROP DATABASE \(name) WITH (FORCE)")
    }

    private func templateName() async throws -> String {
        if let template { return try await template.value }
        let making = Task {
            let name = "kubewa_template_\(getpid())"
            try await run("CREATE DATABASE \(name) TEMPLATE template0")
            let url = Self.url(try Self.serverURL(), name)
            let database = try await Database.open(.postgres(url: url), readers: 1, logger: Self.logger)
            try await database.migrate(Migrations.all)
            await database.close()
            return name
        }
        template = making
        return try await making.value
    }

    /// `CREATE DATABASE` runs outside a transaction only, so it takes a reading connection, made to write.
    private func run(_ sql: String) async throws {
        if admin == nil {
            admin = Task {
                try await Database.open(.postgres(url: try Self.serverURL()), readers: 4, logger: Self.logger)
            }
        }
        guard let database = try await admin?.value else { return }
        try await database.read { connection in
            try connection.script("SET default_transaction_read_only = off")
            try connection.script(sql)
        }
    }

    private static func url(_ server: String, _ name: String) -> String {
        server.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/\(name)"
    }
}

/// So many may be inside at once; the others wait in order.
final class Places: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func acquire() async {
        await withCheckedContinuation { continuation in
            let isIn = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isIn { continuation.resume() }
        }
    }

    func release() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
