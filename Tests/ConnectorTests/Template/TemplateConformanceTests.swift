import Connectors
import Domain
import TestKit
import Testing

struct TemplateConformanceTests {
    @Test("the connector does what every connector must")
    func conforms() async throws {
        let findings = await Self.conformance().findings()
        #expect(findings == [])
    }

    /// A bank with one user, and the suite that every connector passes.
    static func conformance() -> ConnectorConformance {
        let now = Instant(ms: 1_710_000_000_000)
        let bank = TemplateBank(now: now)
        let context = ConnectorContext(
            environmentID: 1, institution: "access-bank", now: now, correlationID: "test",
            settings: ConnectorSettings(["base_url": "https://bank.example"]))
        return ConnectorConformance(
            context: context, answers: [login(TemplateBank.password)], wrongAnswer: login("planted-wrong"),
            secrets: [TemplateBank.password, "planted-wrong", "planted-token"]
        ) { fault in
            TemplateConnector(transport: FaultyTransport(bank) { _, _ in fault })
        }
    }

    private static func login(_ password: String) -> StepAnswer {
        StepAnswer(fields: ["username": TemplateBank.username, "password": password])
    }

    @Test("without its address every call says what is missing")
    func unset() async throws {
        let connector = TemplateConnector(transport: TemplateBank(now: Instant(ms: 0)))
        let context = ConnectorContext(
            environmentID: 1, institution: "access-bank", now: Instant(ms: 0), correlationID: "test")
        let begun = try await connector.beginLink(LinkRequest(products: [.balance]), context)
        let error = await #expect(throws: ConnectorError.self) {
            try await connector.continueLink(begun.state, Self.login(TemplateBank.password), context)
        }
        #expect(error?.code == .clientMisconfigured && error?.upstreamCode == "setting_missing:base_url")
    }
}
