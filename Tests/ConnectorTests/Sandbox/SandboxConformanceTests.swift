import Connectors
import Domain
import TestKit
import Testing

struct SandboxConformanceTests {
    private func findings(_ world: SandboxWorld, _ answers: [StepAnswer]) async -> [String] {
        let transport = world.transport
        let conformance = ConnectorConformance(
            context: world.context(), answers: answers, wrongAnswer: SandboxWorld.login("amaka", "not-it"),
            secrets: ["secret-word", "not-it", "sba.", "sbr.", SandboxWorld.pushSecret]
        ) { fault in
            SandboxConnector(
                transport: FaultyTransport(transport) { _, _ in fault }, baseURL: "http://127.0.0.1:9",
                pushSecret: SandboxWorld.pushSecret)
        }
        return await conformance.findings()
    }

    @Test("the sandbox connector does what every connector must", arguments: SandboxCustomer.Volume.allCases)
    func conforms(_ volume: SandboxCustomer.Volume) async throws {
        try await onEveryWorld { world in
            try await world.create("amaka") {
                $0.volume = volume
                $0.accountCount = 3
            }
            let findings = await findings(world, [SandboxWorld.login("amaka", "secret-word")])
            #expect(findings == [])
        }
    }

    @Test("it does so where a second step is asked")
    func conformsWithSteps() async throws {
        try await onEveryWorld { world in
            try await world.create("amaka")
            let otp = [SandboxWorld.login("otp"), StepAnswer(fields: ["otp": "0000"])]
            #expect(await findings(world, otp) == [])
            let question = [SandboxWorld.login("question"), StepAnswer(fields: ["answer": " lagos "])]
            #expect(await findings(world, question) == [])
        }
    }
}
