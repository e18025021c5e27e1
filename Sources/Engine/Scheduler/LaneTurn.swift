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
    /// Machine time, in milliseconds.
    private let leasedUntil = Atomic<Int64>(.max)
    private let mustEnd: @Sendable (_ isLingering: Bool) -> Bool
    private let part: @Sendable (Standing) -> Part
    private let freed: @Sendable () -> Void

    /// - Parameter freed: called when the lane takes no hand any more.
    init(
        part: @escaping @Sendable (Standing) -> Part, freed: @escaping @Sendable () -> Void,
        _ mustEnd: @escaping @Sendable (_ isLingering: Bool) -> Bool
    ) {
        self.mustEnd = mustEnd
        self.part = part
        self.freed = freed
    }

    /// A lane among those that are at work.
    struct Part {
        /// How much it may have under way at once, so that all together have not too much.
        let share: Int
        /// Lanes at work, this one too.
        let lanes: Int
    }

    func part(at now: Instant) -> Part { part(standing(at: now)) }

    /// Whether the lane is to be given back.
    public var isOver: Bool { mustEnd(state.withLock { $0.isLingering }) }

    /// The lane was leased, or its lease renewed.
    /// - Parameter end: nil when another owner has it.
    func leased(until end: Instant?) { leasedUntil.store(end?.ms ?? .min, ordering: .relaxed) }

    /// Whether no other owner can have the lane yet. One that stood still for long finds here that it is to do nothing
    /// more, before its next transaction tells it so.
    func isLeased(at now: Instant) -> Bool { now.ms < leasedUntil.load(ordering: .relaxed) }

    /// Something came back.
    func progressed(at now: Instant) {
        state.withLock { state in
            state.progressAt = now
            state.isLingering = false
        }
    }

    /// Nothing is left, and the owner waits for what comes next.
    func linger() {
        let wasLingering = state.withLock { state in
            defer { state.isLingering = true }
            return state.isLingering
        }
        if !wasLingering { freed() }
    }

    enum Standing { case busy, slow, lingering }

    func standing(at now: Instant) -> Standing {
        state.withLock { state in
            if state.isLingering { return .lingering }
            guard let at = state.progressAt else { return .busy }
            return abs(now - at) > Self.slowMs ? .slow : .busy
        }
    }
}
