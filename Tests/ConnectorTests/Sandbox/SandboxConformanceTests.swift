import Connectors
import Domain
import Storage
import TestKit
import Testing

struct SandboxConformanceTests {
    private func findings(_ world: SandboxWorld, _ answers: [StepAnswer]) async -> [String] {
        await conformance(world, answers).findings()
    }

    /// The suite, tried on a user with two accounts.
    func results(_ database: Database) async throws -> [ConnectorConformance.Result] {
        let world = try await SandboxWorld(database)
        try await world.create("amaka") { $0.accountCount = 2 }
        return await conformance(world, [SandboxWorld.login("amaka", "secret-word")]).results()
    }

    private func conformance(_ world: SandboxWorld, _ answers: [StepAnswer]) -> ConnectorConformance {
        let transport = world.transport
        return ConnectorConformance(
            context: world.context(), answers: answers, wrongAnswer: SandboxWorld.login("amaka", "not-it"),
            secrets: ["secret-word", "not-it", "sba.", "sbr.", SandboxWorld.pushSecret]
        ) { fault in
            SandboxConnector(
                transport: FaultyTransport(transport) { _, _ in fault }, baseURL: "http://127.0.0.1:9",
                pushSecret: SandboxWorld.pushSecret)
        }
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
