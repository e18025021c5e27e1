import Connectors
import Domain
import Engine
import Foundation
import Storage
import Synchronization

/// How late a bank is asked when many connections fall due every second among a million, and what share of the
/// processors it takes. The bank is a function of this process, so that the schedule is measured and not the bank.
enum Lateness {
    static let connections = 1_000_000
    static let rates = [1_000, 5_000]
    static let seconds = 20

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        let count = ProcessInfo.processInfo.environment["KUBEWA_BENCH_CONNECTIONS"].flatMap { Int($0) } ?? connections
        print("lateness of refreshes among \(count) connections, from due to asked, \(seconds) s each")
        for (name, location) in locations {
            let clerk = Clerk()
            let core = try await Bench.core(
                location,
                connectors: [
                    SandboxConnector(
                        transport: clerk, baseURL: "http://bench/1", pushSecret: "bench",
                        environments: [.sandbox, .production])
                ])
            let scope = try await Bench.scope(core)
            let far = core.runtime.now().ms + Instant.dayMs
            try await LinkedAccounts.fill(core, scope, count: count) { far + Int64($0) * 80 }
            let postmaster = try await Refreshes.postmaster(core)
            var first = 0
            for rate in rates {
                try await measure(name, rate, first, clerk, core, postmaster)
                first += rate * seconds
            }
            await core.database.close()
        }
        print("")
    }

    private static func measure(
        _ name: String, _ rate: Int, _ first: Int, _ clerk: Clerk, _ core: Core, _ postmaster: Int32?
    ) async throws {
        let count = rate * seconds
        let start = core.runtime.now().ms + 3_000
        let ids = try await ids(core, first, count)
        try await core.database.write { tx in
            for (index, id) in ids.enumerated() {
                tx.append(due, [.string(id), .integer(start + Int64(index) * 1000 / Int64(rate))])
            }
        }
        clerk.start(first: first, at: start, rate: rate, count: count, core.runtime)
        let fresh = Bench.core(core, connectors: core.connectors.connectors)
        try await LinkedAccounts.wake(fresh, at: Instant(ms: start))
        try await Task.sleep(for: .milliseconds(max(0, start - core.runtime.now().ms - 200)))
        let before = ProcessorTime.now(bank: nil, postmaster: postmaster)
        let spent = try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                let loop = LaneLoop(RefreshWork(core: fresh))
                group.addTask { try await loop.run() }
                while clerk.count < count { try await Task.sleep(for: .milliseconds(20)) }
                group.cancelAll()
            }
        }
        let used = ProcessorTime.now(bank: nil, postmaster: postmaster) - before
        let late = clerk.lateness
        print(
            "  \(name.padding(toLength: 11, withPad: " ", startingAt: 0)) \(rate) due/s: "
                + "p50 \(late[late.count / 2]) ms, "
                + "p99 \(late[late.count * 99 / 100]) ms, most \(late.last ?? 0) ms   "
                + used.told(over: Benchmarks.seconds(spent)) + "   resident \(ProcessorTime.residentMegabytes()) MB")
        let worst = clerk.worst
        if !worst.isEmpty {
            print("    \(worst.count) later than a second, the first: \(worst.prefix(5))")
        }
    }

    private static func ids(_ core: Core, _ first: Int, _ count: Int) async throws -> [String] {
        try await core.database.read { db in
            var found: [(number: Int, id: String)] = []
            try db.forEach("SELECT upstream_id, connection_id FROM account", []) { row in
                let number = Int(row.text(0)) ?? -1
                if number >= first, number < first + count { found.append((number, row.text(1))) }
            }
            return found.sorted { $0.number < $1.number }.map(\.id)
        }
    }

    private static let due = BulkStatement(
        order: 1, name: "bench due", types: [.text, .bigint],
        postgres: """
            UPDATE refresh_schedule AS s SET due_ms = t.due, balance_due_ms = t.due
            FROM unnest($1::text[], $2::bigint[]) AS t (id, due)
            WHERE s.environment_id = (SELECT MIN(environment_id) FROM refresh_schedule) AND s.connection_id = t.id
            """,
        sqlite: """
            UPDATE refresh_schedule SET due_ms = $2, balance_due_ms = $2
            WHERE environment_id = (SELECT MIN(environment_id) FROM refresh_schedule) AND connection_id = $1
            """)

    /// A bank in this process that notes when it is asked.
    private final class Clerk: HTTPTransport {
        private struct State {
            var first = 0
            var start: Int64 = 0
            var rate = 1
            var runtime: (any Runtime)?
            var late: [Int64] = []
            var asked: Set<Int> = []
            /// Those that waited for more than a second: number, due, late.
            var worst: [(number: Int, due: Int64, late: Int64)] = []
        }
        private let state = Mutex(State())

        func start(first: Int, at start: Int64, rate: Int, count: Int, _ runtime: any Runtime) {
            state.withLock { $0 = State(first: first, start: start, rate: rate, runtime: runtime) }
        }

        var count: Int { state.withLock { $0.late.count } }
        var worst: [(number: Int, due: Int64, late: Int64)] { state.withLock { $0.worst } }
        var lateness: [Int64] { state.withLock { $0.late.sorted() } }

        func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
            let path = request.url.dropFirst("http://bench".count)
            let parts = path.split(separator: "/")
            let number = parts.count > 1 ? Int(parts[parts.count - 2]) ?? 0 : 0
            state.withLock { state in
                let due = state.start + Int64(number - state.first) * 1000 / Int64(state.rate)
                let late = (state.runtime?.now().ms ?? 0) - due
                // Its own turn of the day, of these and of earlier ones, is another refresh.
                guard number >= state.first, state.asked.insert(number).inserted else { return }
                state.late.append(late)
                if late > 1000 { state.worst.append((number, due - state.start, late)) }
            }
            return HTTPReplyData(status: 200, body: Array(BenchBank.balance(path: String(path)).utf8))
        }
    }
}
