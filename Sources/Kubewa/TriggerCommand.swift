import ArgumentParser
import Domain
import NIOPosix
import Outbound

struct TriggerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trigger", abstract: "Fire an example of an event in the sandbox: endpoints and feed get it.")

    @OptionGroup var server: ServerOptions
    @Argument(help: "The event, such as balance.success.") var event: String
    @Option(help: "Whose event it is. Default: the record that was linked last.") var record: String?

    func run() async throws {
        let client = BankHTTPClient(group: MultiThreadedEventLoopGroup.singleton)
        do {
            Console.say(try await fire(client))
        } catch {
            await client.shutdown()
            throw fail(error)
        }
        await client.shutdown()
    }

    private func fire(_ client: BankHTTPClient) async throws -> String {
        let api = ServerAPI(transport: client, url: server.root, key: try server.secretKey())
        var body = JSONWriter(capacity: 128)
        body.object { out in
            out.member("event", event)
            if let record { out.member("record", record) }
        }
        let reply = try await api.send("POST", "/api/v1/events/trigger", body: body.bytes, seconds: 30)
        guard let id = try JSONValue(parsing: reply)["event_id"]?.text else {
            throw ListenError.notKubewa(server.root)
        }
        return id
    }
}
