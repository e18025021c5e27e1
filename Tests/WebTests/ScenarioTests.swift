import Domain
import Engine
import HTTPTypes
import TestKit
import Testing
import Web

/// One request and what its answer must and must not hold.
private struct Scenario: Sendable {
    var method = HTTPRequest.Method.post
    let path: String
    var body: String?
    var status = 200
    var contains: [String] = []
    var lacks: [String] = []
}

@Suite("Okra's wire, request by request")
struct ScenarioTests {
    private static let list = ["\"status\":\"success\"", "\"pagination\":{\"totalDocs\":", "\"hasNextPage\":"]

    private static let reads: [Scenario] = [
        Scenario(
            method: .get, path: "banks/list",
            contains: ["\"banks\":[", "\"slug\":\"access-bank\"", "5d6fe57a4099cc4b210bbec0"]),
        Scenario(
            method: .get, path: "banks/getById?id=5d6fe57a4099cc4b210bbec0",
            contains: ["\"data\":{", "\"slug\":\"access-bank\""]),
        Scenario(path: "products/auths", contains: list + ["\"auths\":[{", "\"record\":{\"_id\":\"{record}\""]),
        Scenario(path: "auth/getById", body: "{\"id\":\"{auth}\"}", contains: list + ["\"record\":\"{record}\""]),
        Scenario(path: "auth/getByCustomer", body: "{\"customer\":\"{customer}\"}", contains: list + ["{auth}"]),
        Scenario(path: "auth/getByDate", body: days, contains: list + ["{auth}"]),
        Scenario(path: "auth/getByCustomerDate", body: customerDays, contains: list + ["{auth}"]),
        Scenario(path: "auth/getByBank", body: "{\"bank\":\"access-bank\"}", contains: list + ["{auth}"]),
        Scenario(path: "products/accounts", contains: list + ["\"accounts\":[{", "{account}"]),
        Scenario(path: "products/accounts", body: "{\"customer\":\"{customer}\"}", contains: ["{account}"]),
        Scenario(
            path: "accounts/getAccountDetails", body: "{\"account\":\"{account}\"}",
            contains: ["\"nuban\":\"{nuban}\"", "\"isMFA\":false"], lacks: ["pagination"]),
        Scenario(path: "accounts/getById", body: "{\"id\":\"{account}\"}", contains: list + ["\"nuban\":\"{nuban}\""]),
        Scenario(
            path: "accounts/getByCustomer", body: "{\"customer\":\"{customer}\"}",
            contains: list + ["\"balance\":\"{balance}\""]),
        Scenario(path: "accounts/getByBank", body: "{\"bank\":\"{bank}\"}", contains: list + ["{account}"]),
        Scenario(path: "accounts/getByBalance", body: "{\"balance\":\"{balance}\"}", contains: ["{account}"]),
        Scenario(path: "accounts/getByDate", body: days, contains: list + ["{account}"]),
        Scenario(path: "accounts/getByCustomerDate", body: customerDays, contains: list + ["{account}"]),
        Scenario(path: "products/balances", contains: list + ["\"balances\":[{", "\"connected\":true"]),
        Scenario(
            path: "balance/getById", body: "{\"id\":\"{balance}\"}",
            contains: ["\"balance\":{\"_id\":\"{balance}\"", "\"periodic\":{"], lacks: ["pagination"]),
        Scenario(
            path: "balance/getById", body: "{\"id\":\"{balance}\",\"includePeriodic\":\"false\"}",
            lacks: ["\"periodic\":"]),
        Scenario(
            path: "balance/getByCustomer", body: "{\"customer\":\"{customer}\"}", contains: list + ["\"balance\":[{"]),
        Scenario(path: "balance/getByAccount", body: "{\"account_id\":\"{account}\"}", contains: list + ["{balance}"]),
        Scenario(path: "balance/getByDate", body: days, contains: list + ["{balance}"]),
        Scenario(path: "balance/getByCustomerDate", body: customerDays, contains: list + ["{balance}"]),
        Scenario(
            path: "balance/getByType", body: "{\"type\":\"ledger_balance\",\"value\":\"0.01\"}",
            contains: list + ["\"balance\":[]"]),
        Scenario(path: "products/transactions", contains: list + ["\"trans\":[{", "\"count\":"]),
        Scenario(
            path: "transactions/getById", body: "{\"id\":\"{transaction}\"}",
            contains: list + ["\"transaction\":[{\"_id\":\"{transaction}\""]),
        Scenario(
            path: "transactions/getByCustomer", body: "{\"customer\":\"{customer}\"}",
            contains: list + ["\"transaction\":[{"]),
        Scenario(
            path: "transactions/getByAccount", body: "{\"account\":\"{account}\"}",
            contains: list + ["\"transaction\":[{", "\"account\":{\"_id\":\"{account}\""]),
        Scenario(
            path: "transactions/getByBank", body: "{\"bank\":\"5d6fe57a4099cc4b210bbec0\"}",
            contains: list + ["\"transaction\":[{"]),
        Scenario(
            path: "transactions/getByNuban", body: "{\"nuban\":\"{nuban}\"}", contains: list + ["\"transaction\":[{"]),
        Scenario(path: "transactions/getByDate", body: days, contains: list + ["\"transaction\":[{"]),
        Scenario(path: "transactions/getByCustomerDate", body: customerDays, contains: list + ["\"transaction\":[{"]),
        Scenario(
            path: "transactions/getByType", body: "{\"type\":\"credit\"}", contains: list + ["\"debit\":null"],
            lacks: ["\"credit\":null"]),
        Scenario(
            path: "transactions/getByType", body: "{\"type\":\"debit\"}", contains: list + ["\"credit\":null"],
            lacks: ["\"debit\":null"]),
        Scenario(
            path: "transactions/byRecord", body: "{\"record_id\":\"{record}\"}", contains: list + ["\"transaction\":[{"]
        ),
        Scenario(path: "products/identities", contains: list + ["\"identities\":[{"]),
        Scenario(path: "identity/getById", body: "{\"id\":\"{identity}\"}", contains: list + ["\"bvn\":\"{bvn}\""]),
        Scenario(
            path: "identity/getByCustomer", body: "{\"customer\":\"{customer}\"}",
            contains: list + ["\"identity\":[{"]),
        Scenario(path: "identity/getByDate", body: days, contains: list + ["\"identity\":[{"]),
        Scenario(path: "identity/getByCustomerDate", body: customerDays, contains: list + ["\"identity\":[{"]),
        Scenario(
            path: "identity/getByBvn", body: "{\"bvn\":\"{bvn}\"}", contains: ["\"data\":{\"_id\":\"{identity}\""],
            lacks: ["pagination"]),
        Scenario(
            path: "identity/getByNuban", body: "{\"nuban\":\"{nuban}\"}", contains: ["\"data\":{\"_id\":\"{identity}\""]
        ),
        Scenario(path: "products/records", contains: list + ["\"records\":[{", "\"options\":{\"user\":\"42\"}"]),
        Scenario(
            path: "products/records/get", body: "{\"record_id\":\"{record}\"}",
            contains: ["\"pagination\":null", "\"records\":{\"_id\":\"{record}\"", "\"usedProduct\":{"]),
        Scenario(
            path: "customers/list",
            contains: list + ["\"_id\":\"{customer}\"", "\"credentials\":[{", "\"record\":[\"{record}\"]"]),
        Scenario(
            path: "customers/get", body: "{\"customer\":\"{customer}\"}",
            contains: ["\"customer\":{\"_id\":\"{customer}\""]),
        Scenario(
            path: "customers/get", body: "{\"type\":\"bvn\",\"value\":\"{bvn}\"}",
            contains: ["\"_id\":\"{customer}\""]),
        Scenario(
            path: "customers/find-customers-by", body: "{\"key\":\"bvn\",\"value\":\"{bvn}\"}",
            contains: list + ["{customer}"]),
    ]

