import Connectors
import Domain
import Engine
import Storage
import TestKit
import Testing

/// The banks that an account number may be of.
@Suite(.timeLimit(.minutes(30)))
struct InstitutionCandidatesTests {
    /// Served by the built-in rules.
    private static func world(_ database: Database) async throws -> World {
        var plan = World.Plan()
        plan.rules = ServingRule.builtIn
        return try await World.make(on: database, plan)
    }

    @Test("a number's bank is always among its candidates, the best known first, and most banks are not")
    func checkDigit() async throws {
        try await onEveryDatabase { database in
            let world = try await Self.world(database)
            let number = try #require(AccountNumber.make(institutionCode: "000044", serial: "012345678"))
            let found = try await world.services.institutions.candidates(
                accountNumber: number, of: world.environment())
            #expect(found.first?.listed.institution.slug == "access-bank")
            #expect(found.allSatisfy { $0.basis == .checkDigit } && found.count < 60)
        }
    }

    @Test("a number of a bank that was taken over has its successor among the candidates")
    func successor() async throws {
        try await onEveryDatabase { database in
            let world = try await Self.world(database)
            let serial = try #require(
                (100_000_000..<100_000_100).map(String.init).first { serial in
                    AccountNumber.checkDigit(institutionCode: "000063", serial: serial)
                        != AccountNumber.checkDigit(institutionCode: "000044", serial: serial)
                })
            let number = try #require(AccountNumber.make(institutionCode: "000063", serial: serial))
            let found = try await world.services.institutions.candidates(
                accountNumber: number, of: world.environment(.production))
            let slugs = found.map(\.listed.institution.slug)
            #expect(slugs.contains("access-bank") && !slugs.contains("access-bank-diamond"))
        }
    }

    @Test("a number like a telephone's may be of any wallet; other texts are refused without being repeated")
    func phone() async throws {
        try await onEveryDatabase { database in
            let world = try await Self.world(database)
            let institutions = world.services.institutions
            let found = try await institutions.candidates(accountNumber: "8031234567", of: world.environment())
            #expect(
                found.contains { $0.basis == .phoneNumber && $0.listed.institution.slug == "opay" }
                    || found.contains { $0.basis == .checkDigit && $0.listed.institution.slug == "opay" })
            #expect(found.contains { $0.basis == .phoneNumber })
            for text in ["", "123", "01234567890", "012345678x", "٠١٢٣٤٥٦٧٨٩"] {
                let error = await #expect(throws: DomainError.self) {
                    try await institutions.candidates(accountNumber: text, of: world.environment())
                }
                #expect(error?.field == "account_number" && (text.isEmpty || error?.message.contains(text) == false))
            }
        }
    }

    @Test("who asks for a bank that was taken over links its successor; codes name banks too")
    func linking() async throws {
        try await onEveryDatabase { database in
            let world = try await Self.world(database)
            let links = world.services.links
            let diamond = try await links.begin(BeginLink(institution: "diamond"), in: world.environment(.production))
            #expect(diamond.institution == "access-bank")
            let code = try await links.begin(BeginLink(institution: "057"), in: world.environment())
            #expect(code.institution == "zenith-bank")
            // The sandbox plays the old bank itself.
            let played = try await links.begin(BeginLink(institution: "063"), in: world.environment())
            #expect(played.institution == "access-bank-diamond")
        }
    }

    @Test(
        "a page that names a bank that was taken over opens at the one that its filter and its environment leave",
        arguments: [EnvironmentKind.sandbox, .production])
    func opening(kind: EnvironmentKind) async throws {
        try await onEveryDatabase { database in
            let world = try await Self.world(database)
            let keys = try #require(world.tenant.environments.first { $0.environment.kind == kind })
            let widgets = world.services.widgets
            func opened(_ filter: [String]) async throws -> (shown: String?, linked: String?) {
                let options: JSONValue = [
                    "client_token": .string(world.tenant.clientToken), "key": .string(keys.keys.publicKey),
                    "institution": "access-bank-diamond",
                    "filter": ["banks": .array(filter.map(JSONValue.string))],
                ]
                let opening = try WidgetOpening(options: options, ref: nil, origin: nil, mode: "page")
                let view = try await widgets.open(opening)
                // An old page sends the name that it was made with.
                let link = try await widgets.begin(opening, institution: "access-bank-diamond", loginType: nil)
                return (view.institution, link.institution)
            }
            let narrow = try await opened(["access-bank"])
            #expect(narrow.shown == "access-bank" && narrow.linked == "access-bank")
            // The sandbox plays the old bank itself.
            let usual = kind == .sandbox ? "access-bank-diamond" : "access-bank"
            for filter in [[], ["access-bank-diamond"]] {
                let wide = try await opened(filter)
                #expect(wide.shown == usual && wide.linked == usual)
            }
            let error = await #expect(throws: DomainError.self) { try await opened(["zenith-bank"]) }
            #expect(error?.code == .unknownInstitution)
        }
    }
}
