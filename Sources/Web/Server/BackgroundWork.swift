import Domain
import Engine
import Logging
import ServiceLifecycle
import Synchronization

/// Runs work that may outlast its request: at the deadline the caller gets a 503 with its request id, and the work
/// goes on. On shutdown what runs is finished first.
public final class BackgroundWork: Service {
    /// Work that waits or runs at once; more is refused.
    static let jobsMax = 4096
    static let sweepMs: Int64 = 250

    private struct Job: Sendable {
        let run: @Sendable () async -> Void
    }
    private struct State {
        var nextID: UInt64 = 0
        var isStopped = false
        var jobs = 0
        var watched: [UInt64: Watch] = [:]
    }
    private struct Watch {
        let deadline: Instant
        let expire: @Sendable () -> Void
    }

    private let state = Mutex(State())
    private let runtime: any Runtime
    private let stream: AsyncStream<Job>
    private let jobs: AsyncStream<Job>.Continuation

    public init(runtime: any Runtime) {
        self.runtime = runtime
        (stream, jobs) = AsyncStream.makeStream()
    }

    /// Runs what is handed over, each in its own task, until graceful shutdown; jobs under way are waited for.
    public func run() async throws {
        try await run { try await gracefulShutdown() }
    }

    /// Runs what is handed over, each in its own task, until `server` has ended; jobs under way are waited for.
    /// - Throws: what `server` throws.
    func run(beside server: () async throws -> Void) async throws {
        async let _ = sweepUntilCancelled()
        async let working: Void = withDiscardingTaskGroup { work in
            for await job in stream { work.addTask { await job.run() } }
        }
        defer { stop() }
        try await server()
        stop()
        await working
    }

    private func stop() {
        state.withLock { $0.isStopped = true }
        jobs.finish()
    }

    /// - Throws: what `body` throws, or `deadline` when it is not done in time.
    func perform<T: Sendable>(
        requestID: String, seconds: Int64, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let deadline = runtime.now() + seconds * 1000
        let late = Self.late(requestID: requestID, seconds: seconds)
        let answer: Result<T, any Error> = await withCheckedContinuation { continuation in
            let once = Once(continuation)
            let isTaken = enqueue(Watch(deadline: deadline) { once.resume(.failure(late)) }) { id in
                Job { [self] in
                    let result: Result<T, any Error>
                    do { result = .success(try await body()) } catch { result = .failure(error) }
                    end(id)
                    once.resume(result)
                }
            }
            if !isTaken {
                once.resume(
                    .failure(DomainError(.unavailable, "This server is stopping or has too much to do. Try again.")))
            }
        }
        return try answer.get()
    }

    static func late(requestID: String, seconds: Int64) -> DomainError {
        DomainError(
            .deadline,
            "This takes longer than \(seconds) seconds. The work goes on; ask again later. Request \(requestID).")
    }

    private func enqueue(_ watch: Watch, _ job: (UInt64) -> Job) -> Bool {
        state.withLock { state in
            guard !state.isStopped, state.jobs < Self.jobsMax else { return false }
            state.jobs += 1
            state.nextID += 1
            state.watched[state.nextID] = watch
            jobs.yield(job(state.nextID))
            return true
        }
    }

    /// Calls `expire` unless `end` comes before the deadline.
    func watch(seconds: Int64, _ expire: @escaping @Sendable () -> Void) -> UInt64 {
        let deadline = runtime.now() + seconds * 1000
        return state.withLock { state in
            state.nextID += 1
            state.watched[state.nextID] = Watch(deadline: deadline, expire: expire)
            return state.nextID
        }
    }

    /// How many deadlines are waited for.
    var watchedCount: Int { state.withLock { $0.watched.count } }

    /// - Returns: whether the end came before the deadline.
    @discardableResult
    func unwatch(_ id: UInt64) -> Bool { state.withLock { $0.watched.removeValue(forKey: id) != nil } }

    private func end(_ id: UInt64) {
        state.withLock { state in
            state.watched[id] = nil
            state.jobs -= 1
        }
    }

    private func sweepUntilCancelled() async {
        while !Task.isCancelled {
            do { try await runtime.sleep(until: runtime.now() + Self.sweepMs) } catch { return }
            sweep()
        }
    }

    /// Ends the waiting of what is past its deadline.
    func sweep() {
        let now = runtime.now()
        let due = state.withLock { state in
            let due = state.watched.filter { $0.value.deadline <= now }
            for id in due.keys { state.watched[id] = nil }
            return due.values.map(\.expire)
        }
        for expire in due { expire() }
    }
}

/// A continuation that takes the first answer.
private final class Once<T: Sendable>: Sendable {
    private let waiting: Mutex<CheckedContinuation<Result<T, any Error>, Never>?>

    init(_ continuation: CheckedContinuation<Result<T, any Error>, Never>) { waiting = Mutex(continuation) }

    func resume(_ result: Result<T, any Error>) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: result)
    }
}
