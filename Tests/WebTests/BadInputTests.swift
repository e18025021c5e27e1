import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

@Suite("Bad input")
struct BadInputTests {
    private struct Case: Sendable {
        var method = HTTPRequest.Method.post
        let path: String
        var body: String?
        let status: Int
        let code: String
        var field: String?
    }

    private static let okra: [Case] = [
        Case(path: "transactions/getByAccount", body: "{\"account\":", status: 400, code: "invalid_json"),
        Case(path: "transactions/getByAccount", body: "5", status: 400, code: "invalid_json"),
        Case(path: "transactions/getByAccount", body: "{}", status: 400, code: "missing_field", field: "account"),
        Case(
            path: "transactions/getByAccount", body: "{\"account\":{}}", status: 400, code: "invalid_field",
            field: "account"),
        Case(
            path: "transactions/getByAccount", body: "{\"account\":\"a\\u0000b\"}", status: 400, code: "invalid_field"),
        Case(
            path: "transactions/getByDate", body: "{\"from\":\"2024-02-30\",\"to\":\"2024-03-01\"}", status: 400,
            code: "invalid_date", field: "from"),
        Case(
            path: "transactions/getByDate", body: "{\"from\":\"yesterday\",\"to\":\"2024-03-01\"}", status: 400,
            code: "invalid_date"),
        Case(
            path: "transactions/getByDate", body: "{\"from\":\"2024-03-01\"}", status: 400, code: "missing_field",
            field: "to"),
        Case(
            path: "transactions/getByDate", body: "{\"from\":\"2024-03-02\",\"to\":\"2024-03-01\"}", status: 400,
            code: "invalid_date"),
        Case(
            path: "transactions/getByCustomerDate", body: "{\"from\":\"2024-03-01\",\"to\":\"2024-03-01\"}",
            status: 400, code: "missing_field", field: "customer"),
        Case(
            path: "transactions/getByType", body: "{\"type\":\"sideways\"}", status: 400, code: "invalid_field",
            field: "type"),
        Case(
            path: "transactions/getByType", body: "{\"type\":\"debit\",\"value\":\"much\"}", status: 400,
            code: "invalid_field", field: "value"),
        Case(
            path: "transactions/getByType", body: "{\"type\":\"debit\",\"value\":1e99}", status: 400,
            code: "invalid_field", field: "value"),
        Case(
            path: "transactions/getByType", body: "{\"type\":\"debit\",\"value\":\"0.001\"}", status: 400,
            code: "invalid_field", field: "value"),
        Case(
            path: "balance/getByType", body: "{\"type\":\"ledger_balance\"}", status: 400, code: "missing_field",
            field: "value"),
        Case(
            path: "products/accounts", body: "{\"page\":\"first\"}", status: 400, code: "invalid_field", field: "page"),
        Case(path: "products/accounts", body: "{\"limit\":1.5}", status: 400, code: "invalid_field", field: "limit"),
        Case(path: "products/accounts", body: "{\"pdf\":true}", status: 400, code: "not_yet", field: "pdf"),
        Case(path: "products/accounts", body: "{\"pdf\":\"maybe\"}", status: 400, code: "invalid_field", field: "pdf"),
        Case(path: "accounts/getAccountDetails", body: "{\"account\":\"zz\"}", status: 404, code: "not_found"),
        Case(path: "balance/getById", body: "{\"id\":\"5d6fe57a4099cc4b210bbec0\"}", status: 404, code: "not_found"),
        Case(path: "balance/refresh", body: "{}", status: 400, code: "missing_field", field: "account_id"),
        Case(
            path: "balance/refresh", body: "{\"account_id\":\"5d6fe57a4099cc4b210bbec0\"}", status: 404,
            code: "not_found"),
        Case(path: "customers/generate", body: "{\"number\":99}", status: 400, code: "invalid_field", field: "number"),
        Case(path: "customers/create", body: "[{\"name\":\"x\"}]", status: 400, code: "missing_field"),
        Case(
            path: "customers/find-customers-by", body: "{\"key\":\"email\",\"value\":\"a@b.c\"}", status: 400,
            code: "not_yet"),
        Case(path: "transactions/nonsense", status: 404, code: "no_route"),
        Case(method: .get, path: "transactions/getById", status: 405, code: "method_not_allowed"),
        Case(method: .get, path: "banks/getById", status: 400, code: "missing_field", field: "id"),
        Case(method: .get, path: "banks/getById?id=%5Bobject+Object%5D", status: 400, code: "unknown_institution"),
        Case(method: .get, path: "banks/getById?id=5d6fe57a4099cc4b210bffff", status: 404, code: "not_found"),
        Case(method: .get, path: "callback?record={record}", status: 400, code: "missing_field", field: "method"),
        Case(method: .get, path: "callback?record={record}&method=DANCE", status: 400, code: "invalid_field"),
        Case(method: .get, path: "callback?record={record}&method=INCOME", status: 400, code: "not_yet"),
        Case(method: .get, path: "callback?record=%ff&method=AUTH", status: 400, code: "missing_field"),
    ]

