import Domain
import Engine
import Foundation
import Outbound
import Storage
import Synchronization

/// From the commit of an event to its first byte on the wire, events coming at a steady rate.
enum Latency {
    /// As many events wait at most while the top rate is looked for.
    private static let aheadMax = 4000
    /// Side by side, as a commit waits for the disk.
    private static let writers = 4

    /// At 100/s, and at 70 % of what can be written and sent at the same time.
    static func run(_ name: String, _ shop: Shop, _ sender: WebhookSender) async throws {
        _ = try await run(name, shop, sender, rate: 100, seconds: 10)
        let top = try await run(name, shop, sender, rate: nil, seconds: 4)
        _ = try await run(name, shop, sender, rate: Int(0.7 * top), seconds: 6)
    }

    private static func run(
        _ name: String, _ shop: Shop, _ sender: WebhookSender, rate: Int?, seconds length: Int
    ) async throws -> Double {
        let (late, reached) = try await measure(shop, sender, rate: rate, seconds: length)
        guard let rate else {
            print("  \(name): \(rounded(reached))/s written and sent at the same time")
            return reached
        }
        print(
            "  \(name), \(rate)/s: commit to first byte p50 \(told(late, 50)) ms, p99 \(told(late, 99)) ms"
                + "   (\(rounded(reached))/s kept up)")
        return reached
    }

    /// - Parameters:
    ///   - late: microseconds, sorted.
    ///   - share: of a hundred.
    static func milliseconds(_ late: [Int64], _ share: Int) -> Double {
        late.isEmpty ? 0 : Double(late[min(late.count - 1, late.count * share / 100)]) / 1000
    }

    private static func told(_ late: [Int64], _ share: Int) -> String {
        String(format: "%.2f", milliseconds(late, share))
    }

    /// - Parameters:
    ///   - rate: events a second; nil for as many as go, with a bounded number waiting.
    ///   - others: with each event one more is written for an endpoint of these, which is not measured.
    ///   - work: goes on meanwhile, until it is cancelled.
    /// - Returns: microseconds from commit to first byte, sorted, and deliveries a second.
    static func measure(
        _ shop: Shop, _ sender: WebhookSender, rate: Int?, seconds length: Int, beside others: Shop.Shape? = nil,
        work: (@Sendable () async throws -> Void)? = nil
    ) async throws -> (late: [Int64], reached: Double) {
        let stopwatch = Stopwatch(sender)
        let loop = LaneLoop(DeliveryWork(core: shop.core, transport: stopwatch))
        let clock = ContinuousClock()
        let begun = clock.now + .milliseconds(300)
        let end = begun + .seconds(length)
        let spent = try await clock.measure {
            try await withThrowingTaskGroup(of: Int?.self) { tasks in
                tasks.addTask {
                    try await loop.run()
                    return nil
                }
                if let work {
                    tasks.addTask {
                        try await work()
                        return nil
                    }
                }
                for number in 0..<writers {
                    tasks.addTask {
                        // They take turns.
                        let offset = rate.map { number * 1_000_000 * group($0) / $0 } ?? 0
                        return try await write(
                            shop, stopwatch, rate.map { $0 / writers }, from: begun + .microseconds(offset), to: end,
                            others)
                    }
                }
                var written = 0
                var writing = writers
                while writing > 0, let count = try await tasks.next() {
                    guard let count else { continue }
                    written += count
                    writing -= 1
                }
                while stopwatch.count < written { try await Task.sleep(for: .milliseconds(1)) }
                tasks.cancelAll()
            }
        }
        try await shop.core.database.write { try $0.db.run("DELETE FROM delivery", []) }
        let late = stopwatch.latencies
        return (late, Double(late.count) / (seconds(spent) - 0.3))
    }

    /// Events that are written together, as units are that come at the same time.
    private static func group(_ rate: Int?) -> Int { rate.map { max(1, $0 / 500) } ?? 25 }

    /// - Parameter rate: a second; nil for as many as go.
    /// - Returns: how many were written.
    private static func write(
        _ shop: Shop, _ stopwatch: Stopwatch, _ rate: Int?, from begin: ContinuousClock.Instant,
        to end: ContinuousClock.Instant, _ others: Shop.Shape?
    ) async throws -> Int {
        let clock = ContinuousClock()
        let group = group(rate.map { $0 * writers })
        var written = 0
        try await Task.sleep(until: begin, clock: clock)
        while true {
            if let rate {
                let due = begin + .microseconds(written * 1_000_000 / rate)
                guard due < end else { return written }
                if due > clock.now { try await Task.sleep(until: due, clock: clock) }
            } else {
                guard clock.now < end else { return written }
                while stopwatch.waiting > aheadMax { try await Task.sleep(for: .milliseconds(1)) }
            }
            let ids = try await shop.fill(group, .one)
            stopwatch.committed(ids, at: clock.now)
            shop.core.wakes.deliveries.set()
            written += group
            if let others { try await shop.fill(group, others, from: written) }
        }
    }

    /// Notes when each event's request is handed to the connection.
    private final class Stopwatch: WebhookTransport {
        private struct State {
            var committed: [Int64: ContinuousClock.Instant] = [:]
            var sent: [Int64: ContinuousClock.Instant] = [:]
            var microseconds: [Int64] = []
        }
        private let state = Mutex(State())
        private let sender: WebhookSender
        var executors: [any TaskExecutor] { sender.executors }

        init(_ sender: WebhookSender) { self.sender = sender }

        func committed(_ ids: [Int64], at now: ContinuousClock.Instant) {
            state.withLock { state in
                for id in ids {
                    if let sent = state.sent.removeValue(forKey: id) {
                        // It was faster than the writer heard of its own commit.
                        state.microseconds.append(max(0, Self.between(now, sent)))
                    } else {
                        state.committed[id] = now
                    }
                }
            }
        }

        /// Committed and not sent.
        var waiting: Int { state.withLock { $0.committed.count } }
        var count: Int { state.withLock { $0.microseconds.count } }
        var latencies: [Int64] { state.withLock { $0.microseconds.sorted() } }

        func send(_ request: WebhookRequest) async -> WebhookOutcome {
            let now = ContinuousClock.now
            let id = request.headers.first { $0.name == "webhook-id" }.flatMap { EventID.parse($0.value) } ?? 0
            state.withLock { state in
                if let committed = state.committed.removeValue(forKey: id) {
                    state.microseconds.append(Self.between(committed, now))
                } else {
                    state.sent[id] = now
                }
            }
            return await sender.send(request)
        }

        private static func between(_ from: ContinuousClock.Instant, _ to: ContinuousClock.Instant) -> Int64 {
            let parts = (to - from).components
            return parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
        }
    }
}

/// Memory while a million deliveries wait.
enum Queued {
    private static let count = 1_000_000
    private static let sent = 100_000

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        print("\(count) deliveries wait for one endpoint")
        try await Shop.each(locations) { name, shop, sender, sink in
            try await shop.fill(count, .one)
            let filled = ProcessorTime.residentMegabytes()
            let clock = ContinuousClock()
            let begun = clock.now
            let target = sink.counts().all + sent
            var most = 0
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                let loop = LaneLoop(DeliveryWork(core: shop.core, transport: sender))
                tasks.addTask { try await loop.run() }
                while sink.counts().all < target {
                    most = max(most, ProcessorTime.residentMegabytes())
                    try await Task.sleep(for: .milliseconds(20))
                }
                tasks.cancelAll()
            }
            let rate = Double(sent) / seconds(clock.now - begun)
            print("  \(name): \(filled) MB when filled, at most \(most) MB while \(rounded(rate))/s are sent")
        }
    }
}
