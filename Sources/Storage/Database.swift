import Domain
import Glibc
import Logging

/// A database, open. Reads run in parallel, each on the thread of a reading connection; writes are committed in
/// groups by the one writing connection. Closures are synchronous: nothing is awaited inside a transaction.
public struct Database: Sendable {
    public static let readsQueuedMax = 65_536
    public static let postgresReaders = 8
    public static let sqliteReadersMax = 8

    public let location: DatabaseLocation
    let core: DatabaseCore

    public var dialect: Dialect { location.dialect }

    /// - Parameters:
    ///   - readers: connections that read; by default as many as are useful.
    ///   - exclusive: refuses, with `.inUse`, an SQLite file that another process opened so. `serve` asks for it.
    ///   - wrap: what stands between the pool and each connection, on the connection's own thread.
    public static func open(
        _ location: DatabaseLocation, readers: Int? = nil, exclusive: Bool = false, logger: Logger,
        wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
    ) async throws(StorageError) -> Database {
        var lock: FileLock?
        if case .sqlite(let path) = location, exclusive { lock = try FileLock(path: Self.real(path) + ".lock") }
        let core = DatabaseCore(logger: logger)
        do {
            // The writer comes first: it makes the file that the readers open.
            let writer = core.writer
            try await core.start("db-writer", holding: lock, location.opener(.writer)) { writer.run(wrap($0)) }
            let reads = core.reads
            for number in 1...max(1, readers ?? location.defaultReaders) {
                try await core.start("db-reader-\(number)", location.opener(.reader)) { connection in
                    let connection = wrap(connection)
                    while let job = reads.next() { job(connection) }
                }
            }
        } catch {
            await core.close()
            throw error
        }
        return Database(location: location, core: core)
    }

    /// The file that a path leads to, also one that is not there yet: two paths to one file are one lock.
    static func real(_ path: String) -> String {
        func resolved(_ path: String) -> String? {
            realpath(path, nil).map { text in
                defer { free(text) }
                return String(cString: text)
            }
        }
        if let file = resolved(path) { return file }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.dropLast().joined(separator: "/")
        guard let name = parts.last, let found = resolved(folder.isEmpty ? "." : folder) else { return path }
        return "\(found)/\(name)"
    }

    /// Runs `body` on a free reading connection; it sees what was committed before each of its statements.
    /// It cannot write, and runs a second time if the connection was lost.
    /// - Parameter snapshot: all statements see the one state that the first one saw.
    public func read<T: Sendable>(
        snapshot: Bool = false, _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        let answer: Result<T, any Error> = await withCheckedContinuation { continuation in
            let job: DatabaseCore.Read = { connection in
                continuation.resume(returning: Self.perform(connection, snapshot, body))
            }
            do { try core.reads.push(job) } catch { continuation.resume(returning: .failure(error)) }
        }
        return try answer.get()
    }

    /// Runs `unit` in a transaction, possibly together with other units, and returns after COMMIT.
    ///
    /// A unit that throws is rolled back whole and alone, and its error comes back unchanged. It may run several
    /// times, so it has no effect but through its `Transaction`; on PostgreSQL a statement that failed fails its
    /// unit. `.connectionLost` may mean that COMMIT took effect.
    @discardableResult
    public func write<T: Sendable>(_ unit: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
        let answer: Result<T, any Error> = await withCheckedContinuation { continuation in
            let work = GroupWriter.Work.unit(
                perform: { transaction in
                    let value = try unit(transaction)
                    return { continuation.resume(returning: .success(value)) }
                }, fail: { continuation.resume(returning: .failure($0)) })
            do { try core.writer.queue.push(work) } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try answer.get()
    }

    /// Brings the schema up to date. Several processes may do so at once.
    /// - Returns: the steps that were applied.
    /// - Throws: `.schemaTooNew` when a newer kubewa made the schema.
    @discardableResult
    public func migrate(_ migrations: [Migration]) async throws -> [Migration] {
        try await alone { try Migrator.migrate($0, migrations) }
    }

    /// Runs `body` on the writing connection, which nobody else uses meanwhile, outside of any transaction. It may run
    /// several times, as units do.
    public func alone<T: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        let answer: Result<T, any Error> = await withCheckedContinuation { continuation in
            let work = GroupWriter.Work.alone { connection in
                continuation.resume(returning: Result { try Self.again { try body(connection) } })
            }
            do { try core.writer.queue.push(work) } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try answer.get()
    }

    private static func again<T>(_ body: () throws -> T) throws -> T {
        var retries = 0
        while true {
            do { return try body() } catch {
                guard GroupWriter.isWorthAnotherTry(error, retries) else { throw error }
                retries += 1
            }
        }
    }

    /// As `write`, alone, and also on a database that is not trusted (yet).
    public func writeUntrusted<T: Sendable>(
        _ unit: @escaping @Sendable (Transaction) throws -> T
    ) async throws -> T {
        try await alone { connection in
            try connection.inTransaction {
                let transaction = Transaction(connection)
                let value = try unit(transaction)
                try transaction.flush()
                return value
            }
        }
    }

    /// From now on `write` fails with `.replaced` when its connection comes to lead to another database than the one
    /// that says this of itself. Before, and with nil, it writes wherever it comes to.
    /// - Parameter identity: of `EpochStore.identity`.
    public func trust(_ identity: String?) { core.writer.gate.trust(identity) }

    /// How many units wait for the writer: a gauge of load.
    public var unitsWaiting: Int { core.writer.queue.count }

    /// Finishes what waits, closes all connections and gives the file free. What comes later fails with `.closed`.
    public func close() async { await core.close() }

    static func perform<T>(
        _ connection: any SQLConnection, _ snapshot: Bool, _ body: (any SQLConnection) throws -> T
    ) -> Result<T, any Error> {
        func once() -> Result<T, any Error> {
            Result {
                guard snapshot else { return try body(connection) }
                return try connection.inTransaction(snapshot: true) { try body(connection) }
            }
        }
        let answer = once()
        // A server that was restarted leaves dead connections behind, a changed table useless plans; a read has no
        // effect, so it can run again.
        if case .failure(let error as StorageError) = answer, [.connectionLost, .serialization].contains(error.code) {
            return once()
        }
        return answer
    }
}
