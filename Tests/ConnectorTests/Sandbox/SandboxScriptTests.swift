import Connectors
import Domain
import TestKit
import Testing

@Suite("The language of scenarios")
struct SandboxScriptTests {
    private func set(_ world: SandboxWorld, _ name: String, _ json: String) async throws {
        _ = try await world.bank.setScenario(
            name, try JSONValue(parsing: Array(json.utf8)), environmentID: world.environmentID)
    }

    @Test(
        "what is wrong is told with its place",
        arguments: [
            ("[]", "scenario"), (#"{"acounts": 2}"#, "acounts"), (#"{"accounts": 9}"#, "accounts"),
            (#"{"challenge": "sms"}"#, "challenge"), (#"{"rules": {}}"#, "rules"), (#"{"rules": [1]}"#, "rules[0]"),
            (#"{"rules": [{}]}"#, "rules[0].error"),
            (#"{"rules": [{"ids": "missing"}, {"frm": "1d"}]}"#, "rules[1].frm"),
            (#"{"rules": [{"ids": "missing", "from": "soon"}]}"#, "rules[0].from"),
            (#"{"rules": [{"ids": "missing", "daily": "1-2"}]}"#, "rules[0].daily"),
            (#"{"rules": [{"error": "teapot"}]}"#, "rules[0].error"), (#"{"rules": [{"limit": 4}]}"#, "rules[0].per"),
            (#"{"rules": [{"late": {"share": 5}}]}"#, "rules[0].late.by"),
            (#"{"rules": [{"account_is": "gone", "chance": 5}]}"#, "rules[0].chance"),
            (#"{"rows": [{"narration": "x"}]}"#, "rows[0].amount_minor"),
            (#"{"rows": [{"narration": "x", "amount_minor": 1, "posts_after": "1d"}]}"#, "rows[0].posts_after"),
        ])
    func places(_ json: String, _ place: String) throws {
        do {
            _ = try SandboxScript(parsing: Array(json.utf8))
            Issue.record("\(json) is taken")
        } catch let error as DomainError {
            #expect(error.field == place, "\(error.message)")
        }
    }

    @Test("a name that cannot be a scenario's is refused, and one institution's has rules alone")
    func names() async throws {
        try await onEveryWorld { world in
            for name in ["", "pending", "a b", "bank:nowhere", "a/b"] {
                await #expect(throws: DomainError.self, "\(name)") { try await set(world, name, "{}") }
            }
            await #expect(throws: DomainError.self) { try await set(world, "bank:zenith-bank", #"{"accounts": 2}"#) }
            try await set(world, "bank:zenith-bank", #"{"rules": [{"error": "unavailable"}]}"#)
            #expect(await world.connector.health(institution: "zenith-bank", world.context()) == .down)
            #expect(await world.code { _ = try await world.link("success") } == .providerUnavailable)
            _ = try await world.link("success", at: "access-bank")
            try await world.bank.removeScenario("bank:zenith-bank", environmentID: world.environmentID)
            _ = try await world.link("success")
        }
    }

    @Test("a password that is a scenario is played, and a wrong one is told in the form")
    func carried() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("anyone", #"{"accounts": 3, "holder": "Ada Obi"}"#)
            #expect(linked.accounts.count == 3 && linked.accounts[0].holderName == "ADA OBI")
            #expect(try await world.link("anyone").accounts == linked.accounts, "it is kept under the name")
            let refused = try await world.begin("someone", #"{"accounts": 30}"#)
            guard case .form(let form) = refused.step else { throw WorldError("\(refused.step)") }
            #expect(form.problem?.contains("`accounts`") == true, "\(form.problem ?? "")")
            try await world.create("amaka")
            let taken = try await world.begin("amaka", "{}")
            guard case .form(let form) = taken.step else { throw WorldError("\(taken.step)") }
            #expect(form.problem?.contains("customer") == true)
        }
    }

    @Test("rules hold at their time, and not before or after it")
    func times() async throws {
        try await onEveryWorld { world in
            try await set(
                world, "ada",
                """
                {"rules": [{"on": ["balance"], "from": "1d", "until": "2d", "error": "bank_error"},
                 {"on": ["accounts"], "daily": "12:00-13:00", "error": "unavailable", "retry_after": "5m"},
                 {"on": ["identity"], "times": 2, "error": "not_ready"}]}
                """)
            var linked = try await world.link("ada")
            func code(_ body: (ConnectorContext) async throws -> Void) async throws -> ConnectorError.Code? {
                linked.grant = try await world.connector.refreshAuth(linked.grant, world.context())
                return await world.code { try await body(world.context()) }
            }
            func balance(_ context: ConnectorContext) async throws {
                _ = try await world.connector.balance(
                    linked.grant, account: linked.accounts[0].upstreamID, context)
            }
            #expect(try await code(balance) == nil)
            world.advance(days: 1)
            #expect(try await code(balance) == .providerUnavailable)
            world.advance(days: 1)
            #expect(try await code(balance) == nil)
            func list(_ context: ConnectorContext) async throws {
                _ = try await world.connector.listAccounts(linked.grant, context)
            }
            // The world's clock stands at ten in Lagos.
            #expect(try await code(list) == nil)
            world.advance(minutes: 120)
            #expect(try await code(list) == .providerUnavailable)
            world.advance(minutes: 60)
            #expect(try await code(list) == nil)
            for expected in [ConnectorError.Code.notReady, .notReady, nil] {
                #expect(
                    try await code { _ = try await world.connector.identity(linked.grant, $0) } == expected)
            }
        }
    }

    @Test("a limit lets so many calls through in each span and says when the next one begins")
    func limits() async throws {
        try await onEveryWorld { world in
            try await set(world, "ada", #"{"rules": [{"on": ["accounts"], "limit": 2, "per": "hour"}]}"#)
            let linked = try await world.link("ada")
            for round in 0..<2 {
                let grant = try await world.connector.refreshAuth(linked.grant, world.context())
                for _ in 0..<2 { _ = try await world.connector.listAccounts(grant, world.context()) }
                do {
                    _ = try await world.connector.listAccounts(grant, world.context())
                    Issue.record("a third call goes through in round \(round)")
                } catch let error as ConnectorError {
                    #expect(error.code == .rateLimited && error.retryAfterSeconds == 3600)
                }
                world.advance(minutes: 60)
                guard round == 0 else { break }
            }
        }
    }

    @Test("access that was given before ends, and access that is given then lives")
    func access() async throws {
        try await onEveryWorld { world in
            try await set(world, "ada", #"{"access_token": "5d", "rules": [{"from": "2d", "access": "revoked"}]}"#)
            let linked = try await world.link("ada")
            _ = try await world.connector.listAccounts(linked.grant, world.context())
            world.advance(days: 3)
            #expect(
                await world.code { _ = try await world.connector.listAccounts(linked.grant, world.context()) }
                    == .consentRevoked)
            let again = try await world.link("ada")
            _ = try await world.connector.listAccounts(again.grant, world.context())
            #expect(again.accounts == linked.accounts)
        }
    }

    @Test("rows are pending for their time and then booked with another id; the balance is what is booked")
    func latePosting() async throws {
        try await onEveryWorld { world in
            try await set(world, "ada", #"{"access_token": "30d", "volume": "high", "rules": [{"pending": "48h"}]}"#)
            let linked = try await world.link("ada")
            let before = try await world.recent(linked)
            let balance = try await world.connector.balance(
                linked.grant, account: linked.accounts[0].upstreamID, world.context())
            world.advance(days: 2)
            check(before, balance, after: try await world.recent(linked))
        }
    }

    private func check(_ before: [FetchedTransaction], _ balance: FetchedBalance, after: [FetchedTransaction]) {
        let pending = before.filter { $0.status == .pending }
        #expect(!pending.isEmpty && pending.allSatisfy { $0.runningBalance == nil })
        let newest = before.first { $0.status == .booked }
        #expect(newest?.runningBalance == balance.ledger)
        let held = (balance.available?.minor ?? 0) - (balance.ledger?.minor ?? 0)
        #expect(held == pending.reduce(0) { $0 + $1.amount.minor })
        for row in pending {
            let posted = after.first {
                $0.text == row.text && $0.amount == row.amount && $0.bookedOn == row.bookedOn
            }
            #expect(posted?.status == .booked && posted?.upstreamID != row.upstreamID)
        }
    }

    @Test("ids, accounts and pages lie as they are told to")
    func lies() async throws {
        try await onEveryWorld { world in
            try await set(
                world, "ada",
                """
                {"access_token": "30d", "volume": "high", "rules": [
                 {"until": "1d", "ids": "missing"}, {"from": "1d", "until": "2d", "ids": "repeated"},
                 {"from": "2d", "until": "3d", "ids": "new_each_call"}, {"from": "3d", "hide": 50},
                 {"from": "1d", "until": "2d", "account": 1, "account_is": "gone"},
                 {"from": "2d", "until": "3d", "account": 1, "account_is": "doubled"},
                 {"from": "3d", "account": 1, "account_is": "new_id", "rename": "Old Savings"}]}
                """)
            let linked = try await world.link("ada")
            #expect(try await world.recent(linked).allSatisfy { $0.upstreamID == nil })
            world.advance(days: 1)
            let repeated = try await world.recent(linked).compactMap(\.upstreamID)
            #expect(Set(repeated).count < repeated.count)
            func list() async throws -> [FetchedAccount] {
                try await world.connector.listAccounts(linked.grant, world.context())
            }
            #expect(try await list().count == 1)
            world.advance(days: 1)
            let one = try await world.recent(linked)
            world.advance(minutes: 1)
            let two = try await world.recent(linked)
            #expect(Set(one.compactMap(\.upstreamID)).isDisjoint(with: two.compactMap(\.upstreamID)))
            let doubled = try await list()
            #expect(doubled.count == 3 && Set(doubled.compactMap(\.number)).count == 2)
            world.advance(days: 1)
            let halved = try await world.recent(linked)
            #expect(halved.count < one.count * 3 / 4 && halved.count > one.count / 4)
            let renamed = try #require(try await list().last)
            #expect(renamed.name == "Old Savings" && renamed.number == linked.accounts[1].number)
            #expect(renamed.upstreamID != linked.accounts[1].upstreamID)
        }
    }

    @Test("pages that never end, bodies that are none and rows that cannot be are the connector's typed errors")
    func wire() async throws {
        try await onEveryWorld { world in
            for (number, effect) in [
                #""body": "html""#, #""body": "empty""#, #""body": "half""#, #""body": "array""#,
            ].enumerated() {
                try await set(world, "liar\(number)", #"{"rules": [{"on": ["transactions"], \#(effect)}]}"#)
                let linked = try await world.link("liar\(number)")
                let code = await world.code { _ = try await world.recent(linked) }
                #expect(code == .protocolViolation, "\(effect): \(String(describing: code))")
            }
            try await set(world, "future", #"{"rules": [{"lie": "future_date"}]}"#)
            let future = try await world.recent(try await world.link("future"))
            #expect(future.first.map { $0.bookedOn > world.now.day() } == true, "what is told is handed on as it is")
            try await set(world, "endless", #"{"volume": "high", "rules": [{"paging": "endless"}]}"#)
            let linked = try await world.link("endless")
            let today = world.now.day()
            let window = DayWindow(from: today.adding(days: -10), to: today)
            var cursor: String?
            for _ in 0..<20 {
                let page = try await world.connector.transactions(
                    linked.grant, account: linked.accounts[0].upstreamID, window: window, cursor: cursor,
                    world.context())
                cursor = page.nextCursor
                #expect(cursor != nil)
            }
        }
    }

    @Test("the same seed gives the same month in another environment and at another bank's seed")
    func seeded() async throws {
        try await onEveryWorld { world in
            try await world.addEnvironment(8)
            let json =
                #"{"seed": 5, "rules": [{"chance": 50, "on": ["balance"], "error": "bank_error"}, {"hide": 20}]}"#
            var months: [[FetchedTransaction]] = []
            var errors: [[Bool]] = []
            for environmentID in [world.environmentID, 8] {
                _ = try await world.bank.setScenario(
                    "ada", try JSONValue(parsing: Array(json.utf8)), environmentID: environmentID)
                let context = world.context(environmentID: environmentID)
                let begun = try await world.connector.beginLink(LinkRequest(products: []), context)
                let linked = try #require(
                    try await world.connector.continueLink(begun.state, SandboxWorld.login("ada"), context).linked)
                let today = world.now.day()
                months.append(
                    try await world.connector.transactions(
                        linked.grant, account: linked.accounts[0].upstreamID,
                        window: DayWindow(from: today.adding(days: -30), to: today), cursor: nil, context
                    ).rows)
                var failed: [Bool] = []
                for account in linked.accounts {
                    failed.append(
                        await world.code {
                            _ = try await world.connector.balance(linked.grant, account: account.upstreamID, context)
                        } != nil)
                }
                errors.append(failed)
            }
            #expect(!months[0].isEmpty && months[0] == months[1])
            #expect(errors[0] == errors[1])
        }
    }
}
