import Domain
import Logging
import Storage

/// Spreads what a lane has overdue, before its owner would do all of it at once.
struct Spreader {
    private static let batchSize = 2000
    /// A lane that stays late is looked through so seldom.
    static let pauseMs: Int64 = 30_000

    let core: Core
    let lease: LaneLease

    static func isLate(_ first: DueConnection, _ environment: Domain.Environment, _ core: Core) -> Bool {
        environment.virtual(core.runtime.now()) - first.schedule.dueAt > CatchUp.lateMs
    }

    /// - Parameter busy: those that are under way, which stay as they are.
    /// - Returns: how many were moved.
    @discardableResult
    func spread(busy: Set<ID<Connection>>) async throws -> Int {
        let environment = try await core.environment(of: lease)
        let now = environment.virtual(core.runtime.now())
        let before = now + -CatchUp.lateMs
        let laneID = lease.laneID
        guard let oldest = try await core.database.read({ try ScheduleSpread.oldest(lane: laneID, $0) }),
            oldest < before
        else { return 0 }
        let rule = CatchUp(now: now, oldest: oldest)
        var moved = 0
        var last: OverdueConnection?
        while true {
            let from = last
            let page = try await core.database.read {
                try ScheduleSpread.overdue(lane: laneID, before: before, after: from, limit: Self.batchSize, $0)
            }
            let free = page.filter { !busy.contains(ID(trusted: $0.id)) }
            guard from != nil || free.count >= CatchUp.countMin else { return 0 }
            let slots = free.compactMap { overdue in rule.slot(overdue).map { (overdue, $0) } }
            try await move(slots)
            moved += slots.count
            last = page.last
            guard page.count == Self.batchSize else { break }
        }
        if moved > 0 {
            core.logger.notice(
                "overdue connections are spread", metadata: ["lane": "\(laneID)", "count": "\(moved)"])
        }
        return moved
    }

    private func move(_ slots: [(overdue: OverdueConnection, due: Instant)]) async throws {
        guard !slots.isEmpty else { return }
        let leaseEnd = core.runtime.now() + core.settings.leaseMs
        try await core.database.write { tx in
            try LaneStore.renew(lease, until: leaseEnd, tx)
            for (overdue, due) in slots { ScheduleSpread.move(overdue, to: due, lease.scope, tx) }
        }
    }
}
