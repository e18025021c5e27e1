import Domain
import Engine
import Storage
import TestKit
import Testing

@Suite struct IdempotencyTests {
    private struct ReplyFailed: Error {}

    private func create(
        _ world: World, _ once: Once<EndpointView>?, at path: String = "a"
    ) async throws -> EndpointView {
        var change = EndpointChange()
        change.url = "https://shop.example/\(path)"
        return try await world.services.endpoints.create(change, in: world.environment(), once: once)
    }

    private func request(_ world: World, _ content: String = "POST a") throws -> IdempotentRequest {
        try IdempotencyService(core: world.core).request(
            "order-1", content: Array(content.utf8), in: world.environment())
    }

    private func once(_ world: World) throws -> Once<EndpointView> {
        Once(try request(world)) { .init(status: 201, body: Array($0.endpoint.id.hex.utf8)) }
    }

    @Test("a process that dies before it answers leaves the key with the change, and the next one finds its reply")
    func crashBeforeReply() async throws {
        try await onEveryTestDatabase { test in
            let world = try await World.make(on: test.database)
            let made = try await create(world, once(world))
            // The reply is never sent; another process takes over.
            let next = try await World.make(on: test.reopened(), sameAs: world)
            let kept = try await IdempotencyService(core: next.core).find(request(next))
            #expect(kept == .init(status: 201, body: Array(made.endpoint.id.hex.utf8)))
            await #expect(throws: RequestRepeated.self) { try await self.create(next, self.once(next)) }
            #expect(try await next.services.endpoints.list(in: next.environment()).count == 1)
        }
    }

    @Test("a change whose reply cannot be kept is not made")
    func bothOrNeither() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let failing = Once<EndpointView>(try request(world)) { _ in throw ReplyFailed() }
            await #expect(throws: ReplyFailed.self) { try await self.create(world, failing) }
            #expect(try await world.services.endpoints.list(in: world.environment()).isEmpty)
            #expect(try await IdempotencyService(core: world.core).find(request(world)) == nil)
            _ = try await create(world, once(world))
        }
    }

    @Test("the test of an endpoint is sent once under a key, whether or not anybody heard the answer")
    func endpointTest() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let endpoint = try await create(world, nil)
            let request = try request(world)
            @Sendable func send(_ once: Once<EndpointTestView>) async throws -> EndpointTestView {
                try await world.services.endpoints.test(
                    endpoint.endpoint.id.hex, in: world.environment(), once: once)
            }
            func events() async throws -> Int {
                try await database.read { try $0.query("SELECT id FROM event", []) { $0.int(0) }.count }
            }
            await #expect(throws: ReplyFailed.self) { try await send(Once(request) { _ in throw ReplyFailed() }) }
            #expect(try await events() == 0)
            let once = Once<EndpointTestView>(request) { .init(status: 202, body: Array($0.outcome.utf8)) }
            async let first = send(once)
            await world.runtime.sleepers(atLeast: 1)
            world.runtime.advance(milliseconds: 60_000)
            #expect(try await first.outcome == "waiting")
            #expect(
                try await IdempotencyService(core: world.core).find(request)
                    == .init(status: 202, body: Array("waiting".utf8)))
            await #expect(throws: RequestRepeated.self) { try await send(once) }
            #expect(try await events() == 1)
        }
    }

    @Test("of requests with one key at once, one makes the change")
    func concurrency() async throws {
        try await onEveryTestDatabase { test in
            let world = try await World.make(on: test.database)
            // Two processes, since each has one writing connection.
            let other = try await World.make(on: test.reopened(), sameAs: world)
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<12 {
                    let each = number.isMultiple(of: 2) ? world : other
                    group.addTask {
                        do {
                            _ = try await create(each, once(each))
                            return true
                        } catch {
                            #expect(error is RequestRepeated, "\(error)")
                            return false
                        }
                    }
                }
                return await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 }.count == 1)
            #expect(try await world.services.endpoints.list(in: world.environment()).count == 1)
        }
    }

    @Test("another request under a used key is refused, and a request without a key is not told apart")
    func mismatch() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await create(world, once(world))
            do {
                _ = try await IdempotencyService(core: world.core).find(request(world, "POST b"))
                Issue.record("found")
            } catch let error as DomainError {
                #expect(error.code == .idempotencyMismatch)
            }
            _ = try await create(world, nil, at: "b")
            _ = try await create(world, nil, at: "c")
            #expect(try await world.services.endpoints.list(in: world.environment()).count == 3)
        }
    }

    @Test("a key is visible ASCII, so that no proxy or log changes it")
    func keys() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let service = IdempotencyService(core: world.core)
            for key in ["", "two words", "tab\there", "kiñe", String(repeating: "k", count: 256)] {
                let error = #expect(throws: DomainError.self) {
                    try service.request(key, content: [], in: world.environment())
                }
                #expect(error?.code == .invalidField && error?.field == "Idempotency-Key", "\(key)")
            }
            for key in ["k", "order-1:2/3_~!", String(repeating: "k", count: 255)] {
                _ = try service.request(key, content: [], in: world.environment())
            }
        }
    }

    @Test("a key is kept for thirty days and then forgotten by the housekeeper")
    func prune() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            _ = try await create(world, once(world))
            let housekeeper = Housekeeper(core: world.core)
            world.runtime.advance(milliseconds: 30 * Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await IdempotencyService(core: world.core).find(request(world)) != nil, "thirty days")
            world.runtime.advance(milliseconds: Instant.dayMs)
            try await housekeeper.tick()
            #expect(try await IdempotencyService(core: world.core).find(request(world)) == nil, "thirty-one days")
        }
    }
}
