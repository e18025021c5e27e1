import Domain
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// Works on replays: one step of each job a round, so that none holds up another, and one that cannot go on is left
/// alone for a while. Jobs are rows, so they go on after a restart; two nodes that come upon the same step do it once.
public struct ReplayWork: Service {
    /// Read at once; a round goes through all of them.
    private static let jobsMax = 64

    private let core: Core
    private let service: ReplayService
    private let rests = Rests()

    public init(_ service: ReplayService) {
        self.service = service
        core = service.core
    }

    private final class Rests: Sendable {
        private let state = Mutex(ReplayRests())
        func change<T: Sendable>(_ body: (inout sending ReplayRests) -> sending T) -> T { state.withLock(body) }
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
        var (isMoving, last) = (false, Int64(0))
        rests.change { $0.begin() }
        while !Task.isShuttingDownGracefully {
            let after = last
            let jobs = try await core.database.read { try ReplayStore.running(after: after, limit: Self.jobsMax, $0) }
            for job in jobs {
                last = job.id
                let now = core.runtime.now()
                let over = job.delivered + job.failed
                guard rests.change({ $0.mayGoOn(job.id, over: over, at: now) }), await hasMoved(job) else { continue }
                isMoving = true
                rests.change { $0.move(job.id) }
            }
            if jobs.count < Self.jobsMax { break }
        }
        let now = core.runtime.now()
        let wait = rests.change { $0.end(at: now) }
        return isMoving ? 0 : wait
    }

    private func hasMoved(_ job: Replay) async -> Bool {
        do {
            return try await service.step(job)
        } catch is ReplayMoved {
            return true
        } catch {
            core.logger.warning("replay step failed", metadata: ["replay": "\(job.id)", "error": "\(error)"])
            return false
        }
    }
}
