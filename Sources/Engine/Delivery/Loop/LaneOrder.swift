import Domain
import Storage

/// What the order that an endpoint asks for means for a lane.
enum LaneOrder {
    private enum Kind { case own, connection, replay }

    private static func kind(_ subject: String) -> Kind {
        if ReplayLane(subject: subject) != nil { return .replay }
        return subject.contains(":") ? .connection : .own
    }

    /// One after the other, in the order of commits.
    static func isOrdered(_ lease: LaneLease, _ endpoint: WebhookEndpoint) -> Bool { endpoint.ordering != .none }

    /// Whether something waits where it does not belong since the order was changed, here or in a lane that goes before
    /// this one.
    static func isMisplaced(
        _ lease: LaneLease, _ endpoint: WebhookEndpoint, _ db: any SQLConnection
    ) throws -> Bool {
        switch (kind(lease.subject), endpoint.ordering) {
        case (.own, .connection): return try !DeliveryStore.isEmpty(lane: lease.laneID, db)
        case (.connection, .connection): return try !DeliveryStore.isEmpty(lane: endpoint.laneID, db)
        case (.connection, _): return try !DeliveryStore.isEmpty(lane: lease.laneID, db)
        case (.own, .endpoint):
            return try DeliveryStore.hasRows(ordered: false, lane: lease.laneID, db)
                || DeliveryStore.isWaiting(ofConnections: endpoint.id, lease.scope, db)
        case (.own, .none), (.replay, _):
            return try DeliveryStore.hasRows(ordered: endpoint.ordering == .none, lane: lease.laneID, db)
        }
    }

    /// Puts a bounded number of rows where they belong. Call `LaneStore.renew` first, and fill the sequence before.
    /// - Returns: false when only another lane's owner can go on.
    static func settle(
        _ lease: LaneLease, _ endpoint: WebhookEndpoint, _ core: Core, _ tx: Transaction
    ) throws -> Bool {
        let now = core.runtime.now()
        switch (kind(lease.subject), endpoint.ordering) {
        case (.own, .connection):
            try DeliveryStore.part(endpoint, at: now, newID: core.sequence.take, lease.scope, tx)
        case (.connection, .connection):
            LaneStore.touchDelivery(endpoint.laneID, due: now, tx)
            return false
        case (.connection, let order):
            try DeliveryStore.join(
                lane: lease.laneID, into: endpoint.laneID, ordered: order == .endpoint, at: now, tx)
        case (.own, .endpoint):
            guard try DeliveryStore.hasRows(ordered: false, lane: lease.laneID, tx.db) else { return false }
            try DeliveryStore.reorder(lane: lease.laneID, ordered: true, at: now, tx)
        case (.own, .none), (.replay, _):
            try DeliveryStore.reorder(lane: lease.laneID, ordered: endpoint.ordering != .none, at: now, tx)
        }
        return true
    }
}
