import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Control of refreshes") struct ScheduleTests {
    private func linked(
        _ database: Database, _ refresh: JSONValue = true
    ) async throws -> (world: World, id: String) {
        let world = try await World.make(on: database)
        try await world.listen()
        let view = try await world.link { $0.refresh = refresh }
        try await world.settle()
        return (world, try #require(view.connectionID))
    }

    private func schedule(_ world: World, _ id: String) async throws -> Schedule {
        let found = try await world.core.database.read {
            try ScheduleStore.find(ID(trusted: id), world.scope, $0)
        }
        return try #require(found)
    }

    private func virtualNow(_ world: World) async throws -> Instant {
        try await world.core.environment(world.scope).virtual(world.runtime.now())
    }

    @Test("a changed interval holds at once, each product for itself, and is told once")
    func changed() async throws {
        try await onEveryDatabase { database in
            let (world, id) = try await linked(database)
            world.webhooks.forget()
            let change = RefreshChange(balance: .every(.fiveMinute), transactions: .onDemand)
            let view = try await world.services.schedules.change(id, change, in: world.environment())
            let now = try await virtualNow(world)
            let next = try #require(view.balance.nextAt)
            #expect(next > now && next - now <= RefreshInterval.fiveMinute.ms)
            #expect(view.transactions.interval == nil && view.transactions.nextAt == nil)
            #expect(view.nextAt == next)
            _ = try await world.services.schedules.change(id, change, in: world.environment())
            try await world.settle()
            let told = try world.webhooks.bodies("refresh.interval_changed")
            #expect(told.count == 1, "the same again is no change")
            let data = try #require(told.first?["data"])
            #expect(data["balance"]?["interval"]?.text == "five_minute")
            #expect(data["balance"]?["previous_interval"]?.text == "daily")
            #expect(data["balance"]?["effective_seconds"] == .integer(300))
            #expect(data["transactions"]?["interval"]?.isNull == true)
            _ = try await world.services.sandbox.advance(world.environment(), byMs: 3_600_000)
            while try await world.clocks.tick() {}
            let seen = try await schedule(world, id)
            let later = try await virtualNow(world)
            #expect(later - (try #require(seen.balanceSeen.okAt)) <= RefreshInterval.fiveMinute.ms)
            #expect(later - (try #require(seen.transactionsSeen.okAt)) >= 3_600_000)
        }
    }

    @Test("a paused connection is fetched only when asked; resumed, it makes good at once what it missed")
    func paused() async throws {
        try await onEveryDatabase { database in
            let (world, id) = try await linked(database, ["interval": "one_hour"])
            let before = try await schedule(world, id)
            let view = try await world.services.schedules.change(
                id, RefreshChange(isPaused: true), in: world.environment())
            #expect(view.pausedAt != nil && view.nextAt == nil)
            try await world.advance(days: 2)
            #expect(try await schedule(world, id).balanceSeen.okAt == before.balanceSeen.okAt)
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: id, products: [.balance], cause: .demand)
            try await world.settle()
            let asked = try await schedule(world, id)
            #expect(try #require(asked.balanceSeen.okAt) > (try #require(before.balanceSeen.okAt)))
            #expect(asked.transactionsSeen.okAt == before.transactionsSeen.okAt)
            #expect(asked.dueAt.ms == LaneStore.idleMs, "it rests again")
            _ = try await world.services.schedules.change(
                id, RefreshChange(isPaused: false), in: world.environment())
            try await world.settle()
            let resumed = try await schedule(world, id)
            #expect(try #require(resumed.transactionsSeen.okAt) >= (try #require(asked.balanceSeen.okAt)))
            #expect(resumed.pausedAt == nil && resumed.dueAt.ms < LaneStore.idleMs)
        }
    }

    @Test("a run that began before a change leaves what the change wrote")
    func overtaken() async throws {
        try await onEveryDatabase { database in
            let (world, id) = try await linked(database)
            let before = try await schedule(world, id)
            _ = try await world.services.schedules.change(
                id, RefreshChange(balance: .every(.oneMinute)), in: world.environment())
            let after = try await schedule(world, id)
            var stale = before
            let now = try await virtualNow(world)
            Rescheduler.advance(&stale, of: ID(trusted: id), fetched: [.balance, .transactions], now: now)
            let left = stale
            try await world.core.database.write { tx in
                try ScheduleStore.reschedule(
                    ID(trusted: id), left, due: Rescheduler.due(left), world.scope, tx)
            }
            let kept = try await schedule(world, id)
            #expect(kept.setting.balance == .oneMinute)
            #expect(kept.balanceDue == after.balanceDue && kept.dueAt == after.dueAt)
        }
    }

    @Test("a record is told when its newest data is there, and when its history is")
    func phases() async throws {
        try await onEveryDatabase { database in
            let (world, id) = try await linked(database)
            let told = try world.webhooks.bodies("refresh.phase_changed").map { $0["data"]?["phase"]?.text }
            #expect(told == ["full", "periodic"])
            let view = try await world.services.schedules.view(id, in: world.environment())
            #expect(view.phase == .periodic)
            world.webhooks.forget()
            try await world.advance(days: 3)
            #expect(try world.webhooks.bodies("refresh.phase_changed").isEmpty)
        }
    }

    @Test("the operator's floor lengthens an interval; what was asked for is kept, and the reason told")
    func floor() async throws {
        try await onEveryDatabase { database in
            let (world, id) = try await linked(database, ["interval": "one_minute"])
            #expect(try await schedule(world, id).balanceReason == nil)
            world.webhooks.forget()
            let bounded = try await World.make(on: database, sameAs: world, refreshFloor: .oneHour)
            _ = try await bounded.services.sandbox.advance(bounded.environment(), byMs: 3 * 3_600_000)
            while try await bounded.clocks.tick() {}
            try await bounded.settle()
            let told = try world.webhooks.bodies("refresh.interval_changed")
            #expect(told.count == 1)
            #expect(told.first?["data"]?["balance"]?["reason"]?.text == "operator_floor")
            #expect(told.first?["data"]?["balance"]?["effective_seconds"] == .integer(3600))
            let view = try await bounded.services.schedules.view(id, in: bounded.environment())
            #expect(view.balance.interval == .oneMinute)
            #expect(view.balance.effective == EffectiveInterval(ms: 3_600_000, reason: .operatorFloor))
        }
    }

    @Test("what a connection was linked without cannot be put on its schedule, and others' connections are unknown")
    func refused() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let link = try await world.link { $0.products = ["balance"] }
            let id = try #require(link.connectionID)
            await #expect(throws: DomainError.self) {
                try await world.services.schedules.change(
                    id, RefreshChange(transactions: .every(.daily)), in: world.environment())
            }
            let error = await #expect(throws: DomainError.self) {
                try await world.services.schedules.view(id, in: world.environment(.production))
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test("an app's interval holds for what it links from then on")
    func app() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let app = try #require(try await world.services.schedules.apps(in: world.environment()).first)
            let first = try await world.link()
            let set = try await world.services.schedules.setApp(
                app.id, refresh: ["interval": "six_hours"], in: world.environment())
            #expect(set.refresh == #"{"interval":"six_hours"}"#)
            let second = try await world.link(institution: "kuda-bank")
            func interval(_ link: LinkView) async throws -> RefreshInterval? {
                try await schedule(world, try #require(link.connectionID)).setting.balance
            }
            #expect(try await interval(first) == .daily)
            #expect(try await interval(second) == .sixHours)
            let error = await #expect(throws: DomainError.self) {
                try await world.services.schedules.setApp(
                    app.id, refresh: ["interval": "weekly"], in: world.environment())
            }
            #expect(error?.field == "refresh.interval")
        }
    }
}
