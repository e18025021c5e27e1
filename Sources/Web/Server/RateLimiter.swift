import Domain
import Synchronization

/// At most so many requests a minute and environment; off when the number is 0.
final class RateLimiter: Sendable {
    private struct Window {
        var minute: Int64
        var count: Int
    }
    static let environmentsMax = 100_000

    private let perMinute: Int
    private let windows = Mutex<[Int64: Window]>([:])

    init(perMinute: Int) { self.perMinute = perMinute }

    /// - Throws: `rate_limited` when the minute is used up.
    func take(_ environmentID: Int64, at now: Instant) throws {
        guard perMinute > 0 else { return }
        let minute = now.ms / 60_000
        let count = windows.withLock { windows in
            if windows.count >= Self.environmentsMax { windows.removeAll(keepingCapacity: true) }
            var window = windows[environmentID] ?? Window(minute: minute, count: 0)
            if window.minute != minute { window = Window(minute: minute, count: 0) }
            window.count += 1
            windows[environmentID] = window
            return window.count
        }
        guard count <= perMinute else {
            throw DomainError(.rateLimited, "More than \(perMinute) requests came in this minute. Wait a minute.")
        }
    }
}
