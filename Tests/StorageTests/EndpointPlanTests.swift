import Domain
import TestKit
import Testing

@testable import Storage

/// An environment in which every record has an endpoint of its own, and every link a URL.
@Suite("Plans of the statements about endpoints")
struct EndpointPlanTests {
    private static let rows = 30_000
    private static let scope = Scope(environmentID: 1)
    private static let connection = ID<Connection>(trusted: "c777")
    private static let id = ID<WebhookEndpoint>(trusted: "e777")

    @Test("where an event goes is found by its connection, however many records have endpoints of their own")
    func plans() async throws {
        try await onEveryDatabase { database in
            try await fill(database)
            let plans = try await database.write { tx in
                let recorder = StatementRecorder(tx.db)
                try Self.run(Transaction(recorder), now: Instant(ms: 5))
                return try recorder.plans()
            }
            for (sql, plan) in plans {
                #expect(!plan.contains("Seq Scan on webhook_endpoint"), "\(sql)\n\(plan)")
                let steps = plan.split(separator: "\n").map { $0.trimmingPrefix(" ") }
                #expect(!steps.contains { $0.hasPrefix("SCAN webhook_endpoint") }, "\(sql)\n\(plan)")
            }
            let routes = plans.filter { $0.sql.contains("'disabled'") }
            #expect(routes.count == 3)
            #expect(routes.allSatisfy { $0.plan.contains("webhook_endpoint_") }, "\(routes)")
            if database.dialect == .sqlite {
                let link = routes.first { $0.sql.contains("url IN") }
                #expect(link?.plan.contains("source=? AND url=?") == true, "\(routes)")
            }
            let found = try await database.write { tx in
                try EndpointStore.route(
                    Self.scope, connection: Self.connection, callbackURL: "https://shop.example/5", refreshURL: nil, tx)
            }
            #expect(found.map(\.id.hex) == ["a0", "a1", "e777", "l5"])
        }
    }

    private static func run(_ tx: Transaction, now: Instant) throws {
        _ = try EndpointStore.route(
            scope, connection: connection, callbackURL: "https://shop.example/5", refreshURL: nil, tx)
        _ = try EndpointStore.page(scope, connection: nil, after: "", limit: 51, tx.db)
        _ = try EndpointStore.page(scope, connection: "c777", after: "", limit: 51, tx.db)
        _ = try EndpointStore.list(scope, source: .environment, tx.db)
        _ = try EndpointStore.list(scope, source: .connection, url: "https://shop.example/5", tx.db)
        _ = try EndpointStore.sending("e777", scope, tx.db)
        _ = try WebhookKeyStore.secrets(of: .endpoint(id), scope, at: now, tx.db)
        _ = try WebhookKeyStore.publicKeys(of: id, at: now, tx.db)
        _ = try EndpointStore.removeEnded(tx)
    }

    private func fill(_ database: Database) async throws {
        let columns = "environment_id, id, url, source, payload, lane_id, created_at_ms, connection_id"
        try await FilledTables.fill(database, environments: 1) { tables in
            let (text, rows) = (tables.text, tables.series(Self.rows))
            let url = "'https://shop.example/' || \(text)"
            return """
                INSERT INTO webhook_endpoint (\(columns))
                    SELECT 1, 'e' || \(text), \(url), 'api', 'thin', n, 0, 'c' || \(text) FROM \(rows);
                INSERT INTO webhook_endpoint (\(columns))
                    SELECT 1, 'l' || \(text), \(url), 'connection', 'thin', n, 0, '' FROM \(rows);
                INSERT INTO webhook_endpoint (\(columns))
                    SELECT 1, 'a' || \(text), \(url) || 'a', 'api', 'thin', n, 0, '' FROM \(rows) WHERE n < 2;
                """
        }
    }
}
