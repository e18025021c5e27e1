import Domain
import FoundationEssentials
import Storage
import TestKit
import Testing

@testable import Engine

/// What a sender is told of an endpoint, and what the log is told of its errors.
struct SendingTests {
    @Test("each error of the wire has a class of its own")
    func classes() {
        let names = HTTPTransportError.allCases.map(\.metricName)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") } })
    }

    @Test("the log names the class of what went wrong, and says it in words")
    func logged() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let errors: [HTTPTransportError] = [
                .dns, .refusedAddress, .cannotConnect, .connectTimedOut, .tls, .tlsExpired, .tlsName, .tlsAuthorities,
                .timedOut, .tooLarge, .malformed, .brokenOff,
            ]
            for (index, error) in errors.enumerated() {
                let url = "https://shop\(index).test/hooks"
                let endpoint = try await room.endpoint(url)
                room.receivers.answer(url) { _, _ in WebhookOutcome(status: nil, error: error) }
                try await room.post(1, to: [endpoint])
                try await room.settle()
                let logged = try await room.core.database.read { db in
                    try db.query(
                        "SELECT error_class, error FROM attempt WHERE endpoint_id = $1", [.id(endpoint.id)]
                    ) { [$0.textOrNil(0), $0.textOrNil(1)] }
                }
                #expect(logged == [[error.metricName, error.description]])
            }
        }
    }

    @Test("an endpoint's own authorities go with its requests")
    func authorities() async throws {
        try await onEveryDatabase { database in
            let room = try await Mailroom.open(on: database)
            let sent = RecordedWebhooks()
            // A sequence in a sequence is enough here: nobody speaks TLS.
            let bytes: [UInt8] = [0x30, 0x82, 1, 0, 0x30] + Array(repeating: 7, count: 255)
            let pem = "-----BEGIN CERTIFICATE-----\n\(Data(bytes).base64EncodedString())\n-----END CERTIFICATE-----\n"
            let own = try await room.endpoint("https://own.test/hooks") { $0.authorities = .some(pem) }
            let other = try await room.endpoint("https://other.test/hooks")
            try await room.post(1, to: [own, other])
            let loop = LaneLoop(DeliveryWork(core: room.core, transport: sent))
            try await room.settle(loop)
            let told = Dictionary(sent.requests.map { ($0.url, $0.authorities) }) { first, _ in first }
            #expect(told == ["https://own.test/hooks": pem, "https://other.test/hooks": String?.none])
        }
    }
}
