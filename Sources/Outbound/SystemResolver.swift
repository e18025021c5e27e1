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

/// The machine's own resolver, on threads of its own.
///
/// A look-up that nobody answers holds its thread long after its askers have given up, so names are kept apart by what
/// they did the last time: those that answered soon, those that are new and those that were silent have threads each.
/// However many silent names somebody has, the others are looked up at once. A name has one look-up under way at a
/// time; who asks meanwhile waits for it.
public final class SystemResolver: Resolving {
    private static let waitingMax = 1024
    /// Names whose last look-up is remembered; after that all are new again.
    private static let rememberedMax = 16_384
    private static let soon = TimeAmount.seconds(1)

    private enum Kind: CaseIterable, Sendable { case quick, new, silent }

    private struct Asking {
        var list: [Once] = []
        /// Somebody gave up.
        var isSilent = false
    }

    private struct State {
        var asking: [String: Asking] = [:]
        var waiting = 0
        /// What is not in it is new.
        var kinds: [String: Kind] = [:]

        mutating func remember(_ host: String, _ kind: Kind) {
            if kinds.count >= rememberedMax, kinds[host] == nil { kinds = [:] }
            kinds[host] = kind
        }
    }

    private let group: any EventLoopGroup
    private let threads: [Kind: NIOThreadPool]
    private let timeout: TimeAmount
    private let find: @Sendable (String) -> Answer
    private let state = Mutex(State())

    /// - Parameter threadCount: of the names that answered soon, and of the silent ones; new ones have four times as
    ///   many, since after a start all are new.
    public convenience init(group: any EventLoopGroup, threadCount: Int = 16, timeoutSeconds: Int = 5) {
        self.init(
            group: group, threadCount: threadCount, timeout: .seconds(Int64(timeoutSeconds)),
            find: SystemResolver.lookUp)
    }

    /// - Parameter find: blocks until it knows.
    init(
        group: any EventLoopGroup, threadCount: Int, timeout: TimeAmount, find: @escaping @Sendable (String) -> Answer
    ) {
        self.group = group
        self.timeout = timeout
        self.find = find
        threads = Dictionary(
            uniqueKeysWithValues: Kind.allCases.map { kind in
                (kind, NIOThreadPool(numberOfThreads: kind == .new ? 4 * threadCount : threadCount))
            })
        for pool in threads.values { pool.start() }
    }

    public func resolve(host: String) async throws(HTTPTransportError) -> [String] {
        try await resolve(host: host, within: timeout)
    }

    func resolve(host: String, within timeout: TimeAmount) async throws(HTTPTransportError) -> [String] {
        let answer = await withCheckedContinuation { continuation in
            let once = Once(continuation)
            guard let kind = join(once, host) else { return }
            once.set(group.any().scheduleTask(in: timeout) { self.giveUp(once, host) })
            if let kind { lookUp(host, kind) }
        }
        return try answer.get()
    }

    /// - Returns: on which threads to look it up; nil inside when it is being looked up; nil when too many wait, and
    ///   this one was answered.
    private func join(_ once: Once, _ host: String) -> Kind?? {
        let (isAdmitted, kind) = state.withLock { state -> (Bool, Kind?) in
            guard state.waiting < Self.waitingMax else { return (false, nil) }
            state.waiting += 1
            defer { state.asking[host, default: Asking()].list.append(once) }
            return (true, state.asking[host] == nil ? state.kinds[host] ?? .new : nil)
        }
        guard isAdmitted else {
            once.resume(.failure(.dns))
            return nil
        }
        return .some(kind)
    }

    /// Its look-up goes on; who asks again before that ends waits for the same.
    private func giveUp(_ once: Once, _ host: String) {
        guard once.resume(.failure(.dns)) else { return }
        state.withLock { state in
            guard let place = state.asking[host]?.list.firstIndex(where: { $0 === once }) else { return }
            state.asking[host]?.list.remove(at: place)
            state.asking[host]?.isSilent = true
            state.waiting -= 1
            state.remember(host, .silent)
        }
    }

    private func lookUp(_ host: String, _ kind: Kind) {
        threads[kind]?.submit { [self] state in
            guard state == .active else { return answer(host, .failure(.dns), .silent) }
            let start = NIODeadline.now()
            let found = find(host)
            answer(host, found, NIODeadline.now() - start < Self.soon ? .quick : .silent)
        }
    }

    private func answer(_ host: String, _ answer: Answer, _ kind: Kind) {
        let asking = state.withLock { state in
            let asking = state.asking.removeValue(forKey: host) ?? Asking()
            state.remember(host, asking.isSilent ? .silent : kind)
            state.waiting -= asking.list.count
            return asking.list
        }
        for once in asking { once.resume(answer) }
    }

    /// Ends the threads after what they are at; a second call does nothing.
    public func shutdown() async {
        for pool in threads.values {
            do {
                try await pool.shutdownGracefully()
            } catch {
                // They were shut down before: there is nothing left to end.
            }
        }
    }

    typealias Answer = Result<[String], HTTPTransportError>

    @Sendable private static func lookUp(_ host: String) -> Answer {
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
    private typealias Waiter = CheckedContinuation<SystemResolver.Answer, Never>
    private let waiter: Mutex<(continuation: Waiter?, timer: Scheduled<Void>?)>

    init(_ continuation: CheckedContinuation<SystemResolver.Answer, Never>) { waiter = Mutex((continuation, nil)) }

    /// Ends with the answer.
    func set(_ timer: Scheduled<Void>) {
        let isLate = waiter.withLock { waiter in
            waiter.timer = timer
            return waiter.continuation == nil
        }
        if isLate { timer.cancel() }
    }

    /// - Returns: whether it was the first.
    @discardableResult
    func resume(_ answer: SystemResolver.Answer) -> Bool {
        let (continuation, timer) = waiter.withLock { waiter in
            defer { waiter.continuation = nil }
            return waiter
        }
        timer?.cancel()
        continuation?.resume(returning: answer)
        return continuation != nil
    }
}
