import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A request as the sink saw it.
public struct SinkRequest: Sendable {
    public let method: String
    /// Path and query.
    public let target: String
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]
    /// Counts from 1; requests on one kept connection share it.
    public let connection: Int

    /// The first value of a header, whose name is compared without regard to case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// What the sink does with one request, byte by byte where a test asks for it.
public struct SinkReply: Sendable {
    /// One thing that the sink does on the connection; a reply is several in order.
    public enum Action: Sendable {
        case send([UInt8])
        case wait(ms: Int64)
        /// Sends the bytes again and again until the other side goes.
        case forever([UInt8], everyMs: Int64)
        case close
        /// Closes the writing half only and goes on reading.
        case closeOutput
        /// Ends the connection by a TCP reset.
        case reset
    }

    public var actions: [Action]
    /// No action at all leaves the request unanswered.
    public init(_ actions: [Action]) { self.actions = actions }

    /// A whole reply on a connection that is kept.
    public static func status(
        _ status: Int, headers: [(String, String)] = [], body: String = "", afterMs: Int64 = 0
    ) -> SinkReply {
        let bytes = head(status, headers + [("Content-Length", String(body.utf8.count))]) + Array(body.utf8)
        return SinkReply((afterMs > 0 ? [.wait(ms: afterMs)] : []) + [.send(bytes)])
    }

    public static let ok = SinkReply.status(200)
    public static let silence = SinkReply([])

    /// A status line and headers, up to and with the empty line.
    public static func head(_ status: Int, _ headers: [(String, String)]) -> [UInt8] {
        let lines = ["HTTP/1.1 \(status) Scripted"] + headers.map { "\($0.0): \($0.1)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }
}

/// A customer's server that does as it is told: records each request and answers by script.
public final class WebhookSink: Sendable {
    private struct State {
        var requests: [SinkRequest] = []
        var told = 0
        var waiting: [CheckedContinuation<SinkRequest, Never>] = []
        var children: [Int: any Channel] = [:]
        var connections = 0
    }

    private let state = Mutex(State())
    private let script: @Sendable (SinkRequest) -> SinkReply
    private let listener = Mutex<(any Channel)?>(nil)

    private init(_ script: @escaping @Sendable (SinkRequest) -> SinkReply) { self.script = script }

    /// - Parameters:
    ///   - prepare: may put handlers, such as TLS, before the sink's own.
    ///   - script: answers a request; runs on an event loop, must not block.
    public static func start(
        host: String = "127.0.0.1", prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        _ script: @escaping @Sendable (SinkRequest) -> SinkReply
    ) async throws -> WebhookSink {
        let sink = WebhookSink(script)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try prepare(child)
                    try child.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(HTTPRequestDecoder()), SinkHandler(sink, sink.admit(child)),
                    ])
                }
            }
            .bind(host: host, port: 0).get()
        sink.listener.withLock { $0 = channel }
        return sink
    }

    public var port: Int { listener.withLock { $0?.localAddress?.port ?? 0 } }
    public var url: String { "http://127.0.0.1:\(port)/hook" }
    public var requests: [SinkRequest] { state.withLock { $0.requests } }
    /// How many connections were ever made.
    public var connections: Int { state.withLock { $0.connections } }
    public var openConnections: Int { state.withLock { $0.children.count } }

    /// The next request that `next` has not returned yet, as soon as it is there.
    public func next() async -> SinkRequest {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if state.told < state.requests.count {
                    continuation.resume(returning: state.requests[state.told])
                    state.told += 1
                } else {
                    state.waiting.append(continuation)
                }
            }
        }
    }

    /// Stops listening and ends all connections.
    public func stop() async {
        let children = state.withLock { Array($0.children.values) }
        for child in children { child.close(promise: nil) }
        try? await listener.withLock { $0 }?.close().get()
    }

    private func admit(_ channel: any Channel) -> Int {
        let number = state.withLock { state in
            state.connections += 1
            state.children[state.connections] = channel
            return state.connections
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.children[number] = nil } }
        return number
    }

    fileprivate func answer(_ request: SinkRequest) -> SinkReply {
        let reply = script(request)
        state.withLock { state in
            state.requests.append(request)
            if !state.waiting.isEmpty {
                state.told += 1
                state.waiting.removeFirst().resume(returning: request)
            }
        }
        return reply
    }
}

private final class SinkHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let sink: WebhookSink
    private let connection: Int
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ sink: WebhookSink, _ connection: Int) {
        self.sink = sink
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let bytes): body += Array(bytes.readableBytesView)
        case .end:
            guard let head else { return }
            let request = SinkRequest(
                method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) },
                body: body, connection: connection)
            perform(sink.answer(request).actions[...], context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func perform(_ actions: ArraySlice<SinkReply.Action>, _ context: ChannelHandlerContext) {
        guard context.channel.isActive, let action = actions.first else { return }
        let rest = actions.dropFirst()
        switch action {
        case .send(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .wait(let ms): return later(ms, context) { self.perform(rest, context) }
        case .forever(let bytes, let ms):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            return later(ms, context) { self.perform(actions, context) }
        case .close: context.close(promise: nil)
        case .closeOutput: context.close(mode: .output, promise: nil)
        case .reset: reset(context)
        }
        perform(rest, context)
    }

    private func later(_ ms: Int64, _ context: ChannelHandlerContext, _ body: @escaping () -> Void) {
        // Due at once, a task that renews itself would leave the loop no time for its other sockets.
        context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(max(1, ms))) { body() }
    }

    private func reset(_ context: ChannelHandlerContext) {
        #if canImport(Glibc)
            _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        #endif
        context.close(promise: nil)
    }
}
