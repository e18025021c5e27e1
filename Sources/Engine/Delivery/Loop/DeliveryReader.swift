import Domain
import Storage

/// How far a lane was read, so that what is under way is not read again.
struct LaneCursor: Sendable {
    /// Where each turn goes on; absent is the start.
    var places: [DeliveryPass: DeliveryStore.Place] = [:]
    /// Turns in which nothing more is due.
    var exhausted: Set<DeliveryPass> = []
    /// When what is not due yet will be.
    var nextDue: Instant?
    var reads = 0
    /// Of the bodies that were read last, on average.
    var bodyBytes = 0

    /// Everything is looked at anew: something may have come in behind, but for where order is kept.
    mutating func reopen() {
        places = places.filter { $0.key == .ordered }
        exhausted = []
        nextDue = nil
    }

    mutating func note(due: Instant) { nextDue = min(nextDue ?? due, due) }
}

/// What a look at a lane found.
enum LaneLook: Sendable {
    case gone
    /// The endpoint is paused or disabled.
    case resting
    /// What waits is to be put into other lanes or turns first.
    case misplaced(WebhookEndpoint)
    case batch(LaneBatch)
}

struct LaneBatch: Sendable {
    var plan: SendPlan
    var items: [DeliveryItem] = []
    /// Deliveries of which nothing is left: their connection was removed.
    var dropped: [Int64] = []
    var cursor: LaneCursor
    var isDry: Bool
    /// Read with the first batch.
    var health: EndpointHealth?
    /// The endpoint counts as broken: these are what waited the longest.
    var isProbe = false
    /// A probe is to wait for a retry that is due in a moment.
    var waitUntil: Instant?
}

/// Reads what a lane has due, the first attempts first; to a broken endpoint, what was refused before.
struct DeliveryReader {
    /// With more waiting than one read takes, each so many reads begin with retries, so that they come too.
    private static let turnabout = 8
    /// While an older transaction is open it is looked again so soon where order is kept.
    private static let horizonMs: Int64 = 20

    let core: Core
    let lease: LaneLease

    /// - Parameters:
    ///   - isBroken: whether the endpoint counts as broken; nil: its health tells.
    ///   - known: where it goes, as it was read last.
    func read(
        _ cursor: LaneCursor, busy: Set<Int64>, count: Int, isBroken: Bool?, _ known: SendPlan?
    ) async throws -> LaneLook {
        let now = core.runtime.now()
        let (core, lease) = (core, lease)
        let changes = core.wakes.targets.count
        return try await core.database.read { db in
            let isFirst = cursor.reads == 0
            guard let plan = try plan(isFirst ? nil : known, changes, at: now, db) else { return .gone }
            let endpoint = plan.endpoint
            guard endpoint.status == .active else { return .resting }
            if isFirst, try LaneOrder.isMisplaced(lease, endpoint, db) { return .misplaced(endpoint) }
            let health =
                isFirst
                ? try EndpointHealthStore.find(DeliveryLanes.endpoint(lease.subject), lease.scope, db) : nil
            var look = Look(
                cursor: cursor, busy: busy, count: count, now: now, complete: endpoint.mayWantComplete)
            look.cursor.reads += 1
            if LaneOrder.isOrdered(lease, endpoint) {
                try look.readOrdered(lease.laneID, db)
            } else {
                look.isProbe = isBroken ?? health.map { EndpointPacer(failures: $0.failures).isBroken } ?? false
                try look.readTurns(lease.laneID, isTurned: cursor.reads % Self.turnabout == Self.turnabout - 1, db)
            }
            return .batch(try batch(look, plan, health, db))
        }
    }

    private func plan(
        _ known: SendPlan?, _ changes: Int, at now: Instant, _ db: any SQLConnection
    ) throws -> SendPlan? {
        if let known, known.isYoung(changes, at: now) { return known }
        return try DeliveryTarget.load(lease.subject, lease.scope, core, db).map {
            SendPlan($0, changes: changes, at: core.runtime.now())
        }
    }

    private func batch(
        _ look: Look, _ plan: SendPlan, _ health: EndpointHealth?, _ db: any SQLConnection
    ) throws -> LaneBatch {
        var batch = LaneBatch(plan: plan, cursor: look.cursor, isDry: look.isDry, health: health)
        batch.isProbe = look.isProbe
        batch.waitUntil = look.waitUntil
        var parts: [Int64: EventParts] = [:]
        batch.items.reserveCapacity(look.rows.count)
        for row in look.rows {
            if let (whole, isComplete) = try members(row, plan.endpoint, db) {
                var members = whole
                if row.part > 0 {
                    let split = try parts[row.eventID] ?? EventParts(whole)
                    parts[row.eventID] = split
                    members = split.body(part: Int(row.part))
                }
                batch.items.append(
                    DeliveryItem(delivery: row, members: members, isComplete: isComplete, plan: batch.plan))
            } else {
                batch.dropped.append(row.id)
            }
        }
        if !batch.items.isEmpty {
            batch.cursor.bodyBytes = batch.items.reduce(0) { $0 + $1.members.count } / batch.items.count
        }
        return batch
    }

