import Domain
import Logging
import ServiceLifecycle
import Storage
import Synchronization

/// Ends what nobody finished, and forgets what was kept long enough.
public struct Housekeeper: Service {
    private static let periodMs: Int64 = 30_000
    /// Rows of refused files are taken away for at most this long in one round.
    private static let uploadsMs: Int64 = 10_000
    /// Forgetting is not urgent.
    private static let pruneMs: Int64 = 3_600_000
    private let core: Core
    private let bell = Signal()
    private let plan = Plan()

    /// When it is time to forget again; every node does it for itself, which costs little and harms nothing.
    private final class Plan: Sendable {
        let nextPrune = Mutex(Instant(ms: 0))
    }

    public init(core: Core) { self.core = core }

    /// Tidies up twice a minute, until graceful shutdown; a round that fails is logged and tried again in the next.
    public func run() async throws {
        await withGracefulShutdownHandler {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                do {
                    try await tick()
                } catch {
                    core.logger.warning("housekeeping failed", metadata: ["error": "\(error)"])
                }
                guard !Task.isShuttingDownGracefully else { return }
                await bell.wait(until: core.runtime.now() + Self.periodMs, core.runtime)
            }
        } onGracefulShutdown: {
            bell.set()
        }
    }

    private func forgetUploads(before now: Instant) async throws {
        var dropped = 0
        while core.runtime.now() - now < Self.uploadsMs, !Task.isShuttingDownGracefully {
            let count = try await core.database.write { try StatementStore.prune(before: now, $0) }
            guard count > 0 else { break }
            dropped += count
        }
        if dropped > 0 { core.logger.info("uploads forgotten", metadata: ["rows": "\(dropped)"]) }
    }

    /// One round; what is not urgent only when an hour has passed since it was done last.
    public func tick() async throws {
        let now = core.runtime.now()
        try await core.gate.readBudgets(core)
        let count = try await core.database.write { try LinkSessionStore.expire(now: now, $0) }
        if count > 0 { core.logger.info("link sessions expired", metadata: ["count": "\(count)"]) }
        try await forgetUploads(before: now)
        let removed = try await ConnectionService(core: core).resume()
        if removed > 0 { core.logger.info("removals finished", metadata: ["count": "\(removed)"]) }
        try await core.database.write { _ = try EndpointStore.removeEnded($0) }
        guard plan.nextPrune.withLock({ $0 <= now }) else { return }
        await Retention(core: core).run()
        plan.nextPrune.withLock { $0 = now + Self.pruneMs }
    }
}
