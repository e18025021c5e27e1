import Domain
import Engine
import Foundation
import HTTPTypes
import Storage
import TestKit
import Testing

@testable import Web

@Suite("The widget's server")
struct WidgetTests {
    /// What a page sends to open the widget with the keys of an environment.
    private func opening(
        _ server: Server, _ kind: EnvironmentKind = .sandbox, options: String = "",
        origin: String? = "https://shop.example", more: String = ""
    ) -> String {
        let keys = server.world.keys(kind)
        let place = origin.map { ",\"mode\":\"iframe\",\"origin\":\"\($0)\"" } ?? ",\"mode\":\"page\""
        let token = server.world.tenant.clientToken
        return "{\"options\":{\"token\":\"\(token)\",\"key\":\"\(keys.publicKey)\"\(options)}\(place)\(more)}"
    }

    private func open(_ server: Server, _ body: String) async throws -> Answer {
        try await server.send(.post, "/api/v1/widget/open", body, key: "")
    }

    private func code(_ answer: Answer) -> String? { answer.json["error"]?["code"]?.text }

    /// The default production app with hosts that pages may stand in.
    private func allow(_ hosts: [String], _ server: Server) async throws {
        let environment = server.world.environment(.production)
        let apps = try await server.world.services.tenants.apps(environment)
        var app = try #require(apps.first)
        app.allowedHosts = hosts
        try await server.world.services.tenants.update(app, in: environment)
    }

    // MARK: opening

