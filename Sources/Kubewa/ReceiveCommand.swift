import ArgumentParser
import Crypto
import Domain
import Engine
import Foundation
import Hummingbird
import Logging

/// A customer's server in small: what a receiver of webhooks must do, and nothing else.
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Receive webhooks on this machine, verify them and print them.")

    /// A timestamp may be this far off before a webhook counts as replayed.
    static let toleranceSeconds: Int64 = 300

    @Option(help: "The port to listen on.") var port: Int = 7702
    @Option(help: "The signing secret, whsec_…; by default KUBEWA_WEBHOOK_SECRET.") var secret: String?

    func run() async throws {
        let text = secret ?? ProcessInfo.processInfo.environment["KUBEWA_WEBHOOK_SECRET"] ?? ""
        guard let key = WebhookSecret.bytes(text) else {
            throw fail(
                DomainError.invalid(
                    "--secret", "must be the signing secret, whsec_… (`kubewa webhooks set` prints it)."))
        }
        do { try PortCheck.require(port, "--port") } catch { throw fail(error) }
        let verifier = WebhookVerifier(key: SymmetricKey(data: key), toleranceSeconds: Self.toleranceSeconds)
        let router = Router()
        router.post("/hook") { request, _ -> HTTPResponse.Status in
            let body = try await request.body.collect(upTo: 1 << 20)
            let bytes = Array(body.readableBytesView)
            let headers = request.headers.map { (name: $0.name.canonicalName, value: $0.value) }
            guard verifier.accepts(headers: headers, body: bytes, now: SystemRuntime().now()) else {
                Console.say("refused a webhook whose signature is wrong")
                return .unauthorized
            }
            Console.say(Receipt.line(try JSONValue(parsing: bytes)))
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

/// Checks the signature of Standard Webhooks.
struct WebhookVerifier: Sendable {
    let key: SymmetricKey
    let toleranceSeconds: Int64

    func accepts(headers: [(name: String, value: String)], body: [UInt8], now: Instant) -> Bool {
        func value(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
        guard let id = value("webhook-id"), let time = value("webhook-timestamp"), let seconds = Int64(time),
            let signatures = value("webhook-signature"), abs(now.ms / 1000 - seconds) <= toleranceSeconds
        else { return false }
        let signed = Data(Array("\(id).\(time).".utf8) + body)
        return signatures.split(separator: " ").contains { signature in
            guard signature.hasPrefix("v1,"), let code = Data(base64Encoded: String(signature.dropFirst(3))) else {
                return false
            }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key)
        }
    }
}

/// A webhook as one line.
enum Receipt {
    static func line(_ body: JSONValue) -> String {
        let event = body["event"]?.text ?? "?"
        var parts = ["✓ verified", event]
        if let account = body["data"]?["account"]?.text { parts.append("account \(account)") }
        if case .integer(let count) = body["data"]?["count"] { parts.append("\(count) transactions") }
        if let balance = body["balance"]?["available_balance"] { parts.append("available NGN \(balance.encoded)") }
        return parts.joined(separator: "  ")
    }
}
