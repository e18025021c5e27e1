import Domain
import Synchronization
import TestKit
import Testing

@testable import Engine
@testable import Storage

/// What a bank was asked, by the environment's time as the test has it.
final class BankLog: Sendable {
    struct Entry: Sendable {
        let at: Instant
        let url: String
    }
    private let entries = Mutex<[Entry]>([])
    private let clock = Mutex<(@Sendable () -> Instant)?>(nil)
    private let underWay = Mutex((now: 0, most: 0))

    func read(_ clock: @escaping @Sendable () -> Instant) { self.clock.withLock { $0 = clock } }

    func begin(_ url: String) {
        let at = clock.withLock { $0 }?() ?? Instant(ms: 0)
        entries.withLock { $0.append(Entry(at: at, url: url)) }
        underWay.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
    }

    func end() { underWay.withLock { $0.now -= 1 } }

    var all: [Entry] { entries.withLock { $0 } }
    var mostAtOnce: Int { underWay.withLock { $0.most } }
    func count(_ part: String) -> Int { all.filter { $0.url.contains(part) }.count }
    func clear() {
        entries.withLock { $0 = [] }
        underWay.withLock { $0.most = $0.now }
    }

    /// The most calls that any window of this length held.
    func most(inMs window: Int64) -> Int {
        let times = all.map(\.at.ms).sorted()
        return times.indices.map { index in times[...index].count { $0 > times[index] - window } }.max() ?? 0
    }
}

/// Writes down what passes.
struct LoggedTransport: HTTPTransport {
    let inner: any HTTPTransport
    let log: BankLog

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        log.begin(request.url)
        defer { log.end() }
        return try await inner.send(request)
    }
}

