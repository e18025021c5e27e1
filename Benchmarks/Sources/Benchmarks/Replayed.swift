import Domain
import Engine
import Foundation
import Storage

/// Whether an event feels that a million others are sent to its endpoint again.
enum Replayed {
    private static let count = 1_000_000
    private static let rounds = 3
    private static let rate = 100
    private static let length = 5

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        print("\(rate)/s to an endpoint to which \(count) events are sent again; medians of \(rounds) pairs")
        try await Shop.each(locations) { name, shop, sender, sink in
            try await shop.fill(count, .one)
            try await shop.core.database.write { try $0.db.script("DELETE FROM delivery") }
            let service = ReplayService(core: shop.core, endpoints: WebhookEndpointService(core: shop.core))
            _ = try await service.create(
                .init(ReplayRequest(from: Instant(ms: 0)), endpoint: shop.one.id.hex), in: shop.environment)
            var alone: [[Int64]] = []
            var beside: [[Int64]] = []
            var sent = 0
            for _ in 0..<rounds {
                alone.append(try await Latency.measure(shop, sender, rate: rate, seconds: length).late)
                let before = sink.counts().all
                beside.append(
                    try await Latency.measure(shop, sender, rate: rate, seconds: length) {
                        try await ReplayWork(service).run()
                    }.late)
                sent += sink.counts().all - before
            }
            for share in [50, 99, 100] {
                func told(_ rounds: [[Int64]]) -> String {
                    String(format: "%.2f ms", median(rounds.map { Latency.milliseconds($0, share) }))
                }
                let what = share == 100 ? "most" : "p\(share)"
                print(
                    "  \(name), commit to first byte \(what): \(told(alone)) alone, \(told(beside)) beside the replay")
            }
            print("  \(name): \(sent / rounds / length)/s sent meanwhile")
        }
    }
}
