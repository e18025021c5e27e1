import Foundation
import Storage

/// Whether an endpoint feels others that never answer, answer a byte a second, or say 429.
enum Neighbours {
    private static let rounds = 5
    private static let rate = 100
    private static let length = 5

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        print("\(rate)/s to an endpoint and \(rate)/s to three others; medians of \(rounds) pairs")
        try await Shop.each(locations) { name, shop, sender, _ in
            var found: [Shop.Shape: [(p50: Double, p99: Double)]] = [:]
            for _ in 0..<rounds {
                for shape in [Shop.Shape.good, .bad] {
                    let late = try await Latency.measure(shop, sender, rate: rate, seconds: length, beside: shape).late
                    found[shape, default: []].append((Latency.milliseconds(late, 50), Latency.milliseconds(late, 99)))
                }
            }
            func told(_ what: String, _ share: (((p50: Double, p99: Double)) -> Double)) {
                let (good, bad) = (found[.good, default: []].map(share), found[.bad, default: []].map(share))
                let pairs = median(zip(bad, good).map { $0 / $1 })
                let values = String(
                    format: "%.2f ms beside good ones, %.2f ms beside bad ones", median(good), median(bad))
                print("  \(name), commit to first byte \(what): \(values)   ratio \(ratio(pairs))")
            }
            told("p50") { $0.p50 }
            told("p99") { $0.p99 }
        }
    }
}
