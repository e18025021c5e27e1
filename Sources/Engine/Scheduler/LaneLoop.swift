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
    /// As the other `drain`, telling what it is at.
    func drain(_ lease: LaneLease, _ turn: LaneTurn) async throws -> LaneProgress
    /// Whether hands are shared out by environment.
    static var isShared: Bool { get }
}

extension LaneWork {
    public static var isShared: Bool { false }

    /// Tells nothing of what it is at.
    public func drain(_ lease: LaneLease, _ turn: LaneTurn) async throws -> LaneProgress {
        try await drain(lease) { turn.isOver }
    }

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
    /// Lanes beside those whose owners wait for an answer: a server that does not answer takes no hand for long.
    private static var slowMax: Int { 192 }
    /// Lanes beside those that are kept for a moment with nothing in them.
    private static var lingeringMax: Int { 64 }
    /// A look at the queue shows so many lanes.
    private static var looked: Int { 256 }
    /// With no hand free it is looked again so soon: one that turns out to be slow frees its hand without a sign.
    private static var fullMs: Int64 { 100 }
    /// A lease is renewed so many times in its life.
    private static var heartbeatsPerLease: Int64 { 3 }
    /// An item escapes only in the milliseconds in which another node gives its lane back, and a look over every lane
    /// costs more the more there are: so seldom that it costs nothing, so often that nobody waits long.
    static var sweepMs: Int64 { 5000 }
    /// While every hand is full a lane that always has something is given back after so long, behind those that wait.
    private static var turnMs: Int64 { 1000 }
    /// A lane that is due and cannot be had is in another node's hands at this moment.
    private static var contentionMs: Int64 { 10 }

    /// A lane whose work failed is left alone for so long.
    private static var failedMs: Int64 { 1000 }
    /// A clock that goes back further was set.
    private static var setBackMs: Int64 { 1000 }
    /// The lanes at work are counted so seldom.
    private static var countedMs: Int64 { 50 }

    private let work: Work
    private let owned = Owned()
    private var core: Core { work.core }

    public init(_ work: Work) { self.work = work }

    private final class Owned: Sendable {
        let leases = Mutex<[LaneLease: LaneTurn]>([:])
        let isStopping = Mutex(false)
        let sweep = Mutex(Sweep())
        let counted = Mutex<Counted?>(nil)
        let claimedAt = Mutex<Instant?>(nil)
        /// More lanes were due than got a hand.
        let isCrowded = Atomic<Bool>(false)
    }