    private static let days = "{\"from\":\"2020-01-01\",\"to\":\"2030/12/31\"}"
    private static let customerDays = "{\"customer_id\":\"{customer}\",\"from\":\"2020-01-01\",\"to\":\"2030-12-31\"}"

    private static let pulls = [
        "AUTH": "\"auth\":{", "ACCOUNTS": "\"accounts\":[{", "BALANCE": "\"balance\":{",
        "CHECK_BALANCE": "\"balances\":[{",
        "PERIODIC_BALANCE": "\"balances\":[{", "TRANSACTIONS": "\"transactions\":[{",
        "PERIODIC_TRANSACTIONS": "\"transactions\":[{", "REFRESH_TRANSACTIONS": "\"transactions\":[{",
        "IDENTITY": "\"identity\":{",
    ]

    @Test("every read answers its data in Okra's envelope")
    func allReads() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for scenario in Self.reads { try await check(scenario, server) }
                for (method, member) in Self.pulls {
                    let pull = Scenario(
                        method: .get, path: "callback?record={record}&method=\(method)",
                        contains: [
                            member, "\"product\":\"\(method)\"", "\"process\":{\"running\":false,\"completed\":true}",
                        ])
                    try await check(pull, server)
                }
            }
        }
    }

    private func check(_ scenario: Scenario, _ server: Server) async throws {
        let path = "/v2/sandbox/\(scenario.path)"
        let answer = try await server.send(scenario.method, path, scenario.body)
        #expect(answer.status == scenario.status, "\(path): \(answer.text.prefix(300))")
        #expect(!answer.json.isNull, "\(path): not JSON: \(answer.text.prefix(300))")
        #expect(answer.data.members != nil, "\(path): data is an object")
        for part in scenario.contains {
            #expect(
                answer.text.contains(server.filled(part)),
                "\(path) lacks \(server.filled(part)): \(answer.text.prefix(900))")
        }
        for part in scenario.lacks {
            #expect(!answer.text.contains(server.filled(part)), "\(path) has \(part)")
        }
    }

    @Test("a refresh says where its result can be read, and the pull has it once the run is over")
    func refresh() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for (name, method) in [
                    ("balance/refresh", "BALANCE"), ("balance/check", "CHECK_BALANCE"),
                    ("products/balance/periodic", "PERIODIC_BALANCE"), ("transactions/refresh", "REFRESH_TRANSACTIONS"),
                    ("products/transactions/periodic", "PERIODIC_TRANSACTIONS"),
                ] {
                    let answer = try await server.post(
                        name, "{\"account_id\":\"{account}\",\"record_id\":\"{record}\",\"currency\":\"NGN\"}")
                    #expect(answer.status == 200, "\(name): \(answer.text)")
                    let url = answer.data["callback_url"]?.text ?? ""
                    #expect(
                        url
                            == server.filled(
                                "https://kubewa.example/v2/sandbox/callback?record={record}&method=\(method)"))
                    let path = String(url.dropFirst("https://kubewa.example".count))
                    let during = try await server.send(.get, path)
                    #expect(during.data["status"]?["process"]?["completed"] == false)
                    try await server.world.settle()
                    let after = try await server.send(.get, path)
                    #expect(after.data["status"]?["process"]?["completed"] == true)
                }
            }
        }
    }

    @Test("production offers the banks that exist, by their statements, until a connector serves them")
    func banks() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let answer = try await server.send(.get, "/v2/banks/list", key: "")
                #expect(answer.status == 200)
                #expect(answer.list("banks").count > 300)
                let listed = try await server.send(
                    .get, "/api/v1/institutions/044", key: server.world.keys(.production).secretKey)
                #expect(listed.json["access"] == "statement" && listed.json["offers"]?["unattended"] == false)
                let sandbox = try await server.send(.get, "/v2/sandbox/banks/list", key: "")
                #expect(sandbox.list("banks").count > 50)
            }
        }
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false, environments: [.sandbox, .production]) { server in
                let answer = try await server.send(.get, "/v2/banks/list", key: "")
                #expect(answer.list("banks").count > 50)
            }
        }
    }

    @Test("sandbox logins are created, made up, listed and got")
    func sandboxCustomers() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let draft = """
                    {"noOfAccount":2,"name":"Ada Obi","bank":"access-bank","username":"ada1","password":"p",\
                    "type":"ind","volume":"low","identity":100,"internetSpeed":5}
                    """
                let made = try await server.post("customers/create", "[\(draft)]")
                #expect(made.status == 201)
                let id = try #require(made.list("customers").first?["_id"]?.text)
                let taken = try await server.post("customers/create", draft)
                #expect(taken.status == 409)
                let drafts = try await server.post("customers/generate", "{\"number\":3,\"create\":false}")
                #expect(drafts.status == 200)
                #expect(drafts.list("customers").count == 3)
                let generated = try await server.send(
                    .post, "/v2/sandbox/sandbox/customers/generate", "{\"number\":\"2\",\"create\":\"true\"}")
                #expect(generated.status == 201)
                let list = try await server.send(.post, "/sandbox/v2/sandbox/customers/list", "null")
                #expect(list.data["pagination"]?["totalDocs"] == 3)
                #expect(list.list("customers").last?["username"]?.text == "ada1")
                let linked = try await server.post("customers/list", "null")
                #expect(linked.list("customers").isEmpty, "nobody has linked an account yet")
                let got = try await server.post("customers/get", "{\"customer\":\"\(id)\"}")
                #expect(got.data["customer"]?["username"]?.text == "ada1")
                let production = try await server.send(
                    .post, "/v2/customers/create", draft, key: server.world.keys(.production).secretKey)
                #expect(production.status == 404)
            }
        }
    }
}
