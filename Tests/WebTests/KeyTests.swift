import Domain
import Engine
import HTTPTypes
import Storage
import TestKit
import Testing
import Web

@Suite("Keys")
struct KeyTests {
    @Test("each wrong key gets its own answer that says what to do")
    func wrongKeys() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let world = server.world
                let path = "/v2/sandbox/products/accounts"
                let cases: [(key: String, status: Int, code: String, hint: String)] = [
                    ("", 401, "no_key", "Authorization: Bearer"),
                    ("nonsense", 401, "unknown_key", "copied whole"),
                    (world.keys().publicKey, 403, "wrong_key_kind", "secret key"),
                    (world.tenant.clientToken, 403, "wrong_key_kind", "secret key"),
                    (world.keys(.production).secretKey, 403, "wrong_environment", "other environment"),
                ]
                for expected in cases {
                    let answer = try await server.send(.post, path, key: expected.key)
                    #expect(answer.status == expected.status, "\(expected.code): \(answer.text)")
                    #expect(answer.json["code"]?.text == expected.code)
                    #expect(answer.json["name"]?.text == "APIError")
                    #expect(answer.json["status"]?.text == "error")
                    #expect(answer.json["message"]?.text?.contains(expected.hint) == true, "\(answer.text)")
                    #expect(answer.json["message"] == answer.json["msg"])
                    #expect(answer.json["request_id"]?.text == answer.requestID)
                }
                let production = try await server.send(.post, "/v2/products/accounts")
                #expect(production.json["code"]?.text == "wrong_environment")
            }
        }
    }

    @Test("a renewed key stops to work and says that it was renewed")
    func renewed() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database, linking: false) { server in
                let old = server.secret
                #expect(try await server.send(.get, "/api/v1/accounts", key: old).status == 200)
                let new = try await server.world.services.keys.renew(.secret, of: server.world.environment())
                let refused = try await server.send(.get, "/api/v1/accounts", key: old)
                #expect(refused.status == 401)
                #expect(refused.json["error"]?["code"]?.text == "revoked_key")
                #expect(try await server.send(.get, "/api/v1/accounts", key: new).status == 200)
            }
        }
    }

    @Test("the native API takes the environment from the key, and the sandbox has parts that production has not")
    func nativeEnvironments() async throws {
        try await onEveryDatabase { database in
            try await Server.run(on: database) { server in
                let sandbox = try await server.send(.get, "/api/v1/connections")
                #expect(sandbox.json["data"]?.elements?.count == 1)
                let production = server.world.keys(.production).secretKey
                let other = try await server.send(.get, "/api/v1/connections", key: production)
                #expect(other.json["data"] == [])
                for path in ["/api/v1/sandbox/clock", "/api/v1/sandbox/customers"] {
                    let refused = try await server.send(.get, path, key: production)
                    #expect(refused.status == 403, "\(path): \(refused.text)")
                    #expect(refused.json["error"]?["code"]?.text == "sandbox_only")
                }
            }
        }
    }
}
