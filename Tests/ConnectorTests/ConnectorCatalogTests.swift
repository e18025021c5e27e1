import Connectors
import Domain
import Testing

/// Who serves which institution.
struct ConnectorCatalogTests {
    /// A connector that says what it serves, and nothing else.
    private struct Paper: Connector {
        let descriptor: ConnectorDescriptor

        init(
            _ id: String, _ institutions: Set<String> = [],
            _ environments: Set<EnvironmentKind> = [.sandbox, .production]
        ) {
            descriptor = ConnectorDescriptor(
                id: id, capabilities: Capabilities(products: [.balance]), institutions: institutions,
                environments: environments)
        }
        func beginLink(
            _ request: LinkRequest, _ context: ConnectorContext
        ) async throws(ConnectorError) -> LinkProgress { throw ConnectorError(.unsupported) }
        func continueLink(
            _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
        ) async throws(ConnectorError) -> LinkProgress { throw ConnectorError(.unsupported) }
        func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant { grant }
        func listAccounts(
            _ grant: Grant, _ context: ConnectorContext
        ) async throws(ConnectorError) -> [FetchedAccount] { [] }
        func balance(
            _ grant: Grant, account: String, _ context: ConnectorContext
        ) async throws(ConnectorError) -> FetchedBalance { throw ConnectorError(.unsupported) }
        func transactions(
            _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
        ) async throws(ConnectorError) -> FetchPage { throw ConnectorError(.unsupported) }
    }

    private func id(_ catalog: ConnectorCatalog, _ slug: String, _ kind: EnvironmentKind = .production) -> String? {
        catalog.connector(for: slug, in: kind)?.descriptor.id
    }

    @Test("without rules the first connector serves that is made for an institution")
    func first() {
        let catalog = ConnectorCatalog([Paper("a", ["x-bank"]), Paper("b", ["x-bank", "y-bank"], [.production])])
        #expect(id(catalog, "x-bank") == "a" && id(catalog, "y-bank") == "b")
        #expect(id(catalog, "y-bank", .sandbox) == nil && id(catalog, "z-bank") == nil)
        #expect(catalog.institutions(in: .production) == ["x-bank", "y-bank"])
    }

    @Test("what holds without files: sandboxes have the sandbox bank, production has files for what exists in Nigeria")
    func builtIn() {
        let catalog = ConnectorCatalog(
            [Paper("sandbox", [], [.sandbox]), Paper("file"), Paper("mono")], rules: ServingRule.builtIn)
        #expect(id(catalog, "access-bank") == "file" && id(catalog, "access-bank", .sandbox) == "sandbox")
        #expect(id(catalog, "access-bank-diamond") == nil && id(catalog, "access-bank-diamond", .sandbox) == "sandbox")
        #expect(catalog.institutions(in: .production).count == InstitutionCatalog.all.count - 2)
    }

    @Test("the higher priority counts, then the later rule; a connector serves only what it is made for")
    func priorities() throws {
        let rules =
            ServingRule.builtIn + [
                ServingRule("mono", environments: [.production]),
                ServingRule("exec:palm", institutions: ["kuda-bank"], environments: [.production]),
                ServingRule("mono", institutions: ["opay"], environments: [.production], priority: 20),
                ServingRule("exec:palm", institutions: ["opay"], environments: [.production]),
                ServingRule("gone", environments: [.production], priority: 100),
            ]
        let catalog = ConnectorCatalog(
            [
                Paper("file"), Paper("mono", ["kuda-bank", "opay", "access-bank"]),
                Paper("exec:palm", ["kuda-bank", "opay"]),
            ], rules: rules)
        #expect(id(catalog, "kuda-bank") == "exec:palm" && id(catalog, "opay") == "mono")
        #expect(id(catalog, "access-bank") == "mono" && id(catalog, "zenith-bank") == "file")
    }

    @Test("who names an institution that was taken over gets its successor, unless it is served itself")
    func successors() throws {
        let diamond = try #require(InstitutionCatalog.find("diamond"))
        let usual = ConnectorCatalog([Paper("file")], rules: ServingRule.builtIn)
        #expect(usual.serving(diamond, in: .production)?.institution.slug == "access-bank")
        let own = ConnectorCatalog(
            [Paper("file")],
            rules: ServingRule.builtIn + [
                ServingRule("file", institutions: ["access-bank-diamond"], environments: [.production])
            ])
        #expect(own.serving(diamond, in: .production)?.institution == diamond)
        let none = ConnectorCatalog([Paper("file", ["kuda-bank"])], rules: ServingRule.builtIn)
        #expect(none.serving(diamond, in: .production) == nil)
    }

    @Test("a rule for a connector that is not there, or serves nothing like it, is a mistake of its file")
    func held() throws {
        func mistake(_ text: String) -> String {
            do throws(InstitutionMistake) {
                try InstitutionSetup(files: [("a.json", Array(text.utf8))]).check(against: [
                    Paper("file", [], [.production]), Paper("mono", ["opay"], [.production]),
                ])
                return "no mistake"
            } catch {
                return error.description
            }
        }
        #expect(mistake(#"{"connector": "mono", "institutions": ["opay"]}"#) == "no mistake")
        #expect(
            mistake(#"{"connector": "okra", "institutions": "all"}"#)
                == "In a.json, `connector` must be one of exec, file, mono.")
        #expect(
            mistake(#"{"connector": "file", "institutions": "all", "environments": ["sandbox"]}"#)
                == "In a.json, `environments` has sandbox, where `file` does not serve. It serves in production.")
        #expect(
            mistake(#"{"serve": [{"connector": "mono", "institutions": ["alat"]}]}"#)
                == "In a.json, `serve[0].institutions` has `alat`, which `mono` does not know.")
    }

    @Test("settings of one institution win over those for all, and say nothing but their names")
    func settings() throws {
        let shared = ConnectorSettings(["secret_key": "live_sk_1", "base_url": "https://a"])
        let own = shared.overlaid(by: ConnectorSettings(["secret_key": "live_sk_2"]))
        #expect(own["secret_key"] == "live_sk_2" && own["base_url"] == "https://a")
        var told = "\(own) \(String(reflecting: own))"
        dump(own, to: &told)
        #expect(!told.contains("live_sk"), "\(told)")
        let error = #expect(throws: ConnectorError.self) { try own.require("webhook_secret") }
        #expect(error?.upstreamCode == "setting_missing:webhook_secret" && error?.code == .clientMisconfigured)
    }
}
