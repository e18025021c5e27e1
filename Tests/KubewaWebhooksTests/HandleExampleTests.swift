import Crypto
import Foundation
import KubewaWebhooks
import Testing

@Suite("The example of a receiver")
struct HandleExampleTests {
    private final class Handled {
        var ids: Set<String> = []
        var names: [String] = []
    }

    @Test("takes what is genuine once, and nothing else")
    func receives() throws {
        let secret = SymmetricKey(data: Array("0123456789abcdef0123456789abcdef".utf8))
        let text = "whsec_" + secret.withUnsafeBytes { Data($0) }.base64EncodedString()
        let handled = Handled()
        let route = WebhookRoute(
            verifier: try WebhookVerifier(text), isNew: { handled.ids.insert($0).inserted },
            handle: { handled.names.append($1.event) })
        let body = Array("{\"event\":\"balance.success\",\"event_id\":\"evt_1\",\"data\":{}}".utf8)
        let now: Int64 = 1_700_000_000
        let code = HMAC<SHA256>.authenticationCode(for: Array("evt_1.\(now).".utf8) + body, using: secret)
        let headers = [
            "webhook-id": "evt_1", "webhook-timestamp": String(now),
            "webhook-signature": "v1,\(Data(code).base64EncodedString())",
        ]
        #expect(try route.receive(body, headers, nowSeconds: now) == 204)
        #expect(try route.receive(body, headers, nowSeconds: now + 1) == 204)
        #expect(handled.names == ["balance.success"])
        #expect(try route.receive(body + [32], headers, nowSeconds: now) == 401)
        #expect(try route.receive(body, [:], nowSeconds: now) == 401)
        #expect(try route.receive(body, headers, nowSeconds: now + 301) == 401)
        #expect(handled.names.count == 1)
    }
}
