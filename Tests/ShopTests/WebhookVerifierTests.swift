import Testing

@testable import Shop

@Suite("Verifying webhooks")
struct WebhookVerifierTests {
    // Made with the Python library `standardwebhooks`.
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static let body = Array(#"{"event":"transaction.success"}"#.utf8)
    static let sentAt: Int64 = 1_705_309_200
    static let headers = [
        "webhook-id": "evt_0000000000000000042", "webhook-timestamp": "1705309200",
        "webhook-signature": "v1,OWFP+zWJWsBH6h0u25r4EqnUyYqEoDIZ+pelUQNfWrU=",
    ]

    private func verify(
        _ change: [String: String?] = [:], body: [UInt8] = Self.body, at now: Int64 = Self.sentAt,
        secret: String = Self.secret
    ) throws -> String {
        var headers = Self.headers
        for (name, value) in change { headers[name] = value }
        let verifier = try #require(WebhookVerifier(secret: secret))
        return try verifier.verify(body: body, nowSeconds: now) { headers[$0] }
    }

    @Test("a webhook as another library signs it is taken, and its id is told")
    func right() throws {
        #expect(try verify() == "evt_0000000000000000042")
    }

    @Test("a changed body, id, time or signature is refused")
    func changed() {
        #expect(throws: WebhookRefusal.wrongSignature) { try verify(body: Array(#"{"event":"x"}"#.utf8)) }
        #expect(throws: WebhookRefusal.wrongSignature) { try verify(["webhook-id": "evt_1"]) }
        #expect(throws: WebhookRefusal.wrongSignature) { try verify(["webhook-timestamp": "1705309201"]) }
        #expect(throws: WebhookRefusal.wrongSignature) { try verify(["webhook-signature": "v1,AAAA"]) }
        #expect(throws: WebhookRefusal.wrongSignature) { try verify(["webhook-signature": "v1,not base64"]) }
    }

    @Test("another secret refuses it")
    func otherSecret() {
        #expect(throws: WebhookRefusal.wrongSignature) { try verify(secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAA") }
    }

    @Test("a webhook without signature is refused as such", arguments: Array(headers.keys).sorted())
    func missing(header: String) {
        #expect(throws: WebhookRefusal.unsigned) { try verify([header: nil]) }
    }

    @Test("five minutes early or late are taken, a second more is not")
    func tolerance() throws {
        _ = try verify(at: Self.sentAt + 300)
        _ = try verify(at: Self.sentAt - 300)
        #expect(throws: WebhookRefusal.stale) { try verify(at: Self.sentAt + 301) }
        #expect(throws: WebhookRefusal.stale) { try verify(at: Self.sentAt - 301) }
    }

    @Test(
        "a time that is no number, or beyond all numbers, is refused",
        arguments: ["", "now", "-9223372036854775808", "99999999999999999999"])
    func hostileTime(text: String) {
        #expect(throws: WebhookRefusal.stale) { try verify(["webhook-timestamp": text]) }
    }

    @Test("one right signature among several is enough, as while a secret is replaced")
    func several() throws {
        let right = try #require(Self.headers["webhook-signature"])
        _ = try verify(["webhook-signature": "v1,AAAA v1a,BBBB \(right)"])
    }

    @Test("what is no signing secret makes no verifier", arguments: ["", "whsec_", "whsec_%%%", "secret"])
    func secrets(text: String) {
        #expect(WebhookVerifier(secret: text) == nil)
    }
}
