import Domain
import Synchronization

/// A lane in the hands of its loop, and what its owner does with it, so that slow and idle ones take no hand from
/// those that have work.
public final class LaneTurn: Sendable {
    private struct State {
        /// nil while the owner tells nothing: it then counts as busy.
        var progressAt: Instant?
        var isLingering = false
    }
    /// An owner that heard from nobody for so long counts as slow.
    private static let slowMs: Int64 = 500

    private let state = Mutex(State())
    private let mustEnd: @Sendable (_ isLingering: Bool) -> Bool
    private let part: @Sendable (Standing) -> Int

    /// - Parameter share: see `share`.
    init(
        share: @escaping @Sendable (Standing) -> Int = { _ in Int.max },
        _ mustEnd: @escaping @Sendable (_ isLingering: Bool) -> Bool
    ) {
        self.mustEnd = mustEnd
        part = share
    }

    /// How much this lane may have under way at once, so that all that are at work together have not too much.
    func share(at now: Instant) -> Int { part(standing(at: now)) }

    /// Whether the lane is to be given back.
    public var isOver: Bool { mustEnd(state.withLock { $0.isLingering }) }

    /// Something came back.
    func progressed(at now: Instant) {
        state.withLock { state in
            state.progressAt = now
            state.isLingering = false
        }
    }

    /// Nothing is left, and the owner waits for what comes next.
    func linger() { state.withLock { $0.isLingering = true } }

    enum Standing { case busy, slow, lingering }

    func standing(at now: Instant) -> Standing {
        state.withLock { state in
            if state.isLingering { return .lingering }
            guard let at = state.progressAt else { return .busy }
            return abs(now - at) > Self.slowMs ? .slow : .busy
        }
    }
}
