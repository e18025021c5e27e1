import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// A bank of one process with one thread, which tells balances as the sandbox bank does: those of every tenth account
/// differ from round to round. It runs beside the benchmark, so that its share of the processors can be told apart.
enum BenchBank {
    /// What the program is called with to be the bank.
    static let argument = "bank"

    /// Serves until its standard input ends; prints its port first.
    static func serve() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Handler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        FileHandle.standardOutput.write(Data("\(channel.localAddress?.port ?? 0)\n".utf8))
        while readLine() != nil {}
        exit(0)
    }

    /// What it answers to `/<round>/…/accounts/<number>/balance`.
    static func balance(path: String) -> String {
        let parts = path.split(separator: "/")
        let round = parts.first.flatMap { Int($0) } ?? 0
        let number = parts.count > 1 ? Int(parts[parts.count - 2]) ?? 0 : 0
        let kobo = number % 10 == 0 ? round % 100 : 0
        let amount = "1000.\(kobo < 10 ? "0" : "")\(kobo)"
        return """
            {"account":"\(number)","currency":"NGN","ledger":"\(amount)","available":"\(amount)",\
            "as_of":"2026-01-01T00:00:00Z"}
            """
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private var path = ""

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): path = head.uri
            case .body: break
            case .end:
                let body = ByteBuffer(string: BenchBank.balance(path: path))
                let head = HTTPResponseHead(
                    version: .http1_1, status: .ok,
                    headers: ["content-type": "application/json", "content-length": "\(body.readableBytes)"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }

    /// The bank as a process of its own.
    final class Running {
        private let process = Process()
        private let input = Pipe()
        let url: String
        let processID: Int32

        init() throws {
            let output = Pipe()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = [BenchBank.argument]
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            url = "http://127.0.0.1:\(line.trimmingCharacters(in: .whitespacesAndNewlines))"
            processID = process.processIdentifier
        }

        func stop() {
            input.fileHandleForWriting.closeFile()
            process.waitUntilExit()
        }
    }
}
