import Domain
import TestKit
import Testing

@testable import Storage

/// The statements that every round of the loops runs, on tables in which much waits.
@Suite("Plans of the claiming statements")
struct WorkPlanTests {
    private static let environments = 500
    private static let lanes = environments * 20
    private static let items = 50_000
    private static let now = Instant(ms: 50_000)
    private static let scope = Scope(environmentID: 107)

    /// Runs what is given and returns the plans of all that it ran.
    private typealias Run = @Sendable (Transaction) throws -> Void

    @Test("lanes, refreshes and deliveries are taken through their indexes, and no table is read whole")
    func plans() async throws {
        try await onEveryDatabase { database in
            try await fill(database)
            try await look(at: database)
        }
    }

    @Test("they are also where the server looked at the tables last when next to nothing waited")
    func plansOfQuietTimes() async throws {
        try await onDatabase(.postgres) { test in
            try await fill(test.database)
            try await test.database.write { tx in
                // A vacuum of a queue that is empty finds many pages and no rows; the others were small.
                try tx.db.script(
                    """
                    DELETE FROM pg_statistic WHERE starelid IN ('lane'::regclass, 'refresh_schedule'::regclass,
                        'delivery'::regclass, 'event'::regclass);
                    UPDATE pg_class SET reltuples = 10 WHERE oid = 'delivery'::regclass
                        OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'delivery'::regclass);
                    UPDATE pg_class SET reltuples = 10, relpages = 1
                        WHERE oid IN ('lane'::regclass, 'refresh_schedule'::regclass)
                    """)
            }
            try await look(at: test.database)
        }
    }

    private func look(at database: Database) async throws {
        for (index, run) in Self.reads {
            let plans = try await database.read { db in try Self.plans(of: run, db) }
            check(plans, index)
        }
        for (index, run) in Self.writes {
            for mode in ["force_custom_plan", "force_generic_plan"] {
                let plans = try await database.write { tx in
                    if tx.db.dialect == .postgres { try tx.db.script("SET LOCAL plan_cache_mode = \(mode)") }
                    return try Self.plans(of: run, tx.db)
                }
                check(plans, index)
            }
        }
    }

    @Test("a look over all lanes takes one step into the index for each, however much waits in it")
    func sweeps() async throws {
        try await onEveryDatabase { database in
            try await fill(database)
            for kind in [LaneKind.delivery, .refresh] {
                let plans = try await database.write { tx in
                    try Self.plans(of: { _ = try LaneStore.sweep(kind, now: Self.now, $0) }, tx.db)
                }
                #expect(plans.count == 1)
                for (sql, plan) in plans {
                    #expect(plan.contains(kind == .delivery ? "delivery_due" : "refresh_schedule_due"))
                    #expect(!plan.contains("Join"), "\(sql)\n\(plan)")
                    #expect(plan.contains("Limit") || plan.contains("CORRELATED SCALAR SUBQUERY"), "\(sql)\n\(plan)")
                }
            }
        }
    }

    @Test("a connection's accounts are found by the connection, also where nothing is known of the tables")
    func accountsOfConnections() async throws {
        try await onDatabase(.sqlite) { test in
            let vault = try await Vault.open(
                .value(String(repeating: "0f", count: 32), variable: "KEY"), database: test.database,
                runtime: ManualRuntime())
            let ids = ["1", "2"].map { ID<Connection>(trusted: String(repeating: $0, count: 24)) }
            let plans = try await test.database.read { db in
                try Self.plans(
                    of: { tx in
                        _ = try AccountStore.list(ids[0], Self.scope, tx.db)
                        _ = try RefreshBatch.load(ids, Self.scope, vault, tx.db)
                    }, db)
            }
            let steps = plans.map(\.plan).joined(separator: "\n").split(separator: "\n")
                .filter { $0.contains(" account ") }
            #expect(!steps.isEmpty)
            #expect(steps.allSatisfy { $0.contains("connection_id=?") }, "\(steps)")
        }
    }

    private static let reads: [(index: String, run: Run)] = [
        ("lane_due", { _ = try LaneStore.nextDue(.delivery, $0.db) }),
        ("lane", { _ = try DeliveryLanes.forgotten(after: 0, $0.db) }),
        ("refresh_schedule_due", { _ = try ScheduleStore.due(lane: 2121, now: now, limit: 64, $0.db) }),
        ("refresh_schedule_due", { _ = try ScheduleStore.nextDue(scope, $0.db) }),
        (
            "delivery_due",
            { _ = try DeliveryStore.list(lane: 2120, .first, after: .start, count: 256, complete: true, $0.db) }
        ),
        (
            "delivery_ordered",
            { tx in
                _ = try DeliveryStore.ordered(
                    lane: 2120, after: .start, upTo: .max, count: 16, complete: true, tx.db)
            }
        ),
    ]

