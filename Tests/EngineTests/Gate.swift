import Domain
import Synchronization
import TestKit

/// Holds whoever comes to it until it is opened, as a node that is frozen.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var isReached = false
        var held: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())
    /// Which of a transport's requests stop here.
    let holds: @Sendable (HTTPRequestData) -> Bool

    init(_ holds: @escaping @Sendable (HTTPRequestData) -> Bool = { _ in true }) { self.holds = holds }

    func pass() async {
        await withCheckedContinuation { continuation in
            let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                if state.isOpen { return [continuation] }
                state.held.append(continuation)
                state.isReached = true
                defer { state.watchers = [] }
                return state.watchers
            }
            for each in woken { each.resume() }
        }
    }

    /// Returns when somebody is held.
    func reached() async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if !state.isReached { state.watchers.append(continuation) }
                return state.isReached
            }
            if isReached { continuation.resume() }
        }
    }

    func open() {
        let woken = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for each in woken { each.resume() }
    }

    /// Lets those go who wait for somebody to be held.
    func abandon() {
        let woken = state.withLock { state in
            state.isReached = true
            defer { state.watchers = [] }
            return state.watchers
        }
        for each in woken { each.resume() }
    }

    func close() { state.withLock { $0.isOpen = false } }
}

/// A transport whose requests stop at a gate.
struct GatedTransport: HTTPTransport {
    let inner: any HTTPTransport
    let gate: Gate

    init(_ inner: any HTTPTransport, _ gate: Gate) {
        self.inner = inner
        self.gate = gate
    }

    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        if gate.holds(request) { await gate.pass() }
        return try await inner.send(request)
    }
}

/// A customer's server that has the webhook and does not answer before the gate is open.
struct GatedWebhooks: WebhookTransport {
    let inner: RecordedWebhooks
    let gate: Gate

    init(_ inner: RecordedWebhooks, _ gate: Gate) {
        self.inner = inner
        self.gate = gate
    }

    func send(_ request: WebhookRequest) async -> WebhookOutcome {
        let outcome = await inner.send(request)
        await gate.pass()
        return outcome
    }
}
