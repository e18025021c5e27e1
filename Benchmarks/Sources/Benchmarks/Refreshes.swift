import Connectors
import Domain
import Engine
import Foundation
import Logging
import NIOPosix
import Outbound
import Storage
import Synchronization

/// Refreshes end to end against a bank over HTTP that is a process of its own: one connection, one account, one call
/// on a kept connection, one in ten with a new balance. Beside them the same calls by the same client, without storing.
enum Refreshes {
    static let count = 40_000
    static let rounds = 3
    static let inFlight = 256

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        let bank = try BenchBank.Running()
        defer { bank.stop() }
        print(
            "refreshes of \(count) connections at \(LinkedAccounts.lanes) banks, 1 in 10 changing; median of \(rounds)")
        var base = 0.0
        try await timed("calls alone", bank, nil, base: &base) { try await calls(bank) }
        for (name, location) in locations {
            let core = try await Bench.core(location, connectors: [connector(bank, round: 0)])
            let scope = try await Bench.scope(core)
            let now = core.runtime.now().ms
            try await LinkedAccounts.fill(core, scope, count: count) { now - 1000 + Int64($0) % 1000 }
            let postmaster = try await postmaster(core)
            let round = Mutex(0)
            try await timed(name, bank, postmaster, base: &base) {
                let number = round.withLock { value in
                    value += 1
                    return value
                }
                return try await refresh(core, bank, number)
            }
            await core.database.close()
        }
        print("")
    }

    private static func timed(
        _ name: String, _ bank: BenchBank.Running, _ postmaster: Int32?, base: inout Double,
        _ body: () async throws -> Double
    ) async throws {
        var results: [(rate: Double, text: String)] = []
        for _ in 0..<rounds {
            let before = ProcessorTime.now(bank: bank.processID, postmaster: postmaster)
            let spent = try await body()
            let used = ProcessorTime.now(bank: bank.processID, postmaster: postmaster) - before
            results.append((Double(count) / spent, used.told(over: spent)))
        }
        let middle = results.sorted { $0.rate < $1.rate }[rounds / 2]
        if base == 0 { base = middle.rate }
        let all = results.map { rounded($0.rate) }.joined(separator: ", ")
        print(
            "  \(name.padding(toLength: 12, withPad: " ", startingAt: 0)) \(rounded(middle.rate))/s"
                + "   ratio \(ratio(middle.rate / base))   \(middle.text)   (\(all))")
    }

    static func connector(_ bank: BenchBank.Running, round: Int) -> any Connector {
        SandboxConnector(
            transport: BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton), baseURL: "\(bank.url)/\(round)",
            pushSecret: "bench", environments: [.sandbox, .production])
    }

    /// - Returns: seconds.
    private static func calls(_ bank: BenchBank.Running) async throws -> Double {
        let connector = connector(bank, round: 1)
        let grant = Grant(bytes: Array(#"{"access_token":"sba.x.1.x","refresh_token":"sbr.x.1.x"}"#.utf8))
        let next = CountingSink.Number()
        let spent = try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<inFlight {
                    group.addTask {
                        while true {
                            let number = next.next()
                            guard number <= count else { return }
                            _ = try await connector.balance(
                                grant, account: "\(number)",
                                ConnectorContext(
                                    environmentID: 1, institution: "bench-bank-\(number % 20)", now: Instant(ms: 0),
                                    correlationID: "bench-\(number)"))
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        return seconds(spent)
    }

    private static func refresh(_ core: Core, _ bank: BenchBank.Running, _ round: Int) async throws -> Double {
        let now = core.runtime.now()
        // Without a due time of its own the product is due whenever the connection is, and nothing is overdue: what is
        // overdue would be spread over minutes.
        try await core.database.write { tx in
            try tx.db.run("UPDATE refresh_schedule SET due_ms = $1, balance_due_ms = NULL", [.at(now)])
        }
        let again = Bench.core(core, connectors: [connector(bank, round: round)])
        let loop = LaneLoop(RefreshWork(core: again))
        try await LinkedAccounts.wake(again, at: now)
        let spent = try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await loop.run() }
                while again.refreshesRun.reduce(0, { $0 + $1.count }) < count {
                    try await Task.sleep(for: .milliseconds(5))
                }
                group.cancelAll()
            }
        }
        let failed = again.refreshesRun.filter { $0.of != "done" && $0.count > 0 }
        if !failed.isEmpty { print("  not all went well: \(failed)") }
        return seconds(spent)
    }

    static func postmaster(_ core: Core) async throws -> Int32? {
        guard core.database.dialect == .postgres else { return nil }
        let folder = try await core.database.read { try $0.first("SHOW data_directory") { $0.text(0) } } ?? ""
        let text = FileManager.default.contents(atPath: folder + "/postmaster.pid").map {
            String(decoding: $0, as: UTF8.self)
        }
        return text?.split(separator: "\n").first.flatMap { Int32($0) }
    }
}
