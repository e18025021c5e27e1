import Engine
import Foundation
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

@Suite("The server's deadline", .timeLimit(.minutes(30)))
struct DeadlineTests {
    @Test("a page whose readers are blocked answers 503 with its request id at the deadline")
    func blockedReaders() async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let app = WebApp(services: world.services, settings: WebSettings(logsRequests: false))
            try await PlainClient.serve(app) { port in
                let head = "POST /v2/sandbox/products/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                let key = "Authorization: Bearer \(world.keys().secretKey)\r\n"
                @Sendable func page(_ headers: String) async throws -> String {
                    let client = try PlainClient(port: port)
                    client.send(head + key + headers + "\r\n{}")
                    return await client.rest()
                }
                #expect(try await page("Connection: close\r\n").hasPrefix("HTTP/1.1 200 "))
                let barrier = Barrier()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<TestDatabase.readers {
                        group.addTask { try await database.read { _ in barrier.hold() } }
                    }
                    while barrier.heldCount < TestDatabase.readers { await Task.yield() }
                    // Nobody asks for the end of this connection; the server ends it.
                    async let late = page("X-Request-Id: req-late\r\n")
                    while app.background.watchedCount == 0 { await Task.yield() }
                    world.runtime.advance(milliseconds: 31_000)
                    app.background.sweep()
                    let answer = try await late
                    barrier.open()
                    #expect(answer.hasPrefix("HTTP/1.1 503 "), "\(answer)")
                    #expect(
                        answer.contains("\"code\":\"deadline\"") && answer.contains("\"request_id\":\"req-late\""),
                        "\(answer)")
                    let headers = answer.lowercased()
                    #expect(headers.contains("\r\nx-request-id: req-late\r\n"), "\(answer)")
                    #expect(headers.contains("\r\nconnection: close\r\n"), "\(answer)")
                    try await group.waitForAll()
                }
                let isFree = try await database.read { _ in true }
                #expect(isFree)
            }
            #expect(app.background.watchedCount == 0, "no deadline is left behind")
        }
    }

    @Test(
        "who watches the server is told within five seconds that the database hangs", arguments: ["ready", "metrics"])
    func probes(_ name: String) async throws {
        try await onEveryDatabase { database in
            let world = try await World.make(on: database)
            let app = WebApp(services: world.services, settings: WebSettings(logsRequests: false))
            try await PlainClient.serve(app) { port in
                let barrier = Barrier()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<TestDatabase.readers {
                        group.addTask { try await database.read { _ in barrier.hold() } }
                    }
                    while barrier.heldCount < TestDatabase.readers { await Task.yield() }
                    let client = try PlainClient(port: port)
                    client.send("GET /\(name) HTTP/1.1\r\nHost: x\r\n\r\n")
                    while app.background.watchedCount == 0 { await Task.yield() }
                    world.runtime.advance(milliseconds: 5000)
                    app.background.sweep()
                    let answer = await client.rest()
                    barrier.open()
                    #expect(answer.hasPrefix("HTTP/1.1 503 "), "\(answer)")
                    try await group.waitForAll()
                }
            }
        }
    }
}
