import Domain
import Logging
import ServiceLifecycle
import Storage

/// Passes wakes between the nodes of one PostgreSQL: the first at once, those that follow together. It only saves
/// time: every loop polls too, so a wake that is lost costs one poll. On SQLite there is nobody to tell.
public struct WakeRelay: Service {
    /// At most one notification in so long: a node under load commits hundreds of times in it, and one wake does.
    static let coalesceMs: Int64 = 30
    /// How long it waits for something to tell before it looks again; nothing depends on it.
    private static let idleMs: Int64 = 3_600_000
    private let core: Core

    public init(core: Core) { self.core = core }

    /// Listens and tells until graceful shutdown; on SQLite it only waits for that.
    /// - Throws: `StorageError` when listening cannot begin.
    public func run() async throws {
        guard core.database.dialect == .postgres else { return try await gracefulShutdown() }
        let wakes = core.wakes
        let listening = try core.database.listen(to: Wakes.channels, as: core.nodeID, logger: core.logger) {
            wakes.hear($0)
        }
        await withGracefulShutdownHandler {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                await wakes.outgoing.bell.wait(until: core.runtime.now() + Self.idleMs, core.runtime)
                guard await flush() else { continue }
                do { try await core.runtime.sleep(until: core.runtime.now() + Self.coalesceMs) } catch { break }
            }
        } onGracefulShutdown: {
            wakes.outgoing.bell.ring()
        }
        listening?.close()
    }

    /// Tells other nodes what waits to be told. A command that does one thing calls it before it ends.
    /// - Returns: whether there was anything.
    @discardableResult
    public func flush() async -> Bool {
        let channels = core.wakes.outgoing.take()
        guard !channels.isEmpty else { return false }
        do {
            try await core.database.notify(channels, from: core.nodeID)
        } catch {
            core.logger.debug("other nodes were not told", metadata: ["error": "\(error)"])
        }
        return true
    }
}
