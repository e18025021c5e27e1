import ArgumentParser
import Domain
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Shop

/// A customer's server in small: what a receiver of webhooks must do, and nothing else.
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Receive webhooks on this machine, verify them and print them.")

    @Option(help: "The port to listen on.") var port: Int = 7702
    @Option(help: "The signing secret, whsec_…; by default KUBEWA_WEBHOOK_SECRET.") var secret: String?

    func run() async throws {
        let text = secret ?? ProcessInfo.processInfo.environment["KUBEWA_WEBHOOK_SECRET"] ?? ""
        guard let verifier = WebhookVerifier(secret: text) else {
            throw fail(
                DomainError.invalid(
                    "--secret", "must be the signing secret, whsec_… (`kubewa webhooks set` prints it)."))
        }
        do { try PortCheck.require(port, "--port") } catch { throw fail(error) }
        let router = Router()
        router.post("/hook") { request, _ -> HTTPResponse.Status in
            let body = Array(try await request.body.collect(upTo: 1 << 20).readableBytesView)
            let headers = request.headers
            do {
                _ = try verifier.verify(body: body, nowSeconds: SystemRuntime().now().ms / 1000) { name in
                    HTTPField.Name(name).flatMap { headers[$0] }
                }
            } catch {
                Console.say("✗ refused a webhook: \(error)")
                return .unauthorized
            }
            Console.say(try WebhookEvent(parsing: body).line)
            return .ok
        }
        var logger = Logger(label: "receive")
        logger.logLevel = .error
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { _ in Console.say("receiving on http://127.0.0.1:\(port)/hook") }, logger: logger)
        try await app.runService()
    }
}
