import ArgumentParser
import Domain
import Engine
import Foundation

struct DeliveriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "What was sent to endpoints, what came back, and sending it again.",
        subcommands: [List.self, Show.self, Export.self, Replay.self, Replays.self, Cancel.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List deliveries, newest first.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var filter: LogOptions
        @Option(help: "How many, 1 or more.") var limit = 50

        func validate() throws {
            guard limit > 0 else { throw ValidationError("--limit is 1 or more.") }
        }

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let asked = try filter.filter()
                var cursor: String?
                var left = limit
                repeat {
                    let found = try await composition.services.deliveries.deliveries(
                        asked, cursor: cursor, limit: min(left, 200), in: environment)
                    for view in found.rows { Console.say(Self.line(view)) }
                    left -= found.rows.count
                    cursor = found.next
                } while cursor != nil && left > 0
            }
        }

        private static func line(_ view: DeliveryView) -> String {
            let last = view.attempts.last.map { one in
                "\(one.at.iso)  \(one.status.map { "HTTP \($0)" } ?? one.error ?? "no answer")"
            }
            let next = view.nextAttemptAt.map { "next \($0.iso)" }
            return [
                view.id, view.state.rawValue, view.type, view.eventID, view.endpointID,
                "\(view.attempts.count) attempts", last, next,
            ].compactMap { $0 }.joined(separator: "  ")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show a delivery (dlv_…) with its attempts, or an attempt (att_…) with what was sent and came back.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Argument(help: "dlv_… or att_…") var id: String

        func validate() throws {
            guard !id.hasPrefix("dlv_"), !id.hasPrefix("att_") else { return }
            guard id.hasPrefix("evt_") else { throw ValidationError("A delivery is dlv_…, an attempt att_….") }
            throw ValidationError("That is an event. `kubewa deliveries list --event \(id)` lists its deliveries.")
        }

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let service = composition.services.deliveries
                guard id.hasPrefix("att_") else {
                    let view = try await service.delivery(id, in: environment)
                    FileHandle.standardOutput.write(Data(DeliveryLine.bytes(view)))
                    return
                }
                let view = try await service.attempt(id, in: environment)
                Console.say("POST \(view.url ?? "(the endpoint was removed)")")
                for header in view.headers { Console.say("\(header.name): \(header.value)") }
                Console.say("")
                Console.say(view.body.map { String(decoding: $0, as: UTF8.self) } ?? "(erased with its record)")
                Console.say("")
                let status = view.attempt.status.map { "HTTP \($0)" } ?? view.attempt.error ?? "no answer"
                Console.say("\(status) after \(view.attempt.durationMs) ms: \(view.attempt.outcome)")
                Console.say(String(decoding: view.response, as: UTF8.self))
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every delivery with its attempts, one JSON object a line, newest first.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var filter: LogOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                try await composition.services.deliveries.export(filter.filter(), in: environment) { views in
                    FileHandle.standardOutput.write(Data(views.flatMap { DeliveryLine.bytes($0) }))
                }
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send events to an endpoint again; the running server does it.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @OptionGroup var filter: LogOptions
        @Option(help: "A delivery's id, to its own endpoint unless --endpoint names another.") var delivery: String?
        @Option(help: "Send here instead of the endpoint's own URL.") var url: String?
        @Flag(help: "Only what was never tried at the endpoint.") var neverAttempted = false

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let asked = try filter.filter()
                let request = ReplayRequest(
                    event: asked.event, types: asked.types, connection: asked.connection, states: asked.states,
                    neverAttempted: neverAttempted, from: asked.from, to: asked.to)
                let view = try await composition.services.replays.create(
                    .init(request, endpoint: asked.endpoint, delivery: delivery, url: url), in: environment)
                Console.say(view.id)
            }
        }
    }

    struct Replays: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List replays and how far they have come.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let found = try await composition.services.replays.list(limit: 50, after: nil, in: environment)
                if found.rows.isEmpty { Console.say("Nothing was sent again yet.") }
                for view in found.rows {
                    Console.say(
                        "\(view.id)  \(view.state)  looked at \(view.lookedAt), queued \(view.queued), "
                            + "waiting \(view.waiting), delivered \(view.delivered), failed \(view.failed)  "
                            + view.createdAt.iso
                    )
                }
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a replay; what waits of it is not sent.")
        @OptionGroup var data: DataOptions
        @OptionGroup var which: EnvironmentOptions
        @Argument(help: "The replay's id, rpl_….") var id: String

        func run() async throws {
            try await withComposition(data) { composition in
                let environment = try await which.find(composition.services)
                let view = try await composition.services.replays.cancel(id, in: environment)
                Console.say("\(view.id) is \(view.state); \(view.dropped) were not sent.")
            }
        }
    }
}

/// Which part of the log is meant.
struct LogOptions: ParsableArguments {
    @Option(help: "An event's id, evt_….") var event: String?
    @Option(help: "Types with commas, or groups as in transaction.*.") var types: String?
    @Option(help: "A record's id, or none for events of no record.") var connection: String?
    @Option(help: "An endpoint's id.") var endpoint: String?
    @Option(help: "With commas: waiting, failed, delivered, dead, quarantined, dropped.") var status: String?
    @Option(help: "An instant such as 2024-01-31T09:00:00Z, or a day; the event happened then or later.")
    var from: String?
    @Option(help: "An instant, or a day; the event happened then or earlier.") var to: String?

    func filter() throws -> LogFilter {
        func names(_ text: String?) -> [String] { (text ?? "").split(separator: ",").map(String.init) }
        var number: Int64?
        if let event {
            guard let found = LogID.event(event) else { throw DomainError.invalid("event", "must be evt_….") }
            number = found
        }
        let (start, end) = (
            try LogFilter.instant(from, "from", isEnd: false), try LogFilter.instant(to, "to", isEnd: true)
        )
        try LogFilter.check(from: start, to: end)
        return LogFilter(
            event: number, types: try LogFilter.types(names(types)),
            connection: connection.map { $0 == LogFilter.none ? "" : $0.lowercased() },
            endpoint: endpoint?.lowercased(), states: try LogFilter.states(names(status)), from: start, to: end)
    }
}
