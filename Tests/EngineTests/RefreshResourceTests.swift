import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

/// A run as those see it who asked for it.
@Suite(.timeLimit(.minutes(30))) struct RefreshResourceTests {
    private func ask(
        _ world: World, _ connection: String?, _ products: Set<Product> = [.balance, .transactions],
        in kind: EnvironmentKind = .sandbox
    ) async throws -> RefreshTicket {
        try await world.services.refreshes.requestOnDemand(
            in: world.environment(kind), accountID: nil, connectionID: connection, products: products)
    }

    @Test("a run tells its steps: what was asked, how often, how the bank answered, what came of it")
    func steps() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link()
            try await world.settle()
            let ticket = try await ask(world, view.connectionID)
            #expect(ticket.state == "queued")
            #expect(ticket.steps.isEmpty)
            try await world.settle()
            let found = try await world.services.refreshes.find(scope: world.scope, id: ticket.refreshID)
            #expect(found.state == "done")
            #expect(found.steps.count == found.stepsPlanned)
            #expect(found.stepsDone == found.stepsPlanned)
            #expect(Set(found.steps.map(\.operation)).isSuperset(of: ["balance", "transactions"]))
            #expect(found.steps.allSatisfy { $0.outcome == "ok" && $0.calls >= 1 && $0.detail == nil })
            let window = try #require(found.steps.first { $0.operation == "transactions" })
            #expect(window.window != nil && window.accountID != nil)
            #expect(found.startedAt != nil && found.endedAt != nil && found.waiting == nil)
        }
    }

    @Test("a run that is put off says until when and why, and keeps the step that failed")
    func putOff() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link()
            try await world.settle()
            let down = try await World.make(on: database, sameAs: world) { inner in
                FaultyTransport(inner) { request, _ in request.url.contains("/balance") ? .html(status: 502) : nil }
            }
            let ticket = try await ask(down, view.connectionID, [.balance])
            try await down.settle()
            let found = try await down.services.refreshes.find(scope: down.scope, id: ticket.refreshID)
            #expect(found.state == "running")
            let waiting = try #require(found.waiting)
            #expect(waiting.until > down.environment().virtual(down.runtime.now()))
            #expect(found.steps.last?.outcome == "provider_unavailable")
            #expect(found.steps.last?.detail == "html_body")
            #expect(found.steps.last?.calls == 1)
        }
    }

    @Test("who waits for a run hears of its end at once, and of one that does not end after the time")
    func longPoll() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link()
            try await world.settle()
            let ticket = try await ask(world, view.connectionID, [.balance])
            let refreshes = world.services.refreshes
            async let waited = refreshes.watch(scope: world.scope, id: ticket.refreshID, seconds: 20)
            async let impatient = refreshes.watch(scope: world.scope, id: ticket.refreshID, seconds: 0)
            #expect(try await impatient.isOver == false)
            try await world.settle()
            // The clock is moved by hand: only the bell can end the wait before it is.
            #expect(try await waited.state == "done")
            #expect(try await refreshes.watch(scope: world.scope, id: ticket.refreshID, seconds: 20).state == "done")
            await #expect(throws: DomainError.self) {
                _ = try await refreshes.watch(scope: world.scope, id: 1, seconds: 20)
            }
        }
    }

    @Test("an on-demand run tells its result with its id, also when nothing has changed")
    func announced() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link()
            try await world.settle()
            world.webhooks.forget()
            let ticket = try await ask(world, view.connectionID)
            try await world.settle()
            for event in ["balance.success", "transaction.success"] {
                let bodies = try world.webhooks.bodies(event)
                #expect(!bodies.isEmpty)
                #expect(bodies.allSatisfy { $0["data"]?["refresh"]?.text == String(ticket.refreshID) })
            }
            #expect(try world.webhooks.bodies("balance.success").allSatisfy { $0["data"]?["changed"] == .bool(false) })
        }
    }

    @Test("an on-demand run that fails tells that too, whether it is given up or its person must act")
    func failureAnnounced() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link()
            try await world.settle()
            world.webhooks.forget()
            let down = try await World.make(on: database, sameAs: world) { inner in
                FaultyTransport(inner) { request, _ in
                    request.url.contains("/balance") ? .reply(status: 503, headers: [:], body: "{}") : nil
                }
            }
            let ticket = try await ask(down, view.connectionID, [.balance])
            for _ in 0..<12 {
                try await down.settle()
                down.runtime.advance(milliseconds: 16 * 60_000)
            }
            let found = try await down.services.refreshes.find(scope: down.scope, id: ticket.refreshID)
            #expect(found.state == "failed")
            #expect(found.error == "provider_unavailable")
            let told = try down.webhooks.bodies("balance.failed")
            #expect(told.count == 1)
            #expect(told.first?["data"]?["refresh"]?.text == String(ticket.refreshID))
            #expect(told.first?["data"]?["reason"]?.text == "provider_unavailable")
        }
    }

    @Test("production is not asked again for what was just fetched; the sandbox is")
    func cooldown() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database, environments: [.sandbox, .production])
            let environment = world.environment(.production)
            var view = try await world.services.links.begin(BeginLink(institution: "access-bank"), in: environment)
            for _ in 0..<6 where view.status == .active {
                var answer = StepAnswer()
                if case .selectAccounts(let choices) = view.step { answer.accounts = choices.map(\.upstreamID) }
                if case .form = view.step { answer.fields = ["username": "success", "password": "pass"] }
                view = try await world.services.links.answer(
                    sessionID: view.id, in: environment.scope, answer: answer, revision: view.revision)
            }
            let connection = try #require(view.connectionID)
            // The run of the link is in flight: whoever asks joins it.
            #expect(try await ask(world, connection, in: .production).isJoined)
            try await world.settle()
            func refusal() async throws -> DomainError? {
                do throws(any Error) {
                    _ = try await ask(world, connection, in: .production)
                    return nil
                } catch {
                    return error as? DomainError
                }
            }
            let refused = try #require(try await refusal())
            #expect(refused.code == .refreshCooldown)
            let retry = try #require(refused.retry)
            #expect(retry.seconds == 60)
            #expect(retry.at == world.runtime.now() + 60_000)
            world.runtime.advance(milliseconds: 45_000)
            #expect(try await refusal()?.retry?.seconds == 15)
            let runs = try await world.services.refreshes.list(
                in: environment, connectionID: connection, before: nil, limit: 5)
            let last = try await world.services.refreshes.find(
                scope: environment.scope, id: try #require(runs.first?.refreshID))
            #expect(last.nextAllowedAt == retry.at)
            world.runtime.advance(milliseconds: 15_000)
            #expect(try await refusal() == nil)
        }
    }

    @Test("a connection's runs are listed, the newest first and page by page, and those of others are not")
    func listed() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let (mine, other) = (try await world.link(), try await world.link("accounts"))
            try await world.settle()
            var ids: [Int64] = []
            for _ in 0..<4 {
                ids.append(try await ask(world, mine.connectionID, [.balance]).refreshID)
                try await world.settle()
            }
            _ = try await ask(world, other.connectionID)
            let refreshes = world.services.refreshes
            func page(_ before: Int64?) async throws -> [Int64] {
                try await refreshes.list(
                    in: world.environment(), connectionID: mine.connectionID ?? "", before: before, limit: 3
                ).map(\.refreshID)
            }
            #expect(try await page(nil) == Array(ids.reversed().prefix(3)))
            let rest = try await page(ids[1])
            #expect(rest.first == ids[0])
            #expect(rest.count == 2, "the run of the link is the oldest")
            let stranger = world.environment(.production)
            await #expect(throws: DomainError.self) {
                _ = try await refreshes.list(
                    in: stranger, connectionID: mine.connectionID ?? "", before: nil, limit: 3)
            }
        }
    }

    @Test("runs and their steps are forgotten with age, and go with their connection")
    func forgotten() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.refresh = .bool(false) }
            try await world.settle()
            func counted() async throws -> [Int64] {
                try await database.read { db in
                    try ["refresh", "refresh_step"].map { table in
                        try db.first("SELECT COUNT(*) FROM \(table)", []) { $0.int(0) } ?? 0
                    }
                }
            }
            #expect(try await counted().allSatisfy { $0 > 0 })
            world.runtime.advance(milliseconds: 89 * Instant.dayMs)
            try await Housekeeper(core: world.core).tick()
            #expect(try await counted().allSatisfy { $0 > 0 })
            world.runtime.advance(milliseconds: 2 * Instant.dayMs)
            try await Housekeeper(core: world.core).tick()
            #expect(try await counted() == [0, 0])
            _ = try await ask(world, view.connectionID, [.balance])
            try await world.settle()
            #expect(try await counted().allSatisfy { $0 > 0 })
            _ = try await world.services.connections.remove(
                try #require(view.connectionID), in: world.environment())
            try await Housekeeper(core: world.core).tick()
            #expect(try await counted() == [0, 0])
        }
    }
}
