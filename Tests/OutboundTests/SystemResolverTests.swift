import Domain
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Outbound

@Suite("The machine's resolver", .timeLimit(.minutes(30)))
struct SystemResolverTests {
    /// Names that begin with `silent` are answered when the line is hung up, all others at once.
    private final class Line: Sendable {
        private let pipe = Mutex(Pipe())
        let asked = Mutex<[String: Int]>([:])
        let calls: AsyncStream<String>
        private let call: AsyncStream<String>.Continuation

        init() { (calls, call) = AsyncStream.makeStream() }

        func find(_ host: String) -> SystemResolver.Answer {
            asked.withLock { $0[host, default: 0] += 1 }
            // Who waits for this call may hang up at once: it must be this line then.
            let pipe = pipe.withLock { $0 }
            call.yield(host)
            if host.hasPrefix("silent") { _ = pipe.fileHandleForReading.availableData }
            return host.hasPrefix("gone") ? .failure(.dns) : .success(["192.0.2.1"])
        }

        /// - Parameter isLast: what is asked later is answered too; otherwise it waits again.
        func hangUp(isLast: Bool = true) throws {
            let last = pipe.withLock { pipe in
                defer { pipe = isLast ? pipe : Pipe() }
                return pipe
            }
            try last.fileHandleForWriting.close()
        }

        /// Until so many names have been asked for.
        func wait(for count: Int) async {
            var seen = 0
            for await _ in calls {
                seen += 1
                if seen == count { return }
            }
        }
    }

    private func resolver(_ line: Line, threads: Int = 2) -> SystemResolver {
        SystemResolver(
            group: MultiThreadedEventLoopGroup.singleton, threadCount: threads, timeout: .hours(1), find: line.find)
    }

    /// Its asker waits for no more than a moment.
    private func giveUp(_ resolver: SystemResolver, on name: String) async {
        await #expect(throws: HTTPTransportError.dns) {
            try await resolver.resolve(host: name, within: .milliseconds(5))
        }
    }

    @Test("silent names, however many, hold up no name that answered before")
    func silent() async throws {
        let line = Line()
        let resolver = resolver(line)
        #expect(try await resolver.resolve(host: "good") == ["192.0.2.1"])
        await #expect(throws: HTTPTransportError.dns) { try await resolver.resolve(host: "gone") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask { _ = try await resolver.resolve(host: "silent\(number)") }
            }
            await line.wait(for: 10)
            #expect(try await resolver.resolve(host: "good") == ["192.0.2.1"])
            await #expect(throws: HTTPTransportError.dns) { try await resolver.resolve(host: "gone") }
            try line.hangUp()
            try await group.waitForAll()
        }
        await resolver.shutdown()
    }

    @Test("names that were silent the last time hold up no new ones")
    func new() async throws {
        let line = Line()
        let resolver = resolver(line, threads: 1)
        let names = (0..<4).map { "silent\($0)" }
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Who waits for each of them is told when its look-up is over.
            for name in names { group.addTask { _ = try await resolver.resolve(host: name) } }
            await line.wait(for: 4)
            for name in names { await giveUp(resolver, on: name) }
            try line.hangUp(isLast: false)
            try await group.waitForAll()
        }
        #expect(try await resolver.resolve(host: "new") == ["192.0.2.1"])
        for name in names { await giveUp(resolver, on: name) }
        #expect(try await resolver.resolve(host: "newer") == ["192.0.2.1"])
        try line.hangUp()
        await resolver.shutdown()
    }

    @Test("a name is looked up once at a time, also when its askers have given up")
    func once() async throws {
        let line = Line()
        let resolver = resolver(line)
        for _ in 0..<3 { await giveUp(resolver, on: "silent") }
        await line.wait(for: 1)
        #expect(line.asked.withLock { $0["silent"] } == 1)
        try line.hangUp()
        await resolver.shutdown()
        await #expect(throws: HTTPTransportError.dns) { try await resolver.resolve(host: "good") }
    }
}
