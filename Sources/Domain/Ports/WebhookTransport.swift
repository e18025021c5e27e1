/// A signed webhook request, ready to go.
public struct WebhookRequest: Sendable {
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// PEM of the authorities that the server's certificate may come from instead of the system's; nil is the system's.
    public var authorities: String?
    public init(
        url: String, headers: [(name: String, value: String)], body: [UInt8], authorities: String? = nil
    ) {
        self.url = url
        self.headers = headers
        self.body = body
        self.authorities = authorities
    }
}

/// What one attempt came to.
public struct WebhookOutcome: Sendable, Equatable {
    /// nil when no status line came.
    public var status: Int?
    public var error: HTTPTransportError?
    /// At most 16 KiB of the reply's body.
    public var responseBody: [UInt8]
    public var retryAfterSeconds: Int?
    public init(
        status: Int?, error: HTTPTransportError? = nil, responseBody: [UInt8] = [], retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.error = error
        self.responseBody = responseBody
        self.retryAfterSeconds = retryAfterSeconds
    }
    public var isSuccess: Bool { status.map { (200..<300).contains($0) } ?? false }
}

/// Sends to a customer's server: guarded addresses, caps on time and size, no redirects.
public protocol WebhookTransport: Sendable {
    /// Never throws: what kept the reply from coming is in the outcome.
    func send(_ request: WebhookRequest) async -> WebhookOutcome
    /// Where tasks that send one request after the other run best, to be used in turn: there a request and its reply
    /// change no thread. Empty when it does not matter.
    var executors: [any TaskExecutor] { get }
}

extension WebhookTransport {
    public var executors: [any TaskExecutor] { [] }
}

/// Host name to addresses; tests script it.
public protocol Resolving: Sendable {
    /// - Returns: numeric addresses, IPv4 dotted or IPv6 text.
    func resolve(host: String) async throws(HTTPTransportError) -> [String]
}
