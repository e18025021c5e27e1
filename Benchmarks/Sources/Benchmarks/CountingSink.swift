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

    /// What is asked for.
    private enum Path {
        case hook, flaky, hole, drip, busy, other

        init(_ head: UnsafeRawBufferPointer) {
            func begins(_ text: StaticString) -> Bool {
                guard let base = head.baseAddress, head.count > text.utf8CodeUnitCount else { return false }
                return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
            }
            if begins("POST /hook ") {
                self = .hook
            } else if begins("POST /flaky") {
                self = .flaky
            } else if begins("POST /hole ") {
                self = .hole
            } else if begins("POST /drip ") {
                self = .drip
            } else {
                self = begins("POST /busy ") ? .busy : .other
            }
        }
    }

    private struct Head {
        let path: Path
        let bytes: ByteBuffer

        func text(_ name: StaticString) -> String {
            bytes.withUnsafeReadableBytes { String(decoding: Self.value(name, $0), as: UTF8.self) }
        }

        /// The bytes before the empty line; nil where none has come yet.
        static func count(_ bytes: UnsafeRawBufferPointer) -> Int? {
            guard let base = bytes.baseAddress else { return nil }
            var start = 0
            while let found = memchr(base + start, 10, bytes.count - start) {
                let end = UnsafeRawPointer(found) - base
                if end == start + 1 { return start >= 2 ? start - 2 : nil }
                start = end + 1
            }
            return nil
        }

        /// A field's value without its line end; empty where there is none.
        static func value(_ name: StaticString, _ head: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
            let length = name.utf8CodeUnitCount
            let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
            var start = 0
            while start < head.count, let base = head.baseAddress {
                let line = base + start
                var end = head.count
                if let found = memchr(line, 10, head.count - start) { end = UnsafeRawPointer(found) - base }
                if end - start > length, head[start + length] == UInt8(ascii: ":"),
                    strncasecmp(line.assumingMemoryBound(to: CChar.self), text, length) == 0
                {
                    return head[(start + length + 1)..<end].drop { $0 == 32 }.prefix { $0 != 13 }
                }
                start = end + 1
            }
            return head[0..<0]
        }
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

        /// The next whole request. With the bytes where they lie, since what the sink takes nobody else has.
        private func request() -> (head: Head, body: ByteBufferView)? {
            let found = held.withUnsafeReadableBytes { bytes -> (head: Int, length: Int, path: Path)? in
                guard let count = Head.count(bytes) else { return nil }
                let head = UnsafeRawBufferPointer(rebasing: bytes[0..<count])
                let length = Head.value("content-length", head).reduce(0) { $0 * 10 + Int($1 & 15) }
                return bytes.count - count - 4 < length ? nil : (count, length, Path(head))
            }
            guard let found, let head = held.readSlice(length: found.head) else { return nil }
            held.moveReaderIndex(forwardBy: 4)
            guard let body = held.readSlice(length: found.length) else { return nil }
            return (Head(path: found.path, bytes: head), body.readableBytesView)
        }

        private func answer(_ head: Head, _ body: ByteBufferView, _ context: ChannelHandlerContext) {
            let number = counter.count.wrappingAdd(1, ordering: .relaxed).newValue
            // The other endpoints have keys of their own.
            if number % 100 == 0, head.path == .hook, let key = counter.key.withLock({ $0 }) {
                check(head, body, key)
            }
            let reply: ByteBuffer
            switch head.path {
            case .hole: return
            case .drip: return drip(context.channel)
            case .busy: reply = Self.busy
            case .flaky: reply = number % 10 == 0 ? Self.failed : Self.ok
            case .hook, .other: reply = Self.ok
            }
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
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

        private func check(_ head: Head, _ body: ByteBufferView, _ key: SymmetricKey) {
            var hmac = HMAC<SHA256>(key: key)
            let id = head.text("webhook-id")
            let stamp = head.text("webhook-timestamp")
            hmac.update(data: Data("\(id).\(stamp).".utf8))
            hmac.update(data: Data(body))
            let wanted = "v1," + Data(hmac.finalize()).base64EncodedString()
            let isGood = head.text("webhook-signature").split(separator: " ").contains { $0 == wanted }
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
