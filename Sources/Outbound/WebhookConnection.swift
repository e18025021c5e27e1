import Domain
import NIOCore
import NIOSSL
import NIOTLS

/// A request on its way, and who waits for it.
struct Exchange: Sendable {
    let request: ByteBuffer
    let deadline: NIODeadline
    /// The connection has served another exchange before.
    let isReused: Bool
    let continuation: CheckedContinuation<ExchangeResult, Never>
}

/// What came of one exchange on one connection.
enum ExchangeResult: Sendable {
    case reply(status: Int, body: [UInt8], retryAfter: String?, error: HTTPTransportError?)
    case failed(HTTPTransportError)
    /// A kept connection ended before any byte of a reply: the other side had closed it while it was idle.
    case stale
}

/// One connection: at most one exchange at a time, one timer, no redirects.
final class WebhookConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let key: PoolKey
    private let pool: WebhookPool
    private let limits: WebhookLimits
    private let runtime: any Runtime
    private let id: Int
    private var context: ChannelHandlerContext?
    private var isOpen: Bool
    private var connectBy: NIODeadline
    /// Why the handshake failed.
    private var failure = HTTPTransportError.tls
    private var current: Exchange?
    private var parser: ResponseParser
    private var sawByte = false
    private var written = 0
    private var started = 0
    private var endsAt = NIODeadline.distantFuture
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?

    init(
        key: PoolKey, pool: WebhookPool, limits: WebhookLimits, runtime: any Runtime, id: Int, connectBy: NIODeadline
    ) {
        self.key = key
        self.pool = pool
        self.limits = limits
        self.runtime = runtime
        self.id = id
        self.connectBy = connectBy
        isOpen = !key.isSecure
        parser = ResponseParser(headBytesMax: limits.headBytesMax, bodyBytesMax: limits.bodyBytesMax)
    }

    // MARK: exchanges

    func start(_ exchange: Exchange) {
        guard let context, context.channel.isActive, current == nil else {
            exchange.continuation.resume(returning: exchange.isReused ? .stale : .failed(isOpen ? .brokenOff : failure))
            return
        }
        current = exchange
        parser = ResponseParser(headBytesMax: limits.headBytesMax, bodyBytesMax: limits.bodyBytesMax)
        sawByte = false
        started += 1
        let number = started
        endBy(isOpen ? exchange.deadline : min(connectBy, exchange.deadline))
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.written = number }
        context.writeAndFlush(wrapOutboundOut(exchange.request), promise: promise)
    }

    private func replied(_ context: ChannelHandlerContext, error: HTTPTransportError? = nil) {
        guard let exchange = current else { return }
        guard let status = parser.status else { return end(.failed(error ?? .brokenOff), context) }
        let reply = ExchangeResult.reply(
            status: status, body: parser.body, retryAfter: parser.retryAfter, error: error)
        guard error == nil, parser.isReusable, written == started, context.channel.isActive else {
            return end(reply, context)
        }
        current = nil
        endBy(.now() + limits.idle)
        let handle = PooledConnection(
            id: id, channel: context.channel, handler: NIOLoopBound(self, eventLoop: context.eventLoop))
        if !pool.give(handle, key) { context.close(promise: nil) }
        exchange.continuation.resume(returning: reply)
    }

    private func end(_ result: ExchangeResult, _ context: ChannelHandlerContext) {
        let exchange = current
        current = nil
        context.close(promise: nil)
        exchange?.continuation.resume(returning: result)
    }

    // MARK: time

    /// One timer per connection: it is set anew only when the end moves closer, and else looks again when it fires.
    private func endBy(_ deadline: NIODeadline) {
        endsAt = deadline
        if let timer, timer.at <= deadline { return }
        timer?.task.cancel()
        schedule(deadline)
    }

    private func schedule(_ deadline: NIODeadline) {
        guard let context else { return }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
        timer = (task, deadline)
    }

    private func timerFired() {
        timer = nil
        guard let context else { return }
        guard NIODeadline.now() >= endsAt else { return schedule(endsAt) }
        if current == nil {
            context.close(promise: nil)
        } else {
            replied(context, error: isOpen ? .timedOut : .connectTimedOut)
        }
    }

    // MARK: channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            isOpen = true
            if let exchange = current { endBy(exchange.deadline) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        // Nobody has asked: what is said now could be taken for the next reply.
        guard current != nil else { return context.close(promise: nil) }
        sawByte = true
        switch parser.feed(&bytes) {
        case .more: break
        case .complete: replied(context)
        case .tooLarge: end(.failed(.tooLarge), context)
        case .malformed: replied(context, error: .malformed)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isOpen {
            failure = reason(error, context)
            if current != nil { end(.failed(failure), context) }
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.task.cancel()
        timer = nil
        pool.forget(id, key)
        if let exchange = current {
            if !isOpen {
                end(.failed(failure), context)
            } else if !sawByte, exchange.isReused {
                end(.stale, context)
            } else {
                replied(context, error: parser.finish() == .complete ? nil : .brokenOff)
            }
        }
        context.fireChannelInactive()
    }

    /// The library says that a certificate was refused, not why: its date is looked at here.
    private func reason(_ error: any Error, _ context: ChannelHandlerContext) -> HTTPTransportError {
        switch error {
        case let error as NIOSSLExtraError
        where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
            return .tlsName
        case NIOSSLError.handshakeFailed:
            do {
                let tls = try context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
                guard let end = tls.peerCertificate?.notValidAfter else { return .tls }
                return Int64(end) * 1000 < runtime.now().ms ? .tlsExpired : .tls
            } catch {
                return .tls
            }
        default: return .tls
        }
    }
}