    /// Lanes, as they were a moment ago.
    private struct Counted {
        var busy: Int
        var slow: Int
        var at: Instant
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
                        let claimed = await claimSafely()
                        for (lease, turn) in claimed ?? [] { lanes.addTask { await workThrough(lease, turn) } }
                        guard !isStopping else { break }
                        // What could not be done now is not due at once for that.
                        let pause = core.runtime.now() + core.settings.pollMs
                        await work.wake.wait(until: claimed == nil ? pause : await nextWake(), core.runtime)
                    }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            owned.isStopping.withLock { $0 = true }
            core.wakes.lanes.ringAll()
            work.wake.ring()
        }
    }

    private var isStopping: Bool { owned.isStopping.withLock { $0 } || Task.isCancelled }

    /// nil when the database could not be asked.
    private func claimSafely() async -> [(LaneLease, LaneTurn)]? {
        do {
            return try await claim()
        } catch {
            core.logger.error("claim failed", metadata: ["kind": "\(Work.kind.rawValue)", "error": "\(error)"])
            return nil
        }
    }

    private func workThrough(_ lease: LaneLease, _ turn: LaneTurn) async {
        defer {
            owned.leases.withLock { _ = $0.removeValue(forKey: lease) }
            // A node that stops leaves what is due to the others.
            if isStopping { work.wake.set() } else { work.wake.ring() }
        }
        do {
            let progress = try await work.drain(lease, turn)
            try await release(lease, progress)
        } catch is LeaseLost {
            core.logger.notice("lease lost", metadata: ["lane": "\(lease.laneID)"])
        } catch {
            core.logger.error("lane failed", metadata: ["lane": "\(lease.laneID)", "error": "\(error)"])
            await giveBack(lease)
        }
    }

    /// A lane whose work failed: its owner lives, so that the next one need not be careful.
    private func giveBack(_ lease: LaneLease) async {
        do {
            try await release(lease, .held(until: core.runtime.now() + Self.failedMs))
        } catch {
            // The database is away; the lease runs out.
            core.logger.notice("lane not given back", metadata: ["lane": "\(lease.laneID)"])
        }
    }

    /// Keeps the leases of lanes that are long at work.
    private func heartbeat() async {
        while !Task.isCancelled {
            do {
                let pause = core.settings.leaseMs / Self.heartbeatsPerLease
                try await core.runtime.sleep(until: core.runtime.now() + pause)
                let turns = owned.leases.withLock { $0 }
                guard !turns.isEmpty else { continue }
                let end = core.runtime.now() + core.settings.leaseMs
                let kept = try await core.database.write { tx in
                    Set(try turns.keys.filter { try LaneStore.extend($0, until: end, tx) })
                }
                for (lease, turn) in turns { turn.leased(until: kept.contains(lease) ? end : nil) }
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
        // With no hand free there is nothing to wait for but an end of work, which rings, or one that is slow.
        guard free > 0 else { return min(poll, now + Self.fullMs) }
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
        for (lease, _) in leases {
            try await release(lease, try await work.perform(lease))
            owned.leases.withLock { _ = $0.removeValue(forKey: lease) }
        }
        return leases.count
    }

    /// Lanes that are slow or have nothing left take no hand, up to a limit.
    private var free: Int {
        let now = core.runtime.now()
        let turns = owned.leases.withLock { Array($0.values) }
        let standings = turns.map { $0.standing(at: now) }
        let slow = standings.count { $0 == .slow }
        let lingering = standings.count { $0 == .lingering }
        let busy = turns.count - min(slow, Self.slowMax) - min(lingering, Self.lingeringMax)
        return max(0, Self.lanesMax - busy)
    }

    private func turn() -> LaneTurn {
        let end = core.runtime.now() + Self.turnMs
        let (owned, wake) = (owned, work.wake)
        // Who waits for a hand gets this one at once.
        let freed = { @Sendable in if owned.isCrowded.load(ordering: .relaxed) { wake.ring() } }
        return LaneTurn(part: { [self] in part($0) }, freed: freed) { [self] isLingering in
            if isStopping { return true }
            if isLingering { return lingering > Self.lingeringMax }
            return core.runtime.now() > end && free == 0
        }
    }

    /// What may be under way is shared out evenly among the lanes at work, and half as much more among the slow ones,
    /// however many they are.
    private func part(_ standing: LaneTurn.Standing) -> LaneTurn.Part {
        let now = core.runtime.now()
        let counted =
            owned.counted.withLock { $0 }.flatMap { abs(now - $0.at) < Self.countedMs ? $0 : nil }
            ?? {
                let standings = owned.leases.withLock { Array($0.values) }.map { $0.standing(at: now) }
                let new = Counted(
                    busy: standings.count { $0 == .busy }, slow: standings.count { $0 == .slow }, at: now)
                owned.counted.withLock { $0 = new }
                return new
            }()
        let all = core.settings.deliveriesInFlight
        let (slow, busy) = (max(1, counted.slow), max(1, counted.busy))
        return LaneTurn.Part(share: standing == .slow ? all / 2 / slow : all / busy, lanes: counted.slow + busy)
    }

    private var lingering: Int {
        let now = core.runtime.now()
        return owned.leases.withLock { Array($0.values) }.count { $0.standing(at: now) == .lingering }
    }

    private func claim() async throws -> [(LaneLease, LaneTurn)] {
        let now = core.runtime.now()
        let free = free
        guard free > 0 else { return [] }
        let before = owned.claimedAt.withLock { last in
            defer { last = now }
            return last
        }
        if let before, before - now > Self.setBackMs {
            core.logger.notice("clock set back", metadata: ["by_ms": "\(before - now)"])
            try await core.database.write { try LaneStore.forgetHolds(Work.kind, now: now, $0) }
        }
        let isSweepDue = owned.sweep.withLock { sweep in
            sweep.isOwed = true
            // A clock that was set back has not looked yet.
            return sweep.at.map { now - $0 >= Self.sweepMs || now < $0 } ?? true
        }
        if isSweepDue {
            try await core.database.write { tx in try LaneStore.sweep(Work.kind, now: now, tx) }
            owned.sweep.withLock { $0 = Sweep(at: now) }
        }
        let found = try await take(free, at: now)
        return owned.leases.withLock { leases in
            found.map { lease in
                let turn = turn()
                turn.leased(until: now + core.settings.leaseMs)
                leases[lease] = turn
                return (lease, turn)
            }
        }
    }

    /// Leases at most so many lanes. Nothing is written when none is due, and where more are due than there are hands,
    /// hands are shared out.
    private func take(_ free: Int, at now: Instant) async throws -> [LaneLease] {
        let due = try await core.database.read { try LaneStore.due(Work.kind, now: now, limit: Self.looked, $0) }
        owned.isCrowded.store(due.count > free, ordering: .relaxed)
        guard !due.isEmpty else { return [] }
        let token = core.runtime.token()
        let leaseEnd = now + core.settings.leaseMs
        guard Work.isShared, due.count > free else {
            return try await core.database.write { tx in
                try LaneStore.claim(Work.kind, now: now, leaseEnd: leaseEnd, token: token, limit: free, tx)
            }
        }
        let ids = try await share(due, free, at: now)
        owned.isCrowded.store(due.count > ids.count, ordering: .relaxed)
        return try await core.database.write { tx in
            try LaneStore.claim(ids, now: now, leaseEnd: leaseEnd, token: token, tx)
        }
    }

    private func share(_ due: [LaneStore.Due], _ free: Int, at now: Instant) async throws -> [Int64] {
        var due = due
        if due.count == Self.looked {
            let crowding = FairHands.crowding(due.map(\.environmentID))
            due += try await core.database.read { db in
                try LaneStore.due(Work.kind, now: now, limit: Self.looked, butOf: crowding, db)
            }
        }
        var held: [Int64: Int] = [:]
        for (lease, turn) in owned.leases.withLock({ $0 }) where turn.standing(at: now) == .busy {
            held[lease.environmentID, default: 0] += 1
        }
        let chosen = FairHands.choose(due.map(\.environmentID), held: held, free: free)
        return chosen.map { due[$0].laneID }
    }

    private func release(_ lease: LaneLease, _ progress: LaneProgress) async throws {
        let now = core.runtime.now()
        try await core.database.write { tx in
            if case .held(let until) = progress, until > now {
                try LaneStore.hold(lease, until: until, now: now, tx)
            } else {
                try LaneStore.release(lease, Work.kind, notBefore: now, tx)
            }
        }
    }
}
