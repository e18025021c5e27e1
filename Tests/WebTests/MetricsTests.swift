import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

@Suite("Metrics")
struct MetricsTests {
    @Test("attempts to deliver and runs of fetching are counted by what they came to")
    func outcomes() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let world = server.world
                #expect(try await attempts(server) == ["delivered": 0, "retry": 0, "dead": 0, "quarantined": 0])
                #expect(try await counts("kubewa_refreshes_total", server) == ["0", "0", "0", "0"])
                try await world.listen()
                _ = try await world.link("dies_on_refresh")
                try await world.settle()
                let sent = world.webhooks.requests.count
                #expect(sent > 0)
                #expect(try await attempts(server) == ["delivered": sent, "retry": 0, "dead": 0, "quarantined": 0])
                let late = try await text(server)
                #expect(late.contains("# TYPE kubewa_webhook_lateness_seconds histogram\n"))
                #expect(
                    late.contains("kubewa_webhook_lateness_seconds_count{attempt=\"first\",held=\"no\"} \(sent).0\n"))
                #expect(
                    late.contains(
                        "kubewa_webhook_lateness_seconds_bucket{attempt=\"first\",held=\"no\",le=\"+Inf\"} \(sent).0\n")
                )
                #expect(late.contains("kubewa_webhook_deliveries_waiting{turn=\"first\"} 0.0\n"))
                var change = EndpointChange()
                change.retrySeconds = [1]
                _ = try await world.services.endpoints.set(change, in: world.environment())
                #expect(try await counts("kubewa_refreshes_total", server) == ["1", "0", "0", "0"])
                world.webhooks.answer { _ in WebhookOutcome(status: 500) }
                try await world.advance(days: 12)
                let failed = world.webhooks.requests.count - sent
                #expect(failed > 0)
                #expect(try await counts("kubewa_refreshes_total", server).last == "1", "the user is asked once")
                #expect(try await text(server).contains("{outcome=\"retry\",error=\"status_5xx\"}"))
                for _ in 0..<60 {
                    world.runtime.advance(milliseconds: 3_600_000)
                    try await world.settle()
                }
                let all = try await attempts(server)
                #expect(all.values.reduce(0, +) == world.webhooks.requests.count)
                #expect(all["delivered"] == sent)
                #expect(all["retry", default: 0] > 0 && all["dead", default: 0] > 0, "\(all)")
            }
        }
    }

    @Test("what an endpoint itself held up counts apart, and endpoints are counted by how they are")
    func held() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let world = server.world
                try await world.listen()
                let made = try await server.send(
                    .post, "/api/v1/webhook_endpoints", "{\"url\":\"https://other.example/hook\"}")
                let other = "/api/v1/webhook_endpoints/\(made.json["id"]?.text ?? "")"
                func refresh() async throws {
                    _ = try await server.post("balance/refresh", "{\"account_id\":\"{account}\"}")
                    try await world.settle()
                }
                #expect(try await server.send(.post, other + "/pause").status == 200)
                #expect(try await states(server) == ["active": 1, "failing": 0, "paused": 1, "disabled": 0])
                try await refresh()
                let first = try await lateness(server)
                #expect(first["no", default: 0] > 0 && first["yes"] == 0)
                world.runtime.advance(milliseconds: 7000)
                #expect(try await server.send(.post, other + "/resume").status == 200)
                try await world.settle()
                let resumed = try await lateness(server)
                #expect(resumed == ["no": first["no"] ?? 0, "yes": first["no"] ?? 0], "each of them waited 7 s")
                // One that only fails is left alone, and what comes meanwhile waits for it.
                world.webhooks.answer { _ in WebhookOutcome(status: 504) }
                for _ in 0..<8 { try await refresh() }
                #expect(try await states(server) == ["active": 0, "failing": 2, "paused": 0, "disabled": 0])
                world.webhooks.answer { _ in WebhookOutcome(status: 200) }
                let broken = try await lateness(server)
                for _ in 0..<20 {
                    world.runtime.advance(milliseconds: 60_000)
                    try await world.settle()
                }
                let well = try await lateness(server)
                #expect(well["yes", default: 0] > broken["yes", default: 0] && well["no"] == broken["no"], "\(well)")
                #expect(try await states(server) == ["active": 2, "failing": 0, "paused": 0, "disabled": 0])
                #expect(try await server.send(.post, other + "/disable").status == 200)
                #expect(try await states(server) == ["active": 1, "failing": 0, "paused": 0, "disabled": 1])
            }
        }
    }

    /// First attempts by whether the endpoint held them.
    private func lateness(_ server: Server) async throws -> [String: Int] {
        try await labelled("kubewa_webhook_lateness_seconds_count{attempt=\"first\",held=\"", server)
    }

    private func states(_ server: Server) async throws -> [String: Int] {
        try await labelled("kubewa_webhook_endpoints{state=\"", server)
    }

    private func labelled(_ head: String, _ server: Server) async throws -> [String: Int] {
        var found: [String: Int] = [:]
        for line in try await text(server).split(separator: "\n") where line.hasPrefix(head) {
            let name = String(line.dropFirst(head.count).prefix { $0 != "\"" })
            found[name] = Int(Double(line.split(separator: " ").last ?? "") ?? -1)
        }
        return found
    }

    @Test("work that nobody takes is late, and nothing is late once it is done")
    func late() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let name = "kubewa_work_late_seconds"
                _ = try await server.world.link()
                server.world.runtime.advance(milliseconds: 7000)
                let late = try await text(server)
                #expect(late.contains("\n\(name){kind=\"delivery\"} 0.0\n\(name){kind=\"refresh\"} 7.0\n"))
                try await server.world.settle()
                #expect(try await text(server).contains("\n\(name){kind=\"refresh\"} 0.0\n"))
                await database.close()
                let gone = try await text(server)
                #expect(!gone.contains("\n\(name){"), "what is not known is not told")
                #expect(gone.contains("\nkubewa_page_cache_bytes "))
            }
        }
    }

    @Test("every metric has its type, and deadlines are those of what is not answered")
    func types() async throws {
        try await onDatabase(.sqlite) { test in
            try await Server.run(on: test.database, linking: false) { server in
                let text = try await text(server)
                #expect(text.contains("# TYPE kubewa_webhook_attempts_total counter\n"))
                #expect(text.contains("# TYPE kubewa_work_late_seconds gauge\n"))
                #expect(text.contains("# TYPE kubewa_http_deadlines gauge\nkubewa_http_deadlines 1.0\n"), "this one")
            }
        }
    }

    /// By their outcome, whatever went wrong.
    private func attempts(_ server: Server) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try await text(server).split(separator: "\n")
        where line.hasPrefix("kubewa_webhook_attempts_total{outcome=\"") {
            let outcome = String(line.dropFirst(39).prefix { $0 != "\"" })
            counts[outcome, default: 0] += Int(Double(line.split(separator: " ").last ?? "") ?? -1)
        }
        return counts
    }

    private func text(_ server: Server) async throws -> String {
        try await server.send(.get, "/metrics", key: "").text
    }

    /// The numbers of a metric in the order of its outcomes.
    private func counts(_ name: String, _ server: Server) async throws -> [String] {
        try await text(server).split(separator: "\n").filter { $0.hasPrefix("\(name){") }
            .compactMap { $0.split(separator: " ").last.map { String($0).replacing(".0", with: "") } }
    }
}
