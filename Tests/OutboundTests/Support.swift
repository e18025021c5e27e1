import Domain
import Glibc
import NIOCore
import NIOPosix
import Outbound
import Synchronization
import TestKit
import Testing

/// A clock that stands still until it is moved.
final class StillClock: Runtime {
    private let state: Mutex<(now: Instant, reads: Int)>
    let ids = IDGenerator(process: [1, 2, 3, 4, 5], start: 0)

    init(_ iso: String = "2024-02-29T12:00:00.000Z") {
        state = Mutex((Instant(iso: iso) ?? Instant(ms: 0), 0))
    }

    func now() -> Instant {
        state.withLock { state in
            state.reads += 1
            return state.now
        }
    }
    var reads: Int { state.withLock { $0.reads } }
    func advance(ms: Int64) { state.withLock { $0.now = $0.now + ms } }
    func randomBytes(_ count: Int) -> [UInt8] { Array(repeating: 7, count: count) }
    func sleep(until deadline: Instant) async throws { throw CancellationError() }
}

/// Answers names from a script, and counts.
final class ScriptedResolver: Resolving {
    private let answers: Mutex<[String: Result<[String], HTTPTransportError>]>
    private let count = Mutex(0)

    init(_ answers: [String: [String]] = [:]) { self.answers = Mutex(answers.mapValues { .success($0) }) }

    var asked: Int { count.withLock { $0 } }
    func set(_ host: String, _ addresses: [String]) { answers.withLock { $0[host] = .success(addresses) } }
    func fail(_ host: String, _ error: HTTPTransportError) { answers.withLock { $0[host] = .failure(error) } }

    func resolve(host: String) async throws(HTTPTransportError) -> [String] {
        count.withLock { $0 += 1 }
        guard let answer = answers.withLock({ $0[host] }) else { throw .dns }
        return try answer.get()
    }
}

/// A sender for tests: loopback is allowed, and time limits are long unless a test is about them.
struct Rig {
    /// What a busy machine takes longer for is no time-out of a test.
    static var limits: WebhookLimits {
        var limits = WebhookLimits()
        limits.connect = .seconds(120)
        limits.exchange = .seconds(240)
        return limits
    }

    let clock = StillClock()
    let resolver: ScriptedResolver
    let sender: WebhookSender

    init(
        names: [String: [String]] = [:], allowsLoopback: Bool = true, allowed: [AddressRange] = [],
        ownListeners: [(String, Int)] = [],
        limits change: (inout WebhookLimits) -> Void = { _ in }
    ) {
        resolver = ScriptedResolver(names)
        var limits = Rig.limits
        change(&limits)
        sender = WebhookSender(
            group: MultiThreadedEventLoopGroup.singleton, resolver: resolver,
            addressGuard: AddressGuard(allowsLoopback: allowsLoopback, allowed: allowed), runtime: clock,
            limits: limits, ownListeners: ownListeners)
    }

    func send(
        _ url: String, _ body: String = "{}", headers: [(String, String)] = [], authorities: String? = nil
    ) async -> WebhookOutcome {
        await sender.send(
            WebhookRequest(
                url: url, headers: headers.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8),
                authorities: authorities))
    }
}

/// Runs a test against a sink and a rig, and ends both.
func withSink(
    _ rig: Rig = Rig(), _ script: @escaping @Sendable (SinkRequest) -> SinkReply,
    _ body: (WebhookSink, Rig) async throws -> Void
) async throws {
    let sink = try await WebhookSink.start(script)
    do {
        try await body(sink, rig)
    } catch {
        await rig.sender.shutdown()
        await sink.stop()
        throw error
    }
    await rig.sender.shutdown()
    await sink.stop()
}

/// Runs a test with a port of this machine on which nobody listens. It stays taken meanwhile: one that was let go may
/// be another test's the next moment.
func withDeadPort(_ body: (_ port: Int) async throws -> Void) async throws {
    let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(handle) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(handle, $0, size) == 0 && getsockname(handle, $0, &size) == 0
        }
    }
    try #require(isBound)
    try await body(Int(in_port_t(bigEndian: address.sin_port)))
}

/// Numbers requests, for scripts that answer the first otherwise than the second.
final class Turns: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

/// Something that happens once, and can be waited for.
final class Signal: Sendable {
    private let state = Mutex<(isFired: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func fire() {
        let waiting = state.withLock { state in
            state.isFired = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isFired = state.withLock { state in
                if !state.isFired { state.waiting.append(continuation) }
                return state.isFired
            }
            if isFired { continuation.resume() }
        }
    }
}
