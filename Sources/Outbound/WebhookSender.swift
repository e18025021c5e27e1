import Domain
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Sends signed webhooks to servers that customers name: to vetted addresses only, within caps on time and
/// size, without following redirects.
///
/// A reply that breaks off or is too slow after its status line keeps the status and carries the error beside
/// it: the receiver has decided by then.
public final class WebhookSender: WebhookTransport {
    private let group: any EventLoopGroup
    private let runtime: any Runtime
    private let limits: WebhookLimits
    private let resolver: GuardedResolver
    let pool: WebhookPool
    private let tls: TLSContexts
    private let urls = ParsedURLs()
    private let loops: [any EventLoop]
    public let executors: [any TaskExecutor]

    /// - Parameter ownListeners: hosts and ports of this server, refused after the name is resolved; a
    ///   wildcard or a name stands for that port on every loopback address.
    public init(
        group: any EventLoopGroup, resolver: any Resolving, addressGuard: AddressGuard, runtime: any Runtime,
        limits: WebhookLimits = WebhookLimits(), ownListeners: [(String, Int)] = []
    ) {
        self.group = group
        self.runtime = runtime
        self.limits = limits
        self.resolver = GuardedResolver(
            resolver: resolver, addressGuard: addressGuard, runtime: runtime, limits: limits,
            ownListeners: ownListeners)
        pool = WebhookPool(limits: limits)
        tls = TLSContexts(extraAuthoritiesFile: limits.extraAuthoritiesFile)
        loops = Array(group.makeIterator())
        executors = loops.map(LoopExecutor.init)
    }

    public func send(_ request: WebhookRequest) async -> WebhookOutcome {
        do {
            return try await exchange(request)
        } catch {
            return WebhookOutcome(status: nil, error: error)
        }
    }

    /// Ends every connection; what is under way comes back as broken off.
    public func shutdown() async { await pool.shutdown() }

    /// For metrics.
    public var openConnections: Int { pool.openCount }

    // MARK: one exchange

    private func exchange(_ request: WebhookRequest) async throws(HTTPTransportError) -> WebhookOutcome {
        let deadline = NIODeadline.now() + limits.exchange
        let url = try urls.url(request.url)
        let addresses = try await resolver.addresses(of: url)
        let bytes = RequestWriter.bytes(request, url, isProxied: limits.proxy != nil)
        // Whoever runs on an event loop has connections there; others take what there is.
        let own = loops.first { $0.inEventLoop }
        let route = Route(
            url: url, authorities: url.isSecure ? request.authorities : nil,
            trust: url.isSecure ? tls.trust(request.authorities) : .standard, loop: own ?? group.next())
        for address in addresses.prefix(limits.addressesTriedMax) {
            guard let kept = kept(route, address, on: own.map { [$0] } ?? loops) else { continue }
            let result = await kept.perform(bytes, deadline: deadline, isReused: true)
            if let outcome = try outcome(result) { return outcome }
            break
        }
        let fresh = try await connect(route, addresses, deadline)
        let result = await fresh.perform(bytes, deadline: deadline, isReused: false)
        guard let outcome = try outcome(result) else { throw .brokenOff }
        return outcome
    }

    private func kept(_ route: Route, _ address: IPAddress, on loops: [any EventLoop]) -> PooledConnection? {
        for loop in loops {
            if let kept = pool.take(route.key(address, loop)) { return kept }
        }
        return nil
    }

    /// - Returns: nil when another connection must be tried.
    private func outcome(_ result: ExchangeResult) throws(HTTPTransportError) -> WebhookOutcome? {
        switch result {
        case .stale: return nil
        case .failed(let error): throw error
        case .reply(let status, let body, let retryAfter, let error):
            let wait = retryAfter.flatMap { RetryAfter.seconds($0, now: runtime.now()) }
            return WebhookOutcome(status: status, error: error, responseBody: body, retryAfterSeconds: wait)
        }
    }

    // MARK: connecting

    /// Tries the vetted addresses in turn, all within the time to connect.
    private func connect(
        _ route: Route, _ addresses: [IPAddress], _ deadline: NIODeadline
    ) async throws(HTTPTransportError) -> PooledConnection {
        let tried = addresses.prefix(limits.addressesTriedMax)
        let connectBy = min(deadline, .now() + limits.connect)
        var problem = late
        for (index, address) in tried.enumerated() {
            let left = connectBy - .now()
            guard left > .zero else { break }
            let share = TimeAmount.nanoseconds(left.nanoseconds / Int64(tried.count - index))
            do {
                let connection = try await open(route, address, connectBy, share)
                if index > 0 { resolver.prefer(address, host: route.url.host) }
                return connection
            } catch {
                problem = error
            }
        }
        throw deadline > .now() ? problem : .timedOut
    }

    private func open(
        _ route: Route, _ address: IPAddress, _ connectBy: NIODeadline, _ timeout: TimeAmount
    ) async throws(HTTPTransportError) -> PooledConnection {
        let context = route.url.isSecure ? try tls.context(route.authorities) : nil
        let key = route.key(address, route.loop)
        do {
            let (next, port) = try await hop(address, key.port)
            let remote = try SocketAddress(packedIPAddress: ByteBuffer(bytes: next.bytes), port: port)
            return try await ClientBootstrap(group: route.loop).connectTimeout(timeout).connect(to: remote)
                .flatMap { channel in
                    guard self.limits.proxy != nil, context != nil else {
                        return channel.eventLoop.makeSucceededFuture(channel)
                    }
                    return ProxyTunnel.open(channel, key, self.limits, by: connectBy).map { channel }
                }
                .flatMapThrowing { channel in
                    do {
                        return try self.equip(channel, remote, key, context, connectBy)
                    } catch {
                        channel.close(promise: nil)
                        throw error
                    }
                }.get()
        } catch let error as HTTPTransportError {
            throw error
        } catch is NIOSSLExtraError {
            throw .tls
        } catch ChannelError.connectTimeout {
            throw late
        } catch {
            throw limits.proxy == nil ? .cannotConnect : .proxy
        }
    }