@Suite(.timeLimit(.minutes(30))) struct BankGateTests {
    private func onWorld(
        fault: @escaping @Sendable (HTTPRequestData, Int) -> TransportFault? = { _, _ in nil },
        _ body: (World, BankLog) async throws -> Void
    ) async throws {
        try await onEveryDatabase { database in
            let log = BankLog()
            let world = try await World.make(on: database) {
                LoggedTransport(inner: FaultyTransport($0, fault: fault), log: log)
            }
            log.read { [runtime = world.runtime] in runtime.now() }
            try await body(world, log)
        }
    }

    private func set(_ setting: BankSetting, _ world: World, _ institution: String = "access-bank") async throws {
        try await world.core.database.write { try BankStore.set(setting, of: institution, .sandbox, $0) }
        world.runtime.advance(milliseconds: BankGate.freshMs)
    }

    private func link(_ count: Int, _ world: World) async throws -> [ID<Connection>] {
        var app = try await world.services.tenants.apps(world.environment())[0]
        app.relink = .allow
        try await world.services.tenants.update(app, in: world.environment())
        var made: [ID<Connection>] = []
        for _ in 0..<count {
            let view = try await world.link()
            made.append(ID(trusted: try #require(view.connectionID)))
        }
        try await world.settle()
        return made
    }

    private func schedule(_ id: ID<Connection>, _ world: World) async throws -> Schedule {
        let scope = world.scope
        return try #require(try await world.core.database.read { try ScheduleStore.find(id, scope, $0) })
    }

    /// Moves the machine's clock in small steps and lets everything happen.
    private func pass(_ seconds: Int, _ world: World, stepMs: Int64 = 1000) async throws {
        for _ in 0..<Int(Int64(seconds) * 1000 / stepMs) {
            world.runtime.advance(milliseconds: stepMs)
            try await world.settle()
        }
    }

    @Test("no minute holds more calls than the rate that an operator sets, and everything is fetched in the end")
    func rate() async throws {
        try await onWorld { world, log in
            let made = try await link(4, world)
            try await set(BankSetting(rate: RateCap(calls: 9, windowMs: 60_000)), world)
            log.clear()
            for id in made {
                _ = try await world.services.refreshes.requestOnDemand(
                    in: world.environment(), accountID: nil, connectionID: id.hex, products: [.balance, .transactions])
            }
            try await pass(600, world, stepMs: 5000)
            #expect(log.most(inMs: 60_000) <= 9)
            for id in made {
                let seen = try await schedule(id, world).balanceSeen
                #expect(seen.okAt ?? Instant(ms: 0) >= log.all[0].at)
            }
            #expect(log.count("/transactions") >= 4)
        }
    }

    @Test("persons who link keep to the rate as well, and are told to wait")
    func linking() async throws {
        try await onWorld { world, log in
            try await set(BankSetting(rate: RateCap(calls: 2, windowMs: 3_600_000)), world)
            let first = try await world.link()
            let second = try await world.link()
            #expect(log.most(inMs: 3_600_000) <= 2)
            guard case .failed(let error) = second.step else {
                Issue.record("the second link came through: \(first) \(second)")
                return
            }
            #expect(error.code == .rateLimited)
            #expect(second.statusName == "failed", "\(first) \(second)")
        }
    }

    @Test("two nodes together keep to the rate and to the calls at once")
    func twoNodes() async throws {
        try await onDatabase(.postgres) { test in
            let log = BankLog()
            let wrap: (any HTTPTransport) -> any HTTPTransport = { LoggedTransport(inner: $0, log: log) }
            let one = try await World.make(on: test.database, wrap: wrap)
            log.read { [runtime = one.runtime] in runtime.now() }
            let two = try await World.make(on: try await test.reopened(), sameAs: one, wrap: wrap)
            let made = try await link(4, one)
            let scope = one.scope
            // A second lane of the same bank: both nodes have one at a time.
            try await one.core.database.write { tx in
                try BankStore.set(
                    BankSetting(rate: RateCap(calls: 8, windowMs: 60_000), concurrency: 1), of: "access-bank", .sandbox,
                    tx)
            }
            one.runtime.advance(milliseconds: BankGate.freshMs)
            log.clear()
            for minute in 0..<40 {
                for id in made {
                    _ = try await one.core.database.write { tx in
                        try ScheduleStore.bringForward(
                            id, due: one.runtime.now(), laneDue: one.runtime.now(), scope, tx)
                    }
                }
                async let first = one.refreshes.tick()
                async let second = two.refreshes.tick()
                _ = try await (first, second)
                one.runtime.advance(milliseconds: minute.isMultiple(of: 2) ? 15_000 : 2000)
            }
            #expect(log.most(inMs: 60_000) <= 8)
            #expect(log.mostAtOnce == 1)
            #expect(log.all.count > 8)
        }
    }

    @Test("the budget of a day is never passed, is taken before the call, and leaves one for who asks by hand")
    func budget() async throws {
        try await onWorld { world, log in
            let id = try #require(try await link(1, world).first)
            try await set(BankSetting(budget: CallBudget(each: [.balance: 4])), world)
            log.clear()
            let ask = {
                _ = try await world.services.refreshes.requestOnDemand(
                    in: world.environment(), accountID: nil, connectionID: id.hex, products: [.balance])
                world.runtime.advance(milliseconds: 400_000)
                try await world.settle()
            }
            for _ in 0..<7 { try await ask() }
            #expect(log.count("/balance") <= 4)
            #expect(log.count("/balance") > 0)
            let after = try await schedule(id, world)
            #expect(after.balanceSeen.outcome == Syncer.skippedQuota)
            #expect(after.balanceSeen.okAt != nil)
            let budget = world.core.gate.budget("access-bank", world.environment(), world.core)
            #expect(budget.left(.balance, calls: after.calls, at: world.runtime.now()) == 0)
            let answers = try world.webhooks.bodies().count
            #expect(answers == 0, "nobody listens in this world")
            let now = world.runtime.now()
            try await world.advance(days: 2)
            let next = try await schedule(id, world).balanceSeen
            #expect(next.okAt ?? now > now + Instant.dayMs, "the next day it goes on")
        }
    }

    @Test("a bank that says when to come back is left alone by every connection, and other banks are not")
    func throttled() async throws {
        let isThrottling = Mutex(false)
        try await onWorld(fault: { request, _ in
            isThrottling.withLock { $0 } && request.url.contains("access-bank")
                ? .reply(status: 429, headers: ["Retry-After": "120"], body: "{}") : nil
        }) { world, log in
            let made = try await link(3, world)
            let other = try await world.link(institution: "kuda-bank")
            try await world.settle()
            isThrottling.withLock { $0 = true }
            log.clear()
            let records = made.map(\.hex) + [try #require(other.connectionID)]
            for record in records {
                _ = try await world.services.refreshes.requestOnDemand(
                    in: world.environment(), accountID: nil, connectionID: record, products: [.balance])
            }
            try await pass(100, world, stepMs: 5000)
            let asked = log.all.filter { $0.url.contains("access-bank") }.count
            #expect(asked >= 1 && asked <= 3, "calls that were under way together, and none after: \(asked)")
            isThrottling.withLock { $0 = false }
            try await pass(40, world, stepMs: 5000)
            for id in made {
                let seen = try await schedule(id, world)
                #expect(seen.balanceSeen.outcome == ProductSeen.ok)
                #expect(seen.failures == 0, "being put off is no failure")
            }
        }
    }

    @Test("a bank that does not answer is left alone, tried again, told of once, and used again")
    func breaker() async throws {
        let isDown = Mutex(false)
        try await onWorld(fault: { request, _ in
            isDown.withLock { $0 } && request.url.contains("access-bank") ? .cannotConnect : nil
        }) { world, log in
            try await world.listen()
            let made = try await link(22, world)
            world.runtime.advance(milliseconds: CircuitBreaker.windowMs + 5000)
            isDown.withLock { $0 = true }
            log.clear()
            for id in made {
                _ = try await world.services.refreshes.requestOnDemand(
                    in: world.environment(), accountID: nil, connectionID: id.hex, products: [.balance])
            }
            try await pass(20, world, stepMs: 5000)
            let asked = log.all.count
            #expect(asked >= 20 && asked <= 22, "\(asked)")
            let listed = await world.services.institutions.list(.sandbox, of: world.environment())
            #expect(listed.first { $0.institution.slug == "access-bank" }?.health == .down)
            isDown.withLock { $0 = false }
            try await pass(600, world, stepMs: 15_000)
            for id in made {
                let seen = try await schedule(id, world).balanceSeen
                #expect(seen.outcome == ProductSeen.ok)
            }
            let told = try world.webhooks.bodies().filter { $0["event"]?.text?.hasPrefix("institution.") == true }
            #expect(told.map { $0["event"]?.text } == ["institution.down", "institution.recovered"])
            #expect(told.map { $0["data"]?["health"]?.text } == ["down", "healthy"])
            #expect(told.compactMap { $0["sequence"] } == [.integer(1), .integer(2)])
        }
    }

    @Test("a bank in maintenance is not asked, shows as down, and is asked after it")
    func maintenance() async throws {
        try await onWorld { world, log in
            let id = try #require(try await link(1, world).first)
            let now = world.runtime.now()
            let plan = try await world.services.institutions.plan(
                MaintenanceWindow(startsAt: now, endsAt: now + 3_600_000), of: "access-bank", .sandbox)
            world.runtime.advance(milliseconds: BankGate.freshMs)
            log.clear()
            _ = try await world.services.refreshes.requestOnDemand(
                in: world.environment(), accountID: nil, connectionID: id.hex, products: [.balance])
            try await pass(600, world, stepMs: 60_000)
            #expect(log.all.isEmpty)
            let shown = try await world.services.institutions.find("access-bank", of: world.environment())
            #expect(shown.health == .down && shown.maintenanceUntil == plan.window.endsAt)
            try await pass(3600, world, stepMs: 60_000)
            #expect(log.count("/balance") > 0)
            let seen = try await schedule(id, world).balanceSeen
            #expect(seen.okAt ?? now > now)
        }
    }
}
