import Domain
import Storage

/// A replay as it is shown.
public struct ReplayView: Sendable {
    public let id: String
    public let state: String
    public let request: ReplayRequest
    public let endpointID: String
    public let url: String?
    public let lookedAt: Int64
    public let queued: Int64
    public let waiting: Int64
    public let delivered: Int64
    public let failed: Int64
    public let dropped: Int64
    public let error: String?
    /// Machine time, as `endedAt`.
    public let createdAt: Instant
    public let endedAt: Instant?

    init(_ replay: Replay, waiting: Int) {
        id = Self.text(replay.id)
        state = replay.state.rawValue
        request = replay.request
        endpointID = replay.endpointID
        url = replay.url
        lookedAt = replay.lookedAt
        queued = replay.queued
        self.waiting = Int64(waiting)
        delivered = replay.delivered
        failed = replay.failed
        dropped = max(0, replay.queued - replay.delivered - replay.failed - Int64(waiting))
        error = replay.error
        createdAt = replay.createdAt
        endedAt = replay.endedAt
    }

    /// As it is when it was just made, before what it queued can be read.
    init(new replay: Replay) { self.init(replay, waiting: Int(replay.queued)) }

    /// `rpl_` and the number.
    public static func text(_ id: Int64) -> String { "rpl_\(id)" }
    static func number(_ text: String) -> Int64? { text.hasPrefix("rpl_") ? Int64(text.dropFirst(4)) : nil }
}
