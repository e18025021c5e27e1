import Domain
import TestKit
import Testing

@testable import Storage

/// The statements behind the log of deliveries and behind replays, on tables with much in them.
@Suite("Plans of the log's statements")
struct LogPlanTests {
    private static let environments = 20
    private static let events = 60_000
    private static let scope = Scope(environmentID: 7)

    private typealias Run = @Sendable (any SQLConnection) throws -> Void

    private static func deliveries(_ filter: LogFilter) -> Run {
        { _ = try AttemptReads.deliveries(filter, after: nil, limit: 50, scope, $0) }
    }

    private static func attempts(_ filter: LogFilter, _ outcomes: Set<String> = []) -> Run {
        { _ = try AttemptReads.attempts(filter, outcomes: outcomes, before: nil, limit: 50, scope, $0) }
    }

    private static let reads: [(name: String, index: String, run: Run)] = [
        ("every delivery", "event_feed", deliveries(LogFilter())),
        ("a type", "event_feed", deliveries(LogFilter(types: ["balance.*"]))),
        ("a range", "event_feed", deliveries(LogFilter(from: Instant(ms: 10_000), to: Instant(ms: 30_000)))),
        ("an event", "attempt_by_event", deliveries(LogFilter(event: 26))),
        ("a connection", "event_by_sequence", deliveries(LogFilter(connection: "6"))),
        ("what waits", "delivery_by_event", deliveries(LogFilter(states: [.waiting]))),
        ("what is dead", "attempt_failed", deliveries(LogFilter(states: [.dead]))),
        ("every attempt", "attempt", attempts(LogFilter())),
        ("failed attempts", "attempt_failed", attempts(LogFilter(), ["retry", "dead"])),
        ("attempts of a range", "attempt", attempts(LogFilter(from: Instant(ms: 1000), to: Instant(ms: 2000)))),
        (
            "one attempt", "attempt",
            { db in
                _ = try AttemptReads.detail(AttemptPlace(at: Instant(ms: 26), delivery: 26, number: 1), scope, db)
            }
        ),
        ("the start of a range", "event_feed", { _ = try ReplayStore.range(from: Instant(ms: 30_000), scope, $0) }),
        ("the last events", "event_by_sequence", { _ = try ReplayStore.latest(of: "6", limit: 100, scope, $0) }),
        ("running jobs", "replay_running", { _ = try ReplayStore.running(limit: 64, $0) }),
        ("what waits of a job", "delivery_replayed", { _ = try ReplayStore.waiting(5, limit: 2000, scope, $0) }),
        (
            "a step of a job", "event_feed",
            { db in
                let job = try #require(try ReplayStore.find(5, scope, db))
                _ = try ReplayStore.next(job, db)
            }
        ),
        (
            "a step of one connection", "event_by_sequence",
            { db in
                let job = try #require(try ReplayStore.find(5, scope, db))
                _ = try ReplayStore.next(job, of: "6", db)
            }
        ),
    ]

    @Test("every list and every step of a job follows an index, and reads no table whole")
    func plans() async throws {
        try await onEveryDatabase { database in
            try await fill(database)
            for (name, index, run) in Self.reads {
                let plans = try await database.read { db in
                    let recorder = StatementRecorder(db)
                    try run(recorder)
                    return try recorder.plans()
                }
                #expect(plans.contains { $0.plan.contains(index) }, "\(name): \(plans)")
                check(plans, name)
            }
        }
    }

    @Test("events and attempts are forgotten along their indexes")
    func retention() async throws {
        try await onEveryDatabase { database in
            try await fill(database)
            let (plans, count) = try await database.write { tx in
                let recorder = StatementRecorder(tx.db)
                let inner = Transaction(recorder)
                let count = try RetentionStore.attempts(before: Instant(ms: 50_000), Self.scope, inner)
                return (try recorder.plans(), count)
            }
            #expect(count == RetentionStore.attemptsMax)
            check(plans, "retention")
            let kept = try await database.write { tx in
                let recorder = StatementRecorder(tx.db)
                let inner = Transaction(recorder)
                _ = try RetentionStore.step(after: 0, before: Instant(ms: 0), Self.scope, inner)
                return try recorder.plans()
            }
            check(kept, "retention of events")
        }
    }

    private func check(_ plans: [(sql: String, plan: String)], _ name: String) {
        for (sql, plan) in plans {
            for table in ["delivery", "event", "attempt", "replay", "lane"] {
                #expect(!plan.contains("Seq Scan on \(table)"), "\(name): \(sql)\n\(plan)")
            }
            // SQLite has one batch, PostgreSQL makes a table of all that waits: both read the environment whole.
            for whole in ["batch<?", "batch>?", "hashed SubPlan"] {
                #expect(!plan.contains(whole), "\(name): \(sql)\n\(plan)")
            }
            let steps = plan.split(separator: "\n").map { $0.drop { $0 == " " } }.filter {
                // SQLite's own table of counters has a row for each table that counts.
                $0.hasPrefix("SCAN ") && $0 != "SCAN CONSTANT ROW" && $0 != "SCAN sqlite_sequence"
            }
            #expect(steps.allSatisfy { $0.contains("INDEX") }, "\(name): \(sql)\n\(plan)")
        }
    }

    private func fill(_ database: Database) async throws {
        try await FilledTables.fill(database, environments: Self.environments) { tables in
            let (text, environment, events) = (tables.text, tables.environment, tables.series(Self.events))
            return """
                INSERT INTO lane (id, kind, environment_id, subject, next_due_ms)
                    SELECT n, 'delivery', n + 1, \(text), 0 FROM \(tables.series(Self.environments));
                INSERT INTO event (environment_id, id, connection_id, seq, type, occurred_at_ms, thin)
                    SELECT \(environment), n, CAST(n % 200 AS TEXT), n, 'balance.success', n, '' FROM \(events);
                INSERT INTO delivery (environment_id, id, event_id, endpoint_id, lane_id, due_ms, replay_id)
                    SELECT \(environment), n, n, 'e', n % \(Self.environments), n, CASE WHEN n % 100 = 6 THEN 5 END
                    FROM \(events) WHERE n % 2 = 0;
                INSERT INTO attempt (environment_id, delivery_id, number, event_id, endpoint_id, at_ms, duration_ms,
                    outcome)
                    SELECT \(environment), n, 1, n, 'e', n, 1,
                        CASE WHEN n % 40 = 6 THEN 'dead' WHEN n % 2 = 0 THEN 'retry' ELSE 'delivered' END
                    FROM \(events);
                INSERT INTO replay (environment_id, id, state, request, endpoint_id, cursor_batch, cursor_place,
                    until_batch, until_place, created_at_ms)
                    SELECT \(environment), n, CASE WHEN n < 3 THEN 'running' ELSE 'done' END, '{}', 'e', -1, 0,
                        9000000000000000000, 9000000000000000000, n FROM \(tables.series(2000));
                UPDATE replay SET environment_id = 7 WHERE id = 5;
                """
        }
    }
}
