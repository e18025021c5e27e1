import ArgumentParser
import Domain
import Engine
import Foundation
import NIOPosix
import Outbound

/// Which server is asked, and with what.
struct ServerOptions: ParsableArguments {
    @Option(help: "The root of the server's API.")
    var url: String = "http://127.0.0.1:7700"

    @Option(help: "A secret key; by default KUBEWA_SECRET_KEY, so that it is in no list of processes.")
    var key: String?

    func secretKey() throws -> String {
        let text = key ?? ProcessInfo.processInfo.environment["KUBEWA_SECRET_KEY"] ?? ""
        guard !text.isEmpty else { throw ListenError.noKey }
        return text
    }

    var root: String { url.hasSuffix("/") ? String(url.dropLast()) : url }
}

struct ListenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Forward an environment's events to this machine, signed like webhooks.",
        discussion: """
            Events come over one outgoing connection: nothing on this machine has to be reachable. While it runs, \
            \(TypedLine.choices).
            """)

    @OptionGroup var server: ServerOptions
    @Option(help: "Where each event is posted, such as http://127.0.0.1:3000/hook.") var forward: String
    @Option(name: .customLong("env"), help: "Refuse a key of the other environment: sandbox or production.")
    var environment: EnvironmentName?
    @Option(help: "Types by name, or groups as in transaction.*, separated by commas. Default: every event.")
    var types: String = ""
    @Option(help: "A record whose events alone are wanted, or none for those of no record.") var connection: String?
    @Option(help: "How much each event tells, as an endpoint's payload: thin or complete.")
    var payload = EndpointOptions.Payload.thin
    @Option(help: "Begin with so many of the last events, 0 to 100.") var replay: Int = 0
    @Option(help: "Go on behind an event (evt_…) or a cursor of the feed.") var after: String?

    private static let pauseMs: Int64 = 500
    private static let pauseMsMax: Int64 = 10_000

    func validate() throws {
        let target = URL(string: forward)
        guard target?.scheme == "http" || target?.scheme == "https", target?.host()?.isEmpty == false else {
            throw ValidationError("--forward is a URL such as http://127.0.0.1:3000/hook.")
        }
        guard (0...FeedService.lastMax).contains(replay) else {
            throw ValidationError("--replay is 0 to \(FeedService.lastMax).")
        }
        guard replay == 0 || after == nil else { throw ValidationError("--replay and --after exclude each other.") }
    }

    func run() async throws {
        let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)
        do {
            try await listen(client)
        } catch {
            await client.shutdown()
            throw fail(error)
        }
        await client.shutdown()
    }

    /// What is asked of the feed, as members of a query.
    private var filter: String {
        let names = types.split(separator: ",").map { EventSource.encoded(String($0)) }.joined(separator: ",")
        return [names.isEmpty ? nil : "types=\(names)", connection.map { "connection=\(EventSource.encoded($0))" }]
            .compactMap { $0 }.joined(separator: "&")
    }

    private func listen(_ client: BankHTTPClient) async throws {
        let runtime = SystemRuntime()
        let source = EventSource(
            api: ServerAPI(transport: client, url: server.root, key: try server.secretKey()), filter: filter,
            isComplete: payload == .complete)
        let start = try await source.start(last: replay)
        if let environment, environment.rawValue != start.environment {
            throw ListenError.otherEnvironment(start.environment)
        }
        guard let signer = ListenSigner(secret: start.secret) else { throw ListenError.notKubewa(server.root) }
        Console.say("listening to the \(start.environment) at \(server.root), forwarding to \(forward)")
        Console.say("signed with \(start.secret)")
        Console.say("type and press Enter: \(TypedLine.choices)")
        let forwarder = Forwarder(to: forward, signer: signer, transport: client, runtime: runtime)
        // The terminal is read beside the events; its end ends nothing.
        let typed = Task {
            for await line in Self.lines() {
                switch TypedLine(line) {
                case .again(let wish): await forwarder.again(wish)
                case .help: Console.say(TypedLine.choices)
                case .nothing: break
                }
            }
        }
        defer { typed.cancel() }
        try await follow(source, from: after ?? start.cursor, since: runtime.now(), forwarder, runtime)
    }

    /// Pulls and forwards until it is ended; a server that goes away is asked until it is back.
    private func follow(
        _ source: EventSource, from cursor: String, since: Instant, _ forwarder: Forwarder, _ runtime: SystemRuntime
    ) async throws {
        var cursor = cursor
        var pause: Int64 = 0
        var isAnew = false
        while !Task.isCancelled {
            do {
                let page = try await source.page(after: cursor)
                if pause > 0 { Console.say("the server is back") }
                pause = 0
                if let gap = page.gap {
                    isAnew = gap == FeedGap.restored.rawValue
                    Console.say(Self.told(gap))
                }
                // A restored database is read from its beginning; what was there before this began is not new.
                for event in page.events where !isAnew || (event.createdAt ?? since) >= since {
                    await forwarder.forward(event)
                }
                cursor = page.cursor
                if !page.hasMore { isAnew = false }
            } catch let error as ListenError where error.isPassing {
                if pause == 0 { Console.say("the server is away (\(error)); trying again") }
                pause = min(max(pause * 2, Self.pauseMs), Self.pauseMsMax)
                try await runtime.sleep(until: runtime.now() + pause)
            }
        }
    }

    private static func told(_ gap: String) -> String {
        gap == FeedGap.restored.rawValue
            ? "the database was restored from a copy: events since then may have been undone"
            : "some events were forgotten before they could be forwarded"
    }

    /// What is typed, line by line.
    private static func lines() -> AsyncStream<String> {
        AsyncStream { continuation in
            let thread = Thread {
                while let line = readLine() { continuation.yield(line) }
                continuation.finish()
            }
            thread.start()
        }
    }
}
