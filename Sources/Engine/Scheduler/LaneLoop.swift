import Domain
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// How a bounded piece of a lane's work ended.
public enum LaneProgress: Sendable { case more, empty }

/// What a loop does with the lanes of its kind.
public protocol LaneWork: Sendable {
    static var kind: LaneKind { get }
    var core: Core { get }
    var wake: Signal { get }
    /// One bounded piece: at most a batch of the lane's items.
    func perform(_ lease: LaneLease) async throws -> LaneProgress
}

/// Claims lanes and works on them side by side. `tick` is one bounded round, for tests and the simulation; `run`
/// repeats it with every lane in a task of its own, so that a slow one holds up no other.
public struct LaneLoop<Work: LaneWork>: Service {
    public static var leaseMs: Int64 { 15_000 }
    private static var heartbeatMs: Int64 { 5000 }
    private static var pollMs: Int64 { 1000 }
    private static var lanesMax: Int { 64 }

    private let work: Work
    private let owned = Owned()
    private var core: Core { work.core }

    public init(_ work: Work) { self.work = work }

    private final class Owned: Sendable {
        let leases = Mutex<Set<LaneLease>>([])
        let isStopping = Mutex(false)
    }

    // MARK: running

    public func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await heartbeat() }
                await withDiscardingTaskGroup { lanes in
                    while !isStopping {
                        for lease in await claimSafely() { lanes.addTask { await workThrough(lease) } }
                        guard !isStopping else { break }
                        await work.wake.wait(until: await nextWake(), core.runtime)
                    }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            owned.isStopping.withLock { $0 = true }
            work.wake.set()
        }
    }

    private var isStopping: Bool { owned.isStopping.withLock { $0 } || Task.isCancelled }

    private func claimSafely() async -> [LaneLease] {
        do {
            return try await claim()
        } catch {
            core.logger.error("claim failed", metadata: ["kind": "\(Work.kind.rawValue)", "error": "\(error)"])
            return []
        }
    }

    private func workThrough(_ lease: LaneLease) async {
        defer {
            owned.leases.withLock { _ = $0.remove(lease) }
            work.wake.set()
        }
        do {
            while try await work.perform(lease) == .more, !isStopping {}
            try await release(lease)
        } catch is LeaseLost {
            core.logger.notice("lease lost", metadata: ["lane": "\(lease.laneID)"])
        } catch {
            core.logger.error("lane failed", metadata: ["lane": "\(lease.laneID)", "error": "\(error)"])
        }
    }

    /// Keeps the leases of lanes that are long at work.
    private func heartbeat() async {
        while !Task.isCancelled {
            do {
                try await core.runtime.sleep(until: core.runtime.now() + Self.heartbeatMs)
                let leases = owned.leases.withLock { $0 }
                guard !leases.isEmpty else { continue }
                let end = core.runtime.now() + Self.leaseMs
                try await core.database.write { tx in
                    for lease in leases { try LaneStore.extend(lease, until: end, tx) }
                }
            } catch is CancellationError {
                return
            } catch {
                core.logger.warning("heartbeat failed", metadata: ["error": "\(error)"])
            }
        }
    }

    private func nextWake() async -> Instant {
        let now = core.runtime.now()
        do {
            let due = try await core.database.read { try LaneStore.nextDue(Work.kind, $0) }
            return min(due ?? now + Self.pollMs, now + Self.pollMs)
        } catch {
            return now + Self.pollMs
        }
    }

    // MARK: one round

    /// One round: claims what is due, does one piece of each lane, gives them back.
    /// - Returns: how many lanes had work.
    @discardableResult
    public func tick() async throws -> Int {
        let leases = try await claim()
        for lease in leases {
            _ = try await work.perform(lease)
            try await release(lease)
            owned.leases.withLock { _ = $0.remove(lease) }
        }
        return leases.count
    }

    private func claim() async throws -> [LaneLease] {
        let now = core.runtime.now()
        let free = Self.lanesMax - owned.leases.withLock { $0.count }
        guard free > 0 else { return [] }
        let token = core.runtime.token()
        let found = try await core.database.write { tx in
            try LaneStore.sweep(Work.kind, now: now, tx)
            return try LaneStore.claim(
                Work.kind, now: now, leaseEnd: now + Self.leaseMs, token: token, limit: free, tx)
        }
        owned.leases.withLock { $0.formUnion(found) }
        return found
    }

    private func release(_ lease: LaneLease) async throws {
        let now = core.runtime.now()
        try await core.database.write { try LaneStore.release(lease, Work.kind, notBefore: now, $0) }
    }
}
