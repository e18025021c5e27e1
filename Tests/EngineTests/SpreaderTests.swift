import Domain
import TestKit
import Testing

@testable import Engine
@testable import Storage

@Suite("Overdue connections of a lane") struct SpreaderTests {
    private static let count = 3000

    /// Copies of one linked connection, all of one interval and due as they are in a steady interval.
    private func fleet(_ database: Database, _ interval: RefreshInterval) async throws -> (World, LaneLease) {
        let world = try await World.make(on: database)
        let link = try await world.link { $0.refresh = ["interval": .string(interval.rawValue)] }
        try await world.settle()
        let model: ID<Connection> = ID(trusted: try #require(link.connectionID))
        let (scope, now) = (world.scope, world.runtime.now())
        let lease = try await database.write { tx -> LaneLease? in
            let connection = try ConnectionStore.find(model, scope, tx.db)
            let schedule = try ScheduleStore.find(model, scope, tx.db)
            guard var connection, let schedule else { return nil }
            for number in 0..<Self.count {
                let digits = String(number, radix: 16)
                connection.id = ID(
                    trusted: "6740a1b2c3d4e5f607" + String(repeating: "0", count: 6 - digits.count) + digits)
                connection.authID = ID(trusted: connection.id.hex)
                try ConnectionStore.create(connection, scope, tx)
                let due = Spread.next(after: now, periodMs: interval.ms, phase: Spread.phase(connection.id.hex))
                try ScheduleStore.create(
                    connection.id, laneID: schedule.laneID, setting: schedule.setting, due: due, scope, tx)
                var own = schedule
                own.balanceDue = due
                own.transactionsDue = due
                try ScheduleStore.control(connection.id, own, due: due, scope, tx)
            }
            return try LaneStore.claimAll(
                .refresh, scope, now: now, leaseEnd: now + 86_400_000, token: 7, tx)?.first
        }
        return (world, try #require(lease))
    }

    private func dues(_ world: World, _ lease: LaneLease, after: Instant) async throws -> [Instant] {
        try await world.core.database.read { db in
            try db.query(
                "SELECT due_ms FROM refresh_schedule WHERE lane_id = $1 AND due_ms > $2",
                [.integer(lease.laneID), .at(after)]
            ) { $0.instant(0) }
        }
    }

    @Test("after ten minutes without a scheduler what is overdue is spread, once, over five and a half minutes")
    func outage() async throws {
        try await onEveryDatabase { database in
            let (world, lease) = try await fleet(database, .thirtyMinute)
            world.runtime.advance(milliseconds: 600_000)
            let now = world.runtime.now()
            let moved = try await Spreader(core: world.core, lease: lease).spread(busy: [])
            // A third of thirty minutes, but for the last two seconds.
            #expect((900...1100).contains(moved), "\(moved)")
            let soon = try await dues(world, lease, after: now).filter { $0 - now <= 330_000 }
            #expect(soon.count >= moved, "those that are moved, and those whose turn it is")
            #expect(Double(soon.count) <= 3.1 * Double(Self.count) * 330 / 1800)
            var minutes = Array(repeating: 0, count: 5)
            for due in soon where due - now <= 300_000 { minutes[Int((due - now - 1) / 60_000)] += 1 }
            let mean = Double(minutes.reduce(0, +)) / 5
            #expect(Double(minutes.max() ?? 0) / mean < 1.2, "\(minutes)")
            #expect(try await Spreader(core: world.core, lease: lease).spread(busy: []) == 0, "each once")
        }
    }

    @Test("what was asked for, what is under way, and those of a minute stay due")
    func kept() async throws {
        try await onEveryDatabase { database in
            let (world, lease) = try await fleet(database, .daily)
            let (scope, start) = (world.scope, world.runtime.now())
            let first = try await database.read { db in
                try ScheduleSpread.overdue(
                    lane: lease.laneID, before: start + 3_600_000, after: nil, limit: 3, db)
            }
            try #require(first.count == 3)
            let asked: ID<Connection> = ID(trusted: first[0].id)
            let fast: ID<Connection> = ID(trusted: first[1].id)
            let busy: ID<Connection> = ID(trusted: first[2].id)
            world.runtime.advance(milliseconds: 3_600_000)
            let now = world.runtime.now()
            _ = try await world.services.refreshes.request(
                scope: scope, accountID: nil, connectionID: asked.hex, products: [.balance], cause: .demand)
            try await database.write { tx in
                guard var schedule = try ScheduleStore.find(fast, scope, tx.db) else { return }
                schedule.setting = RefreshSetting(balance: .oneMinute, transactions: nil)
                schedule.balanceEffectiveMs = nil
                schedule.balanceDue = now + -20_000
                try ScheduleStore.control(fast, schedule, due: now + -20_000, scope, tx)
            }
            let moved = try await Spreader(core: world.core, lease: lease).spread(busy: [busy])
            #expect(moved > 80)
            let due = try await database.read { try ScheduleStore.due(lane: lease.laneID, now: now, limit: 99, $0) }
            #expect(Set(due).isSuperset(of: [asked, fast, busy]))
            #expect(due.count <= 5, "and what has waited for less than two seconds")
        }
    }

    @Test("a few that are overdue are done at once, and a lane that is lost is left alone")
    func few() async throws {
        try await onEveryDatabase { database in
            let (world, lease) = try await fleet(database, .daily)
            world.runtime.advance(milliseconds: 120_000)
            let count = try await dues(world, lease, after: Instant(ms: 0)).filter {
                $0 <= world.runtime.now() + -CatchUp.lateMs
            }.count
            try #require(count < CatchUp.countMin, "\(count)")
            #expect(try await Spreader(core: world.core, lease: lease).spread(busy: []) == 0)
            world.runtime.advance(milliseconds: 3_600_000)
            let now = world.runtime.now()
            try await database.write { try LaneStore.release(lease, .refresh, notBefore: now, $0) }
            await #expect(throws: LeaseLost.self) {
                try await Spreader(core: world.core, lease: lease).spread(busy: [])
            }
        }
    }
}
