import Connectors
import Domain
import Engine
import Foundation
import Storage

/// Connections of one account each, written set-based, as linking leaves them: sealed grants, known balances.
enum LinkedAccounts {
    static let lanes = 20
    private static let perUnit = 2_000

    /// - Parameter due: when each is due, by its number, in milliseconds.
    static func fill(_ core: Core, _ scope: Scope, count: Int, due: @escaping @Sendable (Int) -> Int64) async throws {
        let now = core.runtime.now()
        var laneIDs: [Int64] = []
        for lane in 0..<lanes {
            try await core.sequence.fill()
            laneIDs.append(
                try await core.database.write { tx in
                    try LaneStore.findOrCreate(
                        .refresh, subject: "bench-bank-\(lane)", scope, newID: core.sequence.take, tx)
                })
        }
        let lanes = laneIDs
        for start in stride(from: 0, to: count, by: perUnit) {
            try await core.database.write { tx in
                for number in start..<min(start + perUnit, count) {
                    try add(number, lanes, due(number), now, core, scope, tx)
                }
            }
        }
        guard core.database.dialect == .postgres else { return }
        try await core.database.write { tx in
            for table in ["connection", "account", "refresh_schedule", "connection_grant", "data_key"] {
                _ = try tx.db.run("ANALYZE \(table)")
            }
        }
    }

    private static func add(
        _ number: Int, _ lanes: [Int64], _ due: Int64, _ now: Instant, _ core: Core, _ scope: Scope, _ tx: Transaction
    ) throws {
        let (environment, ms) = (SQLValue.integer(scope.environmentID), SQLValue.at(now))
        let connection: ID<Connection> = core.runtime.newID()
        let customer: ID<Customer> = core.runtime.newID()
        let account: ID<Account> = core.runtime.newID()
        let balance: ID<BalanceRow> = core.runtime.newID()
        let bank = "bench-bank-\(number % lanes.count)"
        let sealer = try core.vault.sealer(scope.environmentID, connection.hex, on: tx.db)
        let grant = #"{"access_token":"sba.\#(connection).1.x","refresh_token":"sbr.\#(connection).1.x"}"#
        tx.append(customers, [environment, .id(customer), .string("ADA OBI \(number)"), .day(now.day()), ms, ms])
        tx.append(
            connections,
            [
                environment, .id(connection), .id(core.runtime.newID() as ID<AuthRow>), .id(customer),
                .string("000000000000000000000001"), .string(bank), .string("sandbox"), .string("user-\(number)"),
                .string("active"), .string("auth,accounts,balance"), .string("ind"), .integer(12), .day(now.day()), ms,
                ms,
            ])
        tx.append(
            grants,
            [environment, .id(connection), .bytes(try sealer.seal(Array(grant.utf8), purpose: "grant")), ms])
        tx.append(
            accounts,
            [
                environment, .id(account), .id(balance), .id(connection), .id(customer), .string(bank),
                .string("\(number)"), .bytes(try sealer.seal(Array("0123456789".utf8), purpose: "account_number")),
                .string("6789"), .string("Savings"), .string("NGN"), .string("active"), .integer(100_000),
                .integer(100_000), ms, ms, .day(now.day()), ms, ms,
            ])
        tx.append(
            schedules,
            [
                environment, .id(connection), .integer(lanes[number % lanes.count]), .integer(due), .string("daily"),
                .integer(due), .day(now.day()), ms,
            ])
    }

    private static let customers = BulkStatement.insert(
        order: 1, into: "customer",
        [
            ("environment_id", .bigint), ("id", .text), ("name", .text), ("created_on", .text),
            ("created_at_ms", .bigint), ("updated_at_ms", .bigint),
        ])
    private static let connections = BulkStatement.insert(
        order: 2, into: "connection",
        [
            ("environment_id", .bigint), ("id", .text), ("auth_id", .text), ("customer_id", .text), ("app_id", .text),
            ("institution", .text), ("connector", .text), ("upstream_user", .text), ("status", .text),
            ("products", .text), ("login_type", .text), ("history_months", .bigint), ("created_on", .text),
            ("created_at_ms", .bigint), ("updated_at_ms", .bigint),
        ])
    private static let grants = BulkStatement.insert(
        order: 3, into: "connection_grant",
        [("environment_id", .bigint), ("connection_id", .text), ("sealed", .bytea), ("updated_at_ms", .bigint)])
    private static let accounts = BulkStatement.insert(
        order: 4, into: "account",
        [
            ("environment_id", .bigint), ("id", .text), ("balance_id", .text), ("connection_id", .text),
            ("customer_id", .text), ("institution", .text), ("upstream_id", .text), ("number_sealed", .bytea),
            ("mask", .text), ("name", .text), ("currency", .text), ("status", .text), ("ledger_minor", .bigint),
            ("available_minor", .bigint), ("balance_as_of_ms", .bigint), ("balance_updated_at_ms", .bigint),
            ("created_on", .text), ("created_at_ms", .bigint), ("updated_at_ms", .bigint),
        ])
    private static let schedules = BulkStatement.insert(
        order: 5, into: "refresh_schedule",
        [
            ("environment_id", .bigint), ("connection_id", .text), ("lane_id", .bigint), ("due_ms", .bigint),
            ("balance_interval", .text), ("balance_due_ms", .bigint), ("accounts_seen_on", .text),
            ("balance_ok_ms", .bigint),
        ])

    /// The lanes are looked at again.
    static func wake(_ core: Core, at instant: Instant) async throws {
        try await core.database.write {
            try $0.db.run(
                "UPDATE lane SET next_due_ms = $1 WHERE kind = 'refresh' AND lease_token IS NULL", [.at(instant)])
        }
        core.wakes.refreshes.set()
    }
}
