import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Logging in again")
struct LinkRepairTests {
    /// A connection whose login died, with the URL that its event carries.
    private func broken(
        _ database: Database, _ username: String = "dies_on_refresh"
    ) async throws -> (world: World, connection: ID<Connection>, slug: String) {
        let world = try await World.make(on: database)
        try await world.listen()
        let view = try await world.link(username) { $0.historyMonths = 2 }
        try await world.settle()
        try await world.advance(days: 9)
        let event = try #require(try world.webhooks.bodies("record.reauth_required").last)
        let url = try #require(event["data"]?["reauth_url"]?.text)
        #expect(url.hasPrefix("https://kubewa.example/"))
        #expect(event["data"]?["reauth_url_expires_at"]?.text != nil)
        let slug = try #require(WidgetLinkSlug.find(in: url))
        return (world, try #require(view.connectionID.flatMap { ID($0) }), slug)
    }

    private func opening(_ slug: String) throws -> WidgetOpening {
        try WidgetOpening(options: nil, ref: slug, origin: nil, mode: "page")
    }

    private func logIn(_ world: World, _ slug: String, as username: String) async throws -> LinkView {
        let view = try await world.services.widgets.begin(opening(slug), institution: "zenith-bank", loginType: nil)
        #expect(view.institution == "access-bank", "the connection's bank, whatever the page says")
        return try await world.services.links.answer(
            sessionID: view.id, in: world.scope,
            answer: StepAnswer(fields: ["username": username, "password": "pass"]),
            revision: view.revision)
    }

    private func ids(_ world: World, _ connection: ID<Connection>) async throws -> [String] {
        try await world.core.database.read { db in
            let known = try ConnectionStore.find(connection, world.scope, db)
            let accounts = try AccountStore.list(connection, world.scope, db)
            return [known?.customerID.hex ?? "", known?.authID.hex ?? ""] + accounts.map(\.id.hex)
                + accounts.map(\.balanceID.hex)
        }
    }

    private func status(_ world: World, _ connection: ID<Connection>) async throws -> ConnectionStatus? {
        try await world.core.database.read { try ConnectionStore.find(connection, world.scope, $0)?.status }
    }

    private func count(_ world: World, _ table: String) async throws -> Int64? {
        try await world.core.database.read { db in try db.first("SELECT SUM(1) FROM \(table)", []) { $0.intOrNil(0) } }
            ?? nil
    }

    @Test("the same connection comes back with all its ids, is refreshed at once, and says so")
    func repaired() async throws {
        try await onEveryDatabase { database in
            let (world, connection, slug) = try await broken(database)
            let before = try await ids(world, connection)
            let rows = try await count(world, "account_transaction")
            #expect(try await status(world, connection) == .needsUser)
            let opened = try await world.services.widgets.open(opening(slug))
            #expect(opened.isReauth)
            #expect(opened.consent.points.contains { $0.hasPrefix("What is new") }, "daily, as it was linked")
            #expect(opened.institution == "access-bank")
            world.webhooks.forget()
            let view = try await logIn(world, slug, as: "dies_on_refresh")
            #expect(view.status == .done)
            #expect(view.connectionID == connection.hex)
            try await world.settle()
            #expect(try await ids(world, connection) == before)
            #expect(try await status(world, connection) == .active)
            #expect(try await count(world, "connection") == 1)
            #expect(try await count(world, "account_transaction") ?? 0 >= rows ?? 0)
            let event = try #require(try world.webhooks.bodies("record.repaired").first)
            #expect(event["record"]?.text == connection.hex)
            #expect(event["status"]?.text == "is_success")
            #expect(try world.webhooks.bodies("balance.success").isEmpty == false, "refreshed at once")
            let consents = try await database.read { try ConsentStore.list(connection, world.scope, $0) }
            #expect(consents.map(\.action) == [.granted, .renewed])
            #expect(consents.last?.text == view.consentText)
            let result = try await world.services.widgets.result(sessionID: view.id)
            guard case .linked(let success, _) = result else { return #expect(Bool(false), "not linked: \(result)") }
            #expect(success.isRepair)
            #expect(success.connectionID == connection.hex)
        }
    }

    @Test("the link works once")
    func once() async throws {
        try await onEveryDatabase { database in
            let (world, _, slug) = try await broken(database)
            let first = try await world.services.widgets.begin(opening(slug), institution: "", loginType: nil)
            #expect(try await logIn(world, slug, as: "dies_on_refresh").status == .done)
            let error = await #expect(throws: DomainError.self) {
                try await world.services.widgets.open(opening(slug))
            }
            #expect(error?.code == .linkUsed)
            let late = try await world.services.links.answer(
                sessionID: first.id, in: world.scope,
                answer: StepAnswer(fields: ["username": "dies_on_refresh", "password": "pass"]), revision: nil)
            #expect(late.status == .failed, "a session that was begun before may not use it again")
        }
    }

    @Test("the link ends after a day of machine time")
    func expires() async throws {
        try await onEveryDatabase { database in
            let (world, _, slug) = try await broken(database)
            world.runtime.advance(milliseconds: 24 * 3_600_000 - 1)
            _ = try await world.services.widgets.open(opening(slug))
            world.runtime.advance(milliseconds: 1)
            let error = await #expect(throws: DomainError.self) {
                try await world.services.widgets.open(opening(slug))
            }
            #expect(error?.code == .linkExpired)
        }
    }

