import KubewaWebhooks
import Testing

/// The message and the secret of Standard Webhooks' own documents, and signatures made by other implementations of it.
@Suite("A receiver verifies")
struct WebhookVerifierTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let publicKey = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    private static let v1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    private static let v1a =
        "v1a,yoUrgEkc12aGqm0n4Sydmdz55xJfTz4AsAgieHFjmkR7LJtqVCZOQYzvvHjI5kAey+r4iaBGxTFRrl2iBQxtDQ=="
    private static let sentAt: Int64 = 1_614_265_330

    private func verify(
        _ keys: [String], signature: String, id: String = "msg_p5jXN8AQM9LWM0D4loKWxJek",
        body: String = "{\"test\": 2432232314}", time: String = "1614265330", now: Int64 = Self.sentAt
    ) throws -> VerifiedWebhook {
        try WebhookVerifier(keys: keys).verify(
            body: Array(body.utf8),
            headers: ["Webhook-Id": id, "webhook-timestamp": time, "Webhook-Signature": signature], nowSeconds: now)
    }

    @Test("both kinds of signature, and tells the event's id", arguments: [(secret, v1), (publicKey, v1a)])
    func both(key: String, signature: String) throws {
        let webhook = try verify([key], signature: signature)
        #expect(webhook.id == "msg_p5jXN8AQM9LWM0D4loKWxJek")
        #expect(webhook.sentAtSeconds == Self.sentAt)
        #expect(webhook.body == Array("{\"test\": 2432232314}".utf8))
    }

    @Test("one right signature among several, by one key of several, as while keys are rotated")
    func rotation() throws {
        let other = "whsec_" + String(repeating: "A", count: 32)
        _ = try verify([Self.secret], signature: "v1,AAAA \(Self.v1a) nonsense v2,AAAA \(Self.v1)")
        _ = try verify([other, Self.secret], signature: Self.v1)
        _ = try verify([other, Self.publicKey], signature: "\(Self.v1) \(Self.v1a)")
    }

    @Test(
        "that nothing was changed, under another key or another version",
        arguments: [
            ([secret], v1, "msg_2", "{\"test\": 2432232314}"), ([secret], v1, "msg_p5jXN8AQM9LWM0D4loKWxJek", "{}"),
            ([publicKey], v1a, "msg_2", "{\"test\": 2432232314}"),
            ([publicKey], v1a, "msg_p5jXN8AQM9LWM0D4loKWxJek", "{}"),
            (
                ["whsec_" + String(repeating: "A", count: 32)], v1, "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "{\"test\": 2432232314}"
            ),
            ([publicKey], v1, "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}"),
            ([secret], v1a, "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}"),
            (
                [secret], v1.replacing("v1,", with: "v1a,"), "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "{\"test\": 2432232314}"
            ),
            ([secret], "v1,", "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}"),
            ([secret], "", "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}"),
        ])
    func changed(keys: [String], signature: String, id: String, body: String) {
        #expect(throws: WebhookRefusal.wrongSignature) {
            try verify(keys, signature: signature, id: id, body: body)
        }
    }

    @Test("no more than twenty signatures, and none with a tolerance below zero")
    func limits() throws {
        func several(_ count: Int) -> String { String(repeating: "v1,AAAA ", count: count - 1) + Self.v1 }
        _ = try verify([Self.secret], signature: several(20))
        #expect(throws: WebhookRefusal.wrongSignature) { try verify([Self.secret], signature: several(21)) }
        let headers = [
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
            "webhook-signature": Self.v1,
        ]
        let strict = try WebhookVerifier(Self.secret, toleranceSeconds: -600)
        #expect(throws: WebhookRefusal.stale) {
            try strict.verify(body: Array("{\"test\": 2432232314}".utf8), headers: headers, nowSeconds: Self.sentAt + 1)
        }
    }

    @Test("the time, five minutes either way")
    func time() throws {
        for off in [-300, 300] as [Int64] { _ = try verify([Self.secret], signature: Self.v1, now: Self.sentAt + off) }
        for now in [Self.sentAt - 301, Self.sentAt + 301, .min, .max] {
            #expect(throws: WebhookRefusal.stale) { try verify([Self.secret], signature: Self.v1, now: now) }
        }
        #expect(throws: WebhookRefusal.unsigned) { try verify([Self.secret], signature: Self.v1, time: "today") }
        #expect(throws: WebhookRefusal.wrongSignature) {
            try verify([Self.secret], signature: Self.v1, time: "1614265331")
        }
    }

    @Test("that there is a signature at all", arguments: ["webhook-id", "webhook-timestamp", "webhook-signature"])
    func unsigned(missing: String) throws {
        let headers = ["webhook-id": "a", "webhook-timestamp": "1614265330", "webhook-signature": Self.v1]
        let verifier = try WebhookVerifier(Self.secret)
        #expect(throws: WebhookRefusal.unsigned) {
            try verifier.verify(body: [], headers: headers.filter { $0.key != missing }, nowSeconds: Self.sentAt)
        }
    }

    @Test(
        "only with keys that are some",
        arguments: ["", "whsec_", "whsec_%", "whsec_AAAA", "whpk_AAAA", "whsk_AAAA", "secret"])
    func keys(text: String) {
        #expect(throws: WebhookKeyError.malformed) { try WebhookVerifier(text) }
        #expect(throws: WebhookKeyError.noKey) { try WebhookVerifier(keys: []) }
    }
}
