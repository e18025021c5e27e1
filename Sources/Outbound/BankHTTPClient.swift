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

/// Reaches banks: whole replies within a cap, one deadline for the whole exchange, no redirects.
///
/// It writes no log: URLs, headers and bodies of banks hold secrets.
public final class BankHTTPClient: HTTPTransport {
    public static let bodyBytesMax = 8 * 1024 * 1024
    private static let connectSeconds: Int64 = 10
    /// Kept connections to one host; the engine decides how many requests a bank gets at once.
    private static let connectionsPerHost = 64

    private let client: HTTPClient
    private let bodyBytesMax: Int

    public init(group: any EventLoopGroup, bodyBytesMax: Int = BankHTTPClient.bodyBytesMax) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(BankHTTPClient.connectSeconds)
        configuration.httpVersion = .http1Only
        // A bank that refuses is told to the connector at once; trying again is the engine's decision.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connectionsPerHost
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
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
    public func shutdown() async {
        do {
            try await client.shutdown()
        } catch {
            // It was shut down before: there is nothing left to end.
        }
    }

    private func perform(_ request: HTTPRequestData) async throws -> HTTPReplyData {
        guard request.url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw HTTPClientError.invalidURL }
        let outgoing = try HTTPClient.Request(
            url: request.url, method: HTTPMethod(rawValue: request.method),
            headers: HTTPHeaders(request.headers.map { ($0.name, $0.value) }),
            body: request.body.isEmpty ? nil : .byteBuffer(ByteBuffer(bytes: request.body)))
        let accumulator = ResponseAccumulator(request: outgoing, maxBodySize: bodyBytesMax)
        let deadline = NIODeadline.now() + .seconds(Int64(request.timeoutSeconds))
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
