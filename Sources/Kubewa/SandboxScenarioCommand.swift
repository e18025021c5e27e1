import ArgumentParser
import Domain
import Engine
import Foundation

/// How the sandbox bank behaves, from files.
struct SandboxScenarioCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario", abstract: "Let the sandbox bank play a script; show, list and remove scripts.")
    @OptionGroup var data: DataOptions
    @OptionGroup var which: EnvironmentOptions
    @Option(help: "A user name, or bank: and an institution's slug. Without a name all are listed.") var name: String?
    @Option(help: "A JSON file with the script. Without it the script of that name is shown.") var file: String?
    @Flag(help: "Take the script of that name away.") var remove = false

    func run() async throws {
        try await withComposition(data) { composition in
            let environment = try await which.find(composition.services)
            let sandbox = composition.services.sandbox
            guard let name else {
                guard file == nil, !remove else { throw DomainError.missing("--name") }
                return try await list(sandbox, environment)
            }
            if remove {
                try await sandbox.removeScenario(name, in: environment)
                return Console.say("removed \(name)")
            }
            guard let file else {
                return Console.say(try await sandbox.scenario(name, in: environment).script)
            }
            do {
                let made = try await sandbox.setScenario(name, try read(file), in: environment)
                Console.say("\(made.name) plays \(file)")
            } catch let error as DomainError {
                throw error.renaming(["name": "--name"])
            }
        }
    }

    private func read(_ path: String) throws -> JSONValue {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw DomainError.invalid("--file", "cannot be read: \(path).")
        }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw DomainError.invalid("--file", "is not valid JSON: \(path).")
        }
    }

    private func list(_ sandbox: SandboxService, _ environment: Domain.Environment) async throws {
        var after: String?
        repeat {
            let (scenarios, next) = try await sandbox.scenarios(after: after, limit: 200, in: environment)
            for scenario in scenarios { Console.say("\(scenario.name)  \(scenario.createdAt.iso)") }
            after = next
        } while after != nil
    }
}
