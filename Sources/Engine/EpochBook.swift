import Domain
import Synchronization

/// How far this process has seen the database come.
final class EpochBook: Sendable {
    private let last = Mutex<DatabaseMark?>(nil)

    /// Whether the database has come less far than it had.
    func isBehind(_ mark: DatabaseMark) -> Bool {
        last.withLock { last in
            guard let last else { return false }
            if last.epoch != mark.epoch { return last.epoch > mark.epoch }
            // Other nodes beat too: each beat is later than any before it.
            return last.beat >= mark.beat
        }
    }

    /// - Returns: whether another epoch began since the last time.
    @discardableResult
    func note(_ mark: DatabaseMark) -> Bool {
        last.withLock { last in
            let isNew = last.map { $0.epoch != mark.epoch } ?? false
            last = mark
            return isNew
        }
    }
}
