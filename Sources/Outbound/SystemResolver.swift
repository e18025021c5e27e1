import Domain
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The machine's own resolver, on threads of its own so that a silent name server holds up nobody else.
public final class SystemResolver: Resolving {
    private static let waitingMax = 1024

    private let group: any EventLoopGroup
    private let threads: NIOThreadPool
    private let timeout: TimeAmount
    private let waiting = Mutex(0)

    public init(group: any EventLoopGroup, threadCount: Int = 8, timeoutSeconds: Int = 5) {
        self.group = group
        timeout = .seconds(Int64(timeoutSeconds))
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    public func resolve(host: String) async throws(HTTPTransportError) -> [String] {
        let isAdmitted = waiting.withLock { count in
            count += 1
            return count <= SystemResolver.waitingMax
        }
        guard isAdmitted else {
            waiting.withLock { $0 -= 1 }
            throw .dns
        }
        let answer = await withCheckedContinuation { continuation in
            let once = Once(continuation)
            let timer = group.any().scheduleTask(in: timeout) { once.resume(.failure(.dns)) }
            threads.submit { state in
                defer { self.waiting.withLock { $0 -= 1 } }
                guard state == .active else { return once.resume(.failure(.dns)) }
                once.resume(SystemResolver.lookUp(host))
                timer.cancel()
            }
        }
        return try answer.get()
    }

    /// Ends the threads after what they are at; a second call does nothing.
    public func shutdown() async {
        do {
            try await threads.shutdownGracefully()
        } catch {
            // They were shut down before: there is nothing left to end.
        }
    }

    fileprivate typealias Answer = Result<[String], HTTPTransportError>

    private static func lookUp(_ host: String) -> Answer {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else { return .failure(.dns) }
        defer { freeaddrinfo(first) }
        var found: [String] = []
        for entry in sequence(first: first, next: { $0.pointee.ai_next }) {
            guard let text = address(entry.pointee)?.description, !found.contains(text) else { continue }
            found.append(text)
        }
        return found.isEmpty ? .failure(.dns) : .success(found)
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let raw = UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch entry.ai_family {
        case AF_INET:
            let number = raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            return IPAddress(v4: UInt32(bigEndian: number))
        case AF_INET6:
            var bytes = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: &bytes) { IPAddress(bytes: $0) }
        default: return nil
        }
    }
}

/// Answers a continuation once: by the look-up or by the clock, whichever comes first.
private final class Once: Sendable {
    private let continuation: Mutex<CheckedContinuation<SystemResolver.Answer, Never>?>
    init(_ continuation: CheckedContinuation<SystemResolver.Answer, Never>) { self.continuation = Mutex(continuation) }

    func resume(_ answer: SystemResolver.Answer) {
        let taken = continuation.withLock { held in
            defer { held = nil }
            return held
        }
        taken?.resume(returning: answer)
    }
}
