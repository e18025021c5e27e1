import Crypto
import Domain
import Engine
import Foundation
import NIOPosix
import Outbound
import Storage
import Synchronization

/// Events in the outbox to a counting sink, by turns with raw signed POSTs by the same sender and with the worker of
/// `python_worker.py`, to the same sink.
enum Deliveries {
    static let count = 30_000
    static let inFlight = 64
    /// Where their number is given, every round is told as it ends.
    private static let rounds = Int(ProcessInfo.processInfo.environment["KUBEWA_BENCH_ROUNDS"] ?? "") ?? 3
    private static let isTalkative = ProcessInfo.processInfo.environment["KUBEWA_BENCH_ROUNDS"] != nil

    /// One alone, for a profile.
    private static let shapes = Shop.Shape.measured.filter {
        let only = ProcessInfo.processInfo.environment["KUBEWA_BENCH_SHAPE"] ?? ""
        return only.isEmpty || only == $0.rawValue
    }

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        let sink = try CountingSink.Running()
        defer { sink.stop() }
        let sender = Self.sender()
        var shops: [(name: String, shop: Shop)] = []
        for (name, location) in locations { shops.append((name, try await Shop(location, sink))) }
        print("deliveries to a counting sink, \(count) events of about 800 bytes; medians of \(rounds) rounds by turns")
        try await rates(shops, sender, sink)
        for (name, shop) in shops where shapes.contains(.one) {
            sink.check(under: shop.secret)
            try await Latency.run(name, shop, sender)
        }
        let counts = sink.counts()
        print("  signatures looked at: \(counts.good) right, \(counts.wrong) wrong\n")
        for (_, shop) in shops { await shop.core.database.close() }
        await sender.shutdown()
    }

    static func sender() -> WebhookSender {
        let group = MultiThreadedEventLoopGroup.singleton
        return WebhookSender(
            group: group, resolver: SystemResolver(group: group), addressGuard: AddressGuard(allowsLoopback: true),
            runtime: SystemRuntime())
    }

    // MARK: rates

    private static func rates(
        _ shops: [(name: String, shop: Shop)], _ sender: WebhookSender, _ sink: CountingSink.Running
    ) async throws {
        var found: [String: [Double]] = [:]
        var used: [String: String] = [:]
        for _ in 0..<rounds {
            found["raw", default: []].append(try await raw(sender, sink))
            if let rate = try worker(sink) { found["worker", default: []].append(rate) }
            for (name, shop) in shops {
                for shape in shapes {
                    sink.check(under: shop.secret)
                    try await shop.fill(count, shape)
                    let before = ProcessorTime.now(bank: sink.processID, postmaster: shop.postmaster)
                    let spent = try await shop.deliver(count, sender, sink)
                    let time = ProcessorTime.now(bank: sink.processID, postmaster: shop.postmaster) - before
                    let label = "\(name), \(shape.rawValue)"
                    found[label, default: []].append(Double(count) / spent)
                    if isTalkative { print("    \(label): \(rounded(Double(count) / spent))/s") }
                    used[label] = time.told(over: spent).replacingOccurrences(of: "bank", with: "sink")
                }
            }
        }
        let base = found.mapValues(median)
        func told(_ label: String) {
            guard let rate = base[label] else { return }
            let toRaw = zip(found[label] ?? [], found["raw"] ?? []).map { $0 / $1 }
            let toWorker = zip(found[label] ?? [], found["worker"] ?? []).map { $0 / $1 }
            print(
                "  \(label.padding(toLength: 34, withPad: " ", startingAt: 0)) \(rounded(rate))/s"
                    + "   to raw \(ratio(median(toRaw)))"
                    + (toWorker.isEmpty ? "" : "   to the worker \(ratio(median(toWorker)))")
                    + (used[label].map { "   \($0)" } ?? ""))
        }
        told("raw")
        told("worker")
        for (name, _) in shops { for shape in shapes { told("\(name), \(shape.rawValue)") } }
    }

    private static func raw(_ sender: WebhookSender, _ sink: CountingSink.Running) async throws -> Double {
        let key = SymmetricKey(size: .bits256)
        let body = Array(repeating: UInt8(ascii: "x"), count: 800)
        let next = CountingSink.Number()
        let clock = ContinuousClock()
        let url = sink.url + "/raw"
        let spent = await clock.measure {
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<inFlight {
                    group.addTask(executorPreference: sender.executors[number % sender.executors.count]) {
                        while next.next() <= count {
                            _ = await sender.send(signed(url, body, key))
                        }
                    }
                }
            }
        }
        return Double(count) / seconds(spent)
    }

    private static func signed(_ url: String, _ body: [UInt8], _ key: SymmetricKey) -> WebhookRequest {
        var hmac = HMAC<SHA256>(key: key)
        hmac.update(data: Array("evt_1.1.".utf8))
        hmac.update(data: body)
        let signature = Data(hmac.finalize()).base64EncodedString()
        return WebhookRequest(
            url: url,
            headers: [
                ("content-type", "application/json"), ("webhook-id", "evt_1"), ("webhook-timestamp", "1"),
                ("webhook-signature", "v1,\(signature)"),
            ], body: body)
    }

    /// nil without `KUBEWA_BENCH_PYTHON`, a Python that has what the worker needs, or without PostgreSQL.
    private static func worker(_ sink: CountingSink.Running) throws -> Double? {
        let environment = ProcessInfo.processInfo.environment
        guard let python = environment["KUBEWA_BENCH_PYTHON"], let postgres = environment["KUBEWA_TEST_POSTGRES"] else {
            return nil
        }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [
            "Benchmarks/python_worker.py", try Bench.freshDatabase(postgres), sink.url + "/worker", "\(count)",
        ]
        process.standardOutput = output
        try process.run()
        process.waitUntilExit()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
