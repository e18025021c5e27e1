import Connectors
import Domain
import Synchronization

/// Reaches a sandbox bank without a socket. Delays are not waited; one that is longer than the request's time ends
/// it as a real one would.
public final class SandboxBankTransport: HTTPTransport {
    private let bank: SandboxBank
    private let seen = Mutex<[HTTPRequestData]>([])

    public init(_ bank: SandboxBank) { self.bank = bank }

    /// Every request so far.
    public var requests: [HTTPRequestData] { seen.withLock { $0 } }

    public func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        seen.withLock { $0.append(request) }
        let parts = request.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count == 3, parts[0] == "http:" else { throw .invalidURL }
        let reply = await bank.handle(
            method: request.method, path: "/" + parts[2], headers: request.headers, body: request.body)
        if reply.delayMs > Int64(request.timeoutSeconds) * 1000 { throw .timedOut }
        return HTTPReplyData(
            status: reply.status, headers: reply.headers.map { ($0.key, $0.value) }, body: reply.body)
    }
}
