import Domain
import Logging
import Storage
import Synchronization
import TestKit

/// Runs `body` on a SQLite file and a PostgreSQL database with no schema but `ddl`.
func onEveryDriver(_ ddl: String, _ body: (TestDatabase) async throws -> Void) async throws {
    for dialect in [Dialect.sqlite, .postgres] { try await onDriver(dialect, ddl, body) }
}

func onDriver(_ dialect: Dialect, _ ddl: String, _ body: (TestDatabase) async throws -> Void) async throws {
    try await onDatabase(dialect, migrations: []) { test in
        try await test.database.write { try $0.db.script(ddl) }
        try await body(test)
    }
}

/// The code of the `StorageError` that `body` throws; nil when it throws none.
func storageCode<T>(_ body: () async throws -> T) async -> StorageError.Code? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? StorageError)?.code
    }
}

/// What closures on other threads count.
final class Tally: Sendable {
    private let counts = Mutex<[Int: Int]>([:])
    func add(_ key: Int = 0) { counts.withLock { $0[key, default: 0] += 1 } }
    subscript(key: Int) -> Int { counts.withLock { $0[key, default: 0] } }
    var total: Int { counts.withLock { $0.values.reduce(0, +) } }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
