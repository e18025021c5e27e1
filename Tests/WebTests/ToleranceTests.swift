import Domain
import Engine
import HTTPTypes
import TestKit
import Testing

@testable import Web

@Suite("Bodies and paths as Okra's clients send them")
struct ToleranceTests {
    @Test(
        "an absent body is an empty one",
        arguments: ["", "   ", "null", "{}", " \n{ } ", "{\"page\":\"\"}", "{\"page\":null,\"limit\":\"\"}"])
    func absent(_ text: String) throws {
        let page = try OkraBody(bytes: Array(text.utf8)).page()
        #expect(page == PageRequest(page: 1, limit: 20))
    }

    @Test(
        "numbers come as texts, in JSON or in a form, under any content type",
        arguments: [
            "{\"page\":2,\"limit\":5}", "{\"page\":\"2\",\"limit\":\"5\"}", "page=2&limit=5", "page=2&limit=5&",
            "\npage=2&limit=+5",
        ])
    func numbers(_ text: String) throws {
        #expect(try OkraBody(bytes: Array(text.utf8)).page() == PageRequest(page: 2, limit: 5))
    }

    @Test("one member has several names")
    func synonyms() throws {
        let body = try OkraBody(bytes: Array("{\"customer\":\"\",\"customer_id\":\"5D6FE57A4099CC4B210BBEC0\"}".utf8))
        #expect(try body.id("customer", "customer_id") == "5d6fe57a4099cc4b210bbec0")
        let days = try OkraBody(
            bytes: Array("{\"startDate\":\"2023/06/01\",\"end_date\":\"2023-06-30T23:59:59Z\"}".utf8))
        let page = try days.page(needsDays: true)
        #expect(page.from?.iso == "2023-06-01")
        #expect(page.to?.iso == "2023-06-30")
    }

    @Test("pages and limits outside the bounds are moved into them")
    func clamping() throws {
        let low = try OkraBody(bytes: Array("{\"page\":0,\"limit\":-3}".utf8)).page()
        #expect(low == PageRequest(page: 1, limit: 1))
        let high = try OkraBody(bytes: Array("{\"page\":9223372036854775807,\"limit\":100000}".utf8)).page()
        #expect(high.limit == PageRequest.limitMax)
        #expect(high.page == PageRequest.pageMax)
    }

    @Test(
        "what is neither JSON nor a form is refused",
        arguments: [
            "{\"page\":", "{page=1}", "[1,", "nonsense", "5", "\"text\"", "true", "{\"a\":\"\u{1}\"}", "=\u{ff}",
        ])
    func refused(_ text: String) throws {
        let bytes = text == "=\u{ff}" ? [UInt8(ascii: "a"), UInt8(ascii: "="), 0xff] : Array(text.utf8)
        #expect(throws: DomainError.self) { try OkraBody(bytes: bytes) }
    }

    @Test(
        "paths are understood in every spelling",
        arguments: [
            ("/v2/banks/list", "/v2/banks/list"), ("/v2//banks///list", "/v2/banks/list"),
            ("/v2/banks/list/", "/v2/banks/list"), ("//v2/banks/list//", "/v2/banks/list"),
            ("/sandbox/v2/banks/list", "/v2/sandbox/banks/list"),
            ("/v2/sandbox/sandbox/customers/list", "/v2/sandbox/sandbox/customers/list"),
            ("/sandbox/v2/sandbox/customers/list/", "/v2/sandbox/sandbox/customers/list"),
            ("/v1/balance/getById", "/v2/balance/getById"), ("/v1/products/auths/", "/v2/products/auths"),
            ("/sandbox/v1/transaction/getByDate", "/v2/sandbox/transactions/getByDate"),
            ("/v1/sandbox/account/getById", "/v2/sandbox/accounts/getById"), ("/v1/debit/create", "/v1/debit/create"),
            ("/sandbox/v2/sandbox/customers/create", "/v2/sandbox/customers/create"),
            ("/v2/transaction/getByDate", "/v2/transactions/getByDate"),
            ("/v2/account/getByDate", "/v2/accounts/getByDate"), ("/v2/auth/GetById", "/v2/auth/getById"),
            ("/v2/auth/getByDateCustomer", "/v2/auth/getByCustomerDate"),
            ("/v2/balance/getBalanceById", "/v2/balance/getById"),
            ("/v2/products/auth/get", "/v2/products/auths"),
            ("/v2/sandbox/products/transactions/get/", "/v2/sandbox/products/transactions"),
            ("/v2/products/balance/refresh", "/v2/balance/refresh"),
            ("/api/v1/accounts/", "/api/v1/accounts"), ("/health", "/health"), ("/", "/"), ("", ""),
        ])
    func paths(_ sent: String, _ meant: String) {
        #expect(PathNormalizer.normalize(sent) == meant)
    }

    @Test("every spelling reaches the same data through the server")
    func spellings() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let plain = try await server.post(
                    "transactions/getByAccount", "{\"account\":\"{account}\",\"limit\":2}")
                #expect(plain.list("transaction").count == 2)
                let same: [(String, String)] = [
                    ("/sandbox/v2/transactions/getByAccount", "{\"account_id\":\"{account}\",\"limit\":\"2\"}"),
                    ("/v2/sandbox//transaction/getByAccount/", "account={account}&limit=2"),
                    (
                        "/v2/sandbox/sandbox/transactions/GetByAccount",
                        "{\"account\":[\"{account}\"],\"limit\":2,\"page\":\"\"}"
                    ),
                ]
                for (path, body) in same {
                    let answer = try await server.send(
                        .post, path, body, headers: [("content-type", "application/json")])
                    #expect(answer.text == plain.text, "\(path)")
                }
                let bare = try await server.send(.post, "/v2/sandbox/products/accounts", "null")
                #expect(bare.list("accounts").count >= 1)
                let query = try await server.send(.get, "/v2/sandbox/banks/getById?id=access-bank&", key: "")
                #expect(query.status == 200)
            }
        }
    }
}
