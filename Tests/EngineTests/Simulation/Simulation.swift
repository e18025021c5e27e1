import Connectors
import Domain
import Storage
import TestKit

@testable import Engine

/// The whole system on a virtual clock: loops are ticked in an order that the seed gives, banks misbehave by script,
/// the process dies between any two effects and comes back over the same database.
///
/// Everything happens on one thread and one after the other, so a seed gives the same run each time.
final class Simulation {
    static let calmDays: Int64 = 2

    let plan: SimulationPlan
    private let test: TestDatabase
    private let shop: SimulatedShop
    private let runtime: ManualRuntime
    private var random: SplitMix
    private var crash = CrashSwitch()
    private let watch: BankWatch
    private(set) var world: World
    private var refreshes: LaneLoop<RefreshWork>
    private var database: Database
    private var deliveries: LaneLoop<DeliveryWork>
    private var housekeeper: Housekeeper
    /// Connections by their logins' usernames.
    private var connections: [String: String] = [:]
    private var checks = SimulationChecks()
    private(set) var crashes = 0
    private(set) var effects = 0
    private(set) var calls = 0
    /// How the connections ended.
    private(set) var standing: [String] = []

    /// What went wrong, one sentence each.
    var findings: [String] { checks.findings + shop.problems }

    /// What the shop heard, as text that two runs of a seed can be compared by.
    var told: [String] { shop.told.map { "\($0.connection) \($0.sequence) \($0.id)" }.sorted() }

    init(_ plan: SimulationPlan, _ test: TestDatabase) async throws {
        self.plan = plan
        self.test = test
        random = SplitMix(seed: plan.seed)
        shop = SimulatedShop(seed: plan.seed)
        runtime = ManualRuntime(seed: plan.seed)
        let crash = crash
        database = try await test.reopened { CrashingConnection($0, crash) }
        let watch = BankWatch(test.database, runtime)
        self.watch = watch
        world = try await World.make(on: database, runtime: runtime) { CrashingTransport(watch.open($0), crash) }
        refreshes = LaneLoop(RefreshWork(core: world.core, runsMax: 1))
        deliveries = LaneLoop(
            DeliveryWork(core: world.core, transport: CrashingWebhooks(shop, crash)))
        housekeeper = Housekeeper(core: world.core)
    }

    /// Plays the seed to its end and checks.
    func run() async throws {
        try await begin()
        let start = runtime.now()
        let calm = start + plan.days * Instant.dayMs
        var day: Int64 = 0
        while runtime.now() < calm {
            try await step(mostMinutes: 90, isRough: true)
            if (runtime.now() - start) / Instant.dayMs > day {
                day += 1
                try await look()
            }
        }
        try await settle(until: calm + Self.calmDays * Instant.dayMs)
        effects += crash.effects
    }

    private func begin() async throws {
        try await world.listen()
        let environment = world.environment()
        try await world.database.write { tx in
            for (institution, setting) in SimulationPlan.limits {
                try BankStore.set(setting, of: institution, .sandbox, tx)
            }
        }
        for login in plan.logins {
            _ = try await world.bank.setScenario(login.username, login.script, environmentID: environment.id)
            let view = try await world.link(login.username, institution: login.institution) {
                $0.historyMonths = 2
                $0.refresh = ["interval": .string(login.interval.rawValue), "products": ["balance", "transactions"]]
            }
            guard let id = view.connectionID else { throw SimulationError("\(login.username) was not linked") }
            connections[login.username] = id
        }
    }

    // MARK: steps

    private func step(mostMinutes: Int64, isRough: Bool) async throws {
        runtime.advance(milliseconds: Int64.random(in: 1000...mostMinutes * 60_000, using: &random))
        if isRough, !crash.isArmed, Int.random(in: 0..<100, using: &random) < 40 {
            crash.arm(after: Int.random(in: 1...120, using: &random))
        }
        do {
            var actions = Action.always
            if isRough { actions += Action.sometimes.filter { _ in Int.random(in: 0..<20, using: &random) == 0 } }
            for action in actions.shuffled(using: &random) { try await perform(action) }
        } catch {
            guard crash.isDead else { throw error }
        }
        if crash.isDead { try await restart() }
    }

