import ArgumentParser
import Domain
import Engine
import Foundation
import Storage

struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "Where events go.",
        subcommands: [Set.self, List.self, ReceiveCommand.self])

    enum Payload: String, ExpressibleByArgument, CaseIterable {
        case thin, complete
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set the URL that gets every event of an environment; prints its signing secret.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "Where to send.") var url: String
        @Option(help: "Sent as a bearer token with every event, as Okra did.") var token: String?
        @Option(help: "thin: ids only; complete: the whole resource, account numbers and BVN included.")
        var payload: Payload = .thin

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let made = try await composition.services.endpoints.set(
                    in: environment, url: url, payload: payload == .complete ? .complete : .thin, token: token)
                Console.say(made.secret)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the endpoints of an environment.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                for endpoint in try await composition.services.endpoints.list(in: environment) {
                    let types = endpoint.eventTypes.isEmpty ? "every event" : endpoint.eventTypes.joined(separator: ",")
                    Console.say(
                        [endpoint.id.hex, endpoint.source.rawValue, endpoint.payload.rawValue, types, endpoint.url]
                            .joined(separator: "  ")
                    )
                }
            }
        }
    }
}
