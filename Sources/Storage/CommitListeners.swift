import Synchronization

/// Who is told, right after COMMIT, into which delivery lanes something was put.
final class CommitListeners: Sendable {
    private let listeners = Mutex<[@Sendable (Set<Int64>) -> Void]>([])

    func add(_ listener: @escaping @Sendable (Set<Int64>) -> Void) { listeners.withLock { $0.append(listener) } }

    func tell(_ lanes: Set<Int64>) {
        guard !lanes.isEmpty else { return }
        for listener in listeners.withLock({ $0 }) { listener(lanes) }
    }
}

extension Database {
    /// Calls `listener` after each COMMIT of this process that put something into delivery lanes, with their ids. It is
    /// called on the writer's thread, so it only passes the word on.
    public func onCommit(_ listener: @escaping @Sendable (Set<Int64>) -> Void) {
        core.writer.listeners.add(listener)
    }
}
