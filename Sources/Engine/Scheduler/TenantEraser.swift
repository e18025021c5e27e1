import Domain
import Logging
import ServiceLifecycle
import Storage

/// Takes the data of removed businesses away: first what could still be asked or sent, then every connection as its
/// own removal does it, then all the rest, in bounded steps. The mark is a row, so that a crash in the middle is gone
/// on from by any node.
public struct TenantEraser: Service {
    private static let periodMs: Int64 = 5000
    /// Nothing else is kept from its turn for longer.
    private static let turnMs: Int64 = 10_000
    /// A node that died at it is followed after so long.
    private static let claimMs: Int64 = 60_000
    private static let environmentsMax = 100
    /// What was written late is looked for in environments that were erased so lately.
    private static let lateDays: Int64 = 3
    private static let lateMax = 1000

    /// How far one step came.
    enum Progress: Sendable { case more, waiting, done }

    private let core: Core
    private let bell = Signal()

    public init(core: Core) { self.core = core }

    /// Looks for removed businesses every few seconds until graceful shutdown, and ends the step that it is at.
    public func run() async throws {
        await withGracefulShutdownHandler {
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                do {
                    while try await tick(), !Task.isShuttingDownGracefully {}
                } catch {
                    core.logger.warning("no look for removed businesses", metadata: ["error": "\(error)"])
                }
                guard !Task.isShuttingDownGracefully else { return }
                await bell.wait(until: core.runtime.now() + Self.periodMs, core.runtime)
            }
        } onGracefulShutdown: {
            bell.set()
        }
    }

    /// A turn for each environment that is to go; one that fails holds up none of the others.
    /// - Returns: whether there is more to do now.
    @discardableResult
    public func tick() async throws -> Bool {
        let now = core.runtime.now()
        let found = try await core.database.read {
            try TenantStore.toErase(at: now, limit: Self.environmentsMax, $0)
        }
        var hasMore = false
        for environment in found where !Task.isShuttingDownGracefully {
            do {
                if try await turn(environment) == .more { hasMore = true }
            } catch {
                core.logger.warning(
                    "a removed business could not be erased yet",
                    metadata: ["tenant": "\(environment.tenantID)", "error": "\(error)"])
            }
        }
        return hasMore
    }

    private func turn(_ environment: Domain.Environment) async throws -> Progress {
        let (scope, begun) = (environment.scope, core.runtime.now())
        let isMine = try await core.database.write {
            try TenantStore.claimErasing(scope, until: begun + Self.claimMs, now: begun, $0)
        }
        guard isMine else { return .waiting }
        var progress = Progress.more
        do {
            while progress == .more, core.runtime.now() - begun < Self.turnMs, !Task.isShuttingDownGracefully {
                progress = try await step(environment)
            }
        } catch {
            try await core.database.write { try TenantStore.releaseErasing(scope, $0) }
            throw error
        }
        try await core.database.write { try TenantStore.releaseErasing(scope, $0) }
        return progress
    }

    // MARK: one step

    /// A bounded number of rows, or of connections.
    func step(_ environment: Domain.Environment) async throws -> Progress {
        let scope = environment.scope
        if try await core.database.write({ try ErasureStore.closeDoors(scope, $0) }) > 0 { return .more }
        let now = core.runtime.now()
        let lanes = try await core.database.write { try ErasureStore.lanes(scope, now: now, $0) }
        if lanes == .more { return .more }
        let connections = try await core.database.read {
            try ErasureStore.connections(limit: ConnectionService.togetherMax, scope, $0)
        }
        if !connections.isEmpty {
            try await ConnectionService(core: core).removeUntold(connections, of: environment)
            return .more
        }
        // The owner of a lane may write what came back of its last requests.
        if lanes == .owned { return .waiting }
        if try await core.database.write({ try ErasureStore.rest(scope, $0) }) > 0 { return .more }
        try await core.database.write { tx in
            try core.vault.shred(scope.environmentID, "", on: tx.db)
            try TenantStore.finishErasing(scope, at: now, tx)
        }
        core.logger.notice(
            "a removed business is erased",
            metadata: ["tenant": "\(environment.tenantID)", "environment": "\(environment.kind.rawValue)"])
        return .done
    }

    // MARK: afterwards

    /// What a request wrote that was under way meanwhile.
    /// - Returns: how many rows.
    func forgetLate() async throws -> Int {
        let since = core.runtime.now() + -Self.lateDays * Instant.dayMs
        let erased = try await core.database.read {
            try TenantStore.erased(since: since, limit: Self.lateMax, $0)
        }
        var sum = 0
        for scope in erased.map(\.scope) {
            while true {
                let count = try await core.database.write { tx in
                    try ErasureStore.closeDoors(scope, tx) + ErasureStore.rest(scope, tx)
                }
                sum += count
                if count == 0 { break }
            }
        }
        return sum
    }
}
