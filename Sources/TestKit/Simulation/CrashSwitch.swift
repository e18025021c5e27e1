import Domain
import Storage
import Synchronization

/// Ends a simulated process between two effects: before or after a commit, a call of a bank, or a webhook. From then
/// on nothing of it reaches the database or the world, whatever its code still tries.
public final class CrashSwitch: Sendable {
    private struct State {
        var effects = 0
        var fatal: Int?
        var isDead = false
    }
    private let state = Mutex(State())

    public init() {}

    /// The process dies at the effect after so many others; 1 is the next one.
    public func arm(after count: Int) { state.withLock { $0.fatal = $0.effects + count } }

    /// It does not die any more.
    public func disarm() { state.withLock { $0.fatal = nil } }

    public var isArmed: Bool { state.withLock { $0.fatal != nil } }
    public var isDead: Bool { state.withLock { $0.isDead } }
    /// Effects so far; each commit, call and webhook counts as two, its begin and its end.
    public var effects: Int { state.withLock { $0.effects } }

    /// - Returns: false when the process is dead, or dies here.
    func passes() -> Bool {
        state.withLock { state in
            guard !state.isDead else { return false }
            state.effects += 1
            if let fatal = state.fatal, state.effects >= fatal { state.isDead = true }
            return !state.isDead
        }
    }
}

/// A connection of a process that may die.
public final class CrashingConnection: SQLConnection {
    private let inner: any SQLConnection
    private let crash: CrashSwitch
    public var dialect: Dialect { inner.dialect }
    public var session: Int { inner.session }

    public init(_ inner: any SQLConnection, _ crash: CrashSwitch) {
        self.inner = inner
        self.crash = crash
    }

    public func script(_ sql: String) throws(StorageError) {
        switch sql {
        case "ROLLBACK": try inner.script(sql)
        case "COMMIT":
            guard crash.passes() else {
                try inner.script("ROLLBACK")
                throw Self.gone
            }
            try inner.script(sql)
            guard crash.passes() else { throw Self.gone }
        default:
            guard !crash.isDead else { throw Self.gone }
            try inner.script(sql)
        }
    }

    @discardableResult
    public func forEach(_ sql: String, _ values: [SQLValue], _ body: (borrowing Row) throws -> Void) throws -> Int {
        guard !crash.isDead else { throw Self.gone }
        return try inner.forEach(sql, values, body)
    }

    private static let gone = StorageError(.connectionLost, "the simulated process is dead")
}

/// Calls of a process that may die before the request goes out, or before the answer is seen.
public struct CrashingTransport: HTTPTransport {
    private let inner: any HTTPTransport
    private let crash: CrashSwitch

    public init(_ inner: any HTTPTransport, _ crash: CrashSwitch) {
        self.inner = inner
        self.crash = crash
    }

    public func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        guard crash.passes() else { throw .cannotConnect }
        let reply = try await inner.send(request)
        guard crash.passes() else { throw .brokenOff }
        return reply
    }
}

/// Webhooks of a process that may die before one goes out, or before its answer is seen.
public struct CrashingWebhooks: WebhookTransport {
    private let inner: any WebhookTransport
    private let crash: CrashSwitch

    public init(_ inner: any WebhookTransport, _ crash: CrashSwitch) {
        self.inner = inner
        self.crash = crash
    }

    public func send(_ request: WebhookRequest) async -> WebhookOutcome {
        guard crash.passes() else { return WebhookOutcome(status: 503) }
        let outcome = await inner.send(request)
        return crash.passes() ? outcome : WebhookOutcome(status: 503)
    }
}
