import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct EndpointTests {
    private func create(
        _ world: World, _ url: String, record: String? = nil, _ change: (inout EndpointChange) -> Void = { _ in }
    ) async throws -> String {
        var new = EndpointChange()
        new.url = url
        change(&new)
        let made = try await world.services.endpoints.create(new, record: record, in: world.environment())
        return made.endpoint.id.hex
    }

    private func events(_ world: World, _ url: String) throws -> [String] {
        try world.webhooks.bodies(url: url).compactMap { $0["event"]?.text }
    }

    @Test("an endpoint of one record gets that record's events alone, before and beside those of the environment")
    func ofConnection() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let first = try #require(try await world.link().connectionID)
            let second = try #require(try await world.link("otp").connectionID)
            try await world.settle()
            let own = "https://shop.example/first"
            _ = try await create(world, own, record: first)
            world.webhooks.forget()
            for record in [first, second] {
                _ = try await world.services.refreshes.requestOnDemand(
                    in: world.environment(), accountID: nil, connectionID: record, products: [.balance])
            }
            try await world.settle()
            let got = try world.webhooks.bodies(url: own)
            let all = try world.webhooks.bodies(url: World.webhookURL)
            #expect(Set(all.compactMap { $0["data"]?["record"]?.text }) == [first, second])
            let wanted = all.filter { $0["data"]?["record"]?.text == first }.compactMap { $0["event_id"]?.text }
            #expect(got.compactMap { $0["event_id"]?.text }.sorted() == wanted.sorted())
            let error = await #expect(throws: DomainError.self) {
                try await create(world, "https://shop.example/x", record: "655a5c3e9f1b2c3d4e5f6090")
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test("a URL that an endpoint has for some types and a link for all gets each event once, and none is lost")
    func equalURLs() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let url = "https://shop.example/both"
            _ = try await create(world, url) { $0.eventTypes = ["balance.*"] }
            _ = try await world.link { $0.callbackURL = url }
            try await world.settle()
            let ids = try world.webhooks.bodies(url: url).compactMap { $0["event_id"]?.text }
            #expect(Set(ids).count == ids.count)
            let all = try await database.read { try $0.query("SELECT type FROM event", []) { $0.text(0) } }
            #expect(try events(world, url).sorted() == all.sorted())
        }
    }

    @Test("thin or complete is decided for each type, by the first rule that fits")
    func payloads() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let url = "https://shop.example/mixed"
            _ = try await create(world, url) {
                $0.payload = .thin
                $0.payloads = [.init(pattern: "balance.*", payload: .complete)]
            }
            _ = try await world.link()
            try await world.settle()
            let bodies = try world.webhooks.bodies(url: url)
            #expect(bodies.contains { $0["event"]?.text == "transaction.success" })
            for body in bodies {
                let isComplete = body["data"]?["resource"] != nil
                #expect(isComplete == (body["event"]?.text == "balance.success"), "\(body.encoded.prefix(200))")
            }
        }
    }

    @Test("what is for a paused endpoint waits and goes when it is resumed; others notice nothing")
    func pause() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let url = "https://shop.example/paused"
            let id = try await create(world, url)
            let service = world.services.endpoints
            _ = try await service.turn(id, .pause, in: world.environment())
            _ = try await world.link()
            try await world.settle()
            #expect(try events(world, url).isEmpty)
            let waiting = try events(world, World.webhookURL)
            #expect(!waiting.isEmpty)
            let view = try await service.turn(id, .resume, in: world.environment())
            #expect(view.endpoint.status == .active)
            try await world.settle()
            #expect(try events(world, url).sorted() == waiting.sorted())
        }
    }

    @Test("a disabled endpoint gets nothing new; what waited before goes when it is enabled")
    func disable() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let url = "https://shop.example/disabled"
            let id = try await create(world, url)
            let service = world.services.endpoints
            _ = try await service.turn(id, .pause, in: world.environment())
            _ = try await world.link()
            try await world.settle()
            let before = try await database.read { try $0.first("SELECT COUNT(id) FROM delivery", []) { $0.int(0) } }
            _ = try await service.turn(id, .disable, in: world.environment())
            for wish in [WebhookEndpointService.Switch.pause, .resume] {
                let error = await #expect(throws: DomainError.self) {
                    try await service.turn(id, wish, in: world.environment())
                }
                #expect(error?.code == .conflict && error?.message.contains("Enable") == true)
            }
            _ = try await world.link("otp")
            try await world.settle()
            #expect(try events(world, url).isEmpty)
            _ = try await service.turn(id, .enable, in: world.environment())
            try await world.settle()
            #expect(try events(world, url).count == Int(before ?? 0))
        }
    }

    @Test("a test event goes to its endpoint alone, whatever types it asked for, and tells what came of it")
    func testEvent() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let url = "https://shop.example/tested"
            let id = try await create(world, url) { $0.eventTypes = ["balance.*"] }
            for status in [200, 503] {
                world.webhooks.answer { _ in WebhookOutcome(status: status) }
                async let view = world.services.endpoints.test(id, in: world.environment())
                await world.runtime.sleepers(atLeast: 1)
                try await world.settle()
                world.runtime.advance(milliseconds: 100)
                let told = try await view
                #expect(told.outcome == (status == 200 ? "delivered" : "failed") && told.status == status)
                let sent = world.webhooks.requests
                #expect(sent.map(\.url) == [url])
                #expect(try JSONValue(parsing: sent[0].body)["event_id"]?.text == told.eventID)
                #expect(try JSONValue(parsing: sent[0].body)["event"]?.text == "webhook_endpoint.test")
                world.webhooks.forget()
            }
            world.webhooks.answer { _ in WebhookOutcome(status: nil, error: .refusedAddress) }
            async let view = world.services.endpoints.test(id, in: world.environment())
            await world.runtime.sleepers(atLeast: 1)
            try await world.settle()
            world.runtime.advance(milliseconds: 100)
            let told = try await view
            #expect(told.errorClass == "refused_address" && told.error?.contains("kubewa listen") == true)
            #expect(told.error?.contains("--webhook-allow-cidr") == true, "the words say what helps")
            _ = try await world.services.endpoints.turn(id, .pause, in: world.environment())
            let error = await #expect(throws: DomainError.self) {
                try await world.services.endpoints.test(id, in: world.environment())
            }
            #expect(error?.code == .conflict)
        }
    }

    @Test("an example of any live event goes to the one endpoint that is tested, and nothing planned or in production")
    func testExample() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            _ = try await world.link { $0.historyMonths = 1 }
            let first = try #require(try await world.link("accounts") { $0.historyMonths = 1 }.connectionID)
            _ = try await world.link("slow") { $0.historyMonths = 1 }
            try await world.settle()
            let url = "https://shop.example/tested"
            var change = EndpointChange()
            change.url = url
            change.eventTypes = ["record.*"]
            change.payload = .complete
            let service = world.services.endpoints
            let id = try await service.create(change, record: first, in: world.environment()).endpoint.id.hex
            for name in ["balance.success", "institution.down", "webhook_endpoint.test"] {
                world.webhooks.forget()
                async let view = service.test(id, event: name, in: world.environment())
                await world.runtime.sleepers(atLeast: 1)
                try await world.settle()
                world.runtime.advance(milliseconds: 100)
                let told = try await view
                #expect(told.outcome == "delivered" && told.status == 200, "\(name)")
                #expect(world.webhooks.requests.map(\.url) == [url], "\(name)")
                let body = try #require(try world.webhooks.bodies().first)
                #expect(body["event"]?.text == name && body["event_id"]?.text == told.eventID)
                let isExample = name != "webhook_endpoint.test"
                #expect((body["data"]?["example"] == .bool(true)) == isExample, "\(name)")
                if name == "balance.success" {
                    #expect(body["data"]?["record"]?.text == first, "the endpoint's own record")
                    #expect(body["data"]?["resource"] != nil, "as the endpoint wants it")
                }
            }
            for (name, code) in [("payment.success", ErrorCode.invalidField), ("balance.sucess", .invalidField)] {
                let error = await #expect(throws: DomainError.self) {
                    try await service.test(id, event: name, in: world.environment())
                }
                #expect(error?.code == code && error?.field == "event", "\(name)")
            }
            let production = world.environment(.production)
            let own = try await service.set(in: production, url: url, payload: .thin, token: nil).endpoint.id.hex
            let error = await #expect(throws: DomainError.self) {
                try await service.test(own, event: "balance.success", in: production)
            }
            #expect(error?.code == .sandboxOnly)
        }
    }

    @Test("what waits for an endpoint that is removed is dropped, and its events stay")
    func removal() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let id = try await create(world, "https://shop.example/gone")
            world.webhooks.answer { _ in WebhookOutcome(status: 500) }
            _ = try await world.link()
            try await world.settle()
            func count(_ table: String) async throws -> Int64? {
                try await database.read { try $0.first("SELECT COUNT(*) FROM \(table)", []) { $0.int(0) } }
            }
            let events = try await count("event")
            #expect(try await count("delivery") == events)
            try await world.services.endpoints.remove(id, in: world.environment())
            try await world.settle()
            #expect(try await count("delivery") == 0)
            #expect(try await count("event") == events)
            for table in ["webhook_endpoint", "endpoint_health"] { #expect(try await count(table) == 0, "\(table)") }
        }
    }

    @Test("a URL belongs to one endpoint, and an endpoint to one environment")
    func conflicts() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            try await world.listen()
            let id = try await create(world, "https://shop.example/a")
            for url in [World.webhookURL, "https://shop.example/a"] {
                let error = await #expect(throws: DomainError.self) { try await create(world, url) }
                #expect(error?.code == .conflict && error?.field == "url")
            }
            let other = try await create(world, "https://shop.example/b")
            var change = EndpointChange()
            change.url = "https://shop.example/a"
            let taken = await #expect(throws: DomainError.self) {
                try await world.services.endpoints.update(other, change, in: world.environment())
            }
            #expect(taken?.code == .conflict)
            change.description = "the same URL is no conflict with itself"
            _ = try await world.services.endpoints.update(id, change, in: world.environment())
            let stranger = await #expect(throws: DomainError.self) {
                try await world.services.endpoints.get(id, in: world.environment(.production))
            }
            #expect(stranger?.code == .notFound)
            change.url = "http://shop.example/plain"
            let plain = await #expect(throws: DomainError.self) {
                try await world.services.endpoints.create(change, in: world.environment(.production))
            }
            #expect(plain?.code == .urlRefused, "production has https alone")
        }
    }

    private static let ofThisMachine = [
        "http://127.0.0.1:9/", "https://127.1/", "https://0x7f.1/", "https://2130706433/", "http://[::1]:9/",
        "http://[::ffff:127.0.0.1]/", "https://localhost/", "http://LOCALHOST.:9/", "http://a.localhost:9/",
    ]

    @Test(
        "a URL of the server's own machine is refused when it is set, in every spelling, unless the server sends there")
    func loopback() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            for url in Self.ofThisMachine {
                let refused = await #expect(throws: DomainError.self, "\(url)") { try await create(world, url) }
                #expect(refused?.code == .urlRefused && refused?.field == "url", "\(url)")
                #expect(refused?.message.contains("kubewa listen") == true, "\(url)")
            }
            let endpoint = try await create(world, "https://shop.example/hook")
            await #expect(throws: DomainError.self) {
                try await world.services.endpoints.update(
                    endpoint, try EndpointChange(json: ["url": .string("https://localhost/")]), in: world.environment())
            }
        }
        for open: @Sendable (inout EngineSettings) -> Void in [
            { $0.allowsLoopbackWebhooks = true }, { $0.defersLoopback = true },
        ] {
            try await onEveryDatabase { database in
                var plan = World.Plan()
                plan.settings = open
                let world = try await World.make(on: database, plan)
                for url in Self.ofThisMachine { _ = try await create(world, url) }
            }
        }
        try await onEveryDatabase { database in
            var plan = World.Plan()
            let range = try AddressRange("127.0.0.0/8")
            plan.settings = { $0.webhookRanges = [range] }
            let world = try await World.make(on: database, plan)
            _ = try await create(world, "http://127.0.0.1:9/")
        }
    }
}
