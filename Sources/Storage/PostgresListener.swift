import CPostgres
import Domain
import Glibc
import Logging
import Synchronization

extension Database {
    /// Tells the processes that listen to these channels. It is no part of any transaction: call it after the commit.
    /// On SQLite it does nothing, since one process owns the file.
    /// - Parameters:
    ///   - channels: identifiers of small letters and `_`.
    ///   - node: who tells; it does not hear itself.
    public func notify(_ channels: Set<String>, from node: String) async throws {
        guard dialect == .postgres, !channels.isEmpty else { return }
        let script = channels.sorted().map { "NOTIFY \($0), '\(node)'" }.joined(separator: "; ")
        // A reading connection, so that the writer's COMMIT never waits for the lock that orders notifications.
        try await read { try $0.script(script) }
    }

    /// Hears what other processes tell, on a connection and a thread of its own, until the answer is closed or let go.
    /// - Parameter onWake: called on that thread with what was told; with all channels at the start and after each
    ///   loss of the connection, because what was told meanwhile is gone.
    /// - Returns: nil on SQLite.
    public func listen(
        to channels: [String], as node: String, logger: Logger, onWake: @escaping @Sendable (Set<String>) -> Void
    ) throws(StorageError) -> Listening? {
        guard case .postgres(let url) = location else { return nil }
        let (listening, stop) = try Listening.make()
        let listener = PostgresListener(url: url, channels: channels, node: node, logger: logger, onWake: onWake)
        try BlockingThread.start { [stop] in
            listener.run(until: stop)
            Glibc.close(stop)
        }
        return listening
    }
}

/// Ends a listener when it is closed or let go.
public final class Listening: Sendable {
    /// The writing end of a pipe: its end is what the thread sees.
    private let pipe: Mutex<Int32?>

    private init(_ pipe: Int32) { self.pipe = Mutex(pipe) }

    deinit { close() }

    /// Tells the thread to end; a second call does nothing.
    public func close() {
        pipe.withLock { pipe in
            if let open = pipe { Glibc.close(open) }
            pipe = nil
        }
    }

    fileprivate static func make() throws(StorageError) -> (Listening, stop: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else {
            throw StorageError(.cannotOpen, "no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (Listening(ends[1]), ends[0])
    }
}

/// Waits for notifications and connects again after each loss. Whoever is told polls too, so nothing depends on it.
private struct PostgresListener: Sendable {
    /// Between two tries to connect.
    static let pauseMs: Int32 = 500

    let url: String
    let channels: [String]
    let node: String
    let logger: Logger
    let onWake: @Sendable (Set<String>) -> Void

    func run(until stop: Int32) {
        var isLost = false
        while true {
            do throws(StorageError) {
                let connection = try PostgresConnection(url: url, role: .reader)
                try connection.script(channels.map { "LISTEN \($0)" }.joined(separator: "; "))
                if isLost { logger.notice("hears other nodes again") }
                isLost = false
                onWake(Set(channels))
                guard hear(connection, until: stop) else { return }
            } catch {
                logger.debug("no connection to hear other nodes", metadata: ["error": "\(error)"])
            }
            if !isLost { logger.warning("does not hear other nodes: work is found by polling until it does") }
            isLost = true
            if Self.wait([stop], milliseconds: Self.pauseMs) { return }
        }
    }

    /// - Returns: false when it is to end, true when the connection is lost.
    private func hear(_ connection: PostgresConnection, until stop: Int32) -> Bool {
        while let handle = connection.handle, PQstatus(handle) == CONNECTION_OK {
            _ = Self.wait([stop, PQsocket(handle)], milliseconds: -1)
            if Self.wait([stop], milliseconds: 0) { return false }
            if PQconsumeInput(handle) == 0 { return true }
            let told = told(handle)
            if !told.isEmpty { onWake(told) }
        }
        return true
    }

    private func told(_ handle: OpaquePointer) -> Set<String> {
        var told: Set<String> = []
        while let notice = PQnotifies(handle) {
            if String(cString: notice.pointee.extra) != node { told.insert(String(cString: notice.pointee.relname)) }
            PQfreemem(notice)
        }
        return told
    }

    /// - Returns: whether one of the files has something to read or has ended.
    private static func wait(_ files: [Int32], milliseconds: Int32) -> Bool {
        var polled = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        return poll(&polled, nfds_t(polled.count), milliseconds) > 0
    }
}
