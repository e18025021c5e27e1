import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite(.timeLimit(.minutes(30))) struct LinkTests {
    @Test("the refresh option of the data synchronisation document is read as it is written")
    func refreshOption() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { request in
                request.refresh = [
                    "interval": "thirty_minute", "products": ["balance", "transaction"],
                    "webhook_url": "https://shop.example/refresh",
                ]
            }
            let id = try #require(view.connectionID.flatMap { ID<Connection>($0) })
            let schedule = try await database.read { try ScheduleStore.find(id, world.scope, $0) }
            #expect(schedule?.setting.balance == .thirtyMinute)
            #expect(schedule?.setting.transactions == .thirtyMinute)
        }
    }

    @Test("refresh false means that nothing is fetched again until it is asked for")
    func onDemandOnly() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link { $0.refresh = false }
            try await world.settle()
            world.webhooks.forget()
            try await world.advance(days: 3)
            #expect(world.webhooks.requests.isEmpty)
            _ = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: view.connectionID, products: [.balance],
                cause: .demand)
            try await world.settle()
            #expect(try world.webhooks.bodies("balance.success").count == 2, "one for each account")
        }
    }

    @Test("an answer that is given twice changes nothing the second time")
    func answeredTwice() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var view = try await world.services.links.begin(
                BeginLink(institution: "access-bank"), in: world.environment())
            let answer = StepAnswer(fields: ["username": "success", "password": "pass"])
            let revision = view.revision
            view = try await world.services.links.answer(
                sessionID: view.id, in: world.scope, answer: answer, revision: revision)
            let again = try await world.services.links.answer(
                sessionID: view.id, in: world.scope, answer: answer, revision: revision)
            #expect(view.status == .done)
            #expect(again.connectionID == view.connectionID)
            let total = try await database.read { db in
                try db.first("SELECT SUM(1) FROM connection", []) { $0.int(0) }
            }
            #expect(total == 1)
        }
    }

    @Test("two answers at once make one connection")
    func answeredAtOnce() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.services.links.begin(
                BeginLink(institution: "access-bank"), in: world.environment())
            let answer = StepAnswer(fields: ["username": "success", "password": "pass"])
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        do {
                            _ = try await world.services.links.answer(
                                sessionID: view.id, in: world.scope, answer: answer, revision: nil)
                        } catch {
                            Issue.record("an answer failed: \(error)")
                        }
                    }
                }
            }
            let total = try await database.read { db in
                try db.first("SELECT SUM(1) FROM connection", []) { $0.int(0) }
            }
            #expect(total == 1)
        }
    }

    @Test("a session goes on after a restart")
    func restart() async throws {
        try await onEveryTestDatabase { test in
            let world = try await World.make(on: test.database)
            let view = try await world.services.links.begin(
                BeginLink(institution: "access-bank"), in: world.environment())
            let otp = try await world.services.links.answer(
                sessionID: view.id, in: world.scope,
                answer: StepAnswer(fields: ["username": "otp", "password": "pass"]), revision: nil)
            guard case .form = otp.step else { return #expect(Bool(false), "expected a form, got \(otp.step)") }
            let later = try await World.make(on: try await test.reopened(), sameAs: world)
            let done = try await later.services.links.answer(
                sessionID: view.id, in: world.scope, answer: StepAnswer(fields: ["otp": "0000"]), revision: nil)
            #expect(done.status == .done)
        }
    }

    @Test("an expired session says so and cannot be answered")
    func expired() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.services.links.begin(
                BeginLink(institution: "access-bank"), in: world.environment())
            world.runtime.advance(milliseconds: 31 * 60_000)
            await #expect(throws: DomainError.self) {
                try await world.services.links.answer(
                    sessionID: view.id, in: world.scope, answer: StepAnswer(), revision: nil)
            }
            try await Housekeeper(core: world.core).tick()
            let found = try await world.services.links.find(sessionID: view.id, in: world.scope)
            #expect(found.status == .expired)
        }
    }

    @Test("production has no institution where neither a connector nor files serve one")
    func production() async throws {
        try await onEveryDatabase { database in
            var plan = World.Plan()
            plan.statements = []
            let world = try await World.make(on: database, plan)
            let error = await #expect(throws: DomainError.self) {
                try await world.services.links.begin(
                    BeginLink(institution: "access-bank"), in: world.environment(.production))
            }
            #expect(error?.code == .unknownInstitution)
        }
    }

    @Test(
        "unknown products, intervals, institutions and bad URLs are refused by name",
        arguments: [
            (ErrorCode.unknownProduct, "products"), (.unknownInterval, "refresh.interval"),
            (.unknownInstitution, "institution"), (.urlRefused, "callback_url"),
        ])
    func refusals(_ code: ErrorCode, _ field: String) async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var request = BeginLink(institution: code == .unknownInstitution ? "no-bank" : "access-bank")
            if code == .unknownProduct { request.products = ["horoscope"] }
            if code == .unknownInterval { request.refresh = ["interval": "hourly"] }
            if code == .urlRefused { request.callbackURL = "ftp://user:secret@example.com" }
            let error = await #expect(throws: DomainError.self) {
                try await world.services.links.begin(request, in: world.environment())
            }
            #expect(error?.code == code)
            #expect(error?.field == field)
            #expect(error?.message.contains("secret@") == false)
        }
    }

    @Test("a consent is kept with its text, and cannot be changed")
    func consent() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link()
            let id = try #require(view.connectionID.flatMap { ID<Connection>($0) })
            let consents = try await database.read { try ConsentStore.list(id, world.scope, $0) }
            #expect(consents.count == 1)
            #expect(consents.first?.text == view.consentText)
            #expect(consents.first?.accounts.isEmpty == false)
            await #expect(throws: StorageError.self) {
                try await database.write { tx in try tx.db.run("UPDATE consent SET text = 'other'") }
            }
        }
    }

    @Test("one person who links an account twice is one customer with one connection")
    func oneCustomer() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.link()
            let second = try await world.link()
            #expect(first.customerID == second.customerID)
            #expect(first.connectionID == second.connectionID)
        }
    }
}
