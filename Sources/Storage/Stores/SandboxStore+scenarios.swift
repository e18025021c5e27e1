import Domain

// Scenarios that an environment has of its own, and what is counted for them.
extension SandboxStore {
    private static let columns = "name, script, created_at_ms FROM sandbox_scenario"

    private static func scenario(_ row: borrowing Row) -> SandboxNamedScenario {
        SandboxNamedScenario(name: row.text(0), script: row.text(1), createdAt: row.instant(2))
    }

    private static let findSQL = "SELECT \(columns) WHERE environment_id = $1 AND name = $2"
    private static let findTwoSQL = "SELECT \(columns) WHERE environment_id = $1 AND name IN ($2, $3)"
    private static let listSQL = "SELECT \(columns) WHERE environment_id = $1 AND name > $2 ORDER BY name LIMIT $3"
    private static let putSQL = """
        INSERT INTO sandbox_scenario (environment_id, name, script, created_at_ms) VALUES ($1, $2, $3, $4)
        ON CONFLICT (environment_id, name) DO UPDATE SET script = excluded.script,
            created_at_ms = excluded.created_at_ms
        """
    private static let forgetSQL = "DELETE FROM sandbox_count WHERE environment_id = $1 AND scenario = $2"
    private static let removeSQL = "DELETE FROM sandbox_scenario WHERE environment_id = $1 AND name = $2"

    static func scenarios(_ user: SandboxUser, _ db: any SQLConnection) throws -> SandboxScenarios {
        let bank = SandboxNamedScenario.name(ofInstitution: user.institution)
        var found = SandboxScenarios()
        let values: [SQLValue] = [.integer(user.environmentID), .text(user.username), .text(bank)]
        for scenario in try db.query(findTwoSQL, values, Self.scenario) {
            if scenario.name == bank { found.institution = scenario } else { found.own = scenario }
        }
        return found
    }

    public func putScenario(
        _ scenario: SandboxNamedScenario, environmentID: Int64, also: UnitStep?
    ) async throws {
        let values: [SQLValue] = [
            .integer(environmentID), .text(scenario.name), .text(scenario.script), .at(scenario.createdAt),
        ]
        do {
            try await database.write { tx in
                try also?(tx)
                try tx.db.run(Self.putSQL, values)
                try tx.db.run(Self.forgetSQL, [.integer(environmentID), .text(scenario.name)])
            }
        } catch let error as StorageError where error.code == .foreignKey {
            throw DomainError.notFound("environment")
        }
    }

    public func scenario(_ name: String, environmentID: Int64) async throws -> SandboxNamedScenario? {
        try await database.read { db in
            try db.first(Self.findSQL, [.integer(environmentID), .text(name)], Self.scenario)
        }
    }

    public func scenarios(
        after name: String, limit: Int, environmentID: Int64
    ) async throws -> [SandboxNamedScenario] {
        try await database.read { db in
            try db.query(Self.listSQL, [.integer(environmentID), .text(name), .int(limit)], Self.scenario)
        }
    }

    public func removeScenario(_ name: String, environmentID: Int64, also: UnitStep?) async throws -> Bool {
        try await database.write { tx in
            let key: [SQLValue] = [.integer(environmentID), .text(name)]
            try tx.db.run(Self.forgetSQL, key)
            guard try tx.db.run(Self.removeSQL, key) == 1 else { return false }
            try also?(tx)
            return true
        }
    }

    private static let countSQL = """
        INSERT INTO sandbox_count (environment_id, scenario, institution, username, counter, slot, calls)
        VALUES ($1, $4, $2, $3, $5, $6, 1)
        ON CONFLICT (environment_id, scenario, institution, username, counter) DO UPDATE SET
            calls = CASE WHEN sandbox_count.slot = excluded.slot THEN sandbox_count.calls + 1 ELSE 1 END,
            slot = excluded.slot
        RETURNING calls
        """

    public func countCall(
        _ user: SandboxUser, scenario: String, counter: String, slot: Int64
    ) async throws -> Int64 {
        let values = Self.key(user) + [.text(scenario), .text(counter), .integer(slot)]
        return try await database.write { tx in try tx.db.first(Self.countSQL, values) { $0.int(0) } ?? 0 }
    }
}
