import Domain
import Storage
import Synchronization
import TestKit
import Testing

@testable import Engine

/// A world whose events are posted by hand, and its receivers, who answer by script.
struct Mailroom: Sendable {
    let world: World
    let receivers: Receivers
    private let count = Counter()

    final class Counter: Sendable {
        private let count = Mutex(Int64(0))
        func next() -> Int64 {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    static func open(on database: Database, sameAs earlier: Mailroom? = nil) async throws -> Mailroom {
        Mailroom(
            world: try await World.make(on: database, sameAs: earlier?.world),
            receivers: earlier?.receivers ?? Receivers())
    }

    var core: Core { world.core }
    var runtime: ManualRuntime { world.runtime }
    var scope: Scope { world.scope }

    func loop() -> LaneLoop<DeliveryWork> { LaneLoop(DeliveryWork(core: core, transport: receivers)) }

    /// A further endpoint of the first environment.
    func endpoint(
        _ url: String, _ change: (inout EndpointChange) -> Void = { _ in }
    ) async throws -> WebhookEndpoint {
        var wish = EndpointChange()
        wish.url = url
        change(&wish)
        let view = try await world.services.endpoints.create(wish, in: world.environment())
        return view.endpoint
    }

    /// As its owner would, also from within an answer; an error fails the test.
    func move(_ endpoint: WebhookEndpoint, to url: String) async {
        var change = EndpointChange()
        change.url = url
        do {
            _ = try await world.services.endpoints.update(endpoint.id.hex, change, in: world.environment())
        } catch {
            Issue.record(error)
        }
    }

    func found(_ endpoint: WebhookEndpoint) async throws -> WebhookEndpoint {
        try #require(try await core.database.read { try EndpointStore.find(endpoint.id, scope, $0) })
    }

    /// Commits events of one connection, numbered on; their bodies say the number and the connection.
    @discardableResult
    func post(
        _ number: Int, to endpoints: [WebhookEndpoint], connection: ID<Connection>? = nil,
        type: String = "balance.success"
    ) async throws -> [Int64] {
        let connection = connection ?? ID(trusted: String(repeating: "a", count: 24))
        let numbers = (0..<number).map { _ in count.next() }
        let (core, scope, now) = (core, scope, runtime.now())
        try await core.sequence.fill()
        try await core.database.write { tx in
            for number in numbers {
                let thin = "\"event\":\"\(type)\",\"number\":\(number),\"connection\":\"\(connection)\""
                try EventStore.append(
                    EventStore.NewEvent(
                        id: try core.sequence.take(), sequence: number, type: type, accountID: nil,
                        thin: Array(thin.utf8), complete: nil),
                    connection: connection, to: endpoints, at: now, machineNow: now, newID: core.sequence.take, scope,
                    tx)
            }
        }
        core.wakes.deliveries.set()
        return numbers
    }

    /// Ticks until nothing is due.
    func settle(_ loop: LaneLoop<DeliveryWork>? = nil, ticksMax: Int = 500) async throws {
        let loop = loop ?? self.loop()
        for _ in 0..<ticksMax where try await loop.tick() == 0 { return }
    }

    /// Lets time pass in steps, and sends what falls due.
    func pass(_ milliseconds: Int64, step: Int64, _ loop: LaneLoop<DeliveryWork>) async throws {
        let end = runtime.now() + milliseconds
        while runtime.now() < end {
            runtime.advance(milliseconds: step)
            try await settle(loop)
        }
    }

    func waiting(_ endpoint: WebhookEndpoint) async throws -> Int {
        try await core.database.read { db in
            try db.query("SELECT id FROM delivery WHERE endpoint_id = $1", [.id(endpoint.id)]) { $0.int(0) }.count
        }
    }

    /// Outcomes of the log, oldest first.
    func outcomes(_ endpoint: WebhookEndpoint) async throws -> [String] {
        try await core.database.read { db in
            try db.query(
                "SELECT outcome FROM attempt WHERE endpoint_id = $1 ORDER BY at_ms, delivery_id, number",
                [.id(endpoint.id)]
            ) { $0.text(0) }
        }
    }
}

/// Servers that answer by script, and what they were sent.
final class Receivers: WebhookTransport {
    struct Received: Sendable {
        let url: String
        let id: String
        let number: Int64
        let connection: String
        let event: String
        let request: WebhookRequest

