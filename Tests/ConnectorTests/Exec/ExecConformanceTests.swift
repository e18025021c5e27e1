import Connectors
import Domain
import TestKit
import Testing

@Suite(.timeLimit(.minutes(30)))
struct ExecConformanceTests {
    @Test("the example program does what every connector must")
    func conforms() async throws {
        let results = try await Self.results()
        #expect(results.allSatisfy({ $0.isKept }), "\(results.filter { !$0.isKept })")
    }

    /// The suite, tried on the example.
    static func results() async throws -> [ConnectorConformance.Result] {
        let world = try ExecWorld()
        let conformance = ConnectorConformance(
            context: ExecWorld.context(),
            answers: [ExecWorld.login, StepAnswer(fields: ["otp": ExecWorld.code])],
            wrongAnswer: StepAnswer(fields: ["username": "ada", "password": "not-it"]), secrets: ExecWorld.secrets
        ) { fault in
            ExecWorld.connector(FaultyProgram(inner: world.program, fault: fault))
        }
        let results = await conformance.results()
        try await world.close()
        return results
    }

    @Test("the program tells what it can do when it is first asked")
    func describesItself() async throws {
        let world = try ExecWorld()
        #expect(world.connector.descriptor.capabilities.historyMonthsMax == 24)
        try await world.connector.warmUp()
        let told = world.connector.descriptor.capabilities
        #expect(told.historyMonthsMax == 12)
        #expect(told.products == [.auth, .accounts, .balance, .transactions, .identity])
        #expect(!told.pushes)
        try await world.connector.check(ExecWorld.context())
        try await world.close()
    }

    @Test("three wrong codes end a linking, five wrong passwords lock the user")
    func guesses() async throws {
        let world = try ExecWorld()
        let connector = world.connector
        let context = ExecWorld.context()
        let begun = try await connector.beginLink(LinkRequest(products: [.accounts]), context)
        let asked = try await connector.continueLink(begun.state, ExecWorld.login, context)
        var steps: [Step] = []
        for _ in 0..<3 {
            let wrong = StepAnswer(fields: ["otp": "000000"])
            steps.append(try await connector.continueLink(asked.state, wrong, context).step)
        }
        guard case .form(let again) = steps[0], case .failed(let error) = steps[2] else {
            Issue.record("\(steps)")
            return
        }
        #expect(again.attemptsLeft == 2)
        #expect(again.problem == "The code is wrong.")
        #expect(error.code == .mfaFailed)
        var last = begun.step
        for _ in 0..<5 {
            let wrong = StepAnswer(fields: ["username": "musa", "password": "not-it"])
            last = try await connector.continueLink(begun.state, wrong, context).step
        }
        #expect(last == .failed(ConnectorError(.userLocked)))
        try await world.close()
    }
}
