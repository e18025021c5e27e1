import Domain
import Glibc
import Logging
import Synchronization

/// The threads of a database and the queues they take from. The threads hold the queues and not this, so a
/// database that is dropped without `close` ends too.
final class DatabaseCore: Sendable {
    typealias Read = @Sendable (any SQLConnection) -> Void

    let writer: GroupWriter
    let reads = BlockingQueue<Read>(countMax: Database.readsQueuedMax)
    let checks = CheckedReads()
    private let threads = Threads()

    init(logger: Logger) { writer = GroupWriter(logger: logger) }

    deinit {
        reads.close()
        writer.queue.close()
    }

    /// Opens a connection on a thread of its own and leaves it there with `body`.
    /// - Parameter lock: let go when the connection is closed, and not before.
    func start(
        _ name: String, holding lock: FileLock? = nil,
        _ open: @escaping @Sendable () throws(StorageError) -> any SQLConnection,
        _ body: @escaping @Sendable (any SQLConnection) -> Void
    ) async throws(StorageError) {
        let threads = threads
        let answer: Result<Void, StorageError> = await withCheckedContinuation { continuation in
            threads.began(name)
            do throws(StorageError) {
                try BlockingThread.start {
                    serve(open, body) { continuation.resume(returning: $0) }
                    lock?.release()
                    threads.ended(name)
                }
            } catch {
                threads.ended(name)
                continuation.resume(returning: .failure(error))
            }
        }
        try answer.get()
    }

    /// The readers go first: the connection that closes last tidies SQLite's log away.
    func close() async {
        reads.close()
        await threads.wait { $0 == "db-writer" }
        writer.queue.close()
        await threads.wait { _ in false }
    }
}

/// Life of a connection's thread. The connection is closed when this returns.
private func serve(
    _ open: () throws(StorageError) -> any SQLConnection, _ body: (any SQLConnection) -> Void,
    _ opened: (Result<Void, StorageError>) -> Void
) {
    let connection: any SQLConnection
    do {
        connection = try open()
        opened(.success(()))
    } catch {
        return opened(.failure(error))
    }
    body(connection)
}

/// Which threads run, and who waits for their end.
private final class Threads: Sendable {
    private struct State {
        var running: Set<String> = []
        var waiting: [(but: (String) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())

    func began(_ name: String) { state.withLock { _ = $0.running.insert(name) } }

    func ended(_ name: String) {
        let done = state.withLock { state in
            state.running.remove(name)
            let running = state.running
            let done = state.waiting.filter { waiter in running.allSatisfy(waiter.but) }
            state.waiting.removeAll { waiter in running.allSatisfy(waiter.but) }
            return done.map(\.continuation)
        }
        for continuation in done { continuation.resume() }
    }

    /// Returns when no thread runs but those that `but` allows.
    func wait(but: @escaping @Sendable (String) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.running.allSatisfy(but) { return true }
                state.waiting.append((but, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }
}

/// A file that one process at a time holds; the system lets go of it when that process ends, however it ends.
final class FileLock: Sendable {
    private let file: Mutex<Int32?>

    init(path: String) throws(StorageError) {
        let opened = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw SQLiteConnection.fileError("make the lock file") }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(opened)
            throw StorageError(.inUse, "the lock file is held")
        }
        file = Mutex(opened)
    }

    deinit { release() }

    func release() {
        file.withLock { file in
            if let opened = file { Glibc.close(opened) }
            file = nil
        }
    }
}

extension DatabaseLocation {
    enum Role { case writer, reader }

    var defaultReaders: Int {
        switch self {
        case .sqlite: min(Database.sqliteReadersMax, max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        case .postgres: Database.postgresReaders
        }
    }

    func opener(_ role: Role) -> @Sendable () throws(StorageError) -> any SQLConnection {
        switch self {
        case .sqlite(let path):
            { () throws(StorageError) in try SQLiteConnection(path: path, role: role == .writer ? .writer : .reader) }
        case .postgres(let url):
            { () throws(StorageError) in
                let connection = try PostgresConnection(url: url, role: role == .writer ? .writer : .reader)
                if role == .writer { try connection.refuseUnsuitable() }
                return connection
            }
        }
    }
}
