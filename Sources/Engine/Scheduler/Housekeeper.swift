import Domain
import Logging
import ServiceLifecycle
import Storage

/// Ends what nobody finished: link sessions past their time.
public struct Housekeeper: Service {
    private static let periodMs: Int64 = 30_000
    private let core: Core
    private let bell = Signal()

    public init(core: Core) { self.core = core }

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

    public func tick() async throws {
        let now = core.runtime.now()
        let count = try await core.database.write { try LinkSessionStore.expire(now: now, $0) }
        if count > 0 { core.logger.info("link sessions expired", metadata: ["count": "\(count)"]) }
    }
}
