import Domain
import Logging
import Storage

/// Refreshes what a lane (one institution of one environment) has due.
public struct RefreshWork: LaneWork {
    public static let kind = LaneKind.refresh
    /// Runs at once per institution and environment.
    public static let runsMax = 64

    public let core: Core
    let runsMax: Int

    /// - Parameter runsMax: runs at once in a lane; with one, runs come in the order in which they are due.
    public init(core: Core, runsMax: Int = RefreshWork.runsMax) {
        self.core = core
        self.runsMax = runsMax
    }

    public var wake: Signal { core.wakes.refreshes }

    public func perform(_ lease: LaneLease) async throws -> LaneProgress {
        try await RefreshPipeline(core: core, lease: lease, runsMax: runsMax).piece()
    }

    public func drain(
        _ lease: LaneLease, until isOver: @escaping @Sendable () -> Bool
    ) async throws -> LaneProgress {
        try await RefreshPipeline(core: core, lease: lease, runsMax: runsMax).drain(until: isOver)
    }
}
