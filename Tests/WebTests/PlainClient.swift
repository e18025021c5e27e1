import Foundation
import Glibc
import Hummingbird
import Logging
import ServiceLifecycle
import Testing

@testable import Web

/// A bare socket to a server of this machine. It has no time limit, and what blocks has a thread of its own: a busy
/// machine makes a test wait, not fail.
struct PlainClient {
    private let handle: Int32

    /// Runs `body` while the application answers on the port that it is told.
    static func serve(_ app: WebApp, _ body: (_ port: Int) async throws -> Void) async throws {
        let (ports, running) = AsyncStream.makeStream(of: Int.self)
        let server = Application(
            responder: app, server: WebApp.server, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            services: [app.background], onServerRunning: { running.yield($0.localAddress?.port ?? 0) })
        let services = ServiceGroup(configuration: .init(services: [server], logger: Logger(label: "test")))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Who waits for a port is told when there will be none.
                defer { running.finish() }
                try await services.run()
            }
            for await port in ports {
                try await body(port)
                break
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }

    init(port: Int) throws {
        handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
    }

    func send(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(handle, $0.baseAddress, $0.count) } }

    /// All that comes until the server ends the connection; then it is closed on this side too.
    func rest() async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [handle] in
                var text: [UInt8] = []
                var bytes = [UInt8](repeating: 0, count: 4096)
                while case let count = read(handle, &bytes, bytes.count), count > 0 { text += bytes.prefix(count) }
                close(handle)
                continuation.resume(returning: String(decoding: text, as: UTF8.self))
            }
        }
    }
}
