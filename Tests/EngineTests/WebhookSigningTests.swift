import Crypto
import Domain
import Engine
import Foundation
import Storage
import TestKit
import Testing

@Suite struct WebhookSigningTests {
    private static let url = "https://shop.example/signed"

    private func make(_ world: World, _ signatures: [WebhookEndpoint.Signature]) async throws -> EndpointView {
        var change = EndpointChange()
        change.url = Self.url
        change.signatures = signatures
        return try await world.services.endpoints.create(change, in: world.environment())
    }

    private func header(_ request: WebhookRequest, _ name: String) -> String {
        request.headers.first { $0.name == name }?.value ?? ""
    }

    /// How many of a request's signatures a secret or public key verifies.
    private func verified(_ request: WebhookRequest, by key: String) throws -> Int {
        let signed =
            Data("\(header(request, "webhook-id")).\(header(request, "webhook-timestamp")).".utf8)
            + Data(request.body)
        return try header(request, "webhook-signature").split(separator: " ").filter { text in
            let parts = text.split(separator: ",", maxSplits: 1)
            let signature = try #require(Data(base64Encoded: String(parts[1])))
            if key.hasPrefix("whsec_") {
                let secret = try #require(Data(base64Encoded: String(key.dropFirst(6))))
                #expect((24...64).contains(secret.count))
                return parts[0] == "v1"
                    && HMAC<SHA256>.isValidAuthenticationCode(
                        signature, authenticating: signed, using: SymmetricKey(data: secret))
            }
            let bytes = try #require(Data(base64Encoded: String(key.dropFirst(5))))
            let publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: bytes)
            return parts[0] == "v1a" && publicKey.isValidSignature(signature, for: signed)
        }.count
    }

    private func sent(_ world: World) async throws -> [WebhookRequest] {
        world.webhooks.forget()
        _ = try await world.services.refreshes.requestOnDemand(
            in: world.environment(), accountID: nil, connectionID: try await record(world), products: [.balance])
        try await world.settle()
        let requests = world.webhooks.requests.filter { $0.url == Self.url }
        #expect(!requests.isEmpty)
        return requests
    }

    private func record(_ world: World) async throws -> String? {
        try await world.core.database.read { try $0.first("SELECT id FROM connection LIMIT 1", []) { $0.text(0) } }
    }

    @Test("every request carries one signature of each live key, v1 and v1a, and each verifies under its own key alone")
    func every() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let made = try await make(world, [.v1, .v1a])
            let other = try await make(World.make(on: database, sameAs: world), [.v1], at: "https://shop.example/other")
            let secret = try #require(made.secret)
            let publicKey = try #require(made.publicKey)
            #expect(secret.hasPrefix("whsec_") && publicKey.hasPrefix("whpk_"))
            _ = try await world.link()
            try await world.settle()
            for request in world.webhooks.requests.filter({ $0.url == Self.url }) {
                #expect(header(request, "webhook-signature").split(separator: " ").count == 2)
                #expect(try verified(request, by: secret) == 1)
                #expect(try verified(request, by: publicKey) == 1)
                #expect(try verified(request, by: try #require(other.secret)) == 0)
                var forged = request
                forged.body[forged.body.count / 2] ^= 1
                for key in [secret, publicKey] { #expect(try verified(forged, by: key) == 0) }
            }
        }
    }

    private func make(
        _ world: World, _ signatures: [WebhookEndpoint.Signature], at url: String
    ) async throws -> EndpointView {
        var change = EndpointChange()
        change.url = url
        change.signatures = signatures
        return try await world.services.endpoints.create(change, in: world.environment())
    }

    @Test("while keys overlap both verify; when the overlap ends the old one signs no more")
    func rotation() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let made = try await make(world, [.v1, .v1a])
            let (id, old, oldPublic) = (made.endpoint.id.hex, try #require(made.secret), try #require(made.publicKey))
            _ = try await world.link()
            try await world.settle()
            let service = world.services.endpoints
            let new = try await service.rotate(id, nil, overlapSeconds: 3600, in: world.environment())
            let secret = try #require(new.secret)
            let pair = try await service.rotate(id, .v1a, overlapSeconds: 3600, in: world.environment())
            let newPublic = try #require(pair.key.publicKey)
            #expect(pair.secret == nil, "nobody is told the private half")
            #expect(secret != old && newPublic != oldPublic)
            for request in try await sent(world) {
                for key in [old, secret, oldPublic, newPublic] {
                    #expect(try verified(request, by: key) == 1, "\(key)")
                }
                let first = header(request, "webhook-signature").split(separator: " ").first
                #expect(first?.hasPrefix("v1") == true)
            }
            #expect(try await service.keys(of: id, in: world.environment()).count == 4)
            let told = try await service.publicKeys(of: id).map(\.publicKey)
            #expect(told == [newPublic, oldPublic])
            world.runtime.advance(milliseconds: 3_600_001)
            for request in try await sent(world) {
                for key in [secret, newPublic] { #expect(try verified(request, by: key) == 1) }
                for key in [old, oldPublic] { #expect(try verified(request, by: key) == 0) }
            }
            #expect(try await service.publicKeys(of: id).map(\.publicKey) == [newPublic])
            // Without overlap the old key is gone with the change.
            let last = try await service.rotate(id, .v1, overlapSeconds: 0, in: world.environment())
            for request in try await sent(world) {
                #expect(try verified(request, by: try #require(last.secret)) == 1)
                #expect(try verified(request, by: secret) == 0)
            }
        }
    }

    @Test("ten keys live at most; an eleventh is refused with what to do, and one without overlap is not")
    func limit() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let id = try await make(world, [.v1]).endpoint.id.hex
            let service = world.services.endpoints
            for _ in 0..<9 { _ = try await service.rotate(id, nil, overlapSeconds: 60, in: world.environment()) }
            let error = await #expect(throws: DomainError.self) {
                try await service.rotate(id, nil, overlapSeconds: 60, in: world.environment())
            }
            #expect(error?.code == .conflict && error?.message.contains("overlap_seconds") == true)
            _ = try await service.rotate(id, nil, overlapSeconds: 0, in: world.environment())
            #expect(try await service.keys(of: id, in: world.environment()).count == 1)
            for seconds in [-1, 7 * 86_400 + 1] as [Int64] {
                let error = await #expect(throws: DomainError.self) {
                    try await service.rotate(id, nil, overlapSeconds: seconds, in: world.environment())
                }
                #expect(error?.field == "overlap_seconds")
            }
            let missing = await #expect(throws: DomainError.self) {
                try await service.rotate(id, .v1a, overlapSeconds: 0, in: world.environment())
            }
            #expect(missing?.code == .conflict && missing?.field == "kind")
        }
    }

    @Test("the environment's keys sign for its own endpoint and for URLs that links name, and are rotated for both")
    func environmentKeys() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let own = try await world.services.endpoints.set(
                in: world.environment(), url: World.webhookURL, payload: .thin, token: nil)
            _ = try await world.link { $0.callbackURL = Self.url }
            try await world.settle()
            let old = try #require(own.secret)
            let rotated = try await world.services.endpoints.rotate(
                own.endpoint.id.hex, nil, overlapSeconds: 60, in: world.environment())
            let new = try #require(rotated.secret)
            for request in try await sent(world) {
                for key in [old, new] { #expect(try verified(request, by: key) == 1) }
            }
        }
    }

    @Test("secrets and tokens are nowhere in the clear")
    func sealed() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            var change = EndpointChange()
            change.url = Self.url
            change.token = .some("planted-token")
            change.headers = try EndpointHeaders(["x-planted": "planted-value"])
            let made = try await world.services.endpoints.create(change, in: world.environment())
            let secret = try #require(made.secret.flatMap(WebhookSecret.bytes))
            let rows = try await database.read { db in
                try db.query("SELECT token, headers FROM webhook_endpoint", []) { [$0.blob(0), $0.blob(1)] }
                    + db.query("SELECT secret, id FROM webhook_key", []) { [$0.blob(0), $0.blob(1)] }
            }
            for column in rows.flatMap({ $0 }) {
                let text = String(decoding: column, as: UTF8.self)
                #expect(!text.contains("planted") && !Data(column).contains(Data(secret)))
            }
            _ = try await world.link()
            try await world.settle()
            for request in world.webhooks.requests {
                #expect(header(request, "authorization") == "Bearer planted-token")
                #expect(header(request, "x-planted") == "planted-value")
            }
        }
    }
}

extension Data {
    fileprivate func contains(_ other: Data) -> Bool { range(of: other) != nil }
}
