import Connectors
import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("States of a connection")
struct ConnectionStateTests {
    private func linked(
        _ database: Database, _ scenario: String, months: Int = 1
    ) async throws -> (world: World, connection: ID<Connection>) {
        let world = try await World.make(on: database)
        try await world.listen()
        let view = try await world.link("ada", password: scenario) { $0.historyMonths = months }
        try await world.settle()
        return (world, try #require(view.connectionID.flatMap { ID<Connection>($0) }))
    }

    private func report(_ world: World, _ connection: ID<Connection>) async throws -> ConnectionReport {
        try #require(try await world.core.database.read { try ConnectionReads.report(connection, world.scope, $0) })
    }

    private func demand(_ world: World, _ connection: ID<Connection>) async throws {
        _ = try await world.services.refreshes.request(
            scope: world.scope, accountID: nil, connectionID: connection.hex, products: [.balance], cause: .demand)
        try await world.settle()
    }

    @Test("a bank that is down for days neither stops the scheduler nor asks the person for anything")
    func transient() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(
                database, #"{"rules": [{"from": "1h", "until": "4d", "error": "unavailable"}]}"#)
            try await world.advance(days: 3)
            let down = try await report(world, connection)
            #expect(down.state.status == .active)
            #expect(down.next == .retry)
            #expect(down.lastExecution?.code == "provider_unavailable")
            #expect(down.nextAttemptAt != nil, "the scheduler goes on")
            #expect(try world.webhooks.bodies("record.reauth_required").isEmpty)
            try await world.advance(days: 3)
            let up = try await report(world, connection)
            #expect(up.lastExecution?.outcome == "ok")
            #expect(up.next == nil)
            #expect(try world.webhooks.bodies("record.repaired").isEmpty, "it was never broken")
        }
    }

