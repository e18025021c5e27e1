import Domain
import Engine
import HTTPTypes
import TestKit
import Testing
import Web

@Suite("Short links")
struct LinksTests {
    private func code(_ answer: Answer) -> String? { answer.json["error"]?["code"]?.text }

    private func open(_ server: Server, _ slug: String, _ more: String = "") async throws -> Answer {
        try await server.send(
            .post, "/api/v1/widget/open",
            "{\"ref\":\"https://kubewa.example/\(slug)\",\"origin\":\"https://a.example\",\"mode\":\"iframe\"\(more)}",
            key: "")
    }

    @Test("a short link opens with what it was made with, whatever the page around it says")
    func opens() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let made = try await server.send(
                    .post, "/api/v1/links",
                    """
                    {"name":"Loans","products":["balance"],"client_name":"Acme Loans","limit":3,\
                    "customer":{"id":"{customer}"},"options":{"campaign":"a"},"redirect_url":"https://shop.example/r"}
                    """)
                #expect(made.status == 201, "\(made.text)")
                let slug = try #require(made.json["slug"]?.text)
                #expect(made.json["short_url"]?.text == "https://kubewa.example/\(slug)")
                #expect(!made.text.contains("key"))
                let hostile = """
                    ,"options":{"products":["identity"],"name":"Evil","limit":24,"redirect_url":"https://evil.example",\
                    "meta":{"m":1},"state":"s","key":"x","env":"production"}
                    """
                let opened = try await open(server, slug, hostile)
                #expect(opened.status == 200, "\(opened.text)")
                #expect(opened.json["name"]?.text == "Acme Loans")
                #expect(opened.json["products"] == ["auth", "accounts", "balance"])
                let begun = try await server.send(
                    .post, "/api/v1/widget/sessions",
                    "{\"ref\":\"\(slug)\",\"institution\":\"zenith\"\(hostile)}", key: "")
                let session = try #require(begun.json["id"]?.text)
                let done = try await server.send(
                    .post, "/api/v1/link_sessions/\(session)/answers",
                    "{\"fields\":{\"username\":\"success\",\"password\":\"pass\"}}", key: "")
                #expect(done.json["customer"]?.text == server.ids["customer"], "the link named who it is for")
                let result = try await server.send(.get, "/api/v1/widget/sessions/\(session)/result", key: "")
                #expect(result.json["success"]?["meta"] == ["m": 1], "the page may add what the link leaves open")
                #expect(result.json["success"]?["options"] == ["campaign": "a"])
                #expect(result.json["redirect"]?.text?.hasPrefix("https://shop.example/r?status=success") == true)
                #expect(result.json["redirect"]?.text?.hasSuffix("&state=s") == true)
                let listed = try await server.send(.get, "/api/v1/links")
                #expect(listed.json["data"]?.elements?.first?["sessions"] == 1)
            }
        }
    }

    @Test("a link that works once works once, even when two people use it at the same time")
    func singleUse() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.send(.post, "/api/v1/links", "{\"name\":\"x\",\"single_use\":true}")
                let slug = try #require(made.json["slug"]?.text)
                func begin() async throws -> String {
                    let begun = try await server.send(
                        .post, "/api/v1/widget/sessions", "{\"ref\":\"\(slug)\",\"institution\":\"zenith\"}", key: "")
                    return begun.json["id"]?.text ?? ""
                }
                func answer(_ id: String, _ user: String) async throws -> Answer {
                    try await server.send(
                        .post, "/api/v1/link_sessions/\(id)/answers",
                        "{\"fields\":{\"username\":\"\(user)\",\"password\":\"pass\"}}", key: "")
                }
                let (first, second) = (try await begin(), try await begin())
                async let one = answer(first, "success")
                async let other = answer(second, "pending")
                let states = try await [one, other].compactMap { $0.json["status"]?.text }.sorted()
                #expect(states == ["done", "failed"])
                let opened = try await open(server, slug)
                #expect(opened.status == 410)
                #expect(code(opened) == "link_used")
                let connections = try await server.send(.get, "/api/v1/connections")
                #expect(connections.json["data"]?.elements?.count == 1)
            }
        }
    }

    @Test("a link ends at its time, and when it is removed")
    func ends() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.send(
                    .post, "/api/v1/links", "{\"name\":\"x\",\"expires_at\":\"2024-01-15T10:00:00.000Z\"}")
                let slug = try #require(made.json["slug"]?.text)
                #expect(try await open(server, slug).json["expires_at"]?.text == "2024-01-15T10:00:00.000Z")
                server.world.runtime.advance(milliseconds: 3_600_000)
                #expect(code(try await open(server, slug)) == "link_expired")
                let other = try await server.send(.post, "/api/v1/links", "{\"name\":\"y\"}")
                let id = other.json["id"]?.text ?? ""
                let stranger = server.stranger.environments[0].keys.secretKey
                #expect(try await server.send(.delete, "/api/v1/links/\(id)", key: stranger).status == 404)
                #expect(try await server.send(.delete, "/api/v1/links/\(id)").status == 204)
                #expect(code(try await open(server, other.json["slug"]?.text ?? "")) == "link_unknown")
                #expect(try await server.send(.delete, "/api/v1/links/\(id)").status == 404)
            }
        }
    }

    @Test("what would be refused at opening is refused at making")
    func refusals() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let cases: [(String, String)] = [
                    ("{}", "missing_field"), ("{\"name\":7}", "invalid_field"),
                    ("{\"name\":\"x\",\"key\":\"k\"}", "invalid_field"),
                    ("{\"name\":\"x\",\"products\":[\"horoscope\"]}", "unknown_product"),
                    ("{\"name\":\"x\",\"redirect_url\":\"javascript:alert(1)\"}", "url_refused"),
                    ("{\"name\":\"x\",\"expires_at\":\"soon\"}", "invalid_date"),
                    ("{\"name\":\"x\",\"expires_at\":\"2020-01-01T00:00:00.000Z\"}", "invalid_field"),
                    ("{\"name\":\"x\",\"single_use\":\"yes\"}", "invalid_field"),
                    ("{\"name\":\"x\",\"customer\":{\"id\":\"5d6fe57a4099cc4b210bbec0\"}}", "not_found"),
                    ("{\"name\":\"x\",\"app_id\":\"5d6fe57a4099cc4b210bbec0\"}", "not_found"),
                    ("{\"name\":\"x\",\"filter\":{\"banks\":[\"no-bank\"]}}", "unknown_institution"),
                    ("{\"name\":\"x\",\"refresh\":{\"interval\":\"hourly\"}}", "unknown_interval"),
                ]
                for (body, expected) in cases {
                    let answer = try await server.send(.post, "/api/v1/links", body)
                    #expect(code(answer) == expected, "\(body): \(answer.text)")
                }
            }
        }
    }

    @Test("Okra's wire makes the same links, and the loader's way opens them")
    func okra() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let made = try await server.post(
                    "links/new",
                    "{\"name\":\"Loans\",\"countries\":[\"NG\"],\"billable_products\":[\"balance\"],"
                        + "\"color\":\"#3AB795\",\"support_email\":\"a@b.c\",\"limit\":\"6\",\"redirect_url\":\"\"}")
                #expect(made.status == 201, "\(made.text)")
                let link = try #require(made.data["link"])
                #expect(link["url"]?.text == "https://kubewa.example/\(link["short_url"]?.text ?? "")")
                let opened = try await open(
                    server, link["short_url"]?.text ?? "",
                    ",\"options\":{\"withShortURL\":true,\"ref\":\"x\",\"env\":\"production\"}")
                #expect(opened.json["products"] == ["auth", "accounts", "balance"])
                #expect(opened.json["name"]?.text == "Loans")
                #expect(opened.json["branding"]?["color"]?.text == "#3ab795")
                #expect(try await server.post("links/new", "{}").status == 400)
                #expect(try await server.post("links/new", "{\"name\":\"x\",\"exp\":\"soon\"}").status == 400)
            }
        }
    }

    @Test("links are listed newest first, page by page, to their owner alone")
    func listing() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                for number in 1...5 { _ = try await server.send(.post, "/api/v1/links", "{\"name\":\"l\(number)\"}") }
                let reauth = try await server.send(.post, "/api/v1/connections/{record}/reauth_link")
                #expect(reauth.status == 201)
                var names: [String] = []
                var path = "/api/v1/links?limit=2"
                for _ in 0..<3 {
                    let page = try await server.send(.get, path)
                    names += page.json["data"]?.elements?.compactMap { $0["name"]?.text } ?? []
                    path = "/api/v1/links?limit=2&cursor=\(page.json["next_cursor"]?.text ?? "")"
                }
                #expect(names == ["l5", "l4", "l3", "l2", "l1"])
                let stranger = server.stranger.environments[0].keys.secretKey
                let others = try await server.send(.get, "/api/v1/links", key: stranger)
                #expect(others.json["data"] == [])
                let theirs = try await server.send(
                    .post, "/api/v1/connections/{record}/reauth_link", key: stranger)
                #expect(theirs.status == 404)
                #expect(try await server.send(.get, "/api/v1/links?cursor=zzz").status == 400)
            }
        }
    }
}
