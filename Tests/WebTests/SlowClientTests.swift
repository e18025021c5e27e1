import Engine
import Glibc
import Hummingbird
import HummingbirdTesting
import NIOCore
import Storage
import TestKit
import Testing

@testable import Web

@Suite("Slow clients")
struct SlowClientTests {
    @Test("a client that does not send its body in time is cut off")
    func slowBody() async throws {
        try await onDatabase(.sqlite) { test in
            let world = try await World.make(on: test.database)
            let app = WebApp(
                services: world.services, settings: WebSettings(bodySeconds: 20, logsRequests: false))
            let server = Application(
                responder: app, server: WebApp.server,
                configuration: .init(address: .hostname("127.0.0.1", port: 0)), services: [app.background])
            try await server.test(.live) { client in
                let socket = try connected(port: try #require(client.port))
                defer { close(socket) }
                let head = "POST /v2/sandbox/products/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                send(socket, head + "Authorization: Bearer \(world.keys().secretKey)\r\n\r\n{")
                // The deadlines of the request and of its body.
                while app.background.watchedCount < 2 { await Task.yield() }
                await world.runtime.sleepers(atLeast: 1)
                world.runtime.advance(milliseconds: 21_000)
                app.background.sweep()
                // The end of the stream, or an answer that says that the body did not come.
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = read(socket, &bytes, bytes.count)
                let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
                #expect(count <= 0 || text.hasPrefix("HTTP/1.1 400"), "\(text)")
            }
        }
    }

    private func connected(port: Int) throws -> Int32 {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        return handle
    }

    private func send(_ socket: Int32, _ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
    }
}
