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
    /// What falls due so soon is read with what is due, and asked when its time comes: read one by one, a connection
    /// costs nine statements.
    private static let aheadMs: Int64 = 100
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
        /// When the next connection after these will be due, in machine time.
        var nextDue: Instant?
        /// The environment's clock is to be moved, for which its lanes are needed.
        var isWanted: Bool
    }

    private enum Happened: Sendable {
        case read(Batch)
        case ended(ID<Connection>, Syncer.Left?)
        case written([ID<Connection>])
        /// There may be something to read.
        case waited(isDry: Bool)
    }

    private struct State {
        var environment: Domain.Environment?
        /// In the order of their due times, of which the last may be yet to come.
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

        /// In machine time.
        var nextStart: Instant? {
            guard let environment, let first = ready.first else { return nil }
            return first.schedule.dueAt + -environment.offsetMs
        }

        mutating func take(_ batch: Batch) {
            environment = batch.environment
            ready += batch.due
            ready.sort { $0.schedule.dueAt < $1.schedule.dueAt }
            busy.formUnion(batch.due.map(\.connection.id))
            isDry = !batch.isFull
            nextDue = batch.nextDue
            isWanted = batch.isWanted
        }
    }

    // MARK: two ways of working

    /// At most one batch.
    func piece() async throws -> LaneProgress {
        let batch = try await read(limit: runsMax, busy: [], ahead: 0)
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
                if refills, state.isDry || !state.ready.isEmpty { startWaiting(&state, &group) }
                guard let happened = try await group.next() else { return .empty }
                note(happened, &state)
            }
        }
    }

    private func isWorthWaiting(_ state: State) -> Bool {
        guard !state.isWanted, let due = state.nextStart ?? state.nextDue else { return false }
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
        case .waited(let isDry):
            state.isWaiting = false
            state.isDry = state.isDry && isDry
        }
    }

    // MARK: what is started

    private func start(_ state: inout State, _ group: inout Tasks) async throws {
        state.heldUntil = nil
        guard state.running < runsMax, let environment = state.environment else { return }
        let now = environment.virtual(core.runtime.now())
        let due = state.ready.prefix { $0.schedule.dueAt <= now }.count
        guard due > 0 else { return }
        let permits = try await core.gate.permits(lease.subject, environment, core)
        let count = min(due, runsMax - state.running, permits.count)
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
            let batch = try await read(limit: Self.batchSize, busy: busy, ahead: Self.aheadMs)
            guard isFirst, let first = batch.due.first, Spreader.isLate(first, batch.environment, core),
                try await Spreader(core: core, lease: lease).spread(busy: busy) > 0
            else { return .read(batch) }
            return .read(try await read(limit: Self.batchSize, busy: busy, ahead: Self.aheadMs))
        }
    }

    private func startWaiting(_ state: inout State, _ group: inout Tasks) {
        // Those that are due already wait for a run to end, or for the bank.
        let start = state.nextStart.flatMap { $0 > core.runtime.now() ? $0 : nil }
        guard !state.isWaiting, !state.isReading, state.isDry || start != nil else { return }
        state.isWaiting = true
        let (due, rings) = (state.nextDue, state.rings)
        group.addTask { .waited(isDry: try await wait(start: start, due: due, rings: rings)) }
    }

    /// Until a connection that was read is to be asked, the next is due, somebody rang, or a while is over.
    /// - Returns: whether there is nothing to read still.
    private func wait(start: Instant?, due: Instant?, rings: UInt64) async throws -> Bool {
        let poll = core.runtime.now() + core.settings.pollMs
        let read = due.map { min($0, poll) } ?? poll
        let end = start.map { min($0, read) } ?? read
        while core.runtime.now() < end, core.wakes.refreshes.rings == rings {
            try await core.runtime.sleep(until: min(end, core.runtime.now() + Self.lookMs))
        }
        return core.runtime.now() < read && core.wakes.refreshes.rings == rings
    }

    // MARK: reading

    private func read(limit: Int, busy: Set<ID<Connection>>, ahead: Int64) async throws -> Batch {
        let (lease, vault) = (lease, core.vault)
        let machineNow = core.runtime.now()
        return try await core.database.read { db in
            guard let environment = try TenantStore.environment(lease.environmentID, db) else { throw LeaseLost() }
            let now = environment.virtual(machineNow) + ahead
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