    private enum Action: CaseIterable {
        case refresh, deliver, keepHouse, refreshAgain, deliverAgain, demand, post, moveClock

        static let always: [Action] = [.refresh, .deliver, .refreshAgain, .deliverAgain, .keepHouse]
        static let sometimes: [Action] = [.demand, .post, .moveClock]
    }

    private func perform(_ action: Action) async throws {
        switch action {
        case .refresh, .refreshAgain: try await refreshes.tick()
        case .deliver, .deliverAgain: try await deliveries.tick()
        case .keepHouse: try await housekeeper.tick()
        case .demand:
            let login = anyLogin()
            try await tolerating {
                _ = try await world.services.refreshes.request(
                    scope: world.scope, accountID: nil, connectionID: connections[login.username],
                    products: [.balance, .transactions], cause: .demand)
            }
        case .post:
            let login = anyLogin()
            let order = SandboxOrder(
                institution: login.institution, username: login.username,
                amountMinor: Int64.random(in: 100...500_000, using: &random), narration: "SIMULATED CREDIT")
            try await tolerating { _ = try await world.services.sandbox.post(order, in: world.environment()) }
        case .moveClock:
            let hours = Int64.random(in: 1...5, using: &random)
            _ = try await world.services.sandbox.advance(world.environment(), byMs: hours * 3_600_000)
            while try await world.clocks.tick() {}
        }
    }

    private func anyLogin() -> SimulationPlan.Login {
        plan.logins[Int.random(in: 0..<plan.logins.count, using: &random)]
    }

    /// A caller is told that something cannot be; that is no failure of the system.
    private func tolerating(_ body: () async throws -> Void) async throws {
        do { try await body() } catch is DomainError {}
    }

    /// A new process over the same database. What the old one left open is let go of, as the system does it.
    private func restart() async throws {
        crashes += 1
        effects += crash.effects
        await database.close()
        crash = CrashSwitch()
        let fresh = crash
        database = try await test.reopened { CrashingConnection($0, fresh) }
        let watch = watch
        world = try await World.make(on: database, sameAs: world) { CrashingTransport(watch.open($0), fresh) }
        refreshes = LaneLoop(RefreshWork(core: world.core, runsMax: 1))
        deliveries = LaneLoop(DeliveryWork(core: world.core, transport: CrashingWebhooks(shop, fresh)))
        housekeeper = Housekeeper(core: world.core)
    }

    // MARK: calm

    /// Nothing goes wrong any more, so that everything arrives.
    private func settle(until end: Instant) async throws {
        crash.disarm()
        shop.calmDown()
        let observer = SimulationObserver(world)
        for login in plan.logins { try await observer.enter(login) }
        while runtime.now() < end { try await step(mostMinutes: 60, isRough: false) }
        for _ in 0..<50 {
            try await refreshes.tick()
            try await deliveries.tick()
        }
        try await look()
        let states = try await world.database.read { try SimulationState.read($0) }
        for login in plan.logins {
            guard let id = connections[login.username], let state = states[id] else { continue }
            checks.freshness(state, login, now: world.virtualNow(try await world.core.environment(world.scope)))
            guard state.status == "active" else { continue }
            checks.truth(state, try await observer.truth(login), login)
        }
        checks.events(states, shop.told)
        checks.caps(watch.calls)
        standing = states.values.map(\.status).sorted()
        calls = watch.calls.count
    }

    /// What must hold at any time.
    private func look() async throws {
        let states = try await world.database.read { try SimulationState.read($0) }
        checks.ids(states)
        checks.sequences(states)
        let now = world.virtualNow(try await world.core.environment(world.scope))
        for login in plan.logins where login.isClean {
            if let id = connections[login.username], let state = states[id] {
                checks.freshness(state, login, now: now, slackMs: 4 * 3_600_000)
            }
        }
    }
}

extension World {
    var database: Database { core.database }
    func virtualNow(_ environment: Domain.Environment) -> Instant { environment.virtual(runtime.now()) }
}

struct SimulationError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
