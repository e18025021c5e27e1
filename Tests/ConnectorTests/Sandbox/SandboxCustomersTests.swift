import Connectors
import Domain
import TestKit
import Testing

struct SandboxCustomersTests {
    private static let good = """
        {"noOfAccount": 2, "name": "James Savage", "bank": "zenith-bank", "username": "Jeniffer123",
         "password": "Okon", "type": "ind", "volume": "low", "identity": 60, "internetSpeed": 3}
        """

    private func body(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8) }

    private func body(_ change: (inout [String: JSONValue]) -> Void) throws -> JSONValue {
        var members = try #require(try body(Self.good).members)
        change(&members)
        return .object(members)
    }

    private func field(_ world: SandboxWorld, _ body: JSONValue) async -> String? {
        do {
            _ = try await world.customers.create(body, environmentID: world.environmentID)
            return nil
        } catch let error as DomainError {
            if let field = error.field { #expect(error.message.contains("`\(field)`"), "\(error.message)") }
            return error.field ?? error.code.name
        } catch {
            return "\(error)"
        }
    }

    @Test("a customer is created, found, listed and can link")
    func creates() async throws {
        try await onEveryWorld { world in
            let made = try await world.customers.create(try body(Self.good), environmentID: world.environmentID)
            let customer = try #require(made.first)
            #expect(made.count == 1 && customer.draft.accountCount == 2 && customer.institution == "zenith-bank")
            let found = try await world.customers.get(customer.id.hex, environmentID: world.environmentID)
            #expect(found == customer)
            let linked = try await world.link("Jeniffer123", "Okon")
            #expect(linked.accounts.count == 2 && linked.accounts[0].holderName == "JAMES SAVAGE")
        }
    }

    @Test("an array is created whole or not at all, and banks may be named by id or alias")
    func createsMany() async throws {
        try await onEveryWorld { world in
            let zenith = try #require(InstitutionCatalog.find("zenith-bank"))
            let one = try body { $0["bank"] = .string(zenith.id.hex) }
            let two = try body {
                $0["bank"] = .string("citibank-nigeria")
                $0["username"] = .string("second")
            }
            let bad = try body {
                $0["username"] = .string("third")
                $0["identity"] = .integer(0)
            }
            #expect(await field(world, .array([one, two, bad])) == "[2].identity")
            #expect(try await world.customers.list(page: 1, limit: 10, environmentID: 7).total == 0)
            let made = try await world.customers.create(.array([one, two]), environmentID: 7)
            #expect(made.map(\.institution) == ["zenith-bank", "citibank"])
            #expect(await field(world, .array([])) == "invalid_field")
            #expect(await field(world, .array(Array(repeating: one, count: 101))) == "invalid_field")
            #expect(await field(world, .string("x")) == "invalid_json")
            #expect(await field(world, .array([.integer(1)])) == "invalid_field")
        }
    }

    @Test("every member is checked and the refusal names it")
    func validates() async throws {
        try await onEveryWorld { world in
            for name in try #require(try body(Self.good).members).keys.sorted() {
                #expect(await field(world, try body { $0[name] = nil }) == name)
                #expect(await field(world, try body { $0[name] = .null }) == name)
                #expect(await field(world, try body { $0[name] = .bool(true) }) == name)
            }
            let cases: [(String, JSONValue)] = [
                ("noOfAccount", .integer(0)), ("noOfAccount", .integer(6)), ("noOfAccount", .string("two")),
                ("name", .string("")), ("name", .string("a\nb")), ("bank", .string("no-bank")),
                ("username", .string("")), ("username", .string("otp")),
                ("username", .string(String(repeating: "u", count: 65))), ("password", .string("")),
                ("type", .string("company")), ("volume", .string("huge")), ("identity", .integer(101)),
                ("internetSpeed", .integer(1)), ("internetSpeed", .integer(6)),
            ]
            for (name, value) in cases {
                #expect(await field(world, try body { $0[name] = value }) == name, "\(value)")
            }
            #expect(await field(world, try body { $0["noOfAccount"] = .string("5") }) == nil)
        }
    }

    @Test("a username is one customer's within its environment")
    func unique() async throws {
        try await onEveryWorld { world in
            let good = try body(Self.good)
            #expect(await field(world, .array([good, good])) == "[1].username")
            #expect(await field(world, good) == nil)
            #expect(await field(world, good) == "username")
            try await world.addEnvironment(8)
            _ = try await world.customers.create(good, environmentID: 8)
            let customers = world.customers
            let made = await withTaskGroup(of: Bool.self) { group in
                let race = try? body { $0["username"] = .string("race") }
                for _ in 0..<6 {
                    group.addTask {
                        do {
                            return try await customers.create(race ?? .null, environmentID: 7).count == 1
                        } catch {
                            #expect((error as? DomainError)?.code == .conflict)
                            return false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
            #expect(try await world.customers.list(page: 1, limit: 10, environmentID: 7).total == 2)
        }
    }

    @Test("generated drafts are valid, differ, and nothing is kept of them")
    func generates() async throws {
        try await onEveryWorld { world in
            let drafts = try await world.customers.drafts(number: 10, environmentID: 7)
            #expect(Set(drafts.map(\.username)).count == 10)
            #expect(try await world.customers.list(page: 1, limit: 10, environmentID: 7).total == 0)
            let made = try await world.customers.create(drafts, environmentID: 7)
            #expect(made.count == 10)
            let more = try await world.customers.generate(number: 3, environmentID: 7)
            #expect(more.count == 3)
            #expect(try await world.customers.list(page: 1, limit: 10, environmentID: 7).total == 13)
            for number in [0, 11, -1] {
                await #expect(throws: DomainError.self) {
                    try await world.customers.drafts(number: number, environmentID: 7)
                }
            }
        }
    }

    @Test("pages are newest first and have no gaps; others' customers are not found")
    func lists() async throws {
        try await onEveryWorld { world in
            var made: [SandboxCustomer] = []
            for number in 0..<7 { made.append(try await world.create("user\(number)")) }
            try await world.addEnvironment(8)
            var seen: [SandboxCustomer] = []
            for page in 1...4 {
                let (rows, total) = try await world.customers.list(page: page, limit: 3, environmentID: 7)
                #expect(total == 7)
                seen += rows
            }
            #expect(seen == made.reversed())
            let other = try await world.customers.list(page: 1, limit: 3, environmentID: 8)
            #expect(other.rows.isEmpty && other.total == 0)
            for id in [made[0].id.hex, "nonsense", "ffffffffffffffffffffffff"] {
                do {
                    _ = try await world.customers.get(id, environmentID: 8)
                    Issue.record("\(id) is found")
                } catch let error as DomainError {
                    #expect(error == .notFound("sandbox customer"))
                }
            }
            let far = try await world.customers.list(page: .max, limit: 100, environmentID: 7)
            #expect(far.rows.isEmpty && far.total == 7)
        }
    }
}
