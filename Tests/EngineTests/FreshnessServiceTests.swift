import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("How fresh what is shown is")
struct FreshnessServiceTests {
    private static let form = ItemForm(RowTemplate(TransactionColumn.self, "{\"id\":$id}"), BareForms())

    private static func page(_ world: World, _ query: TransactionQuery) async throws -> Listing {
        try await world.services.reads.transactions(
            query, PageRequest(limit: 5), in: world.environment(), as: form)
    }

    private static func shown(_ listing: Listing) throws -> [JSONValue] {
        try JSONValue(parsing: Array("[".utf8) + listing.freshness + Array("]".utf8)).elements ?? []
    }

    private static func account(_ world: World) async throws -> String {
        try await world.core.database.read { db in
            try db.first("SELECT MIN(id) FROM account WHERE environment_id = $1", [.integer(world.scope.environmentID)])
            {
                $0.text(0)
            }
        } ?? ""
    }

    @Test("a page that was kept says how fresh its data is now, not when it was kept")
    func kept() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let view = try await world.link { $0.historyMonths = 1 }
            try await world.settle()
            let account = try await Self.account(world)
            let first = try await Self.page(world, .account(account))
            let again = try await Self.page(world, .account(account))
            #expect(again.items == first.items)
            #expect(world.core.pageBytesKept > 0)
            let before = try #require(Self.shown(again).first)
            #expect(before["connection"]?.text == view.connectionID)
            #expect(before["balance"]?["last_attempt"]?["outcome"] == "ok")
            #expect(
                before["transactions"]?["complete_through"]?.text
                    == world.environment().virtual(world.runtime.now()).day().iso)
            // A run that changes no row of the page.
            let later = world.runtime.now() + 777
            try await database.write { tx in
                try tx.db.run(
                    """
                    UPDATE refresh_schedule SET balance_ok_ms = $1, balance_tried_ms = $1,
                        balance_outcome = 'bank_down'
                    """,
                    [.at(later)])
            }
            let after = try await Self.page(world, .account(account))
            #expect(after.items == first.items)
            let told = try #require(Self.shown(after).first)
            #expect(told["balance"]?["as_of"]?.text == later.iso)
            #expect(told["balance"]?["last_attempt"]?["outcome"] == "bank_down")
        }
    }

    @Test("a list tells of each connection once, however many rows it has of it, whichever way it is read")
    func lists() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let first = try await world.link { $0.historyMonths = 1 }
            let second = try await world.link("otp", institution: "zenith-bank") { $0.historyMonths = 1 }
            try await world.settle()
            let ids = Set([first, second].compactMap(\.connectionID))
            let all = try await world.services.reads.transactions(
                .all, PageRequest(limit: 500), in: world.environment(), as: Self.form)
            #expect(try Self.shown(all).count == 2)
            #expect(Set(try Self.shown(all).compactMap { $0["connection"]?.text }) == ids)
            let record = try await Self.page(world, .record(second.connectionID ?? ""))
            #expect(try Self.shown(record).compactMap { $0["connection"]?.text } == [second.connectionID])
            let amounts = try await Self.page(world, .amount(Int64.min...Int64.max))
            #expect(try !Self.shown(amounts).isEmpty)
            let none = try await Self.page(world, .account(String(repeating: "f", count: 24)))
            #expect(none.connections == [] && none.freshness.isEmpty)
        }
    }

    @Test("hundreds of kept pages that are asked for at once each get the freshness of their own connections")
    func many() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var accounts: [String: String] = [:]
            for bank in ["access-bank", "zenith-bank", "kuda-bank"] {
                let view = try await world.link("success", institution: bank) { $0.historyMonths = 1 }
                accounts[view.connectionID ?? ""] = bank
            }
            try await world.settle()
            let pairs = try await database.read { db in
                try db.query("SELECT id, connection_id FROM account", []) {
                    (account: $0.text(0), connection: $0.text(1))
                }
            }
            for pair in pairs { _ = try await Self.page(world, .account(pair.account)) }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<300 {
                    let pair = pairs[number % pairs.count]
                    group.addTask {
                        let listing = try await Self.page(world, .account(pair.account))
                        return try Self.shown(listing).map { $0["connection"]?.text } == [pair.connection]
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }
}
