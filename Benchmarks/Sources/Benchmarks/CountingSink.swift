import Crypto
import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A customer's server that does nothing but count, in a process of its own with one thread: every POST is answered
/// with 200 at its end, on `/flaky` one in ten with 500; `/hole`, `/drip` and `/busy` are the
/// neighbours that nobody wants. One in a hundred signatures is checked.
enum CountingSink {
    /// What the program is called with to be the sink.
    static let argument = "sink"

    /// A number that several tasks count up.
    final class Number: Sendable {
        private let value = Atomic<Int>(0)
        /// The next number, from 1.
        func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).newValue }
    }

    private final class Counter: Sendable {
        let count = Atomic<Int>(0)
        let good = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        let key = Mutex<SymmetricKey?>(nil)
    }

    /// Serves until its standard input ends; prints its port first, and what it counted for every line it is given.
    /// A line `key …` has the key, in base64, under which a sample of signatures is checked.
    static func serve() async throws {
        let counter = Counter()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(counter))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        FileHandle.standardOutput.write(Data("\(channel.localAddress?.port ?? 0)\n".utf8))
        while let line = readLine() {
            if line.hasPrefix("key "), let bytes = Data(base64Encoded: String(line.dropFirst(4))) {
                counter.key.withLock { $0 = SymmetricKey(data: bytes) }
            }
            let (count, good, wrong) = (
                counter.count.load(ordering: .relaxed), counter.good.load(ordering: .relaxed),
                counter.wrong.load(ordering: .relaxed)
            )
            FileHandle.standardOutput.write(Data("\(count) \(good) \(wrong)\n".utf8))
        }
        exit(0)
    }

    /// Reads requests as they come, without making anything of their heads but what is needed.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let counter: Counter
        private var held = ByteBuffer()
        private static let ok = ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        private static let busy = ByteBuffer(
            string: "HTTP/1.1 429 Later\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
        private static let begun = ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        private static let failed = ByteBuffer(string: "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n")

        init(_ counter: Counter) { self.counter = counter }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            if held.readableBytes == 0 { held = bytes } else { held.writeBuffer(&bytes) }
            while let (head, body) = request() { answer(head, body, context) }
            if held.readableBytes == 0 { held.clear() }
        }

        private func request() -> (head: Substring, body: ByteBufferView)? {
            let view = held.readableBytesView
            guard let end = view.firstRange(of: [13, 10, 13, 10]) else { return nil }
            let head = String(decoding: view[view.startIndex..<end.lowerBound], as: UTF8.self)
            let length = Handler.value("content-length", head).flatMap { Int($0) } ?? 0
            guard view.endIndex - end.upperBound >= length else { return nil }
            let body = view[end.upperBound..<end.upperBound + length]
            held.moveReaderIndex(to: end.upperBound + length)
            return (head[...], body)
        }

        private static func value(_ name: String, _ head: some StringProtocol) -> String? {
            for line in head.utf8.split(separator: UInt8(10)) {
                guard line.count > name.utf8.count + 1, line.dropFirst(name.utf8.count).first == UInt8(58),
                    zip(line, name.utf8).allSatisfy({ $0 | 32 == $1 | 32 })
                else { continue }
                let value = line.dropFirst(name.utf8.count + 1).filter { $0 != 32 && $0 != 13 }
                return String(decoding: value, as: UTF8.self)
            }
            return nil
        }

        private func answer(_ head: Substring, _ body: ByteBufferView, _ context: ChannelHandlerContext) {
            let number = counter.count.wrappingAdd(1, ordering: .relaxed).newValue
            // The other endpoints have keys of their own.
            if number % 100 == 0, head.hasPrefix("POST /hook "), let key = counter.key.withLock({ $0 }) {
                check(head, body, key)
            }
            if head.hasPrefix("POST /hole ") { return }
            if head.hasPrefix("POST /drip ") { return drip(context.channel) }
            if head.hasPrefix("POST /busy ") {
                return context.writeAndFlush(wrapOutboundOut(Self.busy), promise: nil)
            }
            let isFailed = number % 10 == 0 && head.hasPrefix("POST /flaky")
            context.writeAndFlush(wrapOutboundOut(isFailed ? Self.failed : Self.ok), promise: nil)
        }

        /// A byte of a reply that never ends, every second.
        private func drip(_ channel: any Channel) {
            channel.writeAndFlush(Self.begun, promise: nil)
            let loop = channel.eventLoop
            loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { task in
                guard channel.isActive else { return task.cancel() }
                channel.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
            }
        }

        private func check(_ head: Substring, _ body: ByteBufferView, _ key: SymmetricKey) {
            var hmac = HMAC<SHA256>(key: key)
            let id = Self.value("webhook-id", head) ?? ""
            let stamp = Self.value("webhook-timestamp", head) ?? ""
            hmac.update(data: Data("\(id).\(stamp).".utf8))
            hmac.update(data: Data(body))
            let wanted = "v1," + Data(hmac.finalize()).base64EncodedString()
            let isGood = Self.value("webhook-signature", head)?.split(separator: " ").contains { $0 == wanted } == true
            if isGood {
                counter.good.wrappingAdd(1, ordering: .relaxed)
            } else {
                counter.wrong.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }

    /// The sink as a process of its own.
    final class Running {
        private let process = Process()
        private let input = Pipe()
        private let output = Pipe()
        let url: String
        let processID: Int32

        init() throws {
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = [CountingSink.argument]
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            url = "http://127.0.0.1:\(line.trimmingCharacters(in: .whitespacesAndNewlines))"
            processID = process.processIdentifier
        }

        /// Requests that came, signatures that were right, and wrong.
        func counts() -> (all: Int, good: Int, wrong: Int) { ask("?") }

        /// Checks signatures by this secret, `whsec_…`, from now on.
        func check(under secret: String) { _ = ask("key " + secret.dropFirst("whsec_".count)) }

        private func ask(_ line: String) -> (all: Int, good: Int, wrong: Int) {
            input.fileHandleForWriting.write(Data((line + "\n").utf8))
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            let parts = line.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
            return parts.count >= 3 ? (parts[0], parts[1], parts[2]) : (0, 0, 0)
        }

        func stop() {
            input.fileHandleForWriting.closeFile()
            process.waitUntilExit()
        }
    }
}
