import Domain
import Synchronization

/// Bounds what one address does in a minute where no key is needed: opening the page, beginning, answering.
///
/// The bound is wide, because a mobile network has thousands of people behind one address; a session has its own.
final class AddressLimiter: Sendable {
    static let addressesMax = 100_000
    /// Paths at which somebody could guess keys, passwords or codes.
    private static let paths: Set<String> = [
        "/api/v1/widget/open", "/api/v1/widget/sessions", "/api/v1/link_sessions",
        "/api/v1/link_sessions/{session}/answers",
    ]

    private struct Key: Hashable {
        let address: String
        let path: String
    }
    private struct State {
        var minute: Int64 = 0
        var counts: [Key: Int] = [:]
    }

    private let perMinute: Int
    private let state = Mutex(State())

    /// - Parameter perMinute: requests of one address to one path; 0 is no limit.
    init(perMinute: Int) { self.perMinute = perMinute }

    /// - Parameter address: nil when it cannot be known; then nobody is held back.
    /// - Throws: `rate_limited`.
    func take(_ address: String?, path: String, at now: Instant) throws {
        guard perMinute > 0, let address, Self.paths.contains(path) else { return }
        let key = Key(address: Self.network(address), path: path)
        let minute = now.ms / 60_000
        let count = state.withLock { state in
            if state.minute != minute || state.counts.count >= Self.addressesMax {
                state = State(minute: minute)
            }
            state.counts[key, default: 0] += 1
            return state.counts[key] ?? 0
        }
        guard count <= perMinute else {
            throw DomainError(.rateLimited, "Too many requests came from this address. Wait a minute, then try again.")
        }
    }

    /// A household has a whole network of IPv6 addresses.
    private static func network(_ text: String) -> String {
        guard let address = IPAddress(text)?.unmapped, !address.isV4 else { return text }
        return String(address.high, radix: 16)
    }
}
