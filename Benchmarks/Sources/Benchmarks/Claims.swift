import Domain
import Engine
import Foundation
import Logging
import Storage

/// What one claim costs as the table of schedules grows: a lane is leased, a hundred due connections are read and put
/// back behind those that wait, the lane is given back. Only the schedules are there, since a claim looks at nothing
/// else.
enum Claims {
    static let sizes = [10_000, 100_000, 1_000_000, 10_000_000]
    static let lanes = 20
    static let batch = 100
    static let claims = 300

    static func run(locations: [(name: String, location: DatabaseLocation)]) async throws {
        print("one claim: lease a lane and take \(batch) due connections; putting them back; of \(claims), ms")
        for (name, location) in locations {
            let core = try await Bench.core(location)
            let scope = try await Bench.scope(core)
            try await withoutForeignKeys(core)
            var base: Double?
            var filled = 0
            for size in sizes {
                try await fill(core, scope, location, from: filled, to: size)
                filled = size
                _ = try await measure(core)
                let times = try await measure(core)
                let middle = median(times.claim)
                if base == nil { base = middle }
                print(
                    "  \(name.padding(toLength: 11, withPad: " ", startingAt: 0)) "
                        + "\(String(size).padding(toLength: 9, withPad: " ", startingAt: 0)) "
                        + "claim \(show(times.claim))  ratio to the smallest \(ratio(middle / (base ?? middle)))   "
                        + "put back \(show(times.finish))")
            }
            await core.database.close()
        }
        print("")
    }

    private static func show(_ values: [Double]) -> String {
        let p99 = values.sorted()[values.count * 99 / 100]
        return "p50 \(String(format: "%.3f", median(values)))  p99 \(String(format: "%.3f", p99))"
    }

    /// The connections that the schedules would belong to are not there.
    private static func withoutForeignKeys(_ core: Core) async throws {
        guard core.database.dialect == .postgres else { return }
        try await core.database.write {
            _ = try $0.db.run("ALTER TABLE refresh_schedule DROP CONSTRAINT IF EXISTS \(foreignKey)")
        }
    }
    private static let foreignKey = "refresh_schedule_environment_id_connection_id_fkey"

    /// Due times lie evenly in twenty minutes around now, so that half of them are due.
    private static func fill(
        _ core: Core, _ scope: Scope, _ location: DatabaseLocation, from: Int, to: Int
    ) async throws {
        let now = core.runtime.now().ms
        try await core.database.write { tx in
            for lane in 0..<lanes {
                try tx.db.run(
                    """
                    INSERT INTO lane (id, kind, environment_id, subject, next_due_ms)
                    VALUES ($1, 'refresh', $2, $3, $4) ON CONFLICT DO NOTHING
                    """,
                    [.int(lane + 1), .integer(scope.environmentID), .text("bank-\(lane)"), .integer(now)])
            }
        }
        let columns = "environment_id, connection_id, lane_id, due_ms, balance_interval, balance_due_ms"
        let values = "i % \(lanes) + 1, \(now) - 600000 + i % 1200 * 1000, 'daily', \(now)"
        switch location {
        case .postgres:
            try await core.database.write { tx in
                try tx.db.run(
                    """
                    INSERT INTO refresh_schedule (\(columns))
                    SELECT \(scope.environmentID), lpad(to_hex(i), 24, '0'), \(values)
                    FROM generate_series(\(from), \(to - 1)) AS n (i)
                    """)
            }
            try await core.database.write { _ = try $0.db.run("ANALYZE refresh_schedule") }
        case .sqlite(let path):
            // Python's sqlite3 leaves foreign keys unchecked.
            try shell(
                "/usr/bin/python3", "-c",
                """
                import sqlite3
                db = sqlite3.connect("\(path)", timeout=60)
                db.execute(\"\"\"INSERT INTO refresh_schedule (\(columns))
                WITH RECURSIVE n (i) AS (SELECT \(from) UNION ALL SELECT i + 1 FROM n WHERE i < \(to - 1))
                SELECT \(scope.environmentID), printf('%024x', i), \(values) FROM n\"\"\")
                db.commit()
                """)
        }
    }

    private static func shell(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }

    private static func measure(_ core: Core) async throws -> (claim: [Double], finish: [Double]) {
        var claimed: [Double] = []
        var finished: [Double] = []
        let clock = ContinuousClock()
        for number in 0..<claims {
            let now = core.runtime.now()
            let begin = clock.now
            let leases = try await core.database.write { tx in
                try LaneStore.claim(.refresh, now: now, leaseEnd: now + 15_000, token: Int64(number + 1), limit: 1, tx)
            }
            for lease in leases {
                let due = try await core.database.read {
                    try ScheduleStore.due(lane: lease.laneID, now: now, limit: batch, $0)
                }
                let middle = clock.now
                try await core.database.write { tx in
                    try LaneStore.renew(lease, until: now + 15_000, tx)
                    for id in due { putBack(id, lease, now, tx) }
                    try LaneStore.release(lease, .refresh, notBefore: now, tx)
                }
                guard due.count == batch else { throw Failure.shortClaim(due.count) }
                claimed.append(seconds(middle - begin) * 1000)
                finished.append(seconds(clock.now - middle) * 1000)
            }
        }
        return (claimed, finished)
    }

    private enum Failure: Error { case shortClaim(Int) }

    private static func putBack(
        _ id: ID<Connection>, _ lease: LaneLease, _ now: Instant, _ tx: Transaction
    ) {
        // Due again, so that every claim of every size finds as many.
        tx.append(put, [.integer(lease.environmentID), .id(id), .at(now)])
    }

    private static let put = BulkStatement(
        order: 40, name: "bench put back", types: [.bigint, .text, .bigint],
        postgres: """
            UPDATE refresh_schedule AS s SET due_ms = t.due
            FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS t (environment_id, connection_id, due)
            WHERE s.environment_id = t.environment_id AND s.connection_id = t.connection_id
            """,
        sqlite: "UPDATE refresh_schedule SET due_ms = $3 WHERE environment_id = $1 AND connection_id = $2")
}
