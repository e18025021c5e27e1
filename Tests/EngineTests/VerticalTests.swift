import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct VerticalTests {
    @Test("a linked account becomes signed webhooks with its balance, transactions and identity")
    func linkToWebhook() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link()
            #expect(view.status == .done)
            try await world.settle()
            let events = try world.webhooks.bodies().compactMap { $0["event"]?.text }
            #expect(events.first == "auth.success")
            for name in ["accounts.success", "balance.success", "transaction.success", "identity.success"] {
                #expect(events.contains(name), "\(name) in \(Set(events))")
            }
            let balance = try #require(try world.webhooks.bodies("balance.success").first)
            #expect(balance["callback_code"]?.text == "BALANCE_SUCCESS")
            #expect(balance["data"]?["record"]?.text == view.connectionID)
            #expect(balance["data"]?["account"]?.text?.count == 24)
        }
    }

    @Test("thirty virtual days after one linking data is fresh and nobody logged in again")
    func thirtyDays() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let view = try await world.link()
            try await world.settle()
            world.webhooks.forget()
            try await world.advance(days: 30)
            let events = try world.webhooks.bodies()
            let days = Set(events.compactMap { $0["created_at"]?.text?.prefix(10) })
            #expect(days.count >= 25, "events on \(days.count) days")
            #expect(!events.contains { $0["event"]?.text == "record.reauth_required" })
            let connection = try #require(view.connectionID.flatMap { ID<Connection>($0) })
            let kept = try await database.read { try ConnectionStore.find(connection, world.scope, $0) }
            #expect(kept?.status == .active)
        }
    }

    @Test("a transaction posted at the bank is pushed and announced without waiting for the schedule")
    func push() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link()
            try await world.settle()
            world.webhooks.forget()
            _ = try await world.services.sandbox.post(
                .init(institution: "access-bank", username: "success", amountMinor: 450_000, narration: "TRF FROM ADA"),
                in: world.environment())
            try await world.settle()
            let event = try #require(try world.webhooks.bodies("transaction.success").first)
            #expect(event["data"]?["count"] == 1)
            #expect(event["method"]?.text == "PERIODIC_TRANSACTIONS")
        }
    }
}
