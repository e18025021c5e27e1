import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A customer's server that does nothing but count: every POST is answered with 200 at its end.
enum CountingSink {
    final class Counter: Sendable {
        let count = Atomic<Int>(0)
    }

    static func start() async throws -> (sink: any Channel, counter: Counter, url: String) {
        let counter = Counter()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Handler(counter))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return (channel, counter, "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/hook")
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let counter: Counter
        init(_ counter: Counter) { self.counter = counter }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .end = unwrapInboundIn(data) else { return }
            counter.count.wrappingAdd(1, ordering: .relaxed)
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "0"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
