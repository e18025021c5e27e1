/// One request to a bank. Bodies and headers may hold secrets: never logged whole.
public struct HTTPRequestData: Sendable {
    public var method: String
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// The whole exchange ends after this.
    public var timeoutSeconds: Int

    public init(
        method: String, url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeoutSeconds: Int = 15
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeoutSeconds = timeoutSeconds
    }
}

/// A whole reply, its body within the transport's cap.
public struct HTTPReplyData: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of a header, whose name is compared without regard to case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why no whole reply came. The text is safe to show.
public enum HTTPTransportError: Error, Sendable, Equatable, CaseIterable, CustomStringConvertible {
    case cannotConnect, connectTimedOut, timedOut, brokenOff, malformed, tooLarge, invalidURL, refusedAddress, notSecure
    case tls, tlsExpired, tlsName, tlsAuthorities, dns, proxy

    public var description: String {
        switch self {
        case .cannotConnect: "the server could not be reached"
        case .connectTimedOut: "no connection was made in time"
        case .timedOut: "the server did not answer in time"
        case .brokenOff: "the connection ended before the whole reply came"
        case .malformed: "the reply was not HTTP"
        case .tooLarge: "the reply was larger than allowed"
        case .invalidURL: "the address is not a valid http or https URL"
        case .refusedAddress: "the address is private, reserved or this server's own"
        case .notSecure: "the address does not begin with https"
        case .tls: "the TLS handshake failed"
        case .tlsExpired: "the server's certificate has expired"
        case .tlsName: "the server's certificate is for another name"
        case .tlsAuthorities: "the authorities that were given for the server could not be read"
        case .dns: "the host name could not be resolved"
        case .proxy: "the proxy could not be reached, or did not let the request pass"
        }
    }
}

/// Sends a request and returns the whole reply, whatever its status.
public protocol HTTPTransport: Sendable {
    /// - Throws: why no whole reply came. A status like 500 is a reply.
    func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData
}
