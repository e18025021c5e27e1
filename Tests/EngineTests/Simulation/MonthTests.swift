import Connectors
import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("A month of a customer's life") struct MonthTests {
    /// Posts late, is closed at night, gives new ids for two days, renames an account and withdraws the consent.
    private static let scenario: JSONValue = [
        "seed": 7, "volume": "low",
        "rules": [
            ["pending": "36h"], ["daily": "01:00-04:00", "error": "unavailable", "retry_after": "30m"],
            ["from": "3d", "until": "5d", "ids": "new_each_call"], ["chance": 10, "error": "bank_error"],
            ["from": "12d", "account": 1, "rename": "Holiday Savings"], ["from": "20d", "access": "revoked"],
        ],
    ]

    @Test("runs in a move of the clock, comes out the same for the same seed, and tells what happened")
    func month() async throws {
        var months: [[String]] = []
        for _ in 0..<2 {
            try await onDatabase(.sqlite) { test in months.append(try await live(test.database)) }
        }
        #expect(months[0] == months[1])
        let events = months[0].joined(separator: "\n")
        for name in ["transaction.success", "transaction.updated", "accounts.success", "record.reauth_required"] {
            #expect(events.contains(name), "\(name)")
        }
    }

    private func live(_ database: Database) async throws -> [String] {
        let world = try await World.make(on: database)
        try await world.listen()
        _ = try await world.bank.setScenario("ada", Self.scenario, environmentID: world.environment().id)
        _ = try await world.link("ada") { $0.historyMonths = 1 }
        try await world.settle()
        try await world.advance(days: 30)
        // Webhooks go out side by side; what they tell is in order.
        return try world.webhooks.bodies().map { body in
            "\(body["created_at"]?.text ?? "") \(body["event"]?.text ?? "") \(body["sequence"]?.encoded ?? "")"
        }.sorted()
    }
}
