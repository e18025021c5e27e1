import Domain
import Synchronization

/// What goes wrong with an exchange.
public enum TransportFault: Sendable, Equatable {
    case cannotConnect
    /// The other side acted; its reply did not come in time.
    case timedOut
    /// The other side acted; the connection ended within its reply.
    case brokenOff
    /// Half of the body comes as if it were the whole.
    case halfBody
    /// A page of a proxy comes with this status instead.
    case html(status: Int)
    /// This comes instead, and the other side hears nothing.
    case reply(status: Int, headers: [String: String], body: String)
}

/// A transport whose exchanges go wrong as a test says, and right where it says nothing.
public final class FaultyTransport: HTTPTransport {
    private let inner: any HTTPTransport
    private let fault: @Sendable (_ request: HTTPRequestData, _ number: Int) -> TransportFault?
    private let count = Mutex(0)

    /// - Parameter fault: asked for every request; requests count from 1.
    public init(
        _ inner: any HTTPTransport,
        fault: @escaping @Sendable (_ request: HTTPRequestData, _ number: Int) -> TransportFault?
    ) {
        self.inner = inner
        self.fault = fault
    }

    public func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        let number = count.withLock { count in
            count += 1
            return count
        }
        switch fault(request, number) {
        case nil: return try await inner.send(request)
        case .cannotConnect: throw .cannotConnect
        case .timedOut:
            _ = try await inner.send(request)
            throw .timedOut
        case .brokenOff:
            _ = try await inner.send(request)
            throw .brokenOff
        case .halfBody:
            var reply = try await inner.send(request)
            reply.body = Array(reply.body.prefix(reply.body.count / 2))
            return reply
        case .html(let status):
            let page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
            return HTTPReplyData(status: status, headers: [("Content-Type", "text/html")], body: Array(page.utf8))
        case .reply(let status, let headers, let body):
            return HTTPReplyData(
                status: status, headers: headers.map { (name: $0.key, value: $0.value) }, body: Array(body.utf8))
        }
    }
}
