import Domain
import Logging
import Storage

/// Sends what a lane (one endpoint) has due. The lane's lease makes this process its only sender.
public struct DeliveryWork: LaneWork {
    public static let kind = LaneKind.delivery
    private static let batchSize = 256
    /// Requests in flight to one endpoint.
    private static let inFlightMax = 32
    /// A paused endpoint is looked at again so often, beside being woken when it is resumed.
    private static let pauseMs: Int64 = 60_000

    public let core: Core
    let transport: any WebhookTransport

    public init(core: Core, transport: any WebhookTransport) {
        self.core = core
        self.transport = transport
    }

    public var wake: Signal { core.wakes.deliveries }

    private struct Target: Sendable {
        let target: DeliveryTarget
        let items: [(delivery: DueDelivery, members: [UInt8])]
    }

    public func perform(_ lease: LaneLease) async throws -> LaneProgress {
        let now = core.runtime.now()
        guard let target = try await load(lease, now) else {
            try await core.database.write { tx in
                _ = try DeliveryStore.drop(lane: lease.laneID, tx)
            }
            return .empty
        }
        // What a paused or disabled endpoint has waiting is held until it is sent to again.
        guard target.target.endpoint.status == .active else { return .held(until: now + Self.pauseMs) }
        guard !target.items.isEmpty else { return .empty }
        let attempts = await send(target)
        try await core.database.write { tx in
            try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
            DeliveryStore.complete(
                attempts, of: DeliveryLanes.endpoint(lease.subject), lease: lease, tx)
        }
        core.counters.count(attempts)
        return .more
    }

    private func load(_ lease: LaneLease, _ now: Instant) async throws -> Target? {
        try await core.database.read { db in
            guard let found = try DeliveryTarget.load(lease.subject, lease.scope, core, db) else { return nil }
            let isComplete = found.endpoint.mayWantComplete
            var due: [DueDelivery] = []
            for pass in DeliveryPass.allCases where due.count < Self.batchSize {
                due += try DeliveryStore.list(
                    lane: lease.laneID, pass, after: .start, count: Self.batchSize, complete: isComplete, db
                ).rows.filter { pass == .first || $0.dueAt <= now }
            }
            let items = try due.compactMap { item in
                try members(item, found.endpoint, lease.scope, db).map { (delivery: item, members: $0) }
            }
            return Target(target: found, items: items)
        }
    }

    /// nil when the connection was removed a moment ago: its key is gone, and so is the delivery.
    private func members(
        _ item: DueDelivery, _ endpoint: WebhookEndpoint, _ scope: Scope, _ db: any SQLConnection
    ) throws -> [UInt8]? {
        guard let complete = item.complete, endpoint.payload(for: item.type) == .complete else { return item.thin }
        do {
            return try core.vault.open(complete, Outbox.sealing(scope, item.connectionID), on: db)
        } catch VaultError.shredded {
            return nil
        }
    }

    private func send(_ target: Target) async -> [AttemptRecord] {
        await withTaskGroup(of: AttemptRecord.self) { group in
            var records: [AttemptRecord] = []
            records.reserveCapacity(target.items.count)
            for (index, item) in target.items.enumerated() {
                if index >= Self.inFlightMax, let record = await group.next() { records.append(record) }
                group.addTask { await attempt(item.delivery, item.members, target) }
            }
            for await record in group { records.append(record) }
            return records
        }
    }

    private func attempt(_ item: DueDelivery, _ members: [UInt8], _ target: Target) async -> AttemptRecord {
        let started = core.runtime.now()
        let body = body(members, url: target.target.endpoint.url)
        let headers = target.target.signer.headers(id: EventID.text(item.eventID), at: started, body: body)
        let outcome = await transport.send(WebhookRequest(url: target.target.endpoint.url, headers: headers, body: body))
        return record(item, outcome, started: started, ended: core.runtime.now())
    }

    private func body(_ members: [UInt8], url: String) -> [UInt8] {
        var writer = JSONWriter(capacity: members.count + url.utf8.count + 24)
        writer.object { out in
            out.members(members)
            out.member("callbackURL", url)
        }
        return writer.bytes
    }

    private func record(
        _ item: DueDelivery, _ outcome: WebhookOutcome, started: Instant, ended: Instant
    ) -> AttemptRecord {
        let number = item.attempts + 1
        let next = outcome.isSuccess
            ? nil
            : RetrySchedule.next(
                after: number, at: ended, retryAfterSeconds: outcome.retryAfterSeconds,
                chance: core.runtime.chance(10_000))
        return AttemptRecord(
            deliveryID: item.id, eventID: item.eventID, number: number, at: started, durationMs: ended - started,
            status: outcome.status, error: outcome.error?.description, response: outcome.responseBody,
            outcome: outcome.isSuccess ? .delivered : next == nil ? .dead : .retry, nextDue: next)
    }
}
