import Domain
import Logging
import Storage

/// Keeps a lane's bank as busy as it may be: connections are read in batches while others are fetched, a run that ends
/// makes room for the next, and what runs leave is written together while more are under way. One slow run holds up
/// none of the others.
struct RefreshPipeline {
    /// Connections that are read at once.
    private static let batchSize = 128
    /// A lane whose next connection is due so soon is kept: giving it back and taking it again would cost more.
    private static let lingerMs: Int64 = 250
    /// A lane that waits looks so often whether somebody rang.
    private static let lookMs: Int64 = 20
    /// A connection whose run broke in a way nobody foresaw rests so long, so that it holds up none of the others.
    private static let parkMs: Int64 = 60_000

    let core: Core
    let lease: LaneLease
    let runsMax: Int

    /// What was read of the lane.
    private struct Batch: Sendable {
        var environment: Domain.Environment
        var due: [DueConnection]
        /// There is more that is due.
        var isFull: Bool
        /// When the next connection will be due, in machine time.
        var nextDue: Instant?
        /// The environment's clock is to be moved, for which its lanes are needed.
        var isWanted: Bool
    }

    private enum Happened: Sendable {
        case read(Batch)
        case ended(ID<Connection>, Syncer.Left?)
        case written([ID<Connection>])
        case waited
    }

    private struct State {
        var environment: Domain.Environment?
        var ready: [DueConnection] = []
        /// Read, under way, or not written yet.
        var busy: Set<ID<Connection>> = []
        var left: [Syncer.Left] = []
        var running = 0
        var isReading = false
        var isWriting = false
        var isWaiting = false
        /// Nothing is due but what is busy.
        var isDry = false
        var nextDue: Instant?
        /// The bank may not be asked before this, in machine time.
        var heldUntil: Instant?
        var isWanted = false
        /// When it was last looked whether there is more overdue than is to be done at once.
        var spreadAt = Instant(ms: 0)
        /// How often the bell had rung when the lane was read last.
        var rings: UInt64 = 0

        var isIdle: Bool { running == 0 && left.isEmpty && !isWriting && !isReading }

        mutating func take(_ batch: Batch) {
            environment = batch.environment
            ready += batch.due
            busy.formUnion(batch.due.map(\.connection.id))
            isDry = !batch.isFull
            nextDue = batch.nextDue
            isWanted = batch.isWanted
        }
    }

    // MARK: two ways of working

    /// At most one batch.
    func piece() async throws -> LaneProgress {
        let batch = try await read(limit: runsMax, busy: [])
        guard !batch.due.isEmpty else { return .empty }
        var state = State()
        state.take(batch)
        return try await work(state, refills: false) { false }
    }

    /// Until nothing is due for a while, or the lane is to be given back.
    func drain(until isOver: @escaping @Sendable () -> Bool) async throws -> LaneProgress {
        try await work(State(), refills: true, isOver)
    }

    private typealias Tasks = ThrowingTaskGroup<Happened, any Error>

    private func work(
        _ begun: State, refills: Bool, _ isOver: @Sendable () -> Bool
    ) async throws -> LaneProgress {
        try await withThrowingTaskGroup(of: Happened.self) { group in
            var state = begun
            while true {
                let goesOn = !isOver()
                if goesOn { try await start(&state, &group) }
                startWriting(&state, &group)
                if refills, goesOn { startReading(&state, &group) }
                if state.isIdle {
                    if let until = state.heldUntil { return .held(until: until) }
                    guard goesOn, refills, isWorthWaiting(state) else {
                        group.cancelAll()
                        if state.isWanted { core.wakes.clocks.ring() }
                        return refills && goesOn ? .empty : .more
                    }
                }
                if refills, state.isDry { startWaiting(&state, &group) }
                guard let happened = try await group.next() else { return .empty }
                note(happened, &state)
            }
        }
    }

    private func isWorthWaiting(_ state: State) -> Bool {
        guard !state.isWanted, let due = state.nextDue else { return false }
        return due <= core.runtime.now() + Self.lingerMs
    }

    private func note(_ happened: Happened, _ state: inout State) {
        switch happened {
        case .read(let batch):
            state.isReading = false
            state.take(batch)
        case .ended(let id, let left):
            state.running -= 1
            if let left { state.left.append(left) } else { state.busy.remove(id) }
        case .written(let ids):
            state.isWriting = false
            state.busy.subtract(ids)
        case .waited:
            state.isWaiting = false
            state.isDry = false
        }
    }