    @Test("another person's login is refused, changes nothing, and the right one can still be given")
    func otherPerson() async throws {
        try await onEveryDatabase { database in
            let (world, connection, slug) = try await broken(database)
            let before = try await ids(world, connection)
            let other = try await logIn(world, slug, as: "success")
            #expect(other.status == .failed)
            guard case .failed(let error) = other.step else { return #expect(Bool(false), "\(other.step)") }
            #expect(error.code == .differentLogin)
            #expect(try await status(world, connection) == .needsUser)
            #expect(try await ids(world, connection) == before)
            #expect(try await count(world, "connection") == 1)
            let result = try await world.services.widgets.result(sessionID: other.id)
            guard case .failed(let code, _, _) = result else { return #expect(Bool(false), "\(result)") }
            #expect(code == "different_login")
            #expect(try await logIn(world, slug, as: "dies_on_refresh").status == .done)
        }
    }

    @Test("a consent that ended is renewed with its new end")
    func consent() async throws {
        try await onEveryDatabase { database in
            let (world, connection, slug) = try await broken(database, "consent_expires")
            #expect(try await status(world, connection) == .expired)
            #expect(try await logIn(world, slug, as: "consent_expires").status == .done)
            let consents = try await database.read { try ConsentStore.list(connection, world.scope, $0) }
            #expect(consents.map(\.action) == [.granted, .expired, .renewed])
            let end = try #require(consents.last?.expiresAt)
            let now = try await world.core.environment(world.scope).virtual(world.runtime.now())
            #expect(end > now)
            #expect(try await status(world, connection) == .active)
        }
    }

    @Test("the page cannot turn to another bank")
    func otherBank() async throws {
        try await onEveryDatabase { database in
            let (world, _, slug) = try await broken(database)
            let view = try await world.services.widgets.begin(opening(slug), institution: "", loginType: nil)
            for move in [LinkMove.back, .choose(institution: "zenith-bank")] {
                let error = await #expect(throws: DomainError.self) {
                    try await world.services.links.perform(move, sessionID: view.id, in: world.scope, revision: nil)
                }
                #expect(error?.code == .stepMismatch)
            }
        }
    }

    @Test("an account that the new login leaves out is closed and keeps its data; the others are fetched")
    func fewerAccounts() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link("accounts") { $0.historyMonths = 1 }
            try await world.settle()
            let connection = try #require(view.connectionID.flatMap { ID<Connection>($0) })
            let link = try await world.services.shortLinks.createReauth(
                connection: connection.hex, in: world.environment())
            var again = try await logIn(world, link.slug, as: "accounts")
            guard case .selectAccounts(let choices) = again.step else {
                return #expect(Bool(false), "no choice: \(again.step)")
            }
            again = try await world.services.links.answer(
                sessionID: again.id, in: world.scope, answer: StepAnswer(accounts: [choices[0].upstreamID]),
                revision: again.revision)
            #expect(again.status == .done)
            try await world.settle()
            let states = try await database.read { db in
                try db.query("SELECT status FROM account ORDER BY id", []) { $0.text(0) }.sorted()
            }
            #expect(states == ["active", "closed", "closed"])
            #expect(try await status(world, connection) == .active, "the run did not fail for want of the others")
        }
    }

    @Test("an account that comes with the new login is fetched with its whole history, and nothing is doubled")
    func moreAccounts() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let firstOnly = { (choices: [Step.AccountChoice]) in Array(choices.prefix(1)) }
            var request = BeginLink(institution: "access-bank")
            request.historyMonths = 2
            let begun = try await world.services.links.begin(request, in: world.environment())
            let view = try await choose(world, begun, firstOnly)
            try await world.settle()
            try await world.advance(days: 1)
            let connection = try #require(view.connectionID.flatMap { ID<Connection>($0) })
            let before = try await transactions(world)
            #expect(before.count == 1)
            let link = try await world.services.shortLinks.createReauth(
                connection: connection.hex, in: world.environment())
            let again = try await world.services.widgets.begin(
                opening(link.slug), institution: "access-bank", loginType: nil)
            #expect(try await choose(world, again) { $0 }.status == .done)
            try await world.settle()
            let after = try await transactions(world)
            #expect(after.count == 3)
            let limit = world.runtime.now().day().adding(days: -30).iso
            #expect(after.allSatisfy { $0.value.contains { $0 < limit } }, "each has rows older than the overlap")
            let known = world.runtime.now().day().iso
            for (account, days) in before {
                let again = after[account, default: []]
                #expect(again.filter { $0 < known }.sorted() == days.filter { $0 < known }.sorted())
            }
        }
    }

    private func choose(
        _ world: World, _ view: LinkView, _ wanted: ([Step.AccountChoice]) -> [Step.AccountChoice]
    ) async throws -> LinkView {
        let asked = try await world.services.links.answer(
            sessionID: view.id, in: world.scope,
            answer: StepAnswer(fields: ["username": "accounts", "password": "pass"]), revision: view.revision)
        guard case .selectAccounts(let choices) = asked.step else {
            Issue.record("no choice: \(asked.step)")
            return asked
        }
        return try await world.services.links.answer(
            sessionID: asked.id, in: world.scope, answer: StepAnswer(accounts: wanted(choices).map(\.upstreamID)),
            revision: asked.revision)
    }

    /// Booking days of each account's transactions.
    private func transactions(_ world: World) async throws -> [String: [String]] {
        let rows = try await world.core.database.read { db in
            try db.query("SELECT account_id, booked_on FROM account_transaction", []) { ($0.text(0), $0.text(1)) }
        }
        return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
    }

    @Test("a refresh that is under way with the old login ends, and can neither break nor undo the new one")
    func meanwhile() async throws {
        try await onEveryDatabase { database in
            let gate = Gate { $0.url.hasSuffix("/balance") }
            gate.open()
            let world = try await World.make(on: database) { GatedTransport($0, gate) }
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let connection = try #require(view.connectionID.flatMap { ID<Connection>($0) })
            let link = try await world.services.shortLinks.createReauth(
                connection: connection.hex, in: world.environment())
            let old = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: connection.hex, products: [.balance], cause: .demand)
            gate.close()
            let tick = Task { try await world.refreshes.tick() }
            await gate.reached()
            #expect(try await logIn(world, link.slug, as: "success").status == .done)
            gate.open()
            _ = try await tick.value
            try await world.settle()
            let ended = try await world.services.refreshes.find(scope: world.scope, id: old.refreshID)
            #expect(ended.state == "failed")
            let states = try await database.read { db in
                try db.query("SELECT state FROM refresh ORDER BY id", []) { $0.text(0) }
            }
            #expect(states == ["done", "failed", "done"])
            #expect(try await status(world, connection) == .active)
        }
    }

    @Test("a removed connection has no link any more, and none can be made")
    func removed() async throws {
        try await onEveryDatabase { database in
            let (world, connection, slug) = try await broken(database)
            try await world.services.connections.remove(connection.hex, in: world.environment())
            let error = await #expect(throws: DomainError.self) {
                try await world.services.widgets.open(opening(slug))
            }
            #expect(error?.code == .linkExpired || error?.code == .linkUnknown)
            let made = await #expect(throws: DomainError.self) {
                try await world.services.shortLinks.createReauth(connection: connection.hex, in: world.environment())
            }
            #expect(made?.code == .notFound)
        }
    }
}
