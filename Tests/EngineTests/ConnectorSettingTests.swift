import Connectors
import Domain
import Engine
import Storage
import Synchronization
import TestKit
import Testing

/// What operators set for connectors.
@Suite(.timeLimit(.minutes(30)))
struct ConnectorSettingTests {
    private final class Heard: Sendable {
        private let settings = Mutex<[ConnectorSettings]>([])
        var all: [ConnectorSettings] { settings.withLock { $0 } }
        func add(_ one: ConnectorSettings) { settings.withLock { $0.append(one) } }
        func clear() { settings.withLock { $0 = [] } }
    }

    /// Remembers what it was called with.
    private struct Listening: Connector {
        let inner: any Connector
        let heard: Heard

        init(_ inner: any Connector, _ heard: Heard) {
            self.inner = inner
            self.heard = heard
        }

        var descriptor: ConnectorDescriptor {
            var own = inner.descriptor
            own.settings = [
                SettingNeed("secret_key", isRequired: true, help: "The key that the bank gave you."),
                SettingNeed("base_url", help: "Where it is."),
            ]
            return own
        }
        func beginLink(
            _ request: LinkRequest, _ context: ConnectorContext
        ) async throws(ConnectorError) -> LinkProgress {
            heard.add(context.settings)
            return try await inner.beginLink(request, context)
        }
        func continueLink(
            _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
        ) async throws(ConnectorError) -> LinkProgress {
            heard.add(context.settings)
            return try await inner.continueLink(state, answer, context)
        }
        func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
            heard.add(context.settings)
            return try await inner.refreshAuth(grant, context)
        }
        func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
            heard.add(context.settings)
            try await inner.revoke(grant, context)
        }
        func listAccounts(
            _ grant: Grant, _ context: ConnectorContext
        ) async throws(ConnectorError) -> [FetchedAccount] {
            heard.add(context.settings)
            return try await inner.listAccounts(grant, context)
        }
        func balance(
            _ grant: Grant, account: String, _ context: ConnectorContext
        ) async throws(ConnectorError) -> FetchedBalance {
            heard.add(context.settings)
            return try await inner.balance(grant, account: account, context)
        }
        func transactions(
            _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
        ) async throws(ConnectorError) -> FetchPage {
            heard.add(context.settings)
            return try await inner.transactions(grant, account: account, window: window, cursor: cursor, context)
        }
        func identity(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> IdentityDetails? {
            heard.add(context.settings)
            return try await inner.identity(grant, context)
        }
    }

    /// A world whose sandbox bank has settings, and what its connector was called with.
    private func listening(
        _ database: Database, sameAs earlier: World? = nil
    ) async throws -> (World, Heard) {
        let heard = Heard()
        var plan = World.Plan()
        plan.connectors = { $0.map { Listening($0, heard) } }
        let world = try await World.make(on: database, plan, sameAs: earlier)
        return (world, heard)
    }

    @Test("every call to a bank carries what was set for it, an institution's own before that for all")
    func carried() async throws {
        try await onEveryDatabase { database in
            let (world, heard) = try await listening(database)
            let settings = world.services.connectorSettings
            try await settings.set("secret_key", of: "sandbox", .sandbox, to: "sk_planted_all")
            try await settings.set("secret_key", of: "sandbox", institution: "044", .sandbox, to: "sk_planted_own")
            try await settings.set("secret_key", of: "sandbox", .production, to: "sk_planted_live")
            try await settings.set("base_url", of: "sandbox", .sandbox, to: "https://bank.example")

            let view = try await world.link()
            try await world.settle()
            #expect(view.status == .done && heard.all.count > 5)
            #expect(heard.all.allSatisfy { $0["secret_key"] == "sk_planted_own" })
            #expect(heard.all.allSatisfy { $0["base_url"] == "https://bank.example" })

            heard.clear()
            _ = try await world.link(institution: "zenith-bank")
            #expect(!heard.all.isEmpty && heard.all.allSatisfy { $0["secret_key"] == "sk_planted_all" })
        }
    }

    @Test("a change on one node holds on another within two seconds, and a value taken back is gone")
    func otherNodes() async throws {
        try await onEveryTestDatabase { test in
            let (first, _) = try await listening(test.database)
            let (second, heard) = try await listening(try await test.reopened(), sameAs: first)
            _ = try await second.link()
            #expect(heard.all.last?["secret_key"] == nil)
            try await first.services.connectorSettings.set("secret_key", of: "sandbox", .sandbox, to: "sk_new")
            second.runtime.advance(milliseconds: 1000)
            heard.clear()
            _ = try await second.link()
            #expect(heard.all.last?["secret_key"] == "sk_new")

            try await first.services.connectorSettings.unset("secret_key", of: "sandbox", .sandbox)
            second.runtime.advance(milliseconds: 1000)
            heard.clear()
            _ = try await second.link()
            #expect(heard.all.last?["secret_key"] == nil)
            await #expect(throws: DomainError.self) {
                try await first.services.connectorSettings.unset("secret_key", of: "sandbox", .sandbox)
            }
        }
    }

    @Test("values are sealed where they stand: the list has names alone, and a value that is moved does not open")
    func sealed() async throws {
        try await onEveryDatabase { database in
            let (world, heard) = try await listening(database)
            let settings = world.services.connectorSettings
            try await settings.set("secret_key", of: "sandbox", .sandbox, to: "sk_planted_value")
            let listed = try await settings.list()
            #expect(listed.map(\.key) == ["secret_key"] && listed[0].institution == nil)
            #expect(!"\(listed)".contains("planted"))
            let rows = try await database.read { try ConnectorSettingStore.all($0) }
            #expect(!String(decoding: rows[0].sealed, as: UTF8.self).contains("planted"))

            let moved = ConnectorSettingStore.Key(.sandbox, "sandbox", "base_url")
            try await database.write { tx in
                try ConnectorSettingStore.set(.init(key: moved, sealed: rows[0].sealed, updatedAt: Instant(ms: 0)), tx)
            }
            world.runtime.advance(milliseconds: 1000)
            _ = try await world.link()
            #expect(heard.all.last?["base_url"] == nil && heard.all.last?["secret_key"] == "sk_planted_value")
        }
    }

    @Test("what cannot be set is refused with what is allowed, and the value is not told")
    func refused() async throws {
        try await onEveryDatabase { database in
            let (world, _) = try await listening(database)
            let settings = world.services.connectorSettings
            let cases: [(key: String, connector: String, institution: String?, value: String, told: String)] = [
                ("secret_key", "okra", nil, "planted", "file, sandbox"),
                ("api_key", "sandbox", nil, "planted", "secret_key, base_url"),
                ("Secret Key", "sandbox", nil, "planted", "lower case letters"),
                ("secret_key", "sandbox", "no-bank", "planted", "not an institution"),
                ("secret_key", "sandbox", nil, "", "1 to 16384 bytes"),
                ("secret_key", "sandbox", nil, "planted\u{0}", "1 to 16384 bytes"),
                ("secret_key", "sandbox", nil, String(repeating: "planted", count: 3000), "1 to 16384 bytes"),
            ]
            for one in cases {
                let error = await #expect(throws: DomainError.self) {
                    try await settings.set(
                        one.key, of: one.connector, institution: one.institution, .sandbox, to: one.value)
                }
                #expect(error?.message.contains(one.told) == true, "\(error?.message ?? "")")
                #expect(error?.message.contains("planted") == false)
            }
            #expect(try await settings.list().isEmpty)
        }
    }

    @Test("the check names what is missing and how to set it, and what is set for nothing")
    func checked() async throws {
        try await onEveryDatabase { database in
            let (world, _) = try await listening(database)
            let institutions = world.services.institutions
            let bare = try await institutions.check(.sandbox, connector: "sandbox")
            #expect(bare.count == 1 && !bare[0].isGood && bare[0].serves > 300)
            let told = bare[0].lines.map(\.text).joined(separator: "\n")
            #expect(told.contains("kubewa institutions set sandbox secret_key --environment sandbox"), "\(told)")
            #expect(told.contains("The key that the bank gave you."))

            try await world.services.connectorSettings.set("secret_key", of: "sandbox", .sandbox, to: "sk_planted")
            let good = try await institutions.check(.sandbox, connector: "sandbox")
            #expect(good[0].isGood, "\(good)")
            #expect(!"\(good)".contains("planted"))
            await #expect(throws: DomainError.self) { try await institutions.check(.sandbox, connector: "okra") }
        }
    }
}
