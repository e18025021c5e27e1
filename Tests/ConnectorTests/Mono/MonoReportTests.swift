import Connectors
import Domain
import TestKit
import Testing

/// Incomes and statements of Mono.
struct MonoReportTests {
    let tests = MonoTests()
    var server: MonoServer { tests.server }
    var connector: MonoConnector { tests.connector }

    /// As Mono shows one in its documents, with kobo beyond what a double holds.
    static let income = """
        {"account":"\(MonoServer.account)","app":"62da","business":"60cc","account_name":"SAMUEL OLAMIDE",
        "account_number":"0129141234","income_summary":{"total_income":0,"employer":"ACME LTD"},
        "income_streams":[{"income_type":"WAGES","frequency":"VARIABLE","monthly_average":6532000.75,
        "average_income_amount":4450666,"currency":"","stability":0.165,"first_income_date":"2023-07-25",
        "last_income_date":"2024-05-13","last_income_amount":3000001,
        "last_income_description":"transfer from piggyvest","periods_with_income":5,"number_of_incomes":8,
        "number_of_months":5}],"income_source_type":"BANK","first_transaction_date":"2023-07-01",
        "last_transaction_date":"2024-05-30","period":"12 months","number_of_income_streams":1,
        "total_income":900719925474099,"annual_income":600704393,"monthly_income":35335553,
        "aggregated_monthly_average":2133,"aggregated_monthly_average_regular":1350,
        "aggregated_monthly_average_irregular":10300}
        """