    private static let native: [Case] = [
        Case(path: "link_sessions", body: "[]", status: 400, code: "invalid_json"),
        Case(path: "link_sessions", body: "{\"institution\":7}", status: 400, code: "invalid_field"),
        Case(
            path: "link_sessions/{session}/answers", body: "{\"action\":\"dance\"}", status: 400,
            code: "invalid_field", field: "action"),
        Case(method: .get, path: "link_sessions/{session}?wait=26", status: 400, code: "invalid_field", field: "wait"),
        Case(method: .get, path: "link_sessions/{session}?wait=x", status: 400, code: "invalid_field", field: "wait"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"no-bank\"}", status: 400, code: "unknown_institution"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"products\":[\"gold\"]}", status: 400,
            code: "unknown_product"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"products\":\"balance\"}", status: 400,
            code: "invalid_field"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"refresh\":{\"interval\":\"often\"}}",
            status: 400, code: "unknown_interval", field: "refresh.interval"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"callback_url\":\"ftp://x\"}", status: 400,
            code: "url_refused"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"refresh\":{\"products\":[\"gold\"]}}",
            status: 400, code: "unknown_product", field: "refresh.products"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"history_months\":25}", status: 400,
            code: "invalid_field", field: "history_months"),
        Case(
            path: "link_sessions", body: "{\"institution\":\"access-bank\",\"customer\":\"5d6fe57a4099cc4b210bbec0\"}",
            status: 404, code: "not_found"),
        Case(
            path: "link_sessions",
            body: "{\"institution\":\"access-bank\",\"callback_url\":\"http://169.254.169.254/\"}", status: 400,
            code: "url_refused", field: "callback_url"),
        Case(
            path: "link_sessions",
            body: "{\"institution\":\"access-bank\",\"callback_url\":\"http://localhost:3000/\"}",
            status: 400, code: "url_refused", field: "callback_url"),
        Case(
            path: "webhook_endpoints", body: "{\"url\":\"https://0x7f.1/\"}", status: 400, code: "url_refused",
            field: "url"),
        Case(
            path: "webhook_endpoints", body: "{\"url\":\"https://ada@shop.example/\"}", status: 400,
            code: "url_refused",
            field: "url"),
        Case(method: .get, path: "link_sessions/okr-1-nothing", status: 404, code: "not_found"),
        Case(path: "link_sessions/okr-1-nothing/answers", body: "{}", status: 404, code: "not_found"),
        Case(path: "link_sessions/{session}/answers", body: "{\"fields\":[]}", status: 400, code: "invalid_field"),
        Case(method: .get, path: "accounts/nonsense", status: 404, code: "not_found"),
        Case(method: .get, path: "accounts?limit=0", status: 400, code: "invalid_field", field: "limit"),
        Case(method: .get, path: "accounts?cursor=abc", status: 400, code: "invalid_field", field: "cursor"),
        Case(
            method: .get, path: "accounts/{account}/transactions?cursor=zz", status: 400, code: "invalid_field",
            field: "cursor"),
        Case(path: "refreshes", body: "{}", status: 400, code: "missing_field"),
        Case(
            path: "refreshes", body: "{\"connection\":\"{record}\",\"products\":[\"gold\"]}", status: 400,
            code: "unknown_product"),
        Case(method: .get, path: "refreshes/nonsense", status: 404, code: "not_found"),
        Case(path: "webhook_endpoints", body: "{\"url\":\"nowhere\"}", status: 400, code: "url_refused", field: "url"),
        Case(
            path: "webhook_endpoints", body: "{\"url\":\"http://10.0.0.1/x\"}", status: 400, code: "url_refused",
            field: "url"),
        Case(
            path: "webhook_endpoints", body: "{\"url\":\"http://[fe80::1]/x\"}", status: 400, code: "url_refused",
            field: "url"),
        Case(
            path: "webhook_endpoints", body: "{\"url\":\"https://a.example/x\",\"payload\":\"huge\"}", status: 400,
            code: "invalid_field", field: "payload"),
        Case(
            path: "webhook_endpoints", body: "{\"url\":\"https://a.example/x\",\"event_types\":[\"never\"]}",
            status: 400, code: "invalid_field", field: "event_types"),
        Case(method: .delete, path: "webhook_endpoints/nonsense", status: 404, code: "not_found"),
        Case(method: .get, path: "events/evt_1/attempts", status: 404, code: "not_found"),
        Case(path: "sandbox/clock/advance", body: "{\"days\":-1}", status: 400, code: "invalid_field", field: "days"),
        Case(path: "sandbox/clock/advance", body: "{\"days\":5000}", status: 400, code: "invalid_field"),
        Case(
            path: "sandbox/transactions", body: "{\"username\":\"success\"}", status: 400, code: "missing_field",
            field: "amount_minor"),
        Case(
            path: "sandbox/transactions", body: "{\"username\":\"success\",\"amount_minor\":\"1\"}", status: 400,
            code: "invalid_field"),
        Case(method: .put, path: "accounts", body: "{}", status: 405, code: "method_not_allowed"),
        Case(method: .get, path: "nonsense", status: 404, code: "no_route"),
    ]

