import Engine
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Storage
import TestKit
import Testing

@testable import Web

/// Keeps a database's readers busy until it is opened.
private final class Barrier: Sendable {
    private let condition = NSCondition()
    nonisolated(unsafe) private var isOpen = false
    nonisolated(unsafe) private var held = 0

    func hold() {
        condition.lock()
        held += 1
        condition.broadcast()
        while !isOpen { condition.wait() }
        condition.unlock()
    }

    var heldCount: Int {
        condition.lock()
        defer { condition.unlock() }
        return held
    }

    func open() {
        condition.lock()
        isOpen = true
        condition.broadcast()
        condition.unlock()
    }
}

@Suite("The server's deadline")
struct DeadlineTests {
    @Test("a page whose readers are blocked answers 503 with its request id at the deadline")
    func blockedReaders() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let app = WebApp(services: world.services, settings: WebSettings(logsRequests: false))
            let server = Application(
                responder: app, server: WebApp.server,
                configuration: .init(address: .hostname("127.0.0.1", port: 0)), services: [app.background])
            try await server.test(.live) { client in
                let key = "Bearer \(world.keys().secretKey)"
                @Sendable func page(_ id: String) async throws -> TestResponse {
                    try await client.execute(
                        uri: "/v2/sandbox/products/transactions", method: .post,
                        headers: [.authorization: key, .requestID: id], body: ByteBuffer(string: "{}"))
                }
                #expect(try await page("before").status == .ok)
                let barrier = Barrier()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<TestDatabase.readers {
                        group.addTask { try await database.read { _ in barrier.hold() } }
                    }
                    while barrier.heldCount < TestDatabase.readers { await Task.yield() }
                    async let late = page("req-late")
                    while app.background.watchedCount == 0 { await Task.yield() }
                    world.runtime.advance(milliseconds: 31_000)
                    app.background.sweep()
                    let answer = try await late
                    #expect(answer.status == .serviceUnavailable)
                    let text = String(buffer: answer.body)
                    #expect(
                        text.contains("\"code\":\"deadline\"") && text.contains("\"request_id\":\"req-late\""),
                        "\(text)")
                    #expect(answer.headers[.requestID] == "req-late")
                    #expect(answer.headers[.connection] == "close")
                    barrier.open()
                    try await group.waitForAll()
                }
                let isFree = try await database.read { _ in true }
                #expect(isFree)
            }
            #expect(app.background.watchedCount == 0, "no deadline is left behind")
        }
    }
}