    private static let writes: [(index: String, run: Run)] = [
        (
            "lane_due",
            { tx in
                let found = try LaneStore.claim(.delivery, now: now, leaseEnd: now + 1, token: 1, limit: 64, tx)
                #expect(found.count == 64)
            }
        ),
        ("delivery_due", { try LaneStore.release(lease(2120), .delivery, notBefore: now, $0) }),
        ("refresh_schedule_due", { try LaneStore.release(lease(2121), .refresh, notBefore: now, $0) }),
        ("lane", { try LaneStore.renew(lease(2140), until: now, $0) }),
        ("lane", { LaneStore.touch(2160, due: now, $0) }),
        ("lane", { LaneStore.touchDelivery(2160, due: now, $0) }),
        ("delivery", { tx in complete(tx) }),
    ]

    private static func complete(_ tx: Transaction) {
        // So many that two lists of keys would be taken for dearer than the environment's queue.
        let delivered = (0..<1000).map { attempt(Int64($0 * environments + 106), nil) }
        DeliveryStore.complete(delivered + [attempt(606, now)], of: "e", lease: lease(2120), tx)
    }

    private static func lease(_ lane: Int64) -> LaneLease {
        LaneLease(laneID: lane, token: 9, environmentID: scope.environmentID, subject: "x")
    }

    private static func attempt(_ delivery: Int64, _ next: Instant?) -> AttemptRecord {
        AttemptRecord(
            deliveryID: delivery, eventID: delivery, number: 1, at: now, durationMs: 1, status: 500, error: nil,
            response: [], outcome: next == nil ? .delivered : .retry, nextDue: next)
    }

    private static func plans(of run: Run, _ db: any SQLConnection) throws -> [(sql: String, plan: String)] {
        let recorder = StatementRecorder(db)
        let tx = Transaction(recorder)
        try run(tx)
        try tx.flush()
        return try recorder.plans()
    }

    private func check(_ plans: [(sql: String, plan: String)], _ index: String) {
        #expect(plans.contains { $0.plan.contains(index) }, "\(plans)")
        for (sql, plan) in plans {
            for table in ["lane", "refresh_schedule", "delivery", "event", "environment", "attempt"] {
                #expect(!plan.contains("Seq Scan on \(table)"), "\(sql)\n\(plan)")
            }
            #expect(!plan.contains("Filter: (id = ANY"), "\(sql)\n\(plan)")
            // All that waits in a lane would be read and sorted for the first of it.
            #expect(!plan.contains("Bitmap Heap Scan on delivery"), "\(sql)\n\(plan)")
            // What is looked at in full are results of other steps, of at most one row for each turn.
            let results = ["SCAN due", "SCAN n", "SCAN p0", "SCAN p1", "SCAN p2", "SCAN p3"]
            let steps = plan.split(separator: "\n").map { $0.trimmingPrefix(" ") }
                .filter { $0.hasPrefix("SCAN ") && !results.contains(String($0)) }
            #expect(steps.allSatisfy { $0.contains("INDEX") }, "\(sql)\n\(plan)")
        }
    }

    // MARK: rows

    private func fill(_ database: Database) async throws {
        try await FilledTables.fill(database, environments: Self.environments) { tables in
            let (text, environment, items) = (tables.text, tables.environment, tables.series(Self.items))
            // An even lane delivers, an odd one refreshes.
            let lane = "n % \(Self.environments) * 20 + 2 * (n / \(Self.environments) % 10)"
            return """
                INSERT INTO customer (environment_id, id, created_on, created_at_ms, updated_at_ms)
                    SELECT n + 1, 'c', '2024-01-01', 0, 0 FROM \(tables.series(Self.environments));
                INSERT INTO lane (id, kind, environment_id, subject, next_due_ms, lease_token)
                    SELECT n, CASE WHEN n % 2 = 0 THEN 'delivery' ELSE 'refresh' END, n / 20 + 1, \(text), n * 10,
                        CASE WHEN n IN (2120, 2121, 2140) THEN 9 END FROM \(tables.series(Self.lanes));
                INSERT INTO connection (environment_id, id, auth_id, customer_id, app_id, institution, connector,
                    status, products, login_type, history_months, created_on, created_at_ms, updated_at_ms)
                    SELECT \(environment), \(text), \(text), 'c', 'a', 'access-bank', 'sandbox', 'active', '', 'ind',
                        24, '2024-01-01', 0, 0 FROM \(items);
                INSERT INTO refresh_schedule (environment_id, connection_id, lane_id, due_ms)
                    SELECT \(environment), \(text), \(lane) + 1, n * 2 FROM \(items);
                INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
                    SELECT \(environment), n, \(text), 1, 't', 0, '' FROM \(items);
                INSERT INTO delivery (environment_id, id, event_id, endpoint_id, lane_id, due_ms)
                    SELECT \(environment), n, n, 'e', \(lane), n * 2 FROM \(items);
                """
        }
    }
}
