import Synchronization

/// Keeps what is to be written from a database that nobody has looked at: after a failover, or when a copy was put
/// back, the writer connects to one that may know less, and would give numbers out again that were seen already.
final class WriterGate: Sendable {
    private struct State {
        /// What the database said of itself when it was looked at; nil where nobody looks.
        var identity: String?
        /// The connection that was found to lead there.
        var session = 0
    }
    private let state = Mutex(State())

    /// From now on only the database that says so of itself is written.
    func trust(_ identity: String?) {
        state.withLock { if $0.identity != identity { $0 = State(identity: identity) } }
    }

    /// Call within the transaction that is to write.
    /// - Throws: `.replaced` on a connection that leads to another database than the one that is trusted.
    func admit(_ connection: any SQLConnection) throws {
        let (trusted, known) = state.withLock { ($0.identity, $0.session) }
        let session = connection.session
        guard let trusted, session != known else { return }
        guard try identity(of: connection) == trusted else { throw StorageError(.replaced) }
        state.withLock { if $0.identity == trusted { $0.session = session } }
    }

    /// nil where it does not tell, as a standby, or to this user.
    private func identity(of connection: any SQLConnection) throws -> String? {
        do { return try EpochStore.identity(connection) } catch let error as StorageError where error.code == .other {
            return nil
        }
    }
}
