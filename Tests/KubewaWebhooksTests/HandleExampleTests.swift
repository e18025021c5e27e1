import Crypto
import Foundation
import KubewaWebhooks
import Testing

@Suite("The example of a receiver")
struct HandleExampleTests {
    private final class Handled {
        var ids: Set<String> = []
        var names: [String] = []
        var isFull = false
    }

    private struct Full: Error {}

    @Test("takes what is genuine once, and nothing else")
    func receives() throws {
        let secret = SymmetricKey(data: Array("0123456789abcdef0123456789abcdef".utf8))
        let text = "whsec_" + secret.withUnsafeBytes { Data($0) }.base64EncodedString()
        let handled = Handled()
        let route = WebhookRoute(
            verifier: try WebhookVerifier(text), isDone: { handled.ids.contains($0) },
            handle: { id, event in
                if handled.isFull { throw Full() }
                handled.names.append(event.event)
                handled.ids.insert(id)
            })
        let body = Array("{\"event\":\"balance.success\",\"event_id\":\"evt_1\",\"data\":{}}".utf8)
        let now: Int64 = 1_700_000_000
        func signed(_ body: [UInt8]) -> [String: String] {
            let code = HMAC<SHA256>.authenticationCode(for: Array("evt_1.\(now).".utf8) + body, using: secret)
            return [
                "webhook-id": "evt_1", "webhook-timestamp": String(now),
                "webhook-signature": "v1,\(Data(code).base64EncodedString())",
            ]
        }
        // What fails is not taken for done when it comes again: a body that cannot be read, and work that throws.
        let broken = Array(body.dropLast())
        #expect(throws: (any Error).self) { try route.receive(broken, signed(broken), nowSeconds: now) }
        handled.isFull = true
        #expect(throws: Full.self) { try route.receive(body, signed(body), nowSeconds: now) }
        handled.isFull = false
        let headers = signed(body)
        #expect(try route.receive(body, headers, nowSeconds: now) == 204)
        #expect(try route.receive(body, headers, nowSeconds: now + 1) == 204)
        #expect(handled.names == ["balance.success"])
        #expect(try route.receive(body + [32], headers, nowSeconds: now) == 401)
        #expect(try route.receive(body, [:], nowSeconds: now) == 401)
        #expect(try route.receive(body, headers, nowSeconds: now + 301) == 401)
        #expect(handled.names.count == 1)
    }
}
