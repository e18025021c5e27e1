import Domain
import Logging
import Storage

/// Works through one lane: what is due is read while what was read is sent and what came back is written, so that none
/// of the three waits for another. Nobody else has the lane.
struct DeliveryRun {
    /// Rows that are read ahead for each request at once.
    private static let aheadPerRequest = 8
    private static let readMin = 64
    private static let readMax = 512
    /// Of bodies that are large fewer are read ahead, down to an eighth of `readMin`.
    private static let readBytesMax = 2 << 20
    /// A lane with nothing left is kept so long: what comes next then needs no claim.
    static let lingerMs: Int64 = 1000
    /// A lane whose endpoint is to be left alone for longer is given back meanwhile.
    private static let holdMs: Int64 = 250
    /// What was committed behind the place that was reached is found after so long.
    private static let lookBackMs: Int64 = 1000
    /// A paused or disabled endpoint is looked at again so often, beside being woken when it is resumed.
    private static let restMs: Int64 = 60_000
    /// Lanes that go before this one have something left.
    private static let behindMs: Int64 = 100
    /// Owners before this one that died, from which on it is careful.
    private static let crashesMin = 2
    /// A server that is killed again and again seems to be brought down by what harms nobody: what was under way is put
    /// aside, the longer the oftener, and is given up only when it still does.
    static let asideMs: [Int64] = [1000, 5000, 30_000, 60_000, 5 * 60_000]
    static let marksMax = 6

    let core: Core
    let lease: LaneLease
    let sender: DeliverySender
    let paces: EndpointPaces
    /// nil: one batch, without waiting for anything.
    let turn: LaneTurn?

    enum Happened: Sendable {
        case read(LaneLook)
        case written([Int64], since: Instant, next: Instant?, isDisabled: Bool)
        case called
        case waited(isRung: Bool)
    }

    /// What only the coordinator knows.
    struct State {
        var cursor = LaneCursor()
        var pace: EndpointPace?
        var plan: SendPlan?
        var hasRead = false
        var hasSent = false
        /// The endpoint counts as broken: what is read waited the longest.
        var isProbing = false
        var end: LaneProgress?
        /// When the hold was first seen.
        var heldSince: Instant?
        var lookedBackAt: Instant
        var activeAt: Instant
        var rings: UInt64 = 0
        /// Sending lines that were begun, for taking the executors in turn.
        var lines = 0
    }

    typealias Tasks = ThrowingTaskGroup<Happened, any Error>

    func run() async throws -> LaneProgress {
        let bells = core.wakes.lanes
        bells.attend(lease.laneID)
        defer { bells.leave(lease.laneID) }
        let queue = DeliveryQueue(isCareful: lease.crashes >= Self.crashesMin)
        let now = core.runtime.now()
        var state = State(lookedBackAt: now, activeAt: now)
        defer { state.pace?.leave() }
        turn?.progressed(at: now)
        return try await withThrowingTaskGroup(of: Happened.self) { group in
            while true {
                let now = core.runtime.now()
                queue.with { queue in
                    queue.isCalled = false
                    if turn?.isOver == true { queue.isStopped = true }
                }
                endHold(queue, &state, at: now)
                forgetStale(queue, &state)
                turnToProbes(queue, &state)
                startWriting(queue, state, &group)
                startReading(queue, &state, &group)
                startSending(queue, &state, &group)
                if let end = ended(queue, state, at: now) {
                    group.cancelAll()
                    return end
                }
                startWaiting(queue, state, at: now, &group)
                guard let happened = try await group.next() else { return .more }
                try await note(happened, queue, &state)
            }
        }
    }

    // MARK: the end

    private func ended(_ queue: DeliveryQueue, _ state: State, at now: Instant) -> LaneProgress? {
        let (isIdle, held, isStopped, waiting, isDry, isGone) = queue.with {
            ($0.isIdle, $0.heldUntil, $0.isStopped, $0.waiting, $0.isDry, $0.isGone)
        }
        guard isIdle else { return nil }
        if let end = state.end { return end }
        if isGone { return .held(until: now + Self.restMs) }
        if let held, turn == nil || isStopped || held - now > Self.holdMs { return .held(until: held) }
        if isStopped || turn == nil && state.hasRead && waiting == 0 {
            // Whoever has the lane next knows nothing of what was sent in the last second.
            if let end = state.pace?.windowEnd, end > now { return .held(until: end) }
            return turn == nil && !state.hasSent && isDry ? .empty : .more
        }
        guard turn != nil, isDry, waiting == 0, held == nil else { return nil }
        return now - state.activeAt >= Self.lingerMs || now < state.activeAt ? .empty : nil
    }

    // MARK: what is started

    private func startWriting(_ queue: DeliveryQueue, _ state: State, _ group: inout Tasks) {
        let now = core.runtime.now()
        guard let pace = state.pace, let plan = state.plan, let found = queue.takeWritten(at: now) else { return }
        let isResting = queue.with { $0.waiting == 0 || $0.heldUntil != nil }
        let writer = DeliveryWriter(core: core, lease: lease, endpoint: plan.endpoint, pace: pace)
        group.addTask {
            let isDisabled = try await writer.write(found, isResting: isResting)
            return .written(
                found.records.map(\.deliveryID) + found.dropped, since: now,
                next: found.records.compactMap(\.nextDue).min(), isDisabled: isDisabled)
        }
    }