    /// The time to connect was over, perhaps before any address was tried.
    private var late: HTTPTransportError { limits.proxy == nil ? .connectTimedOut : .proxy }

    /// Where the connection is made to: the vetted address itself, or the proxy that leads there.
    private func hop(
        _ address: IPAddress, _ port: Int
    ) async throws(HTTPTransportError) -> (address: IPAddress, port: Int) {
        guard let proxy = limits.proxy else { return (address, port) }
        guard let first = try await resolver.addresses(of: proxy).first else { throw .proxy }
        return (first, proxy.port)
    }

    /// Runs on the channel's event loop before any byte has gone out.
    private func equip(
        _ channel: any Channel, _ remote: SocketAddress, _ key: PoolKey, _ tls: NIOSSLContext?,
        _ connectBy: NIODeadline
    ) throws -> PooledConnection {
        guard channel.remoteAddress == remote else { throw HTTPTransportError.refusedAddress }
        guard let id = pool.admit(channel) else { throw HTTPTransportError.cannotConnect }
        let handler = WebhookConnection(
            key: key, pool: pool, limits: limits, runtime: runtime, id: id, connectBy: connectBy)
        do {
            if let tls {
                // An address has no server name to ask for; the certificate must then name the address.
                let name = IPAddress(key.host) == nil ? key.host : nil
                try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
            }
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            pool.forget(id, key)
            throw error
        }
        return PooledConnection(
            id: id, channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
    }
}

/// Where a request goes, and whose certificates are believed there.
private struct Route {
    let url: WebhookURL
    let authorities: String?
    let trust: TLSContexts.Trust
    /// Where a new connection is made.
    let loop: any EventLoop

    func key(_ address: IPAddress, _ loop: any EventLoop) -> PoolKey {
        PoolKey(
            isSecure: url.isSecure, host: url.host, port: url.port, address: address, trust: trust,
            loop: ObjectIdentifier(loop))
    }
}

/// The bytes of a POST.
enum RequestWriter {
    /// The sender's own headers; a caller's are left out.
    private static let owned = ["host", "content-length", "transfer-encoding", "connection", "accept-encoding"]

    /// - Parameter isProxied: a proxy is told the whole URL, unless it holds a tunnel and does not see it.
    static func bytes(_ request: WebhookRequest, _ url: WebhookURL, isProxied: Bool = false) -> ByteBuffer {
        var out = ByteBuffer()
        out.reserveCapacity(request.body.count + 768)
        out.writeString("POST ")
        if isProxied, !url.isSecure { out.writeString("http://\(url.hostHeader)") }
        out.writeString(url.target)
        out.writeString(" HTTP/1.1\r\nHost: ")
        out.writeString(url.hostHeader)
        // Nothing is decompressed: a small reply can never become a large one.
        out.writeString("\r\nAccept-Encoding: identity\r\nContent-Length: ")
        out.writeString(String(request.body.count))
        out.writeString("\r\n")
        for (name, value) in request.headers where isToken(name) && !isOwned(name) {
            out.writeString(name)
            out.writeString(": ")
            write(value, to: &out)
            out.writeString("\r\n")
        }
        out.writeString("\r\n")
        out.writeBytes(request.body)
        return out
    }

    /// A control character in a value could end the header and begin another: it becomes a blank.
    private static func write(_ value: String, to out: inout ByteBuffer) {
        var value = value
        let isClean = value.withUTF8 { bytes in
            for byte in bytes where byte < 0x20 || byte == 0x7f { return false }
            return true
        }
        if isClean {
            out.writeString(value)
        } else {
            out.writeBytes(value.utf8.map { $0 >= 0x20 && $0 != 0x7f ? $0 : 0x20 })
        }
    }

    /// Which bytes a header's name may have.
    private static let tokens: [Bool] = (0...255).map { byte in
        byte > 0x20 && byte < 0x7f && !"\"(),/:;<=>?@[\\]{}".utf8.contains(UInt8(byte))
    }

    private static func isToken(_ name: String) -> Bool {
        for byte in name.utf8 where !tokens[Int(byte)] { return false }
        return !name.isEmpty
    }

    private static func isOwned(_ name: String) -> Bool {
        let length = name.utf8.count
        for lower in owned where lower.utf8.count == length && lower == name.lowercased() { return true }
        return false
    }
}

/// URLs that were taken apart before; most are sent to again and again.
private final class ParsedURLs: Sendable {
    private static let urlsMax = 4096
    private let urls = Mutex<[String: WebhookURL]>([:])

    func url(_ text: String) throws(HTTPTransportError) -> WebhookURL {
        if let known = urls.withLock({ $0[text] }) { return known }
        let url = try WebhookURL(text)
        urls.withLock { urls in
            if urls.count >= Self.urlsMax { urls = [:] }
            urls[text] = url
        }
        return url
    }
}
