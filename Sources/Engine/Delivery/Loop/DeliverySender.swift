import Domain
import Storage

/// How an endpoint is sent to; one for all that was read with it.
final class SendPlan: Sendable {
    /// After so long it is read again, in case another node changed something and could not tell.
    private static let freshMs: Int64 = 2000
    /// So long more is read for it without looking at it again: what is read then has as long to be sent.
    private static let youngMs: Int64 = 1000

    let endpoint: WebhookEndpoint
    let signer: WebhookSigner
    private let changes: Int
    private let readAt: Instant

    /// - Parameter changes: of `Wakes.targets`, counted before it was read.
    init(_ target: DeliveryTarget, changes: Int, at now: Instant) {
        endpoint = target.endpoint
        signer = target.signer
        self.changes = changes
        readAt = now
    }

    func isStale(_ changes: Int, at now: Instant) -> Bool {
        self.changes != changes || abs(now - readAt) > Self.freshMs
    }

    func isYoung(_ changes: Int, at now: Instant) -> Bool {
        self.changes == changes && abs(now - readAt) <= Self.youngMs
    }
}

/// A delivery that was read, ready to be sent.
struct DeliveryItem: Sendable {
    let delivery: DueDelivery
    /// Of the event, as its receiver is told it.
    let members: [UInt8]
    let isComplete: Bool
    let plan: SendPlan
}

/// Renders, signs and sends one delivery, and says what is kept of it.
struct DeliverySender {
    let core: Core
    let transport: any WebhookTransport

    func send(_ item: DeliveryItem) async -> DeliveryResult {
        let started = core.runtime.now()
        let plan = item.plan
        let (url, delivery) = (plan.endpoint.url, item.delivery)
        let isReplayed = delivery.replayID != nil
        let body = DeliveryBody.render(item.members, url: url, isReplayed: isReplayed)
        let id = EventID.text(delivery.eventID, part: delivery.part)
        var headers = plan.signer.headers(id: id, at: started, body: body)
        if isReplayed { headers.append(DeliveryBody.replayedHeader) }
        headers.append(
            core.trace(event: delivery.eventID, delivery: delivery.id, attempt: Int64(delivery.attempts) + 1))
        var outcome = await transport.send(
            WebhookRequest(url: url, headers: headers, body: body, authorities: plan.endpoint.authorities))
        outcome.responseBody = ReplyMask.kept(
            outcome.responseBody, secrets: WebhookSigner.secrets(headers), complete: item.isComplete ? body : nil)
        return DeliveryResult(outcome: outcome, startedAt: started, endedAt: core.runtime.now())
    }

    func record(_ item: DeliveryItem, _ result: DeliveryResult) -> AttemptRecord {
        let delivery = item.delivery
        let number = delivery.attempts + 1
        let next =
            result.isSuccess
            ? nil
            : RetrySchedule.next(
                after: number, delays: item.plan.endpoint.retrySeconds, at: result.endedAt,
                retryAfterSeconds: result.outcome.retryAfterSeconds, chance: core.runtime.chance(10_000))
        var record = AttemptRecord(
            deliveryID: delivery.id, eventID: delivery.eventID, number: number, at: result.startedAt,
            durationMs: max(0, result.endedAt - result.startedAt), status: result.status,
            error: result.outcome.error?.description, response: result.outcome.responseBody,
            outcome: result.isSuccess ? .delivered : next == nil ? .dead : .retry, nextDue: next)
        record.errorClass = result.errorClass
        return told(record, item)
    }

    /// One that brought its sender down again and again is set aside unsent.
    func quarantine(_ item: DeliveryItem) -> AttemptRecord {
        let record = AttemptRecord(
            deliveryID: item.delivery.id, eventID: item.delivery.eventID, number: item.delivery.attempts + 1,
            at: core.runtime.now(), durationMs: 0, status: nil, error: Self.quarantineError, response: [],
            outcome: .quarantined, nextDue: nil)
        return told(record, item)
    }

    private func told(_ record: AttemptRecord, _ item: DeliveryItem) -> AttemptRecord {
        var record = record
        record.part = item.delivery.part
        record.isComplete = item.isComplete
        record.replayID = item.delivery.replayID
        record.url = item.plan.endpoint.url
        return record
    }

    static let quarantineError = "quarantined: the server stopped six times while it was sent"
}