    @Test("bad input on Okra's wire gets its status, a code and a message, never a 500")
    func okraWire() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for bad in Self.okra {
                    let answer = try await server.send(bad.method, "/v2/sandbox/\(bad.path)", bad.body)
                    let what = "\(bad.path) \(bad.body ?? ""): \(answer.text)"
                    #expect(answer.status == bad.status, "\(what)")
                    #expect(answer.json["code"]?.text == bad.code, "\(what)")
                    #expect(answer.json["message"]?.text?.isEmpty == false, "\(what)")
                    #expect(answer.json["request_id"]?.text == answer.requestID, "\(what)")
                    if let field = bad.field { #expect(answer.json["field"]?.text == field, "\(what)") }
                }
            }
        }
    }

    @Test("bad input on the native API gets its status, a code and a message, never a 500")
    func nativeAPI() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for bad in Self.native {
                    let answer = try await server.send(bad.method, "/api/v1/\(bad.path)", bad.body)
                    let what = "\(bad.path) \(bad.body ?? ""): \(answer.text)"
                    #expect(answer.status == bad.status, "\(what)")
                    #expect(answer.json["error"]?["code"]?.text == bad.code, "\(what)")
                    #expect(answer.json["error"]?["request_id"]?.text == answer.requestID, "\(what)")
                    if let field = bad.field { #expect(answer.json["error"]?["field"]?.text == field, "\(what)") }
                }
            }
        }
    }

    @Test("the environment's own endpoint is not removed by the API, which says where it is set")
    func ownEndpoint() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                try await server.world.listen()
                let endpoints = server.world.services.endpoints
                let own = try #require(try await endpoints.list(in: server.world.environment()).first)
                let path = "/api/v1/webhook_endpoints/\(own.id.hex)"
                let answer = try await server.send(.delete, path)
                #expect(answer.status == 409, "\(answer.text)")
                #expect(answer.json["error"]?["message"]?.text?.contains("webhooks set") == true)
                let stranger = try await server.send(.delete, path, key: server.world.keys(.production).secretKey)
                #expect(stranger.status == 404, "\(stranger.text)")
                #expect(try await endpoints.list(in: server.world.environment()).first?.id == own.id)
            }
        }
    }

    @Test("a URL that no sending could call is refused when it is set, wherever one may be set")
    func uncallable() async throws {
        let urls = [
            "https://münchen.example/x", "https://example.com/a b", "https://example.com/ü", "https://exam ple.com/x",
            "https://example.com:99999/x", "https://example.com:0/x", "https://example.com/a\\\\b", "https://a..b/x",
            "http://0x7f.1.1/x", "https://0xa9fea9fe/x", "http://10.1/x", "https://[fe80::1%25lo]/x",
        ]
        let places = [
            ("webhook_endpoints", "{\"url\":\"URL\"}"),
            ("link_sessions", "{\"institution\":\"access-bank\",\"callback_url\":\"URL\"}"),
            ("replays", "{\"endpoint\":\"x\",\"event\":\"evt_1\",\"url\":\"URL\"}"),
        ]
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                for (url, place) in urls.flatMap({ url in places.map { (url, $0) } }) {
                    let answer = try await server.send(
                        .post, "/api/v1/\(place.0)", place.1.replacing("URL", with: url))
                    let code = answer.json["error"]?["code"]?.text
                    #expect(answer.status == 400 && code == "url_refused", "\(place.0) \(url): \(answer.text)")
                }
                let named = try await server.send(
                    .post, "/api/v1/webhook_endpoints", "{\"url\":\"https://ada:planted@shop.example/x\"}")
                #expect(named.status == 400 && named.text.contains("user name") && named.text.contains("`token`"))
                #expect(!named.text.contains("planted"))
                let inside = try await server.send(
                    .post, "/api/v1/webhook_endpoints", "{\"url\":\"http://10.0.0.1/x\"}")
                #expect(inside.text.contains("--webhook-allow-cidr") && inside.text.contains("kubewa listen"))
                for url in [
                    "https://xn--mnchen-3ya.example/%C3%BC?a=b", "https://example.com.:8443", "https://8.8.8.8/x",
                ] {
                    let answer = try await server.send(.post, "/api/v1/webhook_endpoints", "{\"url\":\"\(url)\"}")
                    #expect(answer.status == 201, "\(url): \(answer.text)")
                }
            }
        }
    }

    @Test("no operation answers 500, whatever it is sent")
    func everything() async throws {
        let bodies = [
            "", "null", "[]", "{}", "\"x\"", "{\"id\":1e99}", "{\"customer\":\"\\u0000\"}", "{\"from\":-1,\"to\":[]}",
            "{\"account\":true,\"customer\":{},\"id\":[],\"record\":0,\"record_id\":[[]],\"url\":5,\"fields\":7}",
            "account=%zz&customer=%ff", String(repeating: "[", count: 5000), "\u{feff}{}",
        ]
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                // What removes comes last, so that the others have something to find.
                let routes = APICatalog.routes
                for route in routes.filter({ $0.method != .delete }) + routes.filter({ $0.method == .delete })
                where !route.path.hasPrefix("/v2/") || route.path.hasPrefix("/v2/sandbox") {
                    for body in bodies {
                        let answer = try await server.send(route.method, server.filled(route.path), body)
                        #expect(answer.status != 500, "\(route.path) \(body.prefix(80)): \(answer.text)")
                    }
                }
            }
        }
    }

    @Test("a body over the limit is refused, by its length or as it comes")
    func tooLarge() async throws {
        try await onEveryDatabase { database in
            try await Server.run(
                on: database, linking: false, settings: WebSettings(bodyBytesMax: 4096, logsRequests: false)
            ) { server in
                let answer = try await server.post("products/accounts", String(repeating: " ", count: 5000))
                #expect(answer.status == 413)
                #expect(answer.json["code"]?.text == "too_large")
                #expect(answer.json["message"]?.text?.contains("4 KiB") == true)
                #expect(try await server.post("products/accounts", String(repeating: " ", count: 4096)).status == 200)
            }
        }
    }
}
