import Domain
import Storage
import Synchronization

/// What this process knows of the endpoints it sends to: how fast they may be asked, and how they are.
final class EndpointPaces: Sendable {
    /// A full memory forgets those that are well and at rest.
    private static let entriesMax = 10_000
    private let paces = Mutex<[String: EndpointPace]>([:])

    func pace(of endpoint: String) -> EndpointPace {
        paces.withLock { paces in
            if let known = paces[endpoint] { return known }
            if paces.count >= Self.entriesMax { paces = paces.filter { !$0.value.isForgettable } }
            let pace = EndpointPace()
            paces[endpoint] = pace
            return pace
        }
    }

    /// Whether an endpoint counts as broken, or is left alone: what is read first is what a probe would be, or a test;
    /// nil when this process never asked it.
    func isBroken(_ endpoint: String) -> Bool? { paces.withLock { $0[endpoint] }?.brokenIfKnown }
}

/// One endpoint's pace and health, shared by the lanes that this process works on for it.
final class EndpointPace: Sendable {
    private struct State {
        var pacer = EndpointPacer()
        var health = EndpointHealth()
        var written: (health: EndpointHealth, at: Instant)?
        /// As it was when it was last read, to see that its owner changed something.
        var endpoint: WebhookEndpoint?
        var users = 0
        var startedAt: Instant?
        /// Until then its own pace kept something waiting that was due.
        var heldUntil: Instant?
    }
    private let state = Mutex(State())

    /// A lane begins to be worked on. What is written counts, unless another lane of the endpoint is at work.
    func enter(_ endpoint: WebhookEndpoint, _ written: EndpointHealth?, at now: Instant) {
        state.withLock { state in
            state.users += 1
            if state.users == 1 {
                state.health = written ?? EndpointHealth()
                state.written = written.map { ($0, now) }
                if state.endpoint == nil, let written { state.pacer = EndpointPacer(failures: written.failures) }
            }
        }
        configure(endpoint, at: now)
    }

    func leave() { state.withLock { $0.users -= 1 } }

    func configure(_ endpoint: WebhookEndpoint, at now: Instant) {
        state.withLock { state in
            if let known = state.endpoint, known != endpoint { state.pacer.forgive() }
            if let known = state.endpoint, known.url != endpoint.url {
                // What the earlier one did says nothing of this one.
                state.health = EndpointHealth()
                state.written = nil
            }
            state.endpoint = endpoint
            state.pacer.configure(
                inFlightMax: endpoint.inFlightMax, ratePerSecond: endpoint.ratePerSecond,
                isOrdered: endpoint.ordering == .endpoint, at: now)
        }
    }

    var isForgettable: Bool { state.withLock { $0.users == 0 && !$0.health.isFailing } }
    var failingSince: Instant? { state.withLock { $0.health.failingSince } }
    var atOnce: Int { state.withLock { $0.pacer.atOnce } }
    var isBroken: Bool { state.withLock { $0.pacer.isBroken } }
    /// nil before the first lane was entered.
    var brokenIfKnown: Bool? {
        state.withLock { $0.endpoint == nil ? nil : $0.pacer.isBroken || $0.pacer.isHeld }
    }

    /// No other owner may start before this, where a number a second is not to be exceeded.
    var windowEnd: Instant? {
        state.withLock { state in
            state.endpoint?.ratePerSecond == nil ? nil : state.startedAt.map { $0 + 1000 }
        }
    }

    func begin(_ delivery: DueDelivery, at now: Instant) -> EndpointPacer.Answer {
        state.withLock { state in
            let answer = state.pacer.begin(at: now, isTest: delivery.isTest)
            switch answer {
            case .go:
                state.startedAt = now
                // What held it may have been forgiven meanwhile.
                state.heldUntil = state.heldUntil.map { min($0, now) }
            case .full: state.heldUntil = now
            case .wait(let until): state.heldUntil = until
            }
            return answer
        }
    }

    /// Whether what was due then waited for the endpoint itself: paused or disabled, left alone after failures or as it
    /// asked, at as many requests at once or a second as it may have.
    func isHeld(since due: Instant, _ endpoint: WebhookEndpoint) -> Bool {
        endpoint.statusSince > due || state.withLock { ($0.heldUntil ?? due) > due }
    }

    func cancel() { state.withLock { $0.pacer.cancel() } }

    /// - Returns: whether it says something of the endpoint: not when that has another URL meanwhile.
    func end(_ result: DeliveryResult, of item: DeliveryItem, epoch: Int, at now: Instant, chance: Int64) -> Bool {
        state.withLock { state in
            guard state.endpoint?.url == item.plan.endpoint.url else {
                state.pacer.cancel()
                return false
            }
            if state.pacer.inFlight >= state.pacer.atOnce { state.heldUntil = max(state.heldUntil ?? now, now) }
            state.pacer.end(
                result.pace, epoch: epoch, retryAfterMs: result.laneRetryAfterMs, isTest: item.delivery.isTest, at: now,
                chance: chance)
            if result.pace == .success {
                state.health.succeeded(at: now)
            } else {
                state.health.failed(at: now, status: result.status, error: result.errorClass)
            }
            return true
        }
    }

    /// What is to be written of its health, if anything.
    func unwritten(isResting: Bool, at now: Instant) -> EndpointHealth? {
        state.withLock { state in
            let health = state.health
            guard health.isWorthWriting(over: state.written, isResting: isResting, at: now) else { return nil }
            state.written = (health, now)
            return health
        }
    }

    func verdict(at now: Instant) -> EndpointHealth.Verdict { state.withLock { $0.health.verdict(at: now) } }

    /// Its owner was warned; to be written.
    func warned(hours: Int) -> EndpointHealth {
        state.withLock { state in
            state.health.warnedHours = hours
            return state.health
        }
    }
}
