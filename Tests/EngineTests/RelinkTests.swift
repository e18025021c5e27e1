import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Linking the same bank again")
struct RelinkTests {
    private func accounts(_ world: World) async throws -> [Account] {
        let ids = try await world.core.database.read { db in
            try db.query("SELECT id FROM connection ORDER BY id", []) { row -> ID<Connection> in row.id(0) }
        }
        var found: [Account] = []
        for id in ids {
            found += try await world.core.database.read { try AccountStore.list(id, world.scope, $0) }
        }
        return found
    }

    private func count(_ world: World, _ table: String) async throws -> Int64? {
        try await world.core.database.read { db in try db.first("SELECT SUM(1) FROM \(table)", []) { $0.intOrNil(0) } }
            ?? nil
    }

    private func setPolicy(_ world: World, _ policy: RelinkPolicy) async throws {
        var app = try #require(try await world.services.tenants.apps(world.environment()).first)
        app.relink = policy
        try await world.services.tenants.update(app, in: world.environment())
    }

    /// Logs in until the accounts are chosen; `chosen` picks of those that the bank offers.
    private func link(
        _ world: World, _ view: LinkView, _ username: String = "accounts", password: String = "pass",
        _ chosen: ([Step.AccountChoice]) -> [Step.AccountChoice] = { $0 }
    ) async throws -> LinkView {
        let asked = try await world.services.links.answer(
            sessionID: view.id, in: world.scope,
            answer: StepAnswer(fields: ["username": username, "password": password]), revision: view.revision)
        guard case .selectAccounts(let choices) = asked.step else { return asked }
        return try await world.services.links.answer(
            sessionID: asked.id, in: world.scope,
            answer: StepAnswer(accounts: chosen(choices).map(\.upstreamID)), revision: asked.revision)
    }

    private func begin(_ world: World) async throws -> LinkView {
        var request = BeginLink(institution: "access-bank")
        request.historyMonths = 1
        return try await world.services.links.begin(request, in: world.environment())
    }

    private func say(_ world: World, _ view: LinkView, _ word: String) async throws -> LinkView {
        try await world.services.links.answer(
            sessionID: view.id, in: world.scope, answer: StepAnswer(fields: ["confirm": word]),
            revision: view.revision)
    }

    // MARK: an ordinary link

