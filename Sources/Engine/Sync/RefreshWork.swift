import Domain
import Logging
import Storage

/// Refreshes what a lane (one institution of one environment) has due.
public struct RefreshWork: LaneWork {
    public static let kind = LaneKind.refresh
    /// Runs at once per institution and environment.
    private static let inFlightMax = 8
    private static let batchSize = 64

    public let core: Core
    public init(core: Core) { self.core = core }

    public var wake: Signal { core.wakes.refreshes }

    public func perform(_ lease: LaneLease) async throws -> LaneProgress {
        let environment = try await core.environment(lease.scope)
        let now = environment.virtual(core.runtime.now())
        let due = try await core.database.read {
            try ScheduleStore.due(lane: lease.laneID, now: now, limit: Self.batchSize, $0)
        }
        guard !due.isEmpty else { return .empty }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, id) in due.enumerated() {
                if index >= Self.inFlightMax { try await group.next() }
                group.addTask { try await Syncer(core: core).run(id, lease: lease) }
            }
            try await group.waitForAll()
        }
        return .more
    }
}