        func header(_ name: String) -> String { request.headers.first { $0.name == name }?.value ?? "" }
    }
    typealias Script = @Sendable (Received, _ nth: Int) async -> WebhookOutcome
    private struct State {
        var received: [Received] = []
        var taken: [Received] = []
        var scripts: [String: Script] = [:]
        var inFlight: [String: Int] = [:]
        var most: [String: Int] = [:]
        var watchers: [(url: String, count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var senders: [(prefix: String, count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())

    /// How a URL answers from now on; the others take everything.
    func answer(_ url: String, _ script: @escaping Script) { state.withLock { $0.scripts[url] = script } }

    func answer(_ url: String, status: Int, retryAfter: Int? = nil) {
        answer(url) { _, _ in WebhookOutcome(status: status, retryAfterSeconds: retryAfter) }
    }

    func send(_ request: WebhookRequest) async -> WebhookOutcome {
        let received = Self.parse(request)
        let (script, nth, sent) = state.withLock { state in
            state.received.append(received)
            let due = state.senders.filter { sender in
                state.received.count { $0.url.hasPrefix(sender.prefix) } >= sender.count
            }
            state.senders.removeAll { sender in
                state.received.count { $0.url.hasPrefix(sender.prefix) } >= sender.count
            }
            state.inFlight[received.url, default: 0] += 1
            state.most[received.url] = max(state.most[received.url] ?? 0, state.inFlight[received.url] ?? 0)
            let nth = state.received.count { $0.url == received.url }
            return (state.scripts[received.url], nth, due.map(\.continuation))
        }
        for continuation in sent { continuation.resume() }
        let outcome = await script?(received, nth) ?? WebhookOutcome(status: 200)
        let woken = state.withLock { state in
            state.inFlight[received.url, default: 0] -= 1
            if outcome.isSuccess { state.taken.append(received) }
            let due = state.watchers.filter { watcher in
                state.taken.count { $0.url == watcher.url } >= watcher.count
            }
            state.watchers.removeAll { watcher in state.taken.count { $0.url == watcher.url } >= watcher.count }
            return due.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
        return outcome
    }

    /// What a URL was sent, and what it took, in that order.
    func received(_ url: String) -> [Received] { state.withLock { $0.received.filter { $0.url == url } } }
    func taken(_ url: String) -> [Received] { state.withLock { $0.taken.filter { $0.url == url } } }
    /// The most requests at once.
    func most(_ url: String) -> Int { state.withLock { $0.most[url] ?? 0 } }
    func forget() {
        state.withLock { state in
            state.received = []
            state.taken = []
            state.most = [:]
        }
    }

    /// Returns when the URL has taken so many.
    func taken(_ url: String, atLeast count: Int) async {
        await withCheckedContinuation { continuation in
            let isSo = state.withLock { state in
                if state.taken.count(where: { $0.url == url }) >= count { return true }
                state.watchers.append((url, count, continuation))
                return false
            }
            if isSo { continuation.resume() }
        }
    }

    /// Returns when URLs that begin so were sent so many.
    func received(_ prefix: String, atLeast count: Int) async {
        await withCheckedContinuation { continuation in
            let isSo = state.withLock { state in
                if state.received.count(where: { $0.url.hasPrefix(prefix) }) >= count { return true }
                state.senders.append((prefix, count, continuation))
                return false
            }
            if isSo { continuation.resume() }
        }
    }

    private static func parse(_ request: WebhookRequest) -> Received {
        let body = (try? JSONValue(parsing: request.body)) ?? .null
        var number: Int64 = 0
        if case .integer(let value) = body["number"] { number = value }
        return Received(
            url: request.url, id: request.headers.first { $0.name == "webhook-id" }?.value ?? "", number: number,
            connection: body["connection"]?.text ?? "", event: body["event"]?.text ?? "",
            request: request)
    }
}
