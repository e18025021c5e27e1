import Domain
import NIOCore
import NIOPosix
import NIOSSL
import Outbound
import Synchronization
import TestKit
import Testing

/// Webhooks through an operator's proxy.
@Suite(.timeLimit(.minutes(30)))
struct ProxyTests {
    @Test("a plain request goes to the proxy with its whole URL, and where it goes to is vetted")
    func plain() async throws {
        let sink = try await WebhookSink.start { _ in .ok }
        let proxy = try WebhookProxy("http://proxy.test:\(sink.port)")
        let rig = Rig(
            names: [
                "hooks.test": ["8.8.8.8"], "six.test": ["2606:4700::1"], "inside.test": ["10.0.0.1"],
                "proxy.test": ["127.0.0.1"],
            ],
            allowsLoopback: false
        ) { $0.proxy = proxy }
        #expect(await rig.send("http://hooks.test/x?y=1", "one").status == 200)
        #expect(await rig.send("http://hooks.test:8080/", "two").status == 200)
        #expect(await rig.send("http://hooks.test/z", "three").status == 200)
        #expect(await rig.send("http://six.test/", "four").status == 200)
        #expect(
            sink.requests.map(\.target) == [
                "http://hooks.test/x?y=1", "http://hooks.test:8080/", "http://hooks.test/z", "http://six.test/",
            ])
        #expect(sink.requests.map { $0.header("host") } == ["hooks.test", "hooks.test:8080", "hooks.test", "six.test"])
        #expect(sink.requests[0].connection == sink.requests[2].connection, "the connection is kept")
        #expect(await rig.send("http://inside.test/").error == .refusedAddress)
        #expect(await rig.send("http://127.0.0.1:\(sink.port)/").error == .refusedAddress)
        #expect(await rig.send("http://gone.test/").error == .dns)
        #expect(sink.requests.count == 4)
        await rig.sender.shutdown()
        await sink.stop()
    }

    @Test(
        "a proxy that refuses, cannot reach the receiver, or speaks before it should has its own error",
        arguments: [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", HTTPTransportError.proxy), ("HTTP/1.1 407 Who\r\n\r\n", .proxy),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", .cannotConnect), ("HTTP/1.1 504 Late\r\n\r\n", .cannotConnect),
            ("HTTP/1.1 200 OK\r\n\r\nhello", .proxy), ("SSH-2.0-x\r\n", .proxy), ("", .proxy),
        ])
    func refuses(answer: String, error: HTTPTransportError) async throws {
        let asked = Tunnels(answer: answer)
        let proxy = try await asked.start()
        let rig = Rig(names: ["hooks.test": ["8.8.8.8"]], allowsLoopback: false) { $0.proxy = proxy }
        #expect(await rig.send("https://hooks.test/").error == error)
        #expect(asked.heads.withLock { $0 } == ["CONNECT 8.8.8.8:443 HTTP/1.1\r\nHost: 8.8.8.8:443\r\n\r\n"])
        await rig.sender.shutdown()
        try await asked.stop()
    }

    @Test("a proxy that is not there has its own error, and so has one without an address")
    func absent() async throws {
        try await withDeadPort { port in
            for host in ["127.0.0.1", "gone.test"] {
                let proxy = try WebhookProxy("http://\(host):\(port)")
                let rig = Rig(names: ["hooks.test": ["8.8.8.8"]]) { $0.proxy = proxy }
                #expect(await rig.send("https://hooks.test/").error == .proxy)
                #expect(await rig.send("http://hooks.test/").error == .proxy)
            }
        }
    }

    @Test(
        "what is no plain proxy is refused",
        arguments: [
            "https://proxy.test:1", "socks5://proxy.test", "http://a:b@proxy.test", "http://proxy.test/x", "proxy",
        ])
    func unclear(text: String) {
        #expect(throws: HTTPTransportError.invalidURL) { try WebhookProxy(text) }
    }
}

/// A proxy that answers every request for a tunnel alike, and keeps what it was asked.
final class Tunnels: Sendable {
    let heads = Mutex<[String]>([])
    private let answer: String
    private let listener = Mutex<(any Channel)?>(nil)

    init(answer: String) { self.answer = answer }

    func start() async throws -> WebhookProxy {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture { try child.pipeline.syncOperations.addHandler(self.handler(nil)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        listener.withLock { $0 = channel }
        return try WebhookProxy("http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
    }

    func stop() async throws { try await listener.withLock { $0 }?.close().get() }

    /// Takes the head of a CONNECT, answers, and hands the connection over to TLS if there is some.
    func handler(_ tls: NIOSSLContext?) -> any ChannelHandler & RemovableChannelHandler {
        TunnelHandler(self, answer, tls)
    }
}

private final class TunnelHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let owner: Tunnels
    private let answer: String
    private let tls: NIOSSLContext?
    private var head = ""

    init(_ owner: Tunnels, _ answer: String, _ tls: NIOSSLContext?) {
        self.owner = owner
        self.answer = answer
        self.tls = tls
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += String(buffer: unwrapInboundIn(data))
        guard head.hasSuffix("\r\n\r\n") else { return }
        owner.heads.withLock { $0.append(head) }
        if answer.isEmpty { return context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        guard let tls else { return }
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(NIOSSLServerHandler(context: tls), position: .after(self))
        } catch {
            context.close(promise: nil)
        }
        pipeline.removeHandler(context: context, promise: nil)
    }
}
