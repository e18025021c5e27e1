import Connectors
import Domain
import Storage
import TestKit
import Testing

struct SandboxLoginTests {
    @Test("a wrong password leaves fewer attempts, the fifth locks, a day later it is open again")
    func locks() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka")
            for left in [4, 3, 2, 1] {
                let progress = try await world.begin("amaka", "wrong")
                guard case .form(let form) = progress.step else { throw WorldError("\(progress.step)") }
                #expect(form.attemptsLeft == left)
            }
            for password in ["wrong", "secret-word"] {
                let progress = try await world.begin("amaka", password)
                guard case .failed(let error) = progress.step else { throw WorldError("\(progress.step)") }
                #expect(error.code == .userLocked)
            }
            world.advance(days: 1)
            let progress = try await world.begin("amaka", "wrong")
            guard case .form(let form) = progress.step else { throw WorldError("\(progress.step)") }
            #expect(form.attemptsLeft == 4)
            #expect(try await world.link("amaka", "secret-word").accounts.count == 1)
        }
    }

    @Test("a right password sets the count back")
    func resets() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka")
            for _ in 0..<3 {
                for _ in 0..<4 { _ = try await world.begin("amaka", "wrong") }
                _ = try await world.link("amaka", "secret-word")
            }
        }
    }

    @Test("a customer is known at its bank and in its environment only")
    func elsewhere() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka")
            try await world.addEnvironment(8)
            let elsewhere = try await world.begin("amaka", "secret-word", at: "wema-bank")
            #expect(elsewhere.linked == nil)
            let other = world.context(environmentID: 8)
            let begun = try await world.connector.beginLink(LinkRequest(products: []), other)
            let progress = try await world.connector.continueLink(
                begun.state, SandboxWorld.login("amaka", "secret-word"), other)
            #expect(progress.linked == nil)
        }
    }

    @Test("a token of one environment or institution opens nothing in another")
    func tokensStay() async throws {
        try await onEveryWorld { world in
            try await world.addEnvironment(8)
            let linked = try await world.link("success")
            for context in [world.context(environmentID: 8), world.context("wema-bank")] {
                let code = await world.code { _ = try await world.connector.listAccounts(linked.grant, context) }
                #expect(code == .reauthRequired)
            }
        }
    }

    @Test("access tokens last fifteen minutes of the environment's time")
    func expires() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("success")
            world.advance(minutes: 14)
            _ = try await world.connector.listAccounts(linked.grant, world.context())
            world.advance(minutes: 1)
            do {
                _ = try await world.connector.listAccounts(linked.grant, world.context())
                Issue.record("the token lives")
            } catch let error as ConnectorError {
                #expect(error.isTokenExpired)
            }
            let renewed = try await world.connector.refreshAuth(linked.grant, world.context())
            #expect(renewed != linked.grant)
            _ = try await world.connector.listAccounts(renewed, world.context())
        }
    }

    @Test("the bank lives in the environment's time, which its clock moves ahead of the machine's")
    func clock() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("success")
            let offset = 3 * Instant.dayMs
            let scope = Environment(
                id: world.environmentID, tenantID: ID(trusted: ""), projectID: ID(trusted: ""), kind: .sandbox,
                offsetMs: 0, businessName: ""
            ).scope
            try await world.database.write { tx in try TenantStore.setOffset(scope, offset, tx) }
            #expect(try await world.store.now(environmentID: world.environmentID) == world.now + offset)
            let grant = try await world.connector.refreshAuth(linked.grant, world.context())
            let account = linked.accounts[0].upstreamID
            let balance = try await world.connector.balance(grant, account: account, world.context())
            #expect(balance.asOf == world.now + offset)
            await #expect(throws: DomainError.self) { try await world.store.now(environmentID: 99) }
        }
    }

    @Test("a lost reply costs nothing: the token before works until its successor is used")
    func rotates() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("success")
            let faulty = SandboxConnector(
                transport: FaultyTransport(world.transport) { _, _ in .brokenOff }, baseURL: "http://127.0.0.1:9",
                pushSecret: SandboxWorld.pushSecret)
            let lost = await world.code { _ = try await faulty.refreshAuth(linked.grant, world.context()) }
            #expect(lost == .providerUnavailable)
            let second = try await world.connector.refreshAuth(linked.grant, world.context())
            let third = try await world.connector.refreshAuth(second, world.context())
            _ = try await world.connector.listAccounts(third, world.context())
            // The first one's successor was used, so it can only be somebody else's.
            #expect(
                await world.code { _ = try await world.connector.refreshAuth(linked.grant, world.context()) }
                    == .reauthRequired)
            #expect(
                await world.code { _ = try await world.connector.listAccounts(third, world.context()) }
                    == .reauthRequired)
            #expect(
                await world.code { _ = try await world.connector.refreshAuth(third, world.context()) }
                    == .reauthRequired)
        }
    }

    @Test("of two renewals at once, at least one gives tokens that work")
    func renewsTogether() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("success")
            let context = world.context()
            let connector = world.connector
            let grants = await withTaskGroup(of: Grant?.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        do { return try await connector.refreshAuth(linked.grant, context) } catch { return nil }
                    }
                }
                return await group.reduce(into: [Grant]()) { all, grant in if let grant { all.append(grant) } }
            }
            var working = 0
            for grant in grants {
                if await world.code({ _ = try await connector.listAccounts(grant, context) }) == nil { working += 1 }
            }
            #expect(working == 1)
        }
    }

    @Test("what is not a request of the bank gets a plain refusal")
    func badRequests() async throws {
        try await onEveryWorld { world in
            let cases: [(String, String, String, Int)] = [
                ("GET", "/", "", 404), ("GET", "/env/7/zenith-bank", "", 404),
                ("GET", "/env/x/zenith-bank/health", "", 404),
                ("GET", "/env/7/no-bank/health", "", 404), ("POST", "/env/7/zenith-bank/login", "{", 400),
                ("POST", "/env/7/zenith-bank/login", "{}", 400), ("POST", "/env/7/zenith-bank/login", "[]", 400),
                ("POST", "/env/99/zenith-bank/login", #"{"username":"success","password":"pass"}"#, 404),
                ("POST", "/env/7/zenith-bank/answer", #"{"challenge":"6161.00"}"#, 400),
                ("POST", "/env/7/zenith-bank/token", #"{"refresh_token":"x"}"#, 401),
                ("GET", "/env/7/zenith-bank/accounts", "", 401), ("PUT", "/env/7/zenith-bank/accounts", "", 404),
                ("GET", "/env/7/zenith-bank/health", "", 200),
            ]
            for (method, path, body, status) in cases {
                let reply = await world.bank.handle(method: method, path: path, headers: [], body: Array(body.utf8))
                #expect(reply.status == status, "\(method) \(path) \(body)")
            }
        }
    }

    @Test("lists refuse days, limits and cursors that are not theirs")
    func badLists() async throws {
        try await onEveryWorld { world in
            let linked = try await world.link("success")
            let tokens = try JSONValue(parsing: linked.grant.bytes)
            let headers = [(name: "Authorization", value: "Bearer \(tokens["access_token"]?.text ?? "")")]
            let account = linked.accounts[0].upstreamID
            func get(_ query: String) async throws -> (Int, JSONValue) {
                let path = "/env/7/zenith-bank/accounts/\(account)/transactions?\(query)"
                let reply = await world.bank.handle(method: "GET", path: path, headers: headers, body: [])
                return (reply.status, try JSONValue(parsing: reply.body))
            }
            let (status, page) = try await get("from=2023-12-01&to=2023-12-31&limit=2")
            #expect(status == 200 && page["transactions"]?.elements?.count == 2)
            let cursor = try #require(page["next_cursor"]?.text)
            #expect(try await get("from=2023-12-01&to=2023-12-31&limit=2&cursor=\(cursor)").0 == 200)
            for query in [
                "from=2023-12-02&to=2023-12-31&cursor=\(cursor)", "cursor=zz", "cursor=6161", "limit=0", "limit=501",
                "limit=x", "from=2023-13-01", "from=2023-02-02&to=2023-02-01",
            ] {
                #expect(try await get(query).0 == 400, "\(query)")
            }
        }
    }
}