    // MARK: what is started

    private func start(_ state: inout State, _ group: inout Tasks) async throws {
        state.heldUntil = nil
        guard !state.ready.isEmpty, state.running < runsMax, let environment = state.environment else { return }
        let permits = try await core.gate.permits(lease.subject, environment, core)
        let count = min(state.ready.count, runsMax - state.running, permits.count)
        if count <= 0 {
            let until = permits.until ?? environment.virtual(core.runtime.now()) + 1000
            state.heldUntil = until + -environment.offsetMs
            return
        }
        for due in state.ready.prefix(count) {
            group.addTask { .ended(due.connection.id, try await run(due, environment)) }
        }
        state.ready.removeFirst(count)
        state.running += count
    }

    /// One run; a failure that nobody foresaw is that of its connection alone.
    private func run(_ due: DueConnection, _ environment: Domain.Environment) async throws -> Syncer.Left? {
        do {
            return try await Syncer(core: core).run(due, environment, lease)
        } catch let error where !(error is LeaseLost || error is CancellationError) {
            core.logger.error(
                "refresh broke", metadata: ["connection": "\(due.connection.id)", "error": "\(error)"])
            let until = environment.virtual(core.runtime.now()) + Self.parkMs
            let leaseEnd = core.runtime.now() + core.settings.leaseMs
            try await core.database.write { tx in
                try LaneStore.renew(lease, until: leaseEnd, tx)
                try QuietRefreshes.park(due.connection.id, until: until, lease.scope, tx)
            }
            return nil
        }
    }

    private func startWriting(_ state: inout State, _ group: inout Tasks) {
        guard !state.isWriting, !state.left.isEmpty else { return }
        let left = state.left
        state.left = []
        state.isWriting = true
        group.addTask {
            try await Syncer.write(left, lease, core)
            return .written(left.map(\.connection))
        }
    }

    private func startReading(_ state: inout State, _ group: inout Tasks) {
        guard !state.isReading, !state.isDry, state.heldUntil == nil, state.ready.count < runsMax else { return }
        state.isReading = true
        state.rings = core.wakes.refreshes.rings
        let busy = state.busy
        let isFirst = core.runtime.now() - state.spreadAt >= Spreader.pauseMs
        if isFirst { state.spreadAt = core.runtime.now() }
        group.addTask {
            let batch = try await read(limit: Self.batchSize, busy: busy)
            guard isFirst, let first = batch.due.first, Spreader.isLate(first, batch.environment, core),
                try await Spreader(core: core, lease: lease).spread(busy: busy) > 0
            else { return .read(batch) }
            return .read(try await read(limit: Self.batchSize, busy: busy))
        }
    }

    private func startWaiting(_ state: inout State, _ group: inout Tasks) {
        guard !state.isWaiting else { return }
        state.isWaiting = true
        let (due, rings) = (state.nextDue, state.rings)
        group.addTask {
            try await wait(until: due, rings: rings)
            return .waited
        }
    }

    /// Returns when the next connection is due, when somebody rang, or after a while.
    private func wait(until due: Instant?, rings: UInt64) async throws {
        let poll = core.runtime.now() + core.settings.pollMs
        let end = due.map { min($0, poll) } ?? poll
        while core.runtime.now() < end, core.wakes.refreshes.rings == rings {
            try await core.runtime.sleep(until: min(end, core.runtime.now() + Self.lookMs))
        }
    }

    // MARK: reading

    private func read(limit: Int, busy: Set<ID<Connection>>) async throws -> Batch {
        let (lease, vault) = (lease, core.vault)
        let machineNow = core.runtime.now()
        return try await core.database.read { db in
            guard let environment = try TenantStore.environment(lease.environmentID, db) else {
                throw DomainError.notFound("environment")
            }
            let now = environment.virtual(machineNow)
            let ids = try RefreshBatch.due(lane: lease.laneID, now: now, limit: limit, busy: busy, db)
            let isFull = ids.count == limit
            let next = isFull ? nil : try RefreshBatch.nextDue(lane: lease.laneID, after: now, db)
            let isSandbox = environment.kind == .sandbox
            let job = isSandbox ? try ClockStore.job(lease.scope, db) : nil
            return Batch(
                environment: environment, due: try RefreshBatch.load(ids, lease.scope, vault, db), isFull: isFull,
                nextDue: next.map { $0 + -environment.offsetMs }, isWanted: job.map { !$0.hasArrived } ?? false)
        }
    }
}
