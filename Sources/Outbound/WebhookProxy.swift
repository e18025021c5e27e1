import Domain
import NIOCore

/// The proxy that an operator has all webhooks go through.
public struct WebhookProxy: Sendable, Equatable {
    /// Lower case; without brackets when it is an IPv6 address.
    public let host: String
    public let port: Int

    /// - Parameter text: `http://proxy.internal:3128`.
    /// - Throws: `.invalidURL` for another scheme, a path, or a name and password.
    public init(_ text: String) throws(HTTPTransportError) {
        let url = try WebhookURL(text)
        guard !url.isSecure, url.target == "/" else { throw .invalidURL }
        host = url.host
        port = url.port
    }
}

/// Asks a proxy for a tunnel to a vetted address, and then leaves the connection to TLS.
///
/// The address is asked for, not the name: what was vetted is what the proxy connects to.
final class ProxyTunnel: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let target: String
    private let deadline: NIODeadline
    private let opened: EventLoopPromise<Void>
    private var parser: ResponseParser
    private var timer: Scheduled<Void>?
    private var isOver = false

    private init(_ target: String, _ limits: WebhookLimits, _ deadline: NIODeadline, _ opened: EventLoopPromise<Void>) {
        self.target = target
        self.deadline = deadline
        self.opened = opened
        parser = ResponseParser(headBytesMax: limits.headBytesMax, bodyBytesMax: limits.bodyBytesMax)
    }

    /// Runs on the channel's event loop.
    /// - Returns: succeeds when the tunnel stands; a failure has closed the channel.
    static func open(
        _ channel: any Channel, _ key: PoolKey, _ limits: WebhookLimits, by deadline: NIODeadline
    ) -> EventLoopFuture<Void> {
        let opened = channel.eventLoop.makePromise(of: Void.self)
        let address = key.address.isV4 ? "\(key.address)" : "[\(key.address)]"
        let tunnel = ProxyTunnel("\(address):\(key.port)", limits, deadline, opened)
        do {
            try channel.pipeline.syncOperations.addHandler(tunnel)
        } catch {
            opened.fail(error)
        }
        return opened.futureResult
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return fail(.proxy, context) }
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.fail(.connectTimedOut, context)
        }
        let text = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let progress = parser.feed(&bytes)
        guard let status = parser.status else {
            if progress != .more { fail(.proxy, context) }
            return
        }
        // The receiver waits for TLS to begin: whoever speaks before is not the receiver.
        guard (200..<300).contains(status), parser.body.isEmpty, bytes.readableBytes == 0 else {
            return fail((502...504).contains(status) ? .cannotConnect : .proxy, context)
        }
        isOver = true
        timer?.cancel()
        context.pipeline.syncOperations.removeHandler(context: context, promise: opened)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.proxy, context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(.proxy, context) }

    private func fail(_ error: HTTPTransportError, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        context.close(promise: nil)
        opened.fail(error)
    }
}
