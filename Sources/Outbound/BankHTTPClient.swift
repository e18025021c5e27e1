import AsyncHTTPClient
import Domain
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reaches banks: whole replies within a cap, one deadline for the whole exchange, no redirects, certificates checked.
///
/// With `BankVetting` it goes to vetted addresses only: https, nothing private, and the connection is made to the very
/// address that was looked at. It writes no log: URLs, headers and bodies of banks hold secrets.
public final class BankHTTPClient: HTTPTransport {
    public static let bodyBytesMax = 8 * 1024 * 1024
    private static let connectSeconds: Int64 = 10
    /// Kept connections to one host; the engine decides how many requests a bank gets at once.
    private static let connectionsPerHost = 64

    private let clients: PinnedClients
    private let vetting: BankVetting?
    private let bodyBytesMax: Int

    /// - Parameter vetting: nil reaches any address, for the sandbox's own bank on this machine and for tests.
    public init(
        group: any EventLoopGroup, bodyBytesMax: Int = BankHTTPClient.bodyBytesMax, vetting: BankVetting? = nil
    ) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(BankHTTPClient.connectSeconds)
        configuration.httpVersion = .http1Only
        // A bank that refuses is told to the connector at once; trying again is the engine's decision.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connectionsPerHost
        if let authorities = vetting?.authorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(authorities)]
            configuration.tlsConfiguration = tls
        }
        clients = PinnedClients(group: group, configuration: configuration)
        self.vetting = vetting
        self.bodyBytesMax = bodyBytesMax
    }

    public func send(_ request: HTTPRequestData) async throws(HTTPTransportError) -> HTTPReplyData {
        do {
            return try await perform(request)
        } catch {
            throw BankHTTPClient.reason(error)
        }
    }

    /// Ends the connections; requests under way fail.
    public func shutdown() async { await clients.shutdown() }

    private func perform(_ request: HTTPRequestData) async throws -> HTTPReplyData {
        guard request.url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw HTTPClientError.invalidURL }
        let deadline = NIODeadline.now() + .seconds(Int64(request.timeoutSeconds))
        guard let vetting else {
            return try await clients.with(nil) { try await exchange(request, request.url, $0, deadline) }
        }
        let target = try await vetting.target(of: request.url)
        var addresses = target.addresses[...]
        while let address = addresses.popFirst() {
            do {
                return try await clients.with((target.host, address)) {
                    try await exchange(request, target.url, $0, deadline)
                }
            } catch  where !addresses.isEmpty && Self.reason(error) == .cannotConnect {
                // Nothing was sent: the host's next address is tried.
            }
        }
        throw HTTPTransportError.cannotConnect
    }

    private func exchange(
        _ request: HTTPRequestData, _ url: String, _ client: HTTPClient, _ deadline: NIODeadline
    ) async throws -> HTTPReplyData {
        let outgoing = try HTTPClient.Request(
            url: url, method: HTTPMethod(rawValue: request.method),
            headers: HTTPHeaders(request.headers.map { ($0.name, $0.value) }),
            body: request.body.isEmpty ? nil : .byteBuffer(ByteBuffer(bytes: request.body)))
        let accumulator = ResponseAccumulator(request: outgoing, maxBodySize: bodyBytesMax)
        let task = client.execute(request: outgoing, delegate: accumulator, deadline: deadline)
        let reply = try await withTaskCancellationHandler {
            try await task.futureResult.get()
        } onCancel: {
            task.cancel()
        }
        return HTTPReplyData(
            status: Int(reply.status.code), headers: reply.headers.map { ($0.name, $0.value) },
            body: reply.body.map { Array($0.readableBytesView) } ?? [])
    }

    /// Nothing was sent.
    private static let unreached = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL]

    private static func reason(_ error: any Error) -> HTTPTransportError {
        switch error {
        case let error as HTTPTransportError: error
        case let error as HTTPClientError: reason(error)
        case is ResponseAccumulator.ResponseTooBigError: .tooLarge
        case let error as NIOConnectionError:
            error.connectionErrors.isEmpty && error.dnsAError != nil ? .dns : .cannotConnect
        case let error as IOError: unreached.contains(error.errnoCode) ? .cannotConnect : .brokenOff
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: .tls
        default: .brokenOff
        }
    }

    private static func reason(_ error: HTTPClientError) -> HTTPTransportError {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout: .timedOut
        case .connectTimeout, .alreadyShutdown, .getConnectionFromPoolTimeout: .cannotConnect
        case .tlsHandshakeTimeout: .tls
        case .invalidURL, .emptyHost, .emptyScheme: .invalidURL
        default: error.description.contains("unsupportedScheme") ? .invalidURL : .brokenOff
        }
    }
}
