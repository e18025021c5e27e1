import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct DeliveryTests {
    @Test("equal URLs get one delivery, the refresh URL only refresh events, the environment's URL everything")
    func routing() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link { request in
                request.callbackURL = World.webhookURL
                request.refresh = ["webhook_url": "https://shop.example/refresh"]
            }
            try await world.settle()
            let main = try world.webhooks.bodies(url: World.webhookURL)
            let ids = main.compactMap { $0["event_id"]?.text }
            #expect(Set(ids).count == ids.count, "no event twice for one URL")
            let refresh = try world.webhooks.bodies(url: "https://shop.example/refresh").compactMap {
                $0["event"]?.text
            }
            #expect(Set(refresh).isSubset(of: EventCatalog.all.filter(\.isRefresh).map(\.name)))
            #expect(refresh.contains("balance.success"))
            #expect(!refresh.isEmpty)
            #expect(main.contains { $0["event"]?.text == "identity.success" })
        }
    }

    @Test("a URL named by a widget never gets the bearer token or a whole account number")
    func untrusted() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete, token: "shop-token")
            _ = try await world.link { $0.callbackURL = "https://other.example/hook" }
            try await world.settle()
            let requests = world.webhooks.requests
            let widget = requests.filter { $0.url == "https://other.example/hook" }
            #expect(!widget.isEmpty)
            #expect(widget.allSatisfy { request in !request.headers.contains { $0.name == "authorization" } })
            let thin = try widget.map { try JSONValue(parsing: $0.body) }
            #expect(thin.allSatisfy { ($0["nuban"]?.text?.count ?? 4) == 4 })
            #expect(thin.allSatisfy { $0["customerBvn"] == nil })
            let own = requests.filter { $0.url == World.webhookURL }
            #expect(
                own.allSatisfy { $0.headers.contains { $0.name == "authorization" && $0.value == "Bearer shop-token" } }
            )
            let complete = try own.map { try JSONValue(parsing: $0.body) }
            #expect(complete.contains { $0["event"]?.text == "balance.success" && $0["nuban"]?.text?.count == 10 })
        }
    }

    @Test("an upsert by data.account alone keeps every account whole")
    func upsert() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete)
            _ = try await world.link()
            try await world.settle()
            var accounts: [String: JSONValue] = [:]
            for body in try world.webhooks.bodies("balance.success") {
                let account = try #require(body["data"]?["account"]?.text)
                accounts[account] = body["data"]?["resource"]
            }
            let stored = try await database.read { db in
                try db.query("SELECT id, available_minor FROM account", []) { ($0.text(0), $0.int(1)) }
            }
            #expect(accounts.count == stored.count)
            for (id, minor) in stored {
                #expect(accounts[id]?["available_balance"]?.encoded == Money.decimal(minor: minor, scale: 2))
            }
        }
    }

    @Test("sequences of a connection have no gap")
    func sequence() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link()
            try await world.settle()
            let numbers = try world.webhooks.bodies().compactMap { body -> Int64? in
                if case .integer(let number) = body["sequence"] { number } else { nil }
            }
            #expect(numbers.sorted() == Array(1...Int64(numbers.count)))
        }
    }

    @Test("a failed delivery is tried again on the published schedule with the same id, then confirmed")
    func retries() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            world.webhooks.answer { _ in WebhookOutcome(status: 500) }
            _ = try await world.link()
            try await world.settle()
            let first = Set(try world.webhooks.bodies().compactMap { $0["event_id"]?.text })
            world.webhooks.forget()
            try await world.settle()
            #expect(world.webhooks.requests.isEmpty, "nothing is due before five seconds")
            world.webhooks.answer { _ in WebhookOutcome(status: 200) }
            world.runtime.advance(milliseconds: 6001)
            try await world.settle()
            let second = Set(try world.webhooks.bodies().compactMap { $0["event_id"]?.text })
            #expect(first.isSubset(of: second))
            let left = try await database.read { db in
                try db.first("SELECT COUNT(id) FROM delivery", []) { $0.int(0) }
            }
            #expect(left == 0)
            let outcomes = try await database.read { db in
                Set(try db.query("SELECT outcome FROM attempt", []) { $0.text(0) })
            }
            #expect(outcomes == ["retry", "delivered"])
        }
    }

    @Test("nothing secret is kept in the clear")
    func sealed() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen(payload: .complete)
            _ = try await world.link()
            try await world.settle()
            let body = try #require(try world.webhooks.bodies("identity.success").first)
            let bvn = try #require(body["data"]?["resource"]?["bvn"]?.text)
            let number = try #require(try world.webhooks.bodies("balance.success").first?["nuban"]?.text)
            let thin = try await database.read { db in
                try db.query("SELECT thin FROM event", []) { $0.text(0) }
            }
            #expect(!thin.contains { $0.contains(bvn) || $0.contains(number) })
            let blobs = try await database.read { db in
                try db.query("SELECT complete FROM event WHERE complete IS NOT NULL", []) { $0.blob(0) }
                    + db.query("SELECT sealed FROM identity", []) { $0.blob(0) }
            }
            #expect(!blobs.contains { String(decoding: $0, as: UTF8.self).contains(bvn) })
        }
    }
}
