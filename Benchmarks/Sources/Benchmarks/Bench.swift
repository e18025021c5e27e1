import Connectors
import Domain
import Engine
import Foundation
import Logging
import Storage

/// `make bench`: each figure beside its baseline, in one run on one machine.
@main
struct Bench {
    static func main() async throws {
        if CommandLine.arguments.dropFirst().first == BenchBank.argument { return try await BenchBank.serve() }
        if CommandLine.arguments.dropFirst().first == CountingSink.argument { return try await CountingSink.serve() }
        let postgres = ProcessInfo.processInfo.environment["KUBEWA_TEST_POSTGRES"]
        print("Kubewa benchmarks, \(ProcessInfo.processInfo.activeProcessorCount) cores, release build\n")
        // `make bench` runs all but the long ones; `scripts/bench pages` one.
        let asked = CommandLine.arguments.dropFirst().first
        for part in parts where asked == part.name || asked == nil && !part.isLong {
            try await part.run(locations(postgres))
        }
    }

    private struct Part: Sendable {
        let name: String
        /// Takes many minutes and gigabytes; runs only when it is named.
        var isLong = false
        let run: @Sendable ([(name: String, location: DatabaseLocation)]) async throws -> Void
    }

    private static let parts: [Part] = [
        Part(name: "deliveries") { try await Deliveries.run(locations: $0) },
        Part(name: "pages") { try await Pages.run(locations: $0) },
        Part(name: "refreshes") { try await Refreshes.run(locations: $0) },
        Part(name: "statements") { _ in try Statements.run() },
        Part(name: "neighbours", isLong: true) { try await Neighbours.run(locations: $0) },
        Part(name: "queued", isLong: true) { try await Queued.run(locations: $0) },
        Part(name: "replayed", isLong: true) { try await Replayed.run(locations: $0) },
        Part(name: "lateness", isLong: true) { try await Lateness.run(locations: $0) },
        Part(name: "claims", isLong: true) { try await Claims.run(locations: $0) },
        Part(name: "volume", isLong: true) { try await Volume.run(locations: $0) },
    ]

    private static func locations(_ postgres: String?) throws -> [(name: String, location: DatabaseLocation)] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kubewa-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var found = [("SQLite", try DatabaseLocation(folder.appendingPathComponent("bench.db").path))]
        if let postgres { found.append(("PostgreSQL", try DatabaseLocation(try freshDatabase(postgres)))) }
        // One of them alone, when only that is asked for.
        let only = ProcessInfo.processInfo.environment["KUBEWA_BENCH_DATABASE"]
        return found.filter { only == nil || only == "" || $0.0 == only }
    }

    /// A database of its own in the server that the run was given.
    static func freshDatabase(_ url: String) throws -> String {
        let name = "bench_\(UInt32.random(in: 0...UInt32.max))"
        let psql = Process()
        psql.executableURL = URL(fileURLWithPath: "/usr/bin/psql")
        psql.arguments = [
            "-q", url, "-c",
            "CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
        ]
        try psql.run()
        psql.waitUntilExit()
        return url.split(separator: "/").dropLast().joined(separator: "/").replacingOccurrences(of: ":/", with: "://")
            + "/" + name
    }

    /// The same database seen by a server that keeps no pages.
    static func withoutPages(_ core: Core) -> Core {
        var settings = core.settings
        settings.pageCacheBytes = 0
        return Core(
            database: core.database, vault: core.vault, runtime: core.runtime, connectors: core.connectors,
            settings: settings, logger: core.logger)
    }

    /// A tenant of its own, as its secret key opens it.
    static func scope(_ core: Core) async throws -> Scope {
        let keys = KeyService(core: core)
        let tenant = try await TenantService(core: core, keys: keys).create(name: "Bench")
        return try await keys.authenticate(bearer: tenant.environments[0].keys.secretKey, route: nil).scope
    }

    /// The same database seen by a server with other connectors.
    static func core(_ core: Core, connectors: [any Connector]) -> Core {
        Core(
            database: core.database, vault: core.vault, runtime: core.runtime, connectors: .init(connectors),
            settings: core.settings, logger: core.logger)
    }

    static func core(_ location: DatabaseLocation, connectors: [any Connector] = []) async throws -> Core {
        var logger = Logger(label: "bench")
        logger.logLevel = .critical
        let database = try await Database.open(location, logger: logger)
        _ = try await database.migrate(Migrations.all)
        let runtime = SystemRuntime()
        let vault = try await Vault.open(
            .value(String(repeating: "0f", count: 32), variable: "KEY"), database: database, runtime: runtime)
        return Core(
            database: database, vault: vault, runtime: runtime, connectors: .init(connectors),
            settings: EngineSettings(publicURL: "http://127.0.0.1", allowsLoopbackWebhooks: true), logger: logger)
    }
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

func rounded(_ value: Double) -> String { String(format: "%.0f", value) }
func ratio(_ value: Double) -> String { String(format: "%.2f", value) }
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
