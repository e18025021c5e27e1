import Domain

/// Advances of sandbox clocks: one row an environment, which stays when the clock has arrived, for its count of runs.
public enum ClockStore {
    /// The target of an advance that has arrived.
    private static let arrived: Int64 = 0

    /// An advance of one clock; `runs` counts the due moments that it has passed.
    public struct Job: Sendable {
        public let environmentID: Int64
        public let targetMs: Int64
        public let runs: Int64
        public var hasArrived: Bool { targetMs == ClockStore.arrived }
    }

    /// At most 1000 clocks that are being moved, over all environments.
    public static func jobs(_ db: any SQLConnection) throws -> [Job] {
        try db.query(
            """
            SELECT j.environment_id, j.target_ms, j.runs FROM clock_job j JOIN environment e ON e.id = j.environment_id
            WHERE j.target_ms > $1 AND e.removed_at_ms IS NULL ORDER BY j.environment_id LIMIT 1000
            """, [.integer(arrived)]
        ) { Job(environmentID: $0.int(0), targetMs: $0.int(1), runs: $0.int(2)) }
    }

    /// The environment's advance, or its last one; nil before the first.
    public static func job(_ scope: Scope, _ db: any SQLConnection) throws -> Job? {
        try db.first(
            "SELECT environment_id, target_ms, runs FROM clock_job WHERE environment_id = $1",
            [.integer(scope.environmentID)]
        ) { Job(environmentID: $0.int(0), targetMs: $0.int(1), runs: $0.int(2)) }
    }

    /// A second advance while one runs goes on from its target, and one after it counts anew.
    public static func start(_ scope: Scope, targetMs: Int64, _ tx: Transaction) throws {
        try tx.db.run(
            """
            INSERT INTO clock_job (environment_id, target_ms) VALUES ($1, $2)
            ON CONFLICT (environment_id) DO UPDATE SET target_ms = excluded.target_ms,
                runs = CASE WHEN clock_job.target_ms = $3 THEN 0 ELSE clock_job.runs END
            """, [.integer(scope.environmentID), .integer(targetMs), .integer(arrived)])
    }

    /// Adds one run to the environment's job.
    public static func countRun(_ scope: Scope, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE clock_job SET runs = runs + 1 WHERE environment_id = $1", [.integer(scope.environmentID)])
    }

    /// Ends a job that is at its target; one that was given a farther target meanwhile goes on.
    public static func end(_ job: Job, _ tx: Transaction) throws {
        try tx.db.run(
            "UPDATE clock_job SET target_ms = $3 WHERE environment_id = $1 AND target_ms = $2",
            [.integer(job.environmentID), .integer(job.targetMs), .integer(arrived)])
    }
}
