import Domain
import Synchronization

/// What a bank answered to one call, as it came.
public struct RawPayload: Sendable, Equatable {
    /// What was asked for: `balance`, `transactions`, `identity` …
    public let operation: String
    /// At most `RawPayloads.bodyBytesMax`.
    public let body: [UInt8]
    /// Bytes of the whole body without its secrets.
    public let byteCount: Int
    public var isTruncated: Bool { body.count < byteCount }
}

/// Collects what the data calls of one step are answered with, so that the engine can keep it for a while: a
/// translation that went wrong can then be looked at. Bounded.
public final class RawPayloads: Sendable {
    public static let bodyBytesMax = 1 << 20
    /// Of one step; bodies beyond are kept cut off.
    public static let stepBytesMax = 16 << 20

    private struct State {
        var payloads: [RawPayload] = []
        var bytes = 0
    }
    private let state = Mutex(State())

    public init() {}

    /// Keeps one answer with the name of its call and without its secrets (`PayloadMask`), cut off at `bodyBytesMax`
    /// and at what `stepBytesMax` has left.
    public func add(_ operation: String, _ body: [UInt8]) {
        let masked = PayloadMask.mask(body.count > Self.bodyBytesMax ? Array(body.prefix(Self.bodyBytesMax)) : body)
        let isWhole = body.count <= Self.bodyBytesMax
        state.withLock { state in
            let kept = masked.prefix(Self.stepBytesMax - state.bytes)
            state.bytes += kept.count
            let byteCount = isWhole ? masked.count : max(body.count, masked.count + 1)
            state.payloads.append(RawPayload(operation: operation, body: Array(kept), byteCount: byteCount))
        }
    }

    public var all: [RawPayload] { state.withLock { $0.payloads } }
}
