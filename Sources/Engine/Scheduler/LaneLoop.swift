import Domain
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// How a bounded piece of a lane's work ended.
public enum LaneProgress: Sendable, Equatable {
    case more, empty
    /// Nothing may be done before this moment, in machine time, whatever is due.
    case held(until: Instant)
}

/// What a loop does with the lanes of its kind.
public protocol LaneWork: Sendable {
    static var kind: LaneKind { get }
    var core: Core { get }
    var wake: Signal { get }
    /// One bounded piece: at most a batch of the lane's items.
    func perform(_ lease: LaneLease) async throws -> LaneProgress
    /// All that the lane has, until it is empty, held, or to be given back.
    func drain(_ lease: LaneLease, until isOver: @escaping @Sendable () -> Bool) async throws -> LaneProgress
}

extension LaneWork {
    /// One piece after the other.
    public func drain(
        _ lease: LaneLease, until isOver: @escaping @Sendable () -> Bool
    ) async throws -> LaneProgress {
        while true {
            let progress = try await perform(lease)
            if progress != .more || isOver() { return progress }
        }
    }
}

/// Claims lanes and works on them side by side. `tick` is one bounded round, for tests and the simulation; `run`
/// repeats it with every lane in a task of its own, so that a slow one holds up no other.
public struct LaneLoop<Work: LaneWork>: Service {
    private static var lanesMax: Int { 64 }
    /// A lease is renewed so many times in its life.
    private static var heartbeatsPerLease: Int64 { 3 }
    /// An item escapes only in the milliseconds in which another node gives its lane back, and a look over every lane
    /// costs more the more there are: so seldom that it costs nothing, so often that nobody waits long.
    static var sweepMs: Int64 { 5000 }
    /// While every hand is full a lane that always has something is given back after so long, behind those that wait.
    private static var turnMs: Int64 { 1000 }
    /// A lane that is due and cannot be had is in another node's hands at this moment.
    private static var contentionMs: Int64 { 10 }

    private let work: Work
    private let owned = Owned()
    private var core: Core { work.core }

    public init(_ work: Work) { self.work = work }

    private final class Owned: Sendable {
        let leases = Mutex<Set<LaneLease>>([])
        let isStopping = Mutex(false)
        let sweep = Mutex(Sweep())
    }

    private struct Sweep {
        var at: Instant?
        /// Something was committed since, here or elsewhere: it may have escaped.
        var isOwed = false
    }

    // MARK: running

    /// Works until graceful shutdown, then lets every lane end the piece that it is at.
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
            work.wake.ring()
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
            // A node that stops leaves what is due to the others.
            if isStopping { work.wake.set() } else { work.wake.ring() }
        }
        do {
            let end = core.runtime.now() + Self.turnMs
            let progress = try await work.drain(lease) { isStopping || free == 0 && core.runtime.now() > end }
            try await release(lease, progress)
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
                let pause = core.settings.leaseMs / Self.heartbeatsPerLease
                try await core.runtime.sleep(until: core.runtime.now() + pause)
                let leases = owned.leases.withLock { $0 }
                guard !leases.isEmpty else { continue }
                let end = core.runtime.now() + core.settings.leaseMs
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
        let poll = now + core.settings.pollMs
        // With no hand free there is nothing to wait for but an end of work, which rings.
        guard free > 0 else { return poll }
        let sweep = owned.sweep.withLock { $0.isOwed ? $0.at.map { $0 + Self.sweepMs } : nil } ?? poll
        do {
            let due = try await core.database.read { try LaneStore.nextDue(Work.kind, $0) }
            return min(max(due ?? poll, now + Self.contentionMs), poll, sweep)
        } catch {
            return poll
        }
    }

    // MARK: one round

    /// One round: claims what is due, does one piece of each lane, gives them back.
    /// - Returns: how many lanes had work.
    @discardableResult
    public func tick() async throws -> Int {
        let leases = try await claim()
        for lease in leases {
            try await release(lease, try await work.perform(lease))
            owned.leases.withLock { _ = $0.remove(lease) }
        }
        return leases.count
    }

    private var free: Int { Self.lanesMax - owned.leases.withLock { $0.count } }

    private func claim() async throws -> [LaneLease] {
        let now = core.runtime.now()
        let free = free
        guard free > 0 else { return [] }
        let token = core.runtime.token()
        let leaseEnd = now + core.settings.leaseMs
        let isSweepDue = owned.sweep.withLock { sweep in
            sweep.isOwed = true
            return sweep.at.map { now - $0 >= Self.sweepMs } ?? true
        }
        let found = try await core.database.write { tx in
            if isSweepDue { try LaneStore.sweep(Work.kind, now: now, tx) }
            return try LaneStore.claim(Work.kind, now: now, leaseEnd: leaseEnd, token: token, limit: free, tx)
        }
        if isSweepDue { owned.sweep.withLock { $0 = Sweep(at: now) } }
        owned.leases.withLock { $0.formUnion(found) }
        return found
    }

    private func release(_ lease: LaneLease, _ progress: LaneProgress) async throws {
        let now = core.runtime.now()
        try await core.database.write { tx in
            if case .held(let until) = progress, until > now {
                try LaneStore.hold(lease, until: until, tx)
            } else {
                try LaneStore.release(lease, Work.kind, notBefore: now, tx)
            }
        }
    }
}