    @Test("a second link of one person's account merges into the first: ids kept, nothing doubled, the new login used")
    func merges() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let first = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let before = try await accounts(world)
            let rows = try await count(world, "account_transaction")
            let second = try await world.link {
                $0.historyMonths = 1
                $0.meta = ["order": "2"]
                $0.callbackURL = "https://shop.example/second"
            }
            #expect(second.status == .done)
            #expect(second.connectionID == first.connectionID)
            #expect(second.customerID == first.customerID)
            try await world.settle()
            #expect(try await count(world, "connection") == 1)
            #expect(try await accounts(world).map(\.id) == before.map(\.id))
            #expect(try await count(world, "account_transaction") == rows)
            let id = try #require(first.connectionID.flatMap { ID<Connection>($0) })
            let known = try #require(try await database.read { try ConnectionStore.find(id, world.scope, $0) })
            #expect(known.meta == #"{"order":"2"}"#)
            #expect(known.callbackURL == "https://shop.example/second")
            let consents = try await database.read { try ConsentStore.list(id, world.scope, $0) }
            #expect(consents.map(\.action) == [.granted, .renewed])
            let told = try world.webhooks.bodies("auth.success")
            #expect(told.count >= 2, "whoever waits for the second link hears of it")
            #expect(told.last?["data"]?["merged"] == .bool(true))
            let runs = try await database.read { db in
                try db.query("SELECT state FROM refresh ORDER BY id", []) { $0.text(0) }
            }
            #expect(runs.allSatisfy { $0 == "done" })
        }
    }

    @Test("an app may allow a second connection, or refuse it with nothing changed")
    func policies() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            try await setPolicy(world, .reject)
            let refused = try await world.link()
            #expect(refused.status == .failed)
            guard case .failed(let error) = refused.step else { return #expect(Bool(false), "\(refused.step)") }
            #expect(error.code == .alreadyLinked)
            #expect(try await count(world, "connection") == 1)
            let run = try await world.services.refreshes.request(
                scope: world.scope, accountID: nil, connectionID: first.connectionID, products: [.balance],
                cause: .demand)
            try await world.settle()
            let ended = try await world.services.refreshes.find(scope: world.scope, id: run.refreshID)
            #expect(ended.state == "done", "the refused login did not end the first one")
            try await setPolicy(world, .allow)
            let second = try await world.link()
            #expect(second.status == .done)
            #expect(second.connectionID != first.connectionID)
            #expect(try await count(world, "connection") == 2)
        }
    }

    @Test("another person, another bank, and another account of one person are connections of their own")
    func apart() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await world.link()
            _ = try await world.link("otp")
            _ = try await world.link(institution: "zenith-bank")
            #expect(try await count(world, "connection") == 3)
            let one = try await link(world, try await begin(world)) { Array($0.prefix(1)) }
            let other = try await link(world, try await begin(world)) { Array($0.suffix(1)) }
            #expect(one.status == .done && other.status == .done)
            #expect(one.connectionID != other.connectionID)
            #expect(one.customerID == other.customerID)
        }
    }

    // MARK: a bank that gives everything other ids

    @Test("a bank that moves to another system gives accounts and rows other ids: ours stay, without a question")
    func migration() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let scenario =
                #"{"rules": [{"from": "2d", "account_is": "new_id"}, {"from": "2d", "ids": "new_each_day"}]}"#
            let first = try await world.link("ada", password: scenario) { $0.historyMonths = 1 }
            try await world.settle()
            let before = try await accounts(world)
            let rows = try await transactions(world)
            try await world.advance(days: 3)
            let link = try await world.services.shortLinks.createReauth(
                connection: try #require(first.connectionID), in: world.environment())
            let opening = try WidgetOpening(options: nil, ref: link.slug, origin: nil, mode: "page")
            let begun = try await world.services.widgets.begin(opening, institution: "access-bank", loginType: nil)
            let again = try await self.link(world, begun, "ada", password: scenario)
            #expect(again.status == .done, "\(again.step)")
            #expect(again.connectionID == first.connectionID)
            try await world.settle()
            #expect(try await accounts(world).map(\.id) == before.map(\.id))
            let after = try await transactions(world)
            #expect(rows.subtracting(after).isEmpty, "every row has the id that it had")
        }
    }

    private func transactions(_ world: World) async throws -> Set<String> {
        Set(
            try await world.core.database.read { db in
                try db.query("SELECT id FROM account_transaction WHERE status <> 'removed'", []) { $0.text(0) }
            })
    }

    // MARK: the preview

    /// A connection with one account, and a session of a new login that shows another one in its place.
    private func uncertain(
        _ database: Database
    ) async throws -> (world: World, connection: String, view: LinkView, slug: String) {
        let world = try await World.make(on: database)
        try await world.listen()
        let first = try await link(world, try await begin(world)) { Array($0.dropFirst().prefix(1)) }
        try await world.settle()
        let connection = try #require(first.connectionID)
        let link = try await world.services.shortLinks.createReauth(connection: connection, in: world.environment())
        let opening = try WidgetOpening(options: nil, ref: link.slug, origin: nil, mode: "page")
        let begun = try await world.services.widgets.begin(opening, institution: "access-bank", loginType: nil)
        let asked = try await self.link(world, begun) { Array($0.suffix(1)) }
        return (world, connection, asked, link.slug)
    }

    @Test("what is not certain is shown with its reason, and nothing is written before a yes")
    func asks() async throws {
        try await onEveryDatabase { database in
            let (world, connection, view, _) = try await uncertain(database)
            let before = try await accounts(world)
            let rows = try await transactions(world)
            guard case .confirmAccounts(let pairs) = view.step else { return #expect(Bool(false), "\(view.step)") }
            #expect(view.status == .active)
            #expect(pairs.count == 1)
            #expect(pairs[0].rule == .onlyOne)
            #expect(pairs[0].before?.mask == before[0].mask)
            #expect(pairs[0].after?.mask != before[0].mask)
            #expect(try await accounts(world) == before)
            let events = try await count(world, "event")
            let done = try await say(world, view, "yes")
            #expect(done.status == .done)
            #expect(done.connectionID == connection)
            #expect(try await count(world, "event") != events)
            try await world.settle()
            let after = try await accounts(world)
            #expect(after.map(\.id) == before.map(\.id), "the same account, with the other number")
            #expect(after[0].mask == pairs[0].after?.mask)
            #expect(after[0].numberIndex != before[0].numberIndex)
            let left = try await transactions(world)
            #expect(rows.subtracting(left).isEmpty)
        }
    }

    @Test("a no changes nothing and gives the access back, and the link works on")
    func no() async throws {
        try await onEveryDatabase { database in
            let (world, connection, view, slug) = try await uncertain(database)
            let before = try await accounts(world)
            let said = try await say(world, view, "no")
            #expect(said.status == .failed)
            guard case .failed(let error) = said.step else { return #expect(Bool(false), "\(said.step)") }
            #expect(error.code == .mappingRefused)
            #expect(try await accounts(world) == before)
            #expect(try world.webhooks.bodies("record.repaired").isEmpty)
            let opening = try WidgetOpening(options: nil, ref: slug, origin: nil, mode: "page")
            let begun = try await world.services.widgets.begin(opening, institution: "access-bank", loginType: nil)
            let right = try await link(world, begun) { Array($0.dropFirst().prefix(1)) }
            #expect(right.status == .done, "certain, so nobody is asked")
            #expect(right.connectionID == connection)
        }
    }

    @Test("an answer that is neither yes nor no is refused, and one that leaves takes nothing along")
    func neither() async throws {
        try await onEveryDatabase { database in
            let (world, _, view, _) = try await uncertain(database)
            let before = try await accounts(world)
            let error = await #expect(throws: DomainError.self) { try await say(world, view, "perhaps") }
            #expect(error?.code == .invalidField)
            let left = try await world.services.links.abandon(sessionID: view.id, in: world.scope)
            #expect(left.status == .abandoned)
            let state = try await database.read { try LinkSessionStore.find(view.id, world.scope, $0)?.state }
            #expect(state == nil)
            #expect(try await accounts(world) == before)
        }
    }

    @Test("what changes between the question and the yes is asked again")
    func stale() async throws {
        try await onEveryDatabase { database in
            let (world, connection, view, _) = try await uncertain(database)
            try await database.write { tx in
                try tx.db.run("UPDATE account SET name = 'Renamed'", [])
            }
            let again = try await say(world, view, "yes")
            #expect(again.status == .active)
            guard case .confirmAccounts(let pairs) = again.step else { return #expect(Bool(false), "\(again.step)") }
            #expect(pairs.first?.before?.name == "Renamed")
            let done = try await say(world, again, "yes")
            #expect(done.connectionID == connection)
        }
    }

    @Test("the session keeps the bank's access sealed while it waits for a word")
    func sealed() async throws {
        try await onEveryDatabase { database in
            let (world, _, view, _) = try await uncertain(database)
            let session = try #require(
                try await database.read { try LinkSessionStore.find(view.id, world.scope, $0) })
            let state = String(decoding: session.state ?? [], as: UTF8.self)
            #expect(!state.contains("grant"))
            #expect(!session.step.contains("grant"))
            #expect(session.step.utf8.count < 2000)
        }
    }

    // MARK: reauth_account

    private func opening(_ world: World, _ number: String) throws -> WidgetOpening {
        let keys = world.keys()
        let options: JSONValue = [
            "token": .string(world.tenant.id.hex), "key": .string(keys.publicKey), "reauth_account": .string(number),
            "reauth_bank": "access-bank",
        ]
        return try WidgetOpening(options: options, ref: nil, origin: nil, mode: "page")
    }

    @Test("a page that names an account brings its connection back, once its owner has logged in")
    func namedAccount() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await setPolicy(world, .allow)
            let first = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let account = try #require(try await accounts(world).first)
            let vaulting = AccountVault(
                core: world.core, scope: world.scope, connectionID: try #require(first.connectionID))
            let number = try #require(try await database.read { try vaulting.number(account, $0) })
            let opened = try await world.services.widgets.open(opening(world, number))
            #expect(opened.isReauth)
            #expect(opened.institution == "access-bank")
            let begun = try await world.services.widgets.begin(
                opening(world, number), institution: "access-bank", loginType: nil)
            let request = try await database.read { try LinkSessionStore.find(begun.id, world.scope, $0)?.request }
            #expect(request?.contains(number) == false, "no account number is kept in the open")
            let done = try await link(world, begun, "success")
            #expect(done.connectionID == first.connectionID)
            #expect(try await count(world, "connection") == 1)
            let other = try await world.services.widgets.begin(
                opening(world, number), institution: "access-bank", loginType: nil)
            let refused = try await link(world, other, "otp")
            let answered = refused.status == .active ? try await otp(world, refused) : refused
            #expect(answered.status == .failed)
            guard case .failed(let error) = answered.step else { return #expect(Bool(false), "\(answered.step)") }
            #expect(error.code == .differentLogin)
        }
    }

    private func otp(_ world: World, _ view: LinkView) async throws -> LinkView {
        try await world.services.links.answer(
            sessionID: view.id, in: world.scope, answer: StepAnswer(fields: ["otp": "0000"]), revision: view.revision)
    }

    @Test("a page learns nothing of accounts that it names: known and unknown ones look alike before the login")
    func noOracle() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let opened = try await world.services.widgets.open(opening(world, "0123456789"))
            #expect(opened.isReauth)
            let error = await #expect(throws: DomainError.self) {
                try await world.services.widgets.open(opening(world, "12"))
            }
            #expect(error?.code == .invalidField)
        }
    }
}
