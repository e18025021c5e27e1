import Connectors
import Domain
import TestKit
import Testing

struct MonoTests {
    static let reference = "4f1e2d3c4b5a69788796"
    static let now = Instant(iso: "2026-11-21T14:00:00Z")!
    let server = MonoServer(today: MonoTests.now.day())
    var connector: MonoConnector { MonoConnector(transport: server) }

    func context(at now: Instant = MonoTests.now, isUserPresent: Bool = false, _ more: [String: String] = [:])
        -> ConnectorContext
    {
        let settings = ["secret_key": MonoServer.key, "webhook_secret": MonoServer.webhookSecret]
        return ConnectorContext(
            environmentID: 1, institution: "access-bank", now: now, correlationID: "test",
            isUserPresent: isUserPresent, settings: ConnectorSettings(settings.merging(more) { $1 }))
    }

    var request: LinkRequest {
        LinkRequest(
            products: Set(Product.allCases), returnURL: "https://pay.shop.example/link/return/\(Self.reference)",
            reference: Self.reference, business: "Acme")
    }

    let answer = StepAnswer(fields: ["code": MonoServer.code], cameBack: true)

    func linked(_ change: (inout LinkRequest) -> Void = { _ in }) async throws -> LinkProgress {
        var request = request
        change(&request)
        let begun = try await connector.beginLink(request, context())
        return try await connector.continueLink(begun.state, answer, context())
    }

