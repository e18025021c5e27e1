import Domain
import Synchronization

/// A customer's server without a socket: keeps every webhook and answers as it is told.
public final class RecordedWebhooks: WebhookTransport {
    private struct State {
        var requests: [WebhookRequest] = []
        var answer: @Sendable (WebhookRequest) -> WebhookOutcome = { _ in WebhookOutcome(status: 200) }
    }
    private let state = Mutex(State())

    public init() {}

    public func send(_ request: WebhookRequest) async -> WebhookOutcome {
        let answer = state.withLock { state in
            state.requests.append(request)
            return state.answer
        }
        return answer(request)
    }

    /// What every later request is answered with.
    public func answer(_ answer: @escaping @Sendable (WebhookRequest) -> WebhookOutcome) {
        state.withLock { $0.answer = answer }
    }

    public var requests: [WebhookRequest] { state.withLock { $0.requests } }

    /// Forgets the requests so far; the answer stays.
    public func forget() { state.withLock { $0.requests = [] } }

    /// What was sent, as JSON, oldest first.
    public func bodies(_ event: String? = nil, url: String? = nil) throws -> [JSONValue] {
        try requests.filter { url == nil || $0.url == url }.map { try JSONValue(parsing: $0.body) }
            .filter { event == nil || $0["event"]?.text == event }
    }
}
