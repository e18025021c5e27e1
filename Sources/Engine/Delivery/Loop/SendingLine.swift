import Domain
import Storage

/// Takes one delivery after the other from a lane's queue and sends it; as many of them run as the pace allows.
struct SendingLine {
    let core: Core
    let lease: LaneLease
    let sender: DeliverySender
    let queue: DeliveryQueue
    let pace: EndpointPace
    let turn: LaneTurn?
    let isOrdered: Bool

    /// Returns when there is nothing left for it, or the lane's coordinator has something to do.
    func run() async throws {
        while let (item, epoch, isCareful) = next() {
            let isHeld = pace.isHeld(since: item.delivery.dueAt, item.plan.endpoint)
            if isCareful || item.delivery.crashes > 0 {
                guard item.delivery.crashes < DeliveryRun.marksMax else {
                    pace.cancel()
                    if finish(sender.quarantine(item), nil, isGone: false) { return }
                    continue
                }
                try await mark(item)
            }
            let result = await sender.send(item)
            let chance = result.isSuccess ? 0 : core.runtime.chance(10_000)
            let isNews = pace.end(result, of: item, epoch: epoch, at: result.endedAt, chance: chance)
            turn?.progressed(at: result.endedAt)
            let due = item.delivery.dueAt
            let late = DeliveryLateness(
                milliseconds: max(0, result.startedAt - due), isFirst: item.delivery.attempts == 0, isHeld: isHeld)
            let isGone = isNews && result.isGone
            if finish(sender.record(item, result), item.delivery.isTest ? nil : late, isGone: isGone) { return }
        }
    }

    /// Nothing when the lease may be over: another owner sends what is next.
    private func next() -> (item: DeliveryItem, epoch: Int, careful: Bool)? {
        let now = core.runtime.now()
        guard turn?.isLeased(at: now) ?? true else {
            queue.with { $0.isStopped = true }
            return nil
        }
        return queue.take(pace, changes: core.wakes.targets.count, at: now)
    }

    private func finish(_ record: AttemptRecord, _ late: DeliveryLateness?, isGone: Bool) -> Bool {
        let end = DeliveryEnd(
            // What another URL says for once tells nothing of the endpoint.
            record: record, lateness: late, isGone: isGone && ReplayLane(subject: lease.subject) == nil,
            blocks: isOrdered && record.outcome == .retry)
        return queue.finish(end, at: core.runtime.now())
    }

    /// Before it is sent: if it brings this process down, the next one knows.
    private func mark(_ item: DeliveryItem) async throws {
        let (core, lease, id) = (core, lease, item.delivery.id)
        let asideMs = DeliveryRun.asideMs[min(item.delivery.crashes, DeliveryRun.asideMs.count - 1)]
        do {
            try await core.database.write { tx in
                try LaneStore.renew(lease, until: core.runtime.now() + core.settings.leaseMs, tx)
                try DeliveryStore.mark(id, due: core.runtime.now() + asideMs, lease: lease, tx)
            }
        } catch {
            pace.cancel()
            throw error
        }
    }
}