    private func startReading(_ queue: DeliveryQueue, _ state: inout State, _ group: inout Tasks) {
        let now = core.runtime.now()
        guard state.end == nil, turn != nil || !state.hasRead else { return }
        if state.cursor.nextDue.map({ $0 <= now }) ?? false || abs(now - state.lookedBackAt) >= Self.lookBackMs {
            state.lookedBackAt = now
            state.cursor.reopen()
            queue.with { $0.isDry = false }
        }
        let atOnce = state.pace?.atOnce ?? EndpointPacer.atOnceFirst
        let count = Self.ahead(atOnce: atOnce, state.cursor)
        let low = count / 2
        let isOrdered = state.plan.map { LaneOrder.isOrdered(lease, $0.endpoint) } ?? false
        let busy = queue.with { queue -> Set<Int64>? in
            queue.low = low
            guard !queue.isReading, !queue.isDry, !queue.isStopped, !queue.isGone, queue.heldUntil == nil,
                queue.waiting < low,
                // Where order is kept nothing is read anew before what was sent is written.
                !isOrdered || !state.cursor.places.isEmpty || queue.busy.isEmpty,
                // What was just refused is the next probe, once it is written.
                !state.isProbing || queue.busy.isEmpty
            else { return nil }
            queue.isReading = true
            return queue.busy
        }
        guard let busy else { return }
        let rings = core.wakes.lanes.rings(lease.laneID)
        // What is new goes before the retries and replays that are left, so it is looked for when something came in.
        if rings != state.rings { state.cursor.exhausted.remove(.first) }
        state.rings = rings
        let (cursor, reader, plan) = (state.cursor, DeliveryReader(core: core, lease: lease), state.plan)
        let isBroken = state.pace.map { _ in state.isProbing } ?? paces.isBroken(paceName)
        group.addTask { .read(try await reader.read(cursor, busy: busy, count: count, isBroken: isBroken, plan)) }
    }

    /// How many rows are read ahead.
    static func ahead(atOnce: Int, _ cursor: LaneCursor) -> Int {
        let most = max(readMin / 8, min(readMax, readBytesMax / max(1, cursor.bodyBytes)))
        return min(max(atOnce * aheadPerRequest, readMin), most)
    }

    private func startSending(_ queue: DeliveryQueue, _ state: inout State, _ group: inout Tasks) {
        guard let pace = state.pace, let plan = state.plan, state.end == nil else { return }
        let isOrdered = LaneOrder.isOrdered(lease, plan.endpoint)
        let atOnce = min(
            pace.atOnce, max(turn?.part(at: core.runtime.now()).share ?? Int.max, EndpointPacer.atOnceFirst))
        let count = queue.with { queue -> Int in
            guard !queue.isStopped, !queue.isGone, !queue.isStale, queue.heldUntil == nil else { return 0 }
            queue.most = isOrdered || queue.carefulLeft > 0 ? 1 : atOnce
            let count = max(0, min(queue.waiting, queue.most - queue.senders))
            queue.senders += count
            return count
        }
        guard count > 0 else { return }
        state.hasSent = true
        let line = SendingLine(
            core: core, lease: lease, sender: sender, queue: queue, pace: pace, turn: turn, isOrdered: isOrdered)
        let executors = sender.transport.executors
        for _ in 0..<count {
            state.lines += 1
            let executor = executors.isEmpty ? nil : executors[state.lines % executors.count]
            group.addTask(executorPreference: executor) {
                try await line.run()
                return .called
            }
        }
    }

    /// Until the next is due, somebody rang, or it is time to look again.
    private func startWaiting(_ queue: DeliveryQueue, _ state: State, at now: Instant, _ group: inout Tasks) {
        guard let turn else { return }
        // Also while the wait that was begun for its last requests goes on: others are to have its hand.
        if queue.with({ $0.isIdle && $0.isDry && $0.waiting == 0 && $0.heldUntil == nil }) { turn.linger() }
        let until = queue.with { queue -> Instant? in
            guard !queue.isWaiting, !queue.isStopped else { return nil }
            let held = queue.heldUntil
            guard held != nil || queue.isDry && queue.waiting == 0 else { return nil }
            queue.isWaiting = true
            return held ?? now + Self.lookBackMs
        }
        guard var until else { return }
        let isHeld = queue.with { $0.heldUntil != nil }
        if !isHeld {
            until = min(until, max(state.activeAt + Self.lingerMs, now + 1))
            if let due = state.cursor.nextDue { until = min(until, max(due, now + 1)) }
        }
        let (bells, lane, rings, runtime) = (core.wakes.lanes, lease.laneID, state.rings, core.runtime)
        group.addTask {
            if isHeld {
                try await runtime.sleep(until: until)
                return .waited(isRung: false)
            }
            await bells.wait(lane, after: rings, until: until, runtime)
            return .waited(isRung: bells.rings(lane) != rings)
        }
    }

