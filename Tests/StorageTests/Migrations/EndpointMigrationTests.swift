import Domain
import Storage
import TestKit
import Testing

@Suite struct EndpointMigrationTests {
    private static let older = """
        INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'Acme', 5);
        INSERT INTO environment (id, tenant_id, kind, project_id, webhook_secret, created_at_ms)
            VALUES (1, 't', 'sandbox', '655a5c3e9f1b2c3d4e5f6001', X'0102', 5);
        INSERT INTO webhook_endpoint (environment_id, id, url, source, payload, secret, token, lane_id, is_enabled,
            created_at_ms) VALUES
            (1, '655a5c3e9f1b2c3d4e5f6002', 'https://shop.example/own', 'environment', 'complete', NULL, X'05', 7, 1,
                8),
            (1, '655a5c3e9f1b2c3d4e5f6003', 'https://shop.example/api', 'api', 'thin', X'0304', NULL, 8, 0, 9);
        """

    @Test("secrets of endpoints and environments stay what they were when keys become several")
    func keys() async throws {
        for dialect in [Dialect.sqlite, .postgres] {
            try await onDatabase(dialect, migrations: []) { test in
                let database = test.database
                try await database.migrate(Array(Migrations.all.prefix(16)))
                // A literal of bytes is written in each database's own way.
                let script =
                    dialect == .sqlite
                    ? Self.older
                    : ["0102", "05", "0304"].reduce(Self.older) { $0.replacing("X'\($1)'", with: "'\\x\($1)'") }
                try await database.write { try $0.db.script(script) }
                try await database.migrate(Migrations.all)
                let scope = Scope(environmentID: 1)
                let api = ID<WebhookEndpoint>(trusted: "655a5c3e9f1b2c3d4e5f6003")
                let (own, added, shared) = try await database.read { db in
                    (
                        try WebhookKeyStore.secrets(of: .environment, scope, at: Instant(ms: 10), db),
                        try WebhookKeyStore.secrets(of: .endpoint(api), scope, at: Instant(ms: 10), db),
                        try EndpointStore.list(scope, source: .environment, db)
                    )
                }
                #expect(own.map(\.secret) == [[1, 2]] && own.first?.key.createdAt == Instant(ms: 5))
                #expect(added.map(\.secret) == [[3, 4]] && added.first?.key.kind == .v1)
                #expect(shared.first?.payload == .complete && shared.first?.hasToken == true)
                #expect(shared.first?.status == .active && shared.first?.statusSince == Instant(ms: 8))
                let disabled = try await database.read { try EndpointStore.find(api, scope, $0) }
                #expect(disabled?.status == .disabled && disabled?.statusReason == "manual")
            }
        }
    }

    @Test("expired keys sign no more, and are gone with the next rotation")
    func expiry() async throws {
        try await onEveryDatabase { database in
            try await database.write { tx in
                try tx.db.script(
                    """
                    INSERT INTO tenant (id, name, created_at_ms) VALUES ('t', 'Acme', 5);
                    INSERT INTO environment (id, tenant_id, kind, project_id, created_at_ms)
                        VALUES (1, 't', 'sandbox', '655a5c3e9f1b2c3d4e5f6001', 5);
                    """)
            }
            let scope = Scope(environmentID: 1)
            func ids(at ms: Int64) async throws -> [String] {
                try await database.read {
                    try WebhookKeyStore.list(of: .environment, scope, at: Instant(ms: ms), $0).map(\.id.hex)
                }
            }
            func rotate(_ id: String, at ms: Int64, until end: Int64) async throws {
                try await database.write { tx in
                    try WebhookKeyStore.expire(
                        .v1, of: .environment, at: Instant(ms: end), now: Instant(ms: ms), scope, tx)
                    let key = WebhookKey(id: ID(trusted: id), kind: .v1, publicKey: nil, createdAt: Instant(ms: ms))
                    try WebhookKeyStore.create(key, secret: [1], of: .environment, scope, tx)
                }
            }
            try await rotate("a", at: 100, until: 100)
            try await rotate("b", at: 200, until: 1000)
            try await rotate("c", at: 300, until: 500)
            #expect(try await ids(at: 400) == ["c", "b", "a"], "a shorter overlap ends earlier ones too")
            #expect(try await ids(at: 500) == ["c"])
            try await rotate("d", at: 600, until: 900)
            let kept = try await database.read { try $0.query("SELECT id FROM webhook_key ORDER BY id") { $0.text(0) } }
            #expect(kept == ["c", "d"])
        }
    }
}