    @Test("opening says what the page shows")
    func opens() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let answer = try await open(
                    server,
                    opening(
                        server,
                        options: ",\"env\":\"production-sandbox\",\"name\":\"Shop\",\"products\":[\"balance\"],\"x\":1")
                )
                #expect(answer.status == 200, "\(answer.text)")
                #expect(answer.json["env"]?.text == "sandbox")
                #expect(answer.json["business"]?.text == "Acme Shop")
                #expect(answer.json["name"]?.text == "Shop")
                #expect(answer.json["target_origin"]?.text == "https://shop.example")
                #expect(answer.json["products"] == ["auth", "accounts", "balance"])
                #expect(answer.json["ignored"] == ["x"])
                #expect(answer.json["consent"]?["text"]?.text?.contains("Acme Shop") == true)
                #expect(answer.json["consent"]?["points"]?.elements?.isEmpty == false)
            }
        }
    }

    @Test("each thing that is wrong has its own code")
    func refusals() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let keys = server.world.keys()
                let stranger = server.stranger.environments[0].keys.publicKey
                let token = server.world.tenant.clientToken
                func keyed(_ token: String, _ key: String) -> String {
                    "{\"options\":{\"token\":\"\(token)\",\"key\":\"\(key)\"},\"origin\":\"https://a.example\"}"
                }
                let cases: [(String, Int, String)] = [
                    ("{}", 401, "no_key"), (keyed(token, "nobody"), 401, "unknown_key"),
                    (keyed(token, stranger), 401, "unknown_key"),
                    (keyed(token, keys.secretKey), 403, "wrong_key_kind"),
                    (opening(server, options: ",\"env\":\"production\""), 403, "wrong_environment"),
                    (opening(server, options: ",\"products\":[\"horoscope\"]"), 400, "unknown_product"),
                    (opening(server, options: ",\"redirect_url\":\"javascript:alert(1)\""), 400, "url_refused"),
                    (opening(server, options: ",\"success_url\":\"javascript:alert(1)\""), 400, "url_refused"),
                    (opening(server, options: ",\"callback_url\":\"data:text/html,x\""), 400, "url_refused"),
                    (opening(server, options: ",\"app_id\":\"5d6fe57a4099cc4b210bbec0\""), 404, "not_found"),
                    (opening(server, origin: "null"), 403, "origin_refused"),
                    (opening(server, options: ",\"ref\":\"abcdefghijklmnop\""), 404, "link_unknown"),
                    (opening(server, options: ",\"exp\":\"2020-01-01\""), 410, "link_expired"),
                    ("[]", 400, "invalid_json"), ("{\"options\":[]}", 400, "invalid_field"),
                    ("{\"mode\":\"iframe\",\"options\":{}}", 403, "origin_refused"),
                ]
                for (body, status, code) in cases {
                    let answer = try await open(server, body)
                    #expect(answer.status == status, "\(code): \(answer.text)")
                    #expect(self.code(answer) == code, "\(answer.text)")
                    #expect(answer.json["error"]?["request_id"]?.text?.isEmpty == false)
                }
                let huge = "{\"options\":{\"logo\":\"\(String(repeating: "A", count: 5 << 20))\"}}"
                #expect(try await open(server, huge).status == 413)
                _ = try await server.world.services.keys.renew(.publicKey, of: server.world.environment())
                #expect(code(try await open(server, keyed(token, keys.publicKey))) == "revoked_key")
            }
        }
    }

    @Test("production opens only on allowed hosts, and sends only there")
    func production() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                func at(_ origin: String?, _ options: String = "") async throws -> Answer {
                    try await open(server, opening(server, .production, options: options, origin: origin))
                }
                #expect(code(try await at("https://shop.example")) == "origin_refused", "an empty list refuses all")
                try await allow(["shop.example"], server)
                #expect(try await at("https://shop.example").status == 200)
                #expect(try await at(nil).status == 200, "a page of its own is in no frame")
                for origin in [
                    "https://evil.example", "https://shop.example.evil.example", "http://shop.example",
                    "https://xshop.example",
                ] {
                    #expect(code(try await at(origin)) == "origin_refused", "\(origin)")
                }
                for name in ["redirect_url", "callback_url", "success_url"] {
                    let good = try await at("https://shop.example", ",\"\(name)\":\"https://shop.example/x\"")
                    #expect(good.status == 200, "\(good.text)")
                    let bad = try await at("https://shop.example", ",\"\(name)\":\"https://evil.example/x\"")
                    #expect(code(bad) == "url_refused", "\(name)")
                }
            }
        }
    }

    // MARK: banks

    @Test("banks come with their health, the best known first, compressed; production takes their statements")
    func institutions() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let path = "/api/v1/widget/institutions?env="
                let answer = try await server.send(.get, path + "sandbox", key: "")
                let rows = try #require(answer.json["data"]?.elements)
                #expect(rows.count > 300)
                #expect(rows.first?["slug"]?.text == "access-bank")
                let health = Dictionary(
                    uniqueKeysWithValues: rows.map { ($0["slug"]?.text ?? "", $0["health"]?.text ?? "") })
                #expect(health["heritage-bank"] == "down")
                #expect(health["unity-bank"] == "degraded")
                #expect(health["access-bank"] == "healthy")
                let packed = try await server.send(
                    .get, path + "sandbox", key: "", headers: [("accept-encoding", "br, gzip")])
                #expect(packed.headers[.contentEncoding] == "gzip")
                let real = try await server.send(.get, path + "production", key: "")
                #expect(real.json["data"]?.elements?.first?["note"] == "Statement upload")
                #expect(try await server.send(.get, path + "moon", key: "").status == 400)
            }
        }
    }

    // MARK: sessions

    private func begin(_ server: Server, _ options: String = "", more: String) async throws -> Answer {
        try await server.send(.post, "/api/v1/widget/sessions", opening(server, options: options, more: more), key: "")
    }

    @Test("a run ends with a payload without secrets, and with where the person goes back to")
    func result() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let options = ",\"redirect_url\":\"https://shop.example/r?a=1\",\"state\":\"s 1\",\"meta\":{\"m\":1}"
                let made = try await begin(
                    server, options, more: ",\"institution\":\"gtb\",\"login_type\":\"corp\"")
                #expect(made.status == 201, "\(made.text)")
                #expect(made.json["institution"]?.text == "guaranty-trust-bank")
                let session = try #require(made.json["id"]?.text)
                let path = "/api/v1/widget/sessions/\(session)/result"
                #expect(code(try await server.send(.get, path, key: "")) == "step_mismatch")
                let done = try await server.send(
                    .post, "/api/v1/link_sessions/\(session)/answers",
                    "{\"revision\":1,\"fields\":{\"username\":\"success\",\"password\":\"pass\"}}", key: "")
                let record = try #require(done.json["connection"]?.text)
                let answer = try await server.send(.get, path, key: "")
                let success = try #require(answer.json["success"])
                #expect(success["record"]?.text == record)
                #expect(success["auth"]?["clientId"]?.text == session)
                #expect(success["auth"]?["bank_details"]?["slug"]?.text == "guaranty-trust-bank")
                #expect(success["meta"] == ["m": 1])
                #expect(success["env"]?.text == "production-sandbox")
                let numbers = success["accounts"]?.elements?.compactMap { $0["nuban"]?.text } ?? []
                #expect(numbers.count == 2)
                #expect(numbers.allSatisfy { $0.hasPrefix("******") && $0.count == 10 })
                #expect(!answer.text.contains("bvn"))
                let customer = done.json["customer"]?.text ?? ""
                #expect(
                    answer.json["redirect"]?.text
                        == "https://shop.example/r?a=1&status=success&record=\(record)&customer=\(customer)&state=s%201"
                )
            }
        }
    }

    @Test("a run that failed, was left or expired says so, and goes back with the code")
    func failures() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                func run() async throws -> (id: String, path: String) {
                    let made = try await begin(
                        server, ",\"redirect_url\":\"https://shop.example/r\"", more: ",\"institution\":\"access-bank\""
                    )
                    let id = try #require(made.json["id"]?.text)
                    return (id, "/api/v1/widget/sessions/\(id)/result")
                }
                let left = try await run()
                _ = try await server.send(.delete, "/api/v1/link_sessions/\(left.id)", key: "")
                let abandoned = try await server.send(.get, left.path, key: "")
                #expect(abandoned.json["error"]?["code"]?.text == "abandoned")
                #expect(abandoned.json["redirect"]?.text == "https://shop.example/r?status=error&code=abandoned")
                let refused = try await run()
                _ = try await server.send(
                    .post, "/api/v1/link_sessions/\(refused.id)/answers",
                    "{\"revision\":1,\"fields\":{\"username\":\"locked\",\"password\":\"pass\"}}", key: "")
                let locked = try await server.send(.get, refused.path, key: "")
                #expect(locked.json["error"]?["code"]?.text == "user_locked", "\(locked.text)")
                let forgotten = try await run()
                server.world.runtime.advance(milliseconds: 31 * 60_000)
                let expired = try await server.send(.get, forgotten.path, key: "")
                #expect(expired.json["error"]?["code"]?.text == "expired")
                server.world.runtime.advance(milliseconds: 25 * 3_600_000)
                #expect(code(try await server.send(.get, forgotten.path, key: "")) == "expired")
                #expect(try await server.send(.get, "/api/v1/widget/sessions/okr-1-x/result", key: "").status == 404)
            }
        }
    }

    @Test("a page may not choose what it was not offered")
    func offered() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let filter = ",\"filter\":{\"banks\":[\"access-bank\"]},\"account_type\":\"individual\""
                let other = try await begin(server, filter, more: ",\"institution\":\"zenith-bank\"")
                #expect(code(other) == "unknown_institution")
                let corporate = try await begin(
                    server, filter, more: ",\"institution\":\"access\",\"login_type\":\"corp\"")
                #expect(code(corporate) == "invalid_field")
                let offered = try await begin(server, filter, more: ",\"institution\":\"access\"")
                #expect(offered.status == 201)
                let turned = try await server.send(
                    .post, "/api/v1/link_sessions/\(offered.json["id"]?.text ?? "")/answers",
                    "{\"institution\":\"zenith-bank\"}", key: "")
                #expect(code(turned) == "unknown_institution")
                #expect(code(try await begin(server, more: ",\"institution\":\"no-bank\"")) == "unknown_institution")
                let customer = try await begin(
                    server, ",\"customer\":{\"id\":\"5d6fe57a4099cc4b210bbec0\"}", more: ",\"institution\":\"access\"")
                #expect(customer.status == 201, "a browser's customer is ignored, not trusted")
            }
        }
    }

    @Test("a session is answered thirty times at most")
    func answers() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await begin(server, more: ",\"institution\":\"access-bank\"")
                let path = "/api/v1/link_sessions/\(made.json["id"]?.text ?? "")/answers"
                for _ in 0..<30 {
                    let answer = try await server.send(
                        .post, path, "{\"fields\":{\"username\":\"wrong_password\",\"password\":\"x\"}}", key: "")
                    #expect(answer.status == 200, "\(answer.text)")
                }
                let answer = try await server.send(
                    .post, path, "{\"fields\":{\"username\":\"success\",\"password\":\"pass\"}}", key: "")
                #expect(answer.status == 429)
                #expect(code(answer) == "rate_limited")
            }
        }
    }

    private func ask(_ server: Server, from address: String) async throws -> Int {
        let answer = try await server.send(
            .post, "/api/v1/widget/open", opening(server), key: "",
            headers: [("x-forwarded-for", "9.9.9.9, \(address)")])
        return answer.status
    }

    @Test("one address opens so often in a minute and no more; others are not held back")
    func addresses() async throws {
        var settings = WebSettings(logsRequests: false)
        settings.perAddressPerMinute = 3
        let bounded = settings
        try await onDatabase(.sqlite) { test in
            try await Server.run(on: test.database, linking: false, settings: bounded) { server in
                for _ in 0..<3 {
                    let status = try await ask(server, from: "41.58.0.1")
                    #expect(status == 200)
                }
                #expect(try await ask(server, from: "41.58.0.1") == 429)
                #expect(try await ask(server, from: "41.58.0.2") == 200)
                for last in 1...3 { #expect(try await ask(server, from: "2c0f:f5c0::\(last)") == 200) }
                #expect(try await ask(server, from: "2c0f:f5c0::4") == 429, "one household")
                server.world.runtime.advance(milliseconds: 60_000)
                #expect(try await ask(server, from: "41.58.0.1") == 200)
            }
        }
    }
}
