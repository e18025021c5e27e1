import Domain
import Synchronization

/// A customer's server without a socket: keeps every webhook and answers as it is told. It holds what it gets against
/// the schemas of the catalogue, and `World.settle` throws what is wrong.
public final class RecordedWebhooks: WebhookTransport {
    fileprivate struct State {
        var requests: [WebhookRequest] = []
        var checked: [String: Int] = [:]
        var faults: [String] = []
        var answer: @Sendable (WebhookRequest) -> WebhookOutcome = { _ in WebhookOutcome(status: 200) }
    }
    private let state = Mutex(State())

    /// What was sent was not as its schema says.
    public struct NotAsTold: Error, CustomStringConvertible {
        public let description: String
    }

    /// Of each event so many bodies are checked.
    fileprivate static let checkedMax = 25

    public init() {}

    public func send(_ request: WebhookRequest) async -> WebhookOutcome {
        let answer = state.withLock { state in
            state.requests.append(request)
            state.check(request.body)
            return state.answer
        }
        return answer(request)
    }

    /// - Throws: `NotAsTold` when something that was sent was not as its schema says; once.
    func requireSchemas() throws(NotAsTold) {
        let faults = state.withLock { state in
            defer { state.faults = [] }
            return state.faults
        }
        guard faults.isEmpty else { throw NotAsTold(description: faults.joined(separator: "\n")) }
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

extension RecordedWebhooks.State {
    fileprivate mutating func check(_ bytes: [UInt8]) {
        do {
            let body = try JSONValue(parsing: bytes)
            let name = body["event"]?.text ?? ""
            guard let type = EventCatalog.find(name) else { return faults.append("\(name) is no event") }
            guard checked[name, default: 0] < RecordedWebhooks.checkedMax else { return }
            checked[name, default: 0] += 1
            let problems = (type.hasComplete ? [false, true] : [false]).map {
                SchemaCheck().problems(body, type.schema(isComplete: $0).json)
            }
            guard !problems.contains(where: \.isEmpty) else { return }
            let least = problems.min { $0.count < $1.count } ?? []
            faults.append("\(name): \(least.joined(separator: "; "))")
        } catch {
            faults.append("what was sent is no JSON: \(error)")
        }
    }
}