    func grant() async throws -> Grant { try #require(try await linked().linked).grant }

    /// Long after the login, when live data may be asked for.
    static let later = now + 2 * 3_600_000

    @Test("the Mono connector does what every connector must")
    func conforms() async {
        let results = await results()
        #expect(results.allSatisfy({ $0.isKept }), "\(results.filter { !$0.isKept })")
    }

    /// The suite, tried on this server.
    func results() async -> [ConnectorConformance.Result] {
        let server = server
        let conformance = ConnectorConformance(
            context: context(), answers: [answer],
            wrongAnswer: StepAnswer(fields: ["code": "code_of_nobody"], cameBack: true),
            secrets: [MonoServer.key, MonoServer.webhookSecret, MonoServer.code]
        ) { fault in
            MonoConnector(transport: FaultyTransport(server) { _, _ in fault })
        }
        return await conformance.results()
    }

    @Test(
        "the hosted page is asked for at the chosen bank, with a reference of this link alone and no name of a person")
    func begins() async throws {
        let begun = try await connector.beginLink(request, context())
        #expect(begun.step == .redirect(url: "https://link.mono.co/ALGSTO22"))
        let body = try JSONValue(parsing: try #require(server.requests.last).body)
        #expect(body["meta"]?["ref"]?.text == Self.reference)
        #expect(body["redirect_url"]?.text == "https://pay.shop.example/link/return/\(Self.reference)")
        // An address is shown and written to; the reference is the right to bring this link's return.
        let email = try #require(body["customer"]?["email"]?.text)
        #expect(email.hasSuffix("@pay.shop.example") && email.count == 32 + "@pay.shop.example".count)
        #expect(!email.contains(Self.reference))
        #expect(body["institution"] == ["id": "b1", "auth_method": "internet_banking"])

        var business = request
        business.isForBusiness = true
        _ = try await connector.beginLink(business, context(["auth_method": "mobile_banking"]))
        let second = try JSONValue(parsing: try #require(server.requests.last).body)
        #expect(second["institution"] == ["id": "b2", "auth_method": "internet_banking"])
    }

    @Test("a page that is not under TLS is never opened")
    func pagesUnderTLS() async throws {
        server.set { $0.instead["/initiate"] = MonoServer.reply(200, #"{"mono_url":"javascript:alert(1)"}"#) }
        await #expect(throws: ConnectorError.self) { try await connector.beginLink(request, context()) }
    }

    @Test("amounts beyond what a double holds come to the kobo, with the sign of their direction")
    func amounts() async throws {
        let grant = try await grant()
        let today = Self.now.day()
        let page = try await connector.transactions(
            grant, account: MonoServer.account, window: DayWindow(from: today, to: today), cursor: nil, context())
        #expect(page.rows.map(\.amount.minor) == [300_000_001, -100_000_003, -100_000_003])
        #expect(page.rows[0].runningBalance == Money(minor: 9_007_199_254_740_993, currency: .ngn))
        let balance = try await connector.balance(grant, account: MonoServer.account, context())
        #expect(balance.available == Money(minor: 9_007_199_254_740_993, currency: .ngn))
        #expect(balance.ledger == nil)
    }

    @Test(
        "what is no whole kobo, or no amount at all, is an error and never rounded",
        arguments: ["500.5", "\"500\"", "1e30", "null", "true"])
    func badAmounts(_ amount: String) async throws {
        let grant = try await grant()
        let today = Self.now.day()
        server.set {
            $0.instead["/transactions"] = MonoServer.reply(
                200, #"[{"id":"a","amount":\#(amount),"type":"debit","date":"2026-11-21T10:00:00.000Z"}]"#)
        }
        do {
            _ = try await connector.transactions(
                grant, account: MonoServer.account, window: DayWindow(from: today, to: today), cursor: nil, context())
            Issue.record("\(amount) is taken for an amount")
        } catch {
            #expect(error.code == .protocolViolation)
        }
    }

    @Test("while Mono fetches, data is not ready; what did not come is incomplete; a bank that failed is away")
    func statuses() async throws {
        let grant = try await grant()
        let today = Self.now.day()
        let expected: [(String, String, ConnectorError.Code?, ConnectorError.Code?)] = [
            ("PROCESSING", "[]", .notReady, .notReady), ("AVAILABLE", "[]", nil, nil),
            ("PARTIAL", #"["balance"]"#, nil, .dataIncomplete),
            ("PARTIAL", #"["transactions"]"#, .dataIncomplete, nil),
            ("UNAVAILABLE", "[]", .providerUnavailable, .providerUnavailable),
            ("FAILED", "[]", .providerUnavailable, .providerUnavailable),
        ]
        for (status, retrieved, balance, transactions) in expected {
            server.set {
                $0.status = status
                $0.retrieved = retrieved
            }
            #expect(
                await code { try await connector.balance(grant, account: MonoServer.account, context()) } == balance)
            let window = DayWindow(from: today, to: today)
            let found = await code {
                try await connector.transactions(
                    grant, account: MonoServer.account, window: window, cursor: nil, context())
            }
            #expect(found == transactions, "\(status) \(retrieved)")
        }
    }

    private func code<T>(_ body: () async throws -> T) async -> ConnectorError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? ConnectorError)?.code
        }
    }

    @Test("live data is asked for when somebody asks, not on schedule and not right after a login")
    func live() async throws {
        let grant = try await grant()
        let window = DayWindow(from: Self.now.day().adding(days: -5), to: Self.now.day())
        func all(_ context: ConnectorContext) async throws {
            _ = try await connector.balance(grant, account: MonoServer.account, context)
            _ = try await connector.transactions(
                grant, account: MonoServer.account, window: window, cursor: nil, context)
        }
        try await all(context(isUserPresent: true))
        try await all(context(at: Self.later))
        #expect(server.liveRequests.isEmpty)
        try await all(context(at: Self.later, isUserPresent: true))
        #expect(server.liveRequests.count == 2)
        try await all(context(at: Self.later, ["realtime": "always"]))
        #expect(server.liveRequests.count == 4)
        let old = DayWindow(from: window.from.adding(days: -60), to: window.from.adding(days: -31))
        _ = try await connector.transactions(
            grant, account: MonoServer.account, window: old, cursor: nil, context(at: Self.later, isUserPresent: true))
        #expect(server.liveRequests.count == 4)
    }

    @Test("the headers of live data say that the person must log in, that Mono did not get through, or nothing new")
    func liveHeaders() async throws {
        let grant = try await grant()
        let context = context(at: Self.later, isUserPresent: true)
        let expected: [([(name: String, value: String)], ConnectorError.Code?)] = [
            ([("X-Reauth-Required", "true"), ("X-Job-Status", "failed")], .reauthRequired),
            ([("X-JOB-STATUS", "FAILED")], .providerUnavailable), ([("x-has-new-data", "false")], nil),
            ([("x-job-status", "processing")], nil),
        ]
        for (headers, wanted) in expected {
            server.set { $0.liveHeaders = headers }
            #expect(await code { try await connector.balance(grant, account: MonoServer.account, context) } == wanted)
        }
        server.set { $0.instead["/balance"] = MonoServer.reply(200, "null") }
        #expect(
            await code { try await connector.balance(grant, account: MonoServer.account, context) } == .notReady)
    }
}
