import Domain
import Storage

/// Sends what a lane (an endpoint, or one connection of it) has due. The lane's lease makes this process its only
/// sender.
public struct DeliveryWork: LaneWork {
    public static let kind = LaneKind.delivery
    public static let isShared = true

    public let core: Core
    let transport: any WebhookTransport
    private let paces = EndpointPaces()

    public init(core: Core, transport: any WebhookTransport) {
        self.core = core
        self.transport = transport
    }

    public var wake: Signal { core.wakes.deliveries }

    public func perform(_ lease: LaneLease) async throws -> LaneProgress { try await run(lease, nil).run() }

    public func drain(_ lease: LaneLease, _ turn: LaneTurn) async throws -> LaneProgress {
        try await run(lease, turn).run()
    }

    private func run(_ lease: LaneLease, _ turn: LaneTurn?) -> DeliveryRun {
        DeliveryRun(
            core: core, lease: lease, sender: DeliverySender(core: core, transport: transport), paces: paces,
            turn: turn)
    }
}
