import Glibc
import Storage
import TestKit
import Testing

/// `KUBEWA_SEED` runs one seed again, `KUBEWA_SEEDS` and `KUBEWA_DAYS` more and longer ones (scripts/simulate).
@Suite(.serialized, .timeLimit(.minutes(600))) struct SimulationTests {
    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    private static var seeds: [UInt64] {
        if let seed = number("KUBEWA_SEED") { return [seed] }
        let first = number("KUBEWA_FIRST_SEED") ?? 1
        return Array(first..<first + (number("KUBEWA_SEEDS") ?? 1))
    }
    private static var days: Int64 { Int64(number("KUBEWA_DAYS") ?? 3) }

    @Test("nothing is lost, doubled or late, whatever banks do and wherever the process dies")
    func holds() async throws {
        for dialect in [Dialect.sqlite, .postgres] {
            for seed in Self.seeds {
                let played = try await Self.play(seed, dialect)
                Self.log("seed \(seed) on \(dialect): \(played.crashes) crashes, \(played.effects) effects")
                Self.log("    \(played.calls) calls, \(played.told.count) events, \(played.standing)")
                #expect(
                    played.findings.isEmpty,
                    """
                    seed \(seed) on \(dialect): \(played.findings.joined(separator: "\n"))
                    run it again: KUBEWA_SEED=\(seed) KUBEWA_DAYS=\(Self.days) scripts/simulate
                    """)
            }
        }
    }

    @Test("a seed plays the same way each time")
    func repeats() async throws {
        let first = try await Self.play(7, .sqlite, days: 1)
        let second = try await Self.play(7, .sqlite, days: 1)
        #expect(first == second)
        #expect(first.crashes > 0 && first.effects > 200)
    }

    /// `KUBEWA_LOG` shows how each seed went.
    private static func log(_ text: String) {
        if getenv("KUBEWA_LOG") != nil { print(text) }
    }

    struct Played: Equatable, Sendable {
        var findings: [String]
        var crashes: Int
        var effects: Int
        var calls: Int
        var standing: [String]
        var told: [String]
    }

    private static func play(_ seed: UInt64, _ dialect: Dialect, days: Int64 = days) async throws -> Played {
        let thread = OneThread()
        nonisolated(unsafe) var played: Played?
        try await onDatabase(dialect) { test in
            played = try await withTaskExecutorPreference(thread) {
                let simulation = try await Simulation(SimulationPlan(seed: seed, days: days), test)
                do {
                    try await simulation.run()
                } catch {
                    throw SimulationError("seed \(seed): \(error) \(simulation.findings.joined(separator: "\n"))")
                }
                return Played(
                    findings: simulation.findings, crashes: simulation.crashes, effects: simulation.effects,
                    calls: simulation.calls, standing: simulation.standing,
                    told: simulation.told)
            }
        }
        try await thread.stop()
        return try #require(played)
    }
}
