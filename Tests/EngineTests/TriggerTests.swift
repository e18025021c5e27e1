import Domain
import Storage
import TestKit
import Testing

@testable import Engine

@Suite("Examples of events that are fired by hand")
struct TriggerTests {
    private static func events(_ world: World, _ connection: String? = nil) async throws -> [JSONValue] {
        let page = try await world.services.feeds.events(
            EventQuery(connection: connection, limit: 200, start: .beginning), in: world.environment())
        return try JSONValue(parsing: Array("[".utf8) + page.items + Array("]".utf8)).elements ?? []
    }

    @Test("every event that something fires has an example, which is counted, pulled and delivered like a real one")
    func everyType() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let record = try #require(try await world.link { $0.historyMonths = 1 }.connectionID)
            try await world.settle()
            try await world.listen(payload: .complete)
            let before = try await Self.events(world, record).count
            var fired: [String: EventType] = [:]
            for type in EventCatalog.all where !type.isPlanned {
                let event = try await world.services.triggers.fire(type.name, record: nil, in: world.environment())
                #expect(event.record == (type.source == .record ? record : nil), "\(type.name)")
                fired[EventID.text(event.id)] = type
            }
            try await world.settle()
            let delivered = try world.webhooks.bodies()
            for (id, type) in fired {
                let body = try #require(delivered.first { $0["event_id"]?.text == id }, "\(type.name)")
                #expect(body["event"]?.text == type.name)
                #expect(body["data"]?["example"] == .bool(true), "\(type.name)")
                #expect(SchemaCheck().problems(body, type.schema(isComplete: true).json).isEmpty, "\(type.name)")
                if type.source == .record { #expect(body["data"]?["record"]?.text == record) }
            }
            let pulled = try await Self.events(world)
            #expect(Set(fired.keys).isSubset(of: Set(pulled.compactMap { $0["event_id"]?.text })))
            let ofRecord = try await Self.events(world, record)
            let numbers = ofRecord.compactMap { event -> Int64? in
                if case .integer(let number)? = event["sequence"] { number } else { nil }
            }
            #expect(numbers == Array(1...Int64(numbers.count)) && numbers.count > before)
            #expect(try await Self.events(world, EventQuery.none).count + numbers.count == pulled.count)
        }
    }

    @Test("what cannot be fired is refused, and why is said")
    func refused() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let triggers = world.services.triggers
            func error(
                _ name: String, record: String? = nil, _ kind: EnvironmentKind = .sandbox
            ) async -> DomainError? {
                await #expect(throws: DomainError.self) {
                    _ = try await triggers.fire(name, record: record, in: world.environment(kind))
                }
            }
            #expect(await error("balance.success")?.field == "record", "there is no record yet")
            #expect(await error("balance.lost")?.field == "event")
            #expect(await error("payment.success")?.message.contains("planned") == true)
            #expect(await error("institution.down", record: String(repeating: "a", count: 24))?.field == "record")
            #expect(await error("balance.success", record: String(repeating: "a", count: 24))?.code == .notFound)
            #expect(await error("institution.down", .production)?.code == .sandboxOnly)
            #expect(try await Self.events(world).isEmpty, "nothing was fired")
        }
    }
}