    /// nil when the connection was removed a moment ago: its key is gone, and so is what could be told.
    private func members(
        _ row: DueDelivery, _ endpoint: WebhookEndpoint, _ db: any SQLConnection
    ) throws -> (members: [UInt8], isComplete: Bool)? {
        guard let complete = row.complete, endpoint.payload(for: row.type) == .complete else {
            return (row.thin, false)
        }
        do {
            return (try core.vault.open(complete, Outbox.sealing(lease.scope, row.connectionID), on: db), true)
        } catch VaultError.shredded {
            return nil
        }
    }

    /// One look, while it is made.
    private struct Look {
        var cursor: LaneCursor
        let busy: Set<Int64>
        let count: Int
        let now: Instant
        let complete: Bool
        var rows: [DueDelivery] = []
        var isDry = false
        var isProbe = false
        var waitUntil: Instant?

        /// The turns in their order until one has something.
        mutating func readTurns(_ lane: Int64, isTurned: Bool, _ db: any SQLConnection) throws {
            if isProbe { return try readProbes(lane, db) }
            let turns: [DeliveryPass] = isTurned ? [.retry, .replay, .first] : [.first, .retry, .replay]
            for pass in turns where !cursor.exhausted.contains(pass) {
                let isOthersTurn = isTurned && pass != .first
                try read(lane, pass, isOthersTurn ? max(1, count / DeliveryReader.turnabout) : count, db)
                if !rows.isEmpty { break }
            }
            isDry = turns.allSatisfy(cursor.exhausted.contains)
        }

        /// What was refused before comes first, so that a receiver that takes it now is not asked for more that is new
        /// to it; all the rest keeps its attempts.
        private mutating func readProbes(_ lane: Int64, _ db: any SQLConnection) throws {
            let turns: [DeliveryPass] = [.retry, .first, .replay]
            for pass in turns where !cursor.exhausted.contains(pass) {
                try read(lane, pass, 1, db)
                if !rows.isEmpty { break }
                if pass == .retry, let due = cursor.nextDue, due > now, due - now <= EndpointPacer.probeWaitMs {
                    waitUntil = due
                    return
                }
            }
            isDry = turns.allSatisfy(cursor.exhausted.contains)
        }

        private mutating func read(
            _ lane: Int64, _ pass: DeliveryPass, _ wanted: Int, _ db: any SQLConnection
        ) throws {
            let place = cursor.places[pass] ?? .start
            let found = try DeliveryStore.list(
                lane: lane, pass, after: place, count: wanted + (place == .start ? busy.count : 0), complete: complete,
                db)
            take(found.rows, pass, isFull: found.isFull) { DeliveryStore.Place(at: $0.dueAt.ms, id: $0.id) }
        }

        mutating func readOrdered(_ lane: Int64, _ db: any SQLConnection) throws {
            let place = cursor.places[.ordered] ?? .start
            let horizon = try EventReads.horizon(db).place.batch
            let found = try DeliveryStore.ordered(
                lane: lane, after: place, upTo: horizon, count: count + (place == .start ? busy.count : 0),
                complete: complete, db)
            take(found.rows, .ordered, isFull: found.isFull) { DeliveryStore.Place(at: $0.batch, id: $0.id) }
            if !found.isFull, try DeliveryStore.isBehind(horizon, lane: lane, db) {
                cursor.note(due: now + DeliveryReader.horizonMs)
            }
            isDry = cursor.exhausted.contains(.ordered)
        }

        /// What was never tried is due whatever the clock said when it was committed.
        private func isDue(_ row: DueDelivery) -> Bool {
            row.attempts == 0 && row.pass != .replay && row.crashes == 0 || row.dueAt <= now
                || row.dueAt - now > RetrySchedule.delayMsMax + 60_000
        }

        private mutating func take(
            _ found: [DueDelivery], _ pass: DeliveryPass, isFull: Bool, _ place: (DueDelivery) -> DeliveryStore.Place
        ) {
            if !isFull { cursor.exhausted.insert(pass) }
            for row in found {
                guard isDue(row) else {
                    cursor.exhausted.insert(pass)
                    cursor.note(due: row.dueAt)
                    return
                }
                cursor.places[pass] = place(row)
                if !busy.contains(row.id) { rows.append(row) }
            }
        }
    }
}
