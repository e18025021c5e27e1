import Domain
import Synchronization

/// A runtime whose clock is moved by hand and whose randomness comes from a seed.
public final class ManualRuntime: Runtime {
    private struct Sleeper {
        var deadline: Instant
        var continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var now: Instant
        var random: SplitMix
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        var sleepsBegun = 0
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    public let ids: IDGenerator
    private let state: Mutex<State>

    /// - Parameter now: by default 2024-01-15T09:00:00Z.
    public init(now: Instant = Instant(ms: 1_705_309_200_000), seed: UInt64 = 1) {
        var random = SplitMix(seed: seed)
        ids = IDGenerator(process: random.bytes(5), start: 0)
        state = Mutex(State(now: now, random: random))
    }

    public func now() -> Instant { state.withLock { $0.now } }

    public func randomBytes(_ count: Int) -> [UInt8] { state.withLock { $0.random.bytes(count) } }

    public func sleep(until deadline: Instant) async throws {
        let number = state.withLock { state in
            state.sleepsBegun += 1
            return state.sleepsBegun
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (outcome, watchers) = begin(number, deadline, continuation)
                if let outcome { continuation.resume(with: outcome) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.cancelled.remove(number) }
    }

    /// Moves the clock; who sleeps until then wakes, the earliest deadline first.
    public func advance(milliseconds: Int64) { advance(to: now() + milliseconds) }

    /// Sets the clock back, as an operator or a time server does; nobody wakes.
    public func setBack(milliseconds: Int64) { state.withLock { $0.now = $0.now + -milliseconds } }

    /// Moves the clock to an instant, never back, and wakes every sleeper that is due by then in order of deadline.
    public func advance(to instant: Instant) {
        let woken = state.withLock { state in
            state.now = max(state.now, instant)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
        }
        for (_, sleeper) in woken { sleeper.continuation.resume() }
    }

    /// Returns when at least so many tasks sleep, so that a test moves the clock only then.
    public func sleepers(atLeast count: Int) async {
        await withCheckedContinuation { continuation in
            let isSo = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isSo { continuation.resume() }
        }
    }

    /// The deadline that comes next, if a task sleeps.
    public var nextDeadline: Instant? { state.withLock { $0.sleepers.values.map(\.deadline).min() } }

    private func begin(
        _ number: Int, _ deadline: Instant, _ continuation: CheckedContinuation<Void, any Error>
    ) -> (outcome: Result<Void, any Error>?, watchers: [CheckedContinuation<Void, Never>]) {
        state.withLock { state in
            if state.cancelled.remove(number) != nil { return (.failure(CancellationError()), []) }
            if deadline <= state.now { return (.success(()), []) }
            state.sleepers[number] = Sleeper(deadline: deadline, continuation: continuation)
            let count = state.sleepers.count
            let watchers = state.watchers.filter { $0.count <= count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= count }
            return (nil, watchers)
        }
    }
}

/// Numbers from a seed, the same on every machine.
public struct SplitMix: RandomNumberGenerator, Sendable {
    private var state: UInt64
    public init(seed: UInt64) { state = seed }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The next `count` bytes.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        while out.count < count { withUnsafeBytes(of: next()) { out.append(contentsOf: $0) } }
        return Array(out.prefix(count))
    }
}
