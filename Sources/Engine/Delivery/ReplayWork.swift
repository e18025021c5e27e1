import Domain
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// Works on replays: one step of each job a round, so that none holds up another. Jobs are rows, so they go on after a
/// restart; two nodes that come upon the same step do it once.
public struct ReplayWork: Service {
    private static let jobsMax = 64
    /// While what was found is being sent, the next is looked for soon.
    private static let pauseMs: Int64 = 50
    private static let pauseMaxMs: Int64 = 5000

    private let core: Core
    private let service: ReplayService
    private let pace = Pace()

    public init(_ service: ReplayService) {
        self.service = service
        core = service.core
    }

    /// How far the jobs were at the last look, and how long to wait while they stand still.
    private final class Pace: Sendable {
        let state = Mutex((sum: Int64(-1), pauseMs: ReplayWork.pauseMs))
    }

    /// Works until graceful shutdown, each time to the end of the step that it is at.
    public func run() async throws {
        await withGracefulShutdownHandler {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                var wait = core.settings.pollMs
                do {
                    while let pause = try await tick() {
                        guard !Task.isShuttingDownGracefully else { return }
                        wait = pause
                        if pause > 0 { break }
                    }
                } catch {
                    core.logger.error("replay failed", metadata: ["error": "\(error)"])
                }
                guard !Task.isShuttingDownGracefully else { return }
                await core.replays.wait(until: core.runtime.now() + wait, core.runtime)
            }
        } onGracefulShutdown: {
            core.replays.ring()
        }
    }

    /// One step of each job that can go on.
    /// - Returns: milliseconds until there may be more to do; 0 when there is now, nil when there is no job.
    @discardableResult
    public func tick() async throws -> Int64? {
        let jobs = try await core.database.read { try ReplayStore.running(limit: Self.jobsMax, $0) }
        guard !jobs.isEmpty else { return nil }
        var isMoving = false
        for job in jobs {
            do {
                if try await service.step(job) { isMoving = true }
            } catch is ReplayMoved {
                isMoving = true
            } catch {
                core.logger.warning(
                    "replay step failed", metadata: ["replay": "\(job.id)", "error": "\(error)"])
            }
        }
        return isMoving ? 0 : pause(jobs)
    }

    /// Receivers that take what is sent are followed closely, and one that is away costs nothing.
    private func pause(_ jobs: [Replay]) -> Int64 {
        let sum = jobs.reduce(0) { $0 + $1.delivered + $1.failed }
        return pace.state.withLock { state in
            state.pauseMs = state.sum == sum ? min(state.pauseMs * 2, Self.pauseMaxMs) : Self.pauseMs
            state.sum = sum
            return state.pauseMs
        }
    }
}