    // MARK: what happened

    private func note(_ happened: Happened, _ queue: DeliveryQueue, _ state: inout State) async throws {
        let now = core.runtime.now()
        switch happened {
        case .read(let look): try await note(look, queue, &state)
        case .written(let done, let since, let next, let isDisabled):
            queue.wrote(done, in: abs(now - since), lanes: turn?.part(at: now).lanes ?? 1, at: now)
            if let next { state.cursor.note(due: next) }
            if isDisabled { state.end = .held(until: now + Self.restMs) }
        case .called:
            state.activeAt = now
            queue.with { $0.senders -= 1 }
        case .waited(let isRung):
            queue.with { $0.isWaiting = false }
            guard isRung else { return }
            state.cursor.reopen()
            queue.with { $0.isDry = false }
        }
    }

    private func note(_ look: LaneLook, _ queue: DeliveryQueue, _ state: inout State) async throws {
        let now = core.runtime.now()
        defer { queue.with { $0.isReading = false } }
        switch look {
        case .gone:
            let lane = lease.laneID
            let hasMore = try await core.database.write { tx in try DeliveryStore.drop(lane: lane, tx) }
            state.end = hasMore ? .more : .empty
        case .resting: state.end = .held(until: now + Self.restMs)
        case .misplaced(let endpoint):
            let (core, lease) = (core, lease)
            try await core.sequence.fill()
            let goesOn = try await core.database.write { tx in
                try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
                return try LaneOrder.settle(lease, endpoint, core, tx)
            }
            if !goesOn { state.end = .held(until: now + Self.behindMs) } else if turn == nil { state.end = .more }
        case .batch(let batch):
            if let plan = state.plan, plan.endpoint.ordering != batch.plan.endpoint.ordering {
                // Its next owner puts what waits where it belongs.
                queue.with { $0.isStopped = true }
                state.end = .more
                return
            }
            enter(batch, &state, at: now)
            state.cursor = batch.cursor
            state.isProbing = batch.isProbe
            if !batch.items.isEmpty {
                state.activeAt = now
                turn?.progressed(at: now)
            }
            queue.add(batch.items, dropped: batch.dropped)
            let headDue =
                LaneOrder.isOrdered(lease, batch.plan.endpoint) && batch.items.isEmpty
                ? batch.cursor.nextDue : nil
            queue.with { queue in
                queue.isDry = batch.isDry
                // What is first in order waits, and all the others with it.
                if let headDue, headDue - now > Self.holdMs, queue.senders == 0 { queue.heldUntil = headDue }
                if let until = batch.waitUntil, queue.senders == 0 { queue.heldUntil = until }
            }
            state.hasRead = true
        }
    }

    private func endHold(_ queue: DeliveryQueue, _ state: inout State, at now: Instant) {
        guard let until = queue.with({ $0.heldUntil }) else {
            state.heldSince = nil
            return
        }
        let since = state.heldSince ?? now
        state.heldSince = since
        // A clock that was set back has no hold of its own time.
        let isOver = until <= now || now < since
        if isOver {
            queue.with { $0.heldUntil = nil }
            state.heldSince = nil
        }
        guard isOver, let plan = state.plan, LaneOrder.isOrdered(lease, plan.endpoint) else { return }
        queue.clear()
        state.cursor = LaneCursor(reads: state.cursor.reads)
        queue.with { $0.isDry = false }
    }

    /// What was read for an endpoint that was well is put back when it turns out to be broken: the next is a probe.
    private func turnToProbes(_ queue: DeliveryQueue, _ state: inout State) {
        guard let pace = state.pace, let plan = state.plan, pace.isBroken != state.isProbing,
            !LaneOrder.isOrdered(lease, plan.endpoint), queue.with({ !$0.isReading })
        else { return }
        state.isProbing.toggle()
        guard state.isProbing else { return }
        queue.clear()
        state.cursor.reopen()
        queue.with { $0.isDry = false }
    }

    /// What was read is read again, now that where it goes was changed.
    private func forgetStale(_ queue: DeliveryQueue, _ state: inout State) {
        guard queue.with({ $0.isStale && !$0.isReading }) else { return }
        queue.clear()
        state.cursor = LaneCursor(reads: state.cursor.reads)
        queue.with { queue in
            queue.isStale = false
            queue.isDry = false
        }
        state.hasRead = false
    }

    private func enter(_ batch: LaneBatch, _ state: inout State, at now: Instant) {
        state.plan = batch.plan
        if let pace = state.pace { return pace.configure(batch.plan.endpoint, at: now) }
        let pace = paces.pace(of: paceName)
        pace.enter(batch.plan.endpoint, isElsewhere ? nil : batch.health, at: now)
        state.pace = pace
    }

    /// What goes to another URL for once tells nothing of the endpoint.
    private var isElsewhere: Bool { ReplayLane(subject: lease.subject) != nil }
    private var paceName: String { isElsewhere ? lease.subject : DeliveryLanes.endpoint(lease.subject) }
}