    @Test("a locked user stops at once: one call, one event, and a request is refused with what to do")
    func locked() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(
                database, #"{"rules": [{"from": "1h", "error": "user_locked"}]}"#)
            try await world.advance(days: 20)
            let found = try await report(world, connection)
            #expect(found.state.status == .needsUser)
            #expect(found.state.tries == 1, "the user was asked for once in twenty days")
            #expect(found.next == .userAction(.atBank))
            #expect(found.nextAttemptAt == nil)
            #expect(found.products.allSatisfy { $0.next == .userAction(.atBank) })
            let told = try world.webhooks.bodies("record.reauth_required")
            #expect(told.count == 1)
            #expect(told.first?["data"]?["action"]?.text == "at_bank")
            let error = await #expect(throws: DomainError.self) { try await demand(world, connection) }
            #expect(error?.code == .conflict)
        }
    }

    @Test("a connection that needs its person heals by an on-demand run when the bank serves it again, and says so")
    func heals() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(
                database, #"{"rules": [{"from": "1h", "until": "3d", "error": "user_action_required"}]}"#)
            try await world.advance(days: 2)
            #expect(try await report(world, connection).state.code == .userActionRequired)
            try await demand(world, connection)
            let still = try await report(world, connection)
            #expect(still.state.status == .needsUser)
            #expect(still.state.tries == 2)
            #expect(try world.webhooks.bodies("record.reauth_required").count == 1, "told once")
            #expect(try world.webhooks.bodies("balance.failed").count == 1, "who asked is answered")
            let soon = await #expect(throws: DomainError.self) { try await demand(world, connection) }
            #expect(soon?.message.contains("the next try is allowed at") == true)
            try await world.advance(days: 2)
            #expect(try await report(world, connection).state.status == .needsUser, "nobody asked meanwhile")
            try await demand(world, connection)
            let healed = try await report(world, connection)
            #expect(healed.state == ConnectionState(status: .active))
            #expect(healed.nextAttemptAt != nil, "it is refreshed by itself again")
            let repaired = try world.webhooks.bodies("record.repaired")
            #expect(repaired.count == 1)
            #expect(repaired.first?["data"]?["by"]?.text == "itself")
        }
    }

    @Test("a consent is warned of at fourteen and three days and ends at its end, each told once, as clocks advance")
    func consent() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(database, #"{"consent": "30d"}"#)
            try await world.advance(days: 60)
            let warnings = try world.webhooks.bodies("consent.expiring")
            #expect(warnings.map { $0["data"]?["days_left"] } == [.integer(14), .integer(3)])
            #expect(
                warnings.allSatisfy { $0["data"]?["reauth_url"]?.text?.hasPrefix("https://kubewa.example/") == true })
            let ended = try world.webhooks.bodies("consent.expired")
            #expect(ended.count == 1)
            #expect(try world.webhooks.bodies("record.reauth_required").count == 1)
            let found = try await report(world, connection)
            #expect(found.state.status == .expired)
            #expect(found.state.code == .consentExpired)
            let consents = try await database.read { try ConsentStore.list(connection, world.scope, $0) }
            #expect(consents.map(\.action) == [.granted, .expired])
            #expect(found.lastOKAt.map { $0 <= (consents[0].expiresAt ?? $0) } == true, "nothing was fetched after it")
        }
    }

    @Test("connections that nothing refreshes hear of their consent as well")
    func onDemandConsent() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link("ada", password: #"{"consent": "20d"}"#) {
                $0.refresh = false
                $0.historyMonths = 1
            }
            try await world.settle()
            try await world.advance(days: 25)
            #expect(try world.webhooks.bodies("consent.expiring").count == 2)
            #expect(try world.webhooks.bodies("consent.expired").count == 1)
            let runs = try await database.read { db in try db.query("SELECT id FROM refresh", []) { $0.int(0) } }
            #expect(runs.count == 1, "a warning is no reason to ask the bank")
        }
    }

    @Test("a server that slept over both warnings tells the last one, with the days that are left")
    func slept() async throws {
        try await onEveryDatabase { database in
            let (world, _) = try await linked(database, #"{"consent": "30d"}"#)
            world.runtime.advance(milliseconds: 28 * Instant.dayMs)
            try await world.settle()
            let warnings = try world.webhooks.bodies("consent.expiring")
            #expect(warnings.map { $0["data"]?["days_left"] } == [.integer(2)])
            world.runtime.advance(milliseconds: 20 * Instant.dayMs)
            try await world.settle()
            #expect(try world.webhooks.bodies("consent.expiring").count == 1)
            #expect(try world.webhooks.bodies("consent.expired").count == 1)
        }
    }

    @Test("a renewed consent is warned of by its own end")
    func renewed() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(database, #"{"consent": "30d"}"#)
            try await world.advance(days: 17)
            let warning = try #require(try world.webhooks.bodies("consent.expiring").last)
            let slug = try #require(warning["data"]?["reauth_url"]?.text.flatMap { WidgetLinkSlug.find(in: $0) })
            let opening = try WidgetOpening(options: nil, ref: slug, origin: nil, mode: "page")
            let begun = try await world.services.widgets.begin(opening, institution: "access-bank", loginType: nil)
            let done = try await world.services.links.answer(
                sessionID: begun.id, in: world.scope,
                answer: StepAnswer(fields: ["username": "ada", "password": #"{"consent": "30d"}"#]), revision: nil)
            #expect(done.status == .done)
            #expect(done.connectionID == connection.hex)
            try await world.advance(days: 14)
            #expect(try world.webhooks.bodies("consent.expired").isEmpty)
            #expect(try world.webhooks.bodies("consent.expiring").count == 1)
            try await world.advance(days: 20)
            #expect(try world.webhooks.bodies("consent.expiring").count == 3)
            #expect(try world.webhooks.bodies("consent.expired").count == 1)
        }
    }

    @Test("the bank's push tries a connection again that needs its person")
    func push() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(
                database, #"{"rules": [{"from": "1h", "until": "3d", "on": ["balance"], "error": "user_locked"}]}"#)
            try await world.advance(days: 4)
            #expect(try await report(world, connection).state.status == .needsUser)
            _ = try await world.services.sandbox.post(
                .init(institution: "access-bank", username: "ada", amountMinor: 450_000, narration: "TRF FROM OBI"),
                in: world.environment())
            try await world.settle()
            #expect(try await report(world, connection).state.status == .active)
            #expect(try world.webhooks.bodies("record.repaired").count == 1)
        }
    }

    @Test("a server without the bank's connector passes over, and goes on when it has it again")
    func noConnector() async throws {
        try await onEveryDatabase { database in
            let (world, connection) = try await linked(database, "{}")
            try await database.write { tx in
                try tx.db.run("UPDATE connection SET connector = 'gone'", [])
            }
            try await world.advance(days: 2)
            let without = try await report(world, connection)
            #expect(without.state.status == .active)
            #expect(without.lastExecution?.code == "client_misconfigured")
            #expect(without.nextAttemptAt != nil)
            try await database.write { tx in
                try tx.db.run("UPDATE connection SET connector = 'sandbox'", [])
            }
            try await world.advance(days: 2)
            #expect(try await report(world, connection).lastExecution?.outcome == "ok")
        }
    }
}
