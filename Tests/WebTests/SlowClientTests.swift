import Engine
import Storage
import TestKit
import Testing

@testable import Web

@Suite("Slow clients", .timeLimit(.minutes(30)))
struct SlowClientTests {
    @Test("a client that does not send its body in time is cut off")
    func slowBody() async throws {
        try await onDatabase(.sqlite) { test in
            let world = try await World.make(on: test.database)
            let app = WebApp(
                services: world.services, settings: WebSettings(bodySeconds: 20, logsRequests: false))
            try await PlainClient.serve(app) { port in
                let client = try PlainClient(port: port)
                let head = "POST /v2/sandbox/products/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                client.send(head + "Authorization: Bearer \(world.keys().secretKey)\r\n\r\n{")
                // The deadlines of the request and of its body.
                while app.background.watchedCount < 2 { await Task.yield() }
                await world.runtime.sleepers(atLeast: 1)
                world.runtime.advance(milliseconds: 21_000)
                app.background.sweep()
                // The end of the stream, or an answer that says that the body did not come.
                let text = await client.rest()
                #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 400"), "\(text)")
            }
        }
    }
}
