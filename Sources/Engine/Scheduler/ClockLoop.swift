import Domain
import Logging
import ServiceLifecycle
import Storage

/// Moves sandbox clocks: from one due refresh to the next, so that each runs at its own date, then to the target.
/// The job is a row, so it goes on after a restart.
public struct ClockLoop: Service {
    private static let dueMax = 1000
    /// Nobody rings when the node that has a lane gives it back.
    private static let heldMs: Int64 = 1000

    private enum Progress { case idle, held, more }

    private let core: Core

    public init(core: Core) { self.core = core }

    /// Moves what there is to move whenever it is woken or `pollMs` have passed, until graceful shutdown.
    public func run() async throws {
        await withGracefulShutdownHandler {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                var progress = Progress.idle
                do {
                    repeat { progress = try await round() } while progress == .more && !Task.isShuttingDownGracefully
                } catch is LeaseLost {
                    core.logger.notice("clock lost to another node")
                } catch {
                    core.logger.error("clock failed", metadata: ["error": "\(error)"])
                }
                guard !Task.isShuttingDownGracefully else { return }
                let waitMs = progress == .held ? min(Self.heldMs, core.settings.pollMs) : core.settings.pollMs
                await core.wakes.clocks.wait(until: core.runtime.now() + waitMs, core.runtime)
            }
        } onGracefulShutdown: {
            core.wakes.clocks.ring()
        }
    }

    /// One step of each waiting job.
    /// - Returns: whether there is more to do now.
    public func tick() async throws -> Bool { try await round() == .more }

    private func round() async throws -> Progress {
        let jobs = try await core.database.read { try ClockStore.jobs($0) }
        var progress = Progress.idle
        for job in jobs {
            switch try await step(job) {
            case .more: progress = .more
            case .held where progress == .idle: progress = .held
            case .held, .idle: break
            }
        }
        return progress
    }

    /// - Returns: `.held` when another node works in one of the environment's lanes.
    private func step(_ job: ClockStore.Job) async throws -> Progress {
        let scope = Scope(environmentID: job.environmentID)
        let machineNow = core.runtime.now()
        let leaseEnd = machineNow + core.settings.leaseMs
        let token = core.runtime.token()
        let leases = try await core.database.write { tx in
            try LaneStore.claimAll(.refresh, scope, now: machineNow, leaseEnd: leaseEnd, token: token, tx)
        }
        guard let leases else { return .held }
        do {
            let isDone = try await advance(job, scope, leases)
            try await release(leases)
            return isDone ? .idle : .more
        } catch {
            try await release(leases)
            throw error
        }
    }

    /// - Returns: whether the target is reached.
    private func advance(_ job: ClockStore.Job, _ scope: Scope, _ leases: [LaneLease]) async throws -> Bool {
        let environment = try await core.environment(scope)
        let now = environment.virtual(core.runtime.now())
        let next = try await core.database.read { try ScheduleStore.nextDue(scope, $0) }
        guard let next, next.ms <= job.targetMs else {
            try await finish(job, scope, leases)
            return true
        }
        if next > now { try await setClock(scope, to: next, leases) }
        for lease in leases {
            let due = try await core.database.read {
                try ScheduleStore.due(lane: lease.laneID, now: max(next, now), limit: Self.dueMax, $0)
            }
            for id in due {
                // A run renews its own lane's lease; those of the others must not end meanwhile.
                if leases.count > 1 { try await hold(leases) }
                try await Syncer(core: core).run(id, lease: lease)
            }
        }
        try await core.database.write { try ClockStore.countRun(scope, $0) }
        return false
    }

    private func setClock(_ scope: Scope, to instant: Instant, _ leases: [LaneLease]) async throws {
        let offset = instant - core.runtime.now()
        try await hold(leases) { try TenantStore.setOffset(scope, offset, $0) }
    }

    private func finish(_ job: ClockStore.Job, _ scope: Scope, _ leases: [LaneLease]) async throws {
        let machineNow = core.runtime.now()
        try await hold(leases) { tx in
            try TenantStore.setOffset(scope, job.targetMs - machineNow.ms, tx)
            try DeliveryStore.makeDue(scope, now: machineNow, tx)
            try ClockStore.end(job, tx)
        }
        core.wakes.deliveries.set()
    }

    /// Writes only while this node owns the environment's lanes: one that was frozen meanwhile moves no clock.
    private func hold(
        _ leases: [LaneLease], _ body: @escaping @Sendable (Transaction) throws -> Void = { _ in }
    ) async throws {
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        try await core.database.write { tx in
            for lease in leases { try LaneStore.renew(lease, until: leaseEnd, tx) }
            try body(tx)
        }
    }

    private func release(_ leases: [LaneLease]) async throws {
        let now = core.runtime.now()
        try await core.database.write { tx in
            for lease in leases { try LaneStore.release(lease, .refresh, notBefore: now, tx) }
        }
        core.wakes.refreshes.set()
    }
}
