import NIOCore
import NIOPosix

/// Runs tasks on one thread, in the order in which they become ready, so that a run can be repeated exactly.
public final class OneThread: TaskExecutor {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let loop: any EventLoop

    public init() { loop = group.next() }

    /// Puts a job behind those that are ready already.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Ends the thread; nothing may be running on it.
    public func stop() async throws { try await group.shutdownGracefully() }
}
