import Domain
import Testing

@Suite struct EndpointChangeTests {
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBTTCB9KADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB3Rlc3QgY2Ew
        -----END CERTIFICATE-----
        """

    private func endpoint() -> WebhookEndpoint {
        WebhookEndpoint(
            id: ID(trusted: "655a5c3e9f1b2c3d4e5f6090"), url: "https://shop.example/hook", source: .api, laneID: 1,
            createdAt: Instant(ms: 0))
    }

    private func changed(_ json: JSONValue, _ endpoint: WebhookEndpoint? = nil) throws -> WebhookEndpoint {
        var endpoint = endpoint ?? self.endpoint()
        try EndpointChange(json: json.members ?? [:]).apply(to: &endpoint)
        return endpoint
    }

    @Test("a change takes what is named and leaves the rest; null gives a member its value at first")
    func named() throws {
        var first = try changed([
            "description": "ledger", "payload": "complete", "event_types": ["transaction.*", "balance.success"],
            "payloads": [["event_type": "balance.*", "payload": "thin"]], "rate_per_second": 50, "in_flight_max": 8,
            "ordering": "connection", "retry_seconds": [5, 60], "signatures": ["v1", "v1a"],
            "splits_transactions": true, "token": "abc", "headers": ["X-Team": "payments"],
        ])
        #expect(first.description == "ledger" && first.payload == .complete && first.hasToken)
        #expect(first.payload(for: "balance.success") == .thin, "the first rule that fits wins")
        #expect(first.payload(for: "identity.success") == .complete)
        #expect(first.wants("transaction.updated") && !first.wants("identity.success"))
        #expect(first.ratePerSecond == 50 && first.inFlightMax == 8 && first.ordering == .connection)
        #expect(first.retrySeconds == [5, 60] && first.signatures == [.v1, .v1a] && first.splitsTransactions)
        #expect(first.headerNames == ["x-team"])
        let kept = first
        first = try changed([:], first)
        #expect(first == kept)
        let names = [
            "description", "payload", "event_types", "payloads", "rate_per_second", "in_flight_max", "ordering",
            "retry_seconds", "signatures", "splits_transactions", "token", "headers", "authorities",
        ]
        let cleared = try changed(.object(Dictionary(uniqueKeysWithValues: names.map { ($0, .null) })), first)
        #expect(cleared == endpoint())
    }

    @Test("certificates are taken as they are")
    func authorities() throws {
        // Sixty bytes of a certificate that says it has 333 are not one.
        #expect(throws: DomainError.self) { try changed(["authorities": .string(Self.certificate)]) }
        let bytes: [UInt8] = [0x30, 0x82, 0x00, 0x44, 0x30, 0x42] + Array(repeating: 7, count: 66)
        let pem = "-----BEGIN CERTIFICATE-----\n\(base64(bytes))\n-----END CERTIFICATE-----\n"
        #expect(try changed(["authorities": .string(pem + pem)]).authorities == pem + pem)
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return stride(from: 0, to: bytes.count, by: 3).map { at in
            let value = bytes[at..<at + 3].reduce(0) { $0 << 8 | Int($1) }
            return String([18, 12, 6, 0].map { digits[value >> $0 & 63] })
        }.joined()
    }

    private static let mistakes: [(String, JSONValue)] = [
        ("event_type", ["event_type": ["balance.*"]]),
        ("event_types", ["event_types": ["balance.lost"]]),
        ("event_types", ["event_types": ["*"]]),
        ("event_types", ["event_types": [".*"]]),
        ("event_types", ["event_types": ["balance*"]]),
        ("event_types", ["event_types": "balance.success"]),
        ("event_types", ["event_types": [7]]),
        ("event_types", ["event_types": ["payment.*", "payment.success"]]),
        ("url", ["url": nil]),
        ("payload", ["payload": "full"]),
        ("payload", ["payload": 1]),
        ("payloads", ["payloads": [["event_type": "balance.*"]]]),
        ("payloads", ["payloads": [["event_type": "none.*", "payload": "thin"]]]),
        ("payloads", ["payloads": ["balance.*": "thin"]]),
        ("description", ["description": "two\nlines"]),
        ("description", ["description": .string(String(repeating: "x", count: 257))]),
        ("rate_per_second", ["rate_per_second": 0]),
        ("rate_per_second", ["rate_per_second": 10_001]),
        ("rate_per_second", ["rate_per_second": "fast"]),
        ("in_flight_max", ["in_flight_max": 65]),
        ("ordering", ["ordering": "strict"]),
        ("retry_seconds", ["retry_seconds": [0]]),
        ("retry_seconds", ["retry_seconds": [86_401]]),
        ("retry_seconds", ["retry_seconds": .array(Array(repeating: 5, count: 21))]),
        ("signatures", ["signatures": []]),
        ("signatures", ["signatures": ["v2"]]),
        ("splits_transactions", ["splits_transactions": "yes"]),
        ("token", ["token": "two words"]),
        ("token", ["token": .string(String(repeating: "x", count: 1025))]),
        ("headers", ["headers": ["Authorization": "Bearer x"]]),
        ("headers", ["headers": ["Webhook-Id": "x"]]),
        ("headers", ["headers": ["Content-Length": "5"]]),
        ("headers", ["headers": ["Host": "other.example"]]),
        ("headers", ["headers": ["x team": "a"]]),
        ("headers", ["headers": ["x-team": "a\r\nx-other: b"]]),
        ("headers", ["headers": ["x-team": " a"]]),
        ("headers", ["headers": ["x-team": 5]]),
        ("headers", ["headers": ["x-team": "a", "X-Team": "b"]]),
        ("headers", ["headers": ["": "a"]]),
        ("authorities", ["authorities": "certificate"]),
        ("authorities", ["authorities": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]),
        ("authorities", ["authorities": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]),
        ("authorities", ["authorities": ""]),
    ]

    @Test("what is planned may be asked for beside what is live, and alone it is refused by its name")
    func planned() throws {
        #expect(try changed(["event_types": ["payment.*", "balance.success"]]).eventTypes.count == 2)
        let error = #expect(throws: DomainError.self) { try changed(["event_types": ["payment.failed"]]) }
        #expect(error?.message.contains("planned") == true && error?.message.contains("`payment.failed`") == true)
    }

    @Test("every mistake is refused, names its member and repeats no secret", arguments: mistakes.indices)
    func refused(_ index: Int) throws {
        let (field, json) = Self.mistakes[index]
        let error = #expect(throws: DomainError.self) { try changed(json) }
        #expect(error?.code == .invalidField && error?.field == field, "\(json.encoded): \(String(describing: error))")
        #expect(error?.message.contains("Bearer x") == false && error?.message.contains("x-other") == false)
    }
}
