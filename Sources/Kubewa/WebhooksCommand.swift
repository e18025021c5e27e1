import ArgumentParser
import Domain
import Engine
import Foundation
import Storage

struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks", abstract: "Where events go.",
        subcommands: [
            Set.self, List.self, Pause.self, Resume.self, Disable.self, Enable.self, Rotate.self, Keys.self, Test.self,
            ReceiveCommand.self,
        ])

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set the environment's own endpoint; prints its signing secret.",
            discussion: "Only what is named changes. Setting it enables it again when it was paused or disabled.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var options: EndpointOptions

        func run() async throws {
            let change: EndpointChange
            do { change = try options.change() } catch let error as DomainError { throw fail(error) }
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let made = try await composition.services.endpoints.set(change, in: environment)
                if let secret = made.secret { Console.say(secret) }
                if let publicKey = made.publicKey { Console.say(publicKey) }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the endpoints of an environment, those of single records too.")
        private static let pageSize = 100
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                var cursor: String?
                var count = 0
                repeat {
                    let page = try await composition.services.endpoints.page(
                        in: environment, record: nil, after: cursor, limit: Self.pageSize)
                    count += page.endpoints.count
                    for view in page.endpoints { Console.say(Self.line(view.endpoint)) }
                    cursor = page.next
                } while cursor != nil
                if count == 0 {
                    Console.say("No endpoints yet. `kubewa webhooks set --url …` makes the environment's own.")
                }
            }
        }

        private static func line(_ endpoint: WebhookEndpoint) -> String {
            let types = endpoint.eventTypes.isEmpty ? "every event" : endpoint.eventTypes.joined(separator: ",")
            let reason = endpoint.statusReason.isEmpty ? "" : " (\(endpoint.statusReason))"
            let words = [
                endpoint.id.hex, endpoint.source.rawValue, endpoint.status.rawValue + reason, endpoint.payload.rawValue,
                types, endpoint.url,
            ]
            return (words + (endpoint.connectionID.map { ["of record \($0)"] } ?? [])).joined(separator: "  ")
        }
    }

    /// Which endpoint is meant.
    struct Chosen: ParsableArguments {
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Option(help: "The endpoint's id, as `kubewa webhooks list` shows it; by default the environment's own.")
        var endpoint: String?

        func with(
            _ body: @escaping @Sendable (WebhookEndpointService, String, Domain.Environment) async throws -> Void
        ) async throws {
            try await withComposition(data) { composition in
                let service = composition.services.endpoints
                let environment = try await which.find(composition.services)
                var id = endpoint
                if id == nil { id = try await service.own(in: environment).endpoint.id.hex }
                try await body(service, id ?? "", environment)
            }
        }

        func turn(_ wish: WebhookEndpointService.Switch) async throws {
            try await with { service, id, environment in
                let view = try await service.turn(id, wish, in: environment)
                Console.say("\(id)  \(view.endpoint.status.rawValue)")
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep what is for an endpoint until it is resumed.")
        @OptionGroup var chosen: Chosen
        func run() async throws { try await chosen.turn(.pause) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send what waited for a paused endpoint.")
        @OptionGroup var chosen: Chosen
        func run() async throws { try await chosen.turn(.resume) }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send an endpoint nothing more; events are kept, and can be replayed.")
        @OptionGroup var chosen: Chosen
        func run() async throws { try await chosen.turn(.disable) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send to a disabled endpoint again.")
        @OptionGroup var chosen: Chosen
        func run() async throws { try await chosen.turn(.enable) }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new signing key and print it; the old one signs along until the overlap ends.")
        @OptionGroup var chosen: Chosen
        @Option(help: "For how long both keys sign, in seconds: 0 to 604800 (seven days).")
        var overlapSeconds = WebhookEndpointService.overlapSecondsDefault
        @Option(help: "v1 (a shared secret) or v1a (a key pair); by default what the endpoint signs with.")
        var kind: EndpointOptions.SignatureName?

        func run() async throws {
            let (overlapSeconds, kind) = (overlapSeconds, kind)
            try await chosen.with { service, id, environment in
                let made = try await service.rotate(
                    id, kind?.signature, overlapSeconds: overlapSeconds, in: environment)
                Console.say(made.secret ?? made.key.publicKey ?? "")
            }
        }
    }

    struct Keys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the keys that sign for an endpoint; secrets are told when they are made, and not here.")
        @OptionGroup var chosen: Chosen

        func run() async throws {
            try await chosen.with { service, id, environment in
                for key in try await service.keys(of: id, in: environment) {
                    let end = key.expiresAt.map { "until \($0.iso)" } ?? "live"
                    let row = [key.kind.rawValue, key.id, key.publicKey ?? "-", key.createdAt.iso, end]
                    Console.say(row.joined(separator: "  "))
                }
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send webhook_endpoint.test, or another event's example, to one endpoint by the running server.",
            discussion: "Tells what came of it. Examples are for the sandbox.")
        @OptionGroup var chosen: Chosen
        @Option(help: "An event whose example is sent instead, such as balance.success.") var event: String?

        func run() async throws {
            let event = event
            try await chosen.with { service, id, environment in
                let view = try await service.test(id, event: event, in: environment)
                let status = view.status.map { "HTTP \($0)" } ?? view.errorClass
                let parts = [view.eventID, view.outcome, status, view.durationMs.map { "\($0) ms" }, view.error]
                Console.say(parts.compactMap { $0 }.joined(separator: "  "))
                guard view.outcome == "waiting" else { return }
                Console.say(
                    "It has not been sent within 20 seconds: no `kubewa serve` runs on this database, or others "
                        + "go before it. `kubewa deliveries list --event \(view.eventID)` shows what becomes of it.")
            }
        }
    }
}
