import Domain
import Engine
import HTTPTypes
import NIOCore

/// One operation: what it is called, who may call it, and what it does.
///
/// Documents, the tests of every route and the server itself all read the one list of these in `APICatalog`.
public struct Route: Sendable {
    /// Who may call.
    public enum Access: String, Sendable {
        /// Anyone.
        case open
        /// The holder of the environment's secret key.
        case secretKey
        /// Whoever knows a link session's id, or opens the widget; the endpoint checks.
        case linkSession
    }
    /// In whose manner it answers.
    public enum Wire: Sendable { case okra, native, plain }

    public let method: HTTPRequest.Method
    /// `{name}` stands for a segment.
    public let path: String
    public let wire: Wire
    public let access: Access
    public let summary: String
    /// A body, or for GET a query, with `{customer}` and the like where an id goes.
    public let example: String
    /// The environment that the path belongs to; nil when the key decides.
    public let kind: EnvironmentKind?
    /// May outlast the deadline: the work goes on while the caller gets a 503.
    public let isLong: Bool
    /// It changes something, and a repeated request finds its key with the change, since they commit together.
    public let commitsReply: Bool
    /// It changes something in several commits: its key is taken before the first, the reply kept after the last.
    /// What is neither this nor `commitsReply` changes nothing that a caller could see, and needs no key.
    public let keepsReply: Bool
    /// Gets its body piece by piece, of any size, instead of whole.
    let streamsBody: Bool
    /// Its deadline, where that is sooner than the server's.
    let secondsMax: Int64
    let handle: @Sendable (Call) async throws -> Reply

    init(
        _ method: HTTPRequest.Method, _ path: String, wire: Wire, access: Access, summary: String, example: String,
        kind: EnvironmentKind? = nil, isLong: Bool = false, commitsReply: Bool = false,
        keepsReply: Bool = false, streamsBody: Bool = false, secondsMax: Int64 = .max,
        handle: @escaping @Sendable (Call) async throws -> Reply
    ) {
        self.method = method
        self.path = path
        self.wire = wire
        self.access = access
        self.summary = summary
        self.example = example
        self.kind = kind
        self.isLong = isLong
        self.commitsReply = commitsReply
        self.keepsReply = keepsReply
        self.streamsBody = streamsBody
        self.secondsMax = secondsMax
        self.handle = handle
    }
}

/// One request to a route, authenticated where the route asks for it.
struct Call: Sendable {
    /// One reference: the services themselves are dozens of them, and a call is passed on many times.
    final class Shared: Sendable {
        let services: Services
        init(_ services: Services) { self.services = services }
    }

    let shared: Shared
    let route: Route
    let requestID: String
    let parameters: [String: String]
    let query: [String: String]
    let headers: HTTPFields
    let body: ByteBuffer
    /// Set unless the route is open to all.
    let caller: Principal?
    /// Set when the request has an `Idempotency-Key` and its route commits the reply.
    var idempotency: IdempotentRequest?
    /// The body of a route that gets it piece by piece.
    var stream: BodyStream?
    /// The body of a native route that gets it whole.
    var json = NativeBody()

    var services: Services { shared.services }
    var bytes: [UInt8] { Array(body.readableBytesView) }

    /// The caller's environment.
    func environment() throws -> Domain.Environment {
        guard let caller else { throw DomainError(.noKey, "This operation needs a secret key.") }
        return caller.environment
    }

    /// For the service that makes the change: how the change is answered, to be committed with it.
    func once<T: Sendable>(_ reply: @escaping @Sendable (T) -> Reply) -> Once<T>? {
        idempotency.map { request in
            Once(request) { value in
                let reply = reply(value)
                return IdempotencyService.Kept(status: reply.status.code, body: Array(reply.body.readableBytesView))
            }
        }
    }

    /// The same for a change that is answered with nothing.
    func onceDone() -> Once<Void>? { once { _ in .noContent } }

    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    static func bearer(_ headers: HTTPFields) -> String? {
        guard let value = headers[.authorization] else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            // Some clients send the key alone.
            return parts.count == 1 ? String(parts[0]) : nil
        }
        return String(parts[1]).trimmed
    }
}

extension String {
    /// Without white space at its ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
