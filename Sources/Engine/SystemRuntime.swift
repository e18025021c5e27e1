import Domain
import Glibc

/// The machine's clock and chance: the only place that asks for either.
public struct SystemRuntime: Runtime {
    public let ids: IDGenerator

    public init() {
        var generator = SystemRandomNumberGenerator()
        ids = IDGenerator(
            process: (0..<5).map { _ in UInt8.random(in: 0...255, using: &generator) },
            start: UInt32.random(in: 0...UInt32.max, using: &generator))
    }

    public func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(ms: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public func randomBytes(_ count: Int) -> [UInt8] {
        // A call of the generator is one of the system, for up to eight bytes.
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
        }
        return Array(bytes.prefix(count))
    }

    public func sleep(until deadline: Instant) async throws {
        let wait = deadline - now()
        if wait > 0 { try await Task.sleep(for: .milliseconds(min(wait, 3_600_000))) }
    }
}

extension Runtime {
    /// A number from 0 to one less than `bound`.
    func chance(_ bound: Int64) -> Int64 {
        let value = randomBytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int64(value % UInt64(bound))
    }

    /// A lease token: positive and not to be guessed twice.
    func token() -> Int64 { chance(Int64.max - 1) + 1 }
}