    private func push(_ data: String) throws -> [UpstreamEvent] {
        try connector.handleUpstreamWebhook(
            headers: [("mono-webhook-secret", MonoServer.webhookSecret)],
            body: Array(#"{"event":"mono.events.account_income","data":\#(data)}"#.utf8),
            settings: tests.context().settings)
    }

    private func error<T>(_ body: () async throws -> T) async -> ConnectorError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? ConnectorError
        }
    }

    private func ask(_ months: Int? = nil) async throws -> IncomeAnswer {
        try await connector.income(
            try await tests.grant(), account: MonoServer.account, months: months, tests.context(at: MonoTests.later))
    }

    @Test("an income is asked for with its months, and is being made until Mono's push")
    func processing() async throws {
        #expect(try await ask(6) == .processing)
        #expect(server.requests.last?.url.hasSuffix("/income?period=6") == true)
        #expect(try await ask() == .processing)
        #expect(server.requests.last?.url.hasSuffix("/income") == true)
        #expect(server.liveRequests.isEmpty)
    }

    @Test("what the push says of an income comes whole, to the kobo; averages are cut to one")
    func pushed() throws {
        guard case .income(nil, MonoServer.account, MonoServer.account, .made(let found))? = try push(Self.income).first
        else {
            Issue.record("no income")
            return
        }
        #expect(found.currency == nil, "Mono leaves it to the account")
        #expect(found.from == LocalDate("2023-07-01") && found.to == LocalDate("2024-05-30"))
        #expect(found.totalMinor == 900_719_925_474_099 && found.employer == "ACME LTD")
        #expect(found.annualMinor == 600_704_393 && found.monthlyMinor == 35_335_553)
        #expect(found.regularMonthlyMinor == 1350 && found.irregularMonthlyMinor == 10300)
        let stream = try #require(found.streams.first)
        #expect(stream.kind == "wages" && stream.frequency == "variable")
        #expect(stream.monthlyMinor == 6_532_000 && stream.averageMinor == 4_450_666 && stream.lastMinor == 3_000_001)
        #expect(stream.firstOn == LocalDate("2023-07-25") && stream.lastOn == LocalDate("2024-05-13"))
        #expect(stream.count == 8 && stream.monthsWithIncome == 5 && stream.months == 5)
        #expect(stream.stabilityPercent == 16 && stream.lastText == "transfer from piggyvest")
    }

    @Test("an answer that has the income already is taken, at the top or within `income`")
    func atOnce() async throws {
        for data in [Self.income, #"{"id":"r1","income":\#(Self.income)}"#] {
            server.set { $0.instead["/income"] = MonoServer.reply(200, data) }
            guard case .ready(let found) = try await ask() else {
                Issue.record("not ready: \(data.prefix(20))")
                continue
            }
            #expect(found.currency == .ngn && found.streams.count == 1)
        }
    }

    @Test("a push without an income says that none could be made; a broken one is refused, and so is a wrong secret")
    func badPushes() throws {
        for data in [
            #"{"account":"\#(MonoServer.account)"}"#, #"{"account":"\#(MonoServer.account)","status":"failed"}"#,
        ] {
            guard case .income(_, _, _, .failed(let error))? = try push(data).first else {
                Issue.record("\(data) is no failure")
                continue
            }
            #expect(error.code == .dataIncomplete)
        }
        for (part, broken) in [
            (#""last_income_amount":3000001"#, #""last_income_amount":3000001.5"#),
            (#""monthly_average":6532000.75"#, #""monthly_average":"much""#),
            (#""last_income_date":"2024-05-13""#, #""last_income_date":"yesterday""#),
            (#""number_of_incomes":8"#, #""number_of_incomes":-8"#), (#""currency":"""#, #""currency":"N""#),
            (#""stability":0.165"#, #""stability":16.5"#),
            (#""total_income":900719925474099"#, #""total_income":1e30"#),
        ] {
            let data = Self.income.replacing(part, with: broken)
            #expect(data != Self.income)
            #expect(throws: ConnectorError.self, "\(broken)") { try push(data) }
        }
        #expect(throws: ConnectorError.self) {
            try connector.handleUpstreamWebhook(
                headers: [("mono-webhook-secret", "wrong")],
                body: Array(#"{"event":"mono.events.account_income","data":\#(Self.income)}"#.utf8),
                settings: tests.context().settings)
        }
    }

    @Test("an income that Mono refuses, answers with a page or not at all is an error")
    func refusals() async throws {
        let expected: [(HTTPReplyData, ConnectorError.Code)] = [
            (MonoServer.reply(400, "null"), .invalidRequest), (MonoServer.reply(402, "null"), .paymentRequired),
            (MonoServer.reply(404, "null"), .consentRevoked), (MonoServer.reply(503, "null"), .providerUnavailable),
            (HTTPReplyData(status: 200, body: Array("<html>".utf8)), .protocolViolation),
            (HTTPReplyData(status: 200, body: Array("{}".utf8)), .protocolViolation),
            (HTTPReplyData(status: 200, body: Array(#"{"status":"failed","data":null}"#.utf8)), .dataIncomplete),
        ]
        for (reply, code) in expected {
            server.set { $0.instead["/income"] = reply }
            #expect(await error { try await ask() }?.code == code)
        }
    }

    @Test("right after a login neither is made of what Mono has so far")
    func firstFetch() async throws {
        let grant = try await tests.grant()
        server.set { $0.status = "PROCESSING" }
        let context = tests.context()
        let income = await error {
            try await connector.income(grant, account: MonoServer.account, months: nil, context)
        }
        let statement = await error {
            try await connector.statement(grant, account: MonoServer.account, months: 1, context)
        }
        #expect(income?.code == .notReady && statement?.code == .notReady)
        #expect(!server.requests.contains { $0.url.contains("/income") || $0.url.contains("/statement") })
    }

    private func statement(_ months: Int = 12) async throws -> [FetchedTransaction] {
        try await connector.statement(
            try await tests.grant(), account: MonoServer.account, months: months, tests.context(at: MonoTests.later))
    }

    @Test("a statement has every row to the kobo, in Mono's new form and in its older one")
    func statements() async throws {
        let rows = try await statement(6)
        #expect(server.requests.last?.url.hasSuffix("/statement?period=last6months&output=json") == true)
        #expect(rows.count == 75)
        #expect(rows[0].amount.minor == 300_000_001 && rows[1].amount.minor == -100_000_003)
        #expect(rows[0].runningBalance?.minor == 9_007_199_254_740_993)
        let row = #"{"id":"a","type":"credit","amount":6500,"balance":null,"date":"2023-10-06T17:33:56.000Z"}"#
        server.set { $0.instead["/statement"] = MonoServer.reply(200, #"{"count":1,"statement":[\#(row)]}"#) }
        let older = try await statement()
        #expect(older.map(\.amount.minor) == [6500] && older[0].runningBalance == nil)
    }

    @Test("a statement that is not whole, or no statement, is an error and never a short one")
    func badStatements() async throws {
        let row = #"{"id":"a","type":"credit","amount":6500,"date":"2023-10-06T17:33:56.000Z"}"#
        let expected: [(HTTPReplyData, ConnectorError.Code)] = [
            (MonoServer.reply(200, "[\(row)]", #","meta":{"count":2}"#), .dataIncomplete),
            (MonoServer.reply(200, "[\(row)]", #","meta":{"count":"1"}"#), .dataIncomplete),
            (MonoServer.reply(200, "[\(row)]", #","meta":{"count":1,"next":"https://x.example/2"}"#), .dataIncomplete),
            (MonoServer.reply(200, "null"), .notReady), (MonoServer.reply(200, #"{"jobId":"j1"}"#), .protocolViolation),
            (
                MonoServer.reply(200, #"[{"id":"a","type":"credit","amount":1.5,"date":"2023-10-06"}]"#),
                .protocolViolation
            ),
            (HTTPReplyData(status: 200, body: Array("<html>".utf8)), .protocolViolation),
            (MonoServer.reply(429, "null"), .rateLimited),
        ]
        for (reply, code) in expected {
            server.set { $0.instead["/statement"] = reply }
            #expect(await error { try await statement() }?.code == code)
        }
        server.set {
            $0.instead = [:]
            $0.instead["/statement"] = MonoServer.reply(200, "[]", #","meta":{"count":0}"#)
        }
        #expect(try await statement().isEmpty)
        server.set { $0.status = "FAILED" }
        #expect(await error { try await statement() }?.code == .providerUnavailable, "nothing came, and Mono says why")
    }
}
