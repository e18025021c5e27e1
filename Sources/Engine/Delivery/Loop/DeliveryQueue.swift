import Domain
import Storage
import Synchronization

/// What a lane's senders share: what was read and is to be sent, and what came of what was sent.
final class DeliveryQueue: Sendable {
    /// What is written together at least, while more is on its way.
    private static let recordsMin = 128
    /// What came back is written at once when the last writing is so long ago.
    private static let recordsMs: Int64 = 5
    private static let recordsMsMax: Int64 = 100
    /// Rows that are sent one at a time, marked before, after owners died: more than can have been under way.
    private static let carefulRows = 512

    struct State {
        var ready: [DeliveryItem] = []
        /// Of `ready`, the next to be sent.
        var next = 0
        /// Read, under way, or not written yet.
        var busy: Set<Int64> = []
        var records: [AttemptRecord] = []
        var dropped: [Int64] = []
        /// From due to sent, in milliseconds, of what came back.
        var lateness: [DeliveryLateness] = []
        var senders = 0
        var isReading = false
        var isWriting = false
        var isWaiting = false
        var isStopped = false
        /// One sender called the coordinator; the others go on.
        var isCalled = false
        /// Nothing more is due.
        var isDry = false
        var heldUntil: Instant?
        /// The endpoint answered 410.
        var isGone = false
        var writtenAt = Instant(ms: 0)
        /// Until the next writing, while more is on its way: the longer one takes, the more is written together.
        var pauseMs = DeliveryQueue.recordsMs
        /// As many senders as the pace and the others leave to this lane.
        var most = 0
        /// With fewer waiting, more is read.
        var low = 0
        /// Where it goes was changed since it was read.
        var isStale = false
        var sentAt: Instant?
        var carefulLeft = 0

        var waiting: Int { ready.count - next }
        func isWriteDue(at now: Instant) -> Bool {
            records.count >= DeliveryQueue.recordsMin || abs(now - writtenAt) >= pauseMs
        }
        var isIdle: Bool {
            senders == 0 && records.isEmpty && dropped.isEmpty && !isReading && !isWriting
        }
    }
    private let state: Mutex<State>

    init(isCareful: Bool) {
        var state = State()
        state.carefulLeft = isCareful ? Self.carefulRows : 0
        self.state = Mutex(state)
    }

    func with<T: Sendable>(_ body: (inout State) -> T) -> T { state.withLock { body(&$0) } }

    /// Adds what was read.
    func add(_ items: [DeliveryItem], dropped: [Int64]) {
        state.withLock { state in
            if state.next > 0 {
                state.ready.removeFirst(state.next)
                state.next = 0
            }
            state.ready += items
            state.dropped += dropped
            for item in items { state.busy.insert(item.delivery.id) }
            state.busy.formUnion(dropped)
        }
    }

    /// Forgets what was read and not sent.
    func clear() {
        state.withLock { state in
            for item in state.ready[state.next...] { state.busy.remove(item.delivery.id) }
            state.ready = []
            state.next = 0
        }
    }

    /// The next item and the pace's epoch; nil when there is none, or it may not be sent now.
    /// - Parameter changes: of `Wakes.targets`.
    func take(
        _ pace: EndpointPace, changes: Int, at now: Instant
    ) -> (item: DeliveryItem, epoch: Int, careful: Bool)? {
        state.withLock { state in
            guard !state.isStopped, !state.isGone, state.heldUntil == nil, state.next < state.ready.count else {
                return nil
            }
            guard !state.ready[state.next].plan.isStale(changes, at: now) else {
                state.isStale = true
                return nil
            }
            switch pace.begin(state.ready[state.next].delivery, at: now) {
            case .full:
                // Somebody else's lane of the same endpoint has them all.
                if state.senders <= 1 { state.heldUntil = now + 20 }
                return nil
            case .wait(let until):
                state.heldUntil = until
                return nil
            case .go(let epoch):
                let item = state.ready[state.next]
                state.next += 1
                state.sentAt = now
                let isCareful = state.carefulLeft > 0
                if isCareful { state.carefulLeft -= 1 }
                return (item, epoch, isCareful)
            }
        }
    }

    /// Notes what came of an item.
    /// - Returns: whether the sender is to call the coordinator.
    func finish(_ end: DeliveryEnd, at now: Instant) -> Bool {
        state.withLock { state in
            state.records.append(end.record)
            if let lateness = end.lateness { state.lateness.append(lateness) }
            if end.isGone { state.isGone = true }
            if end.blocks {
                for item in state.ready[state.next...] { state.busy.remove(item.delivery.id) }
                state.ready = []
                state.next = 0
                state.heldUntil = end.record.nextDue
                return true
            }
            guard !state.isCalled else { return false }
            let isWorthWriting = !state.isWriting && state.isWriteDue(at: now)
            let isLow = state.waiting < state.low && !state.isReading && !state.isDry
            let isShort = state.waiting > 0 && state.senders < state.most
            state.isCalled = isWorthWriting || isLow || isShort || end.isGone
            return state.isCalled
        }
    }

    /// What is to be written, when it is time to.
    func takeWritten(at now: Instant) -> (records: [AttemptRecord], dropped: [Int64], lateness: [DeliveryLateness])? {
        state.withLock { state in
            guard !state.isWriting, !state.records.isEmpty || !state.dropped.isEmpty else { return nil }
            guard state.isWriteDue(at: now) || state.senders == 0 || !state.dropped.isEmpty else { return nil }
            state.isWriting = true
            defer {
                state.records = []
                state.dropped = []
                state.lateness = []
            }
            return (state.records, state.dropped, state.lateness)
        }
    }

    /// What was taken to be written is.
    /// - Parameters:
    ///   - milliseconds: that it took.
    ///   - lanes: that are at work: the more, the more each writes together.
    func wrote(_ deliveries: [Int64], in milliseconds: Int64, lanes: Int, at now: Instant) {
        state.withLock { state in
            state.isWriting = false
            state.busy.subtract(deliveries)
            state.writtenAt = now
            state.pauseMs = min(max(Self.recordsMs, 3 * milliseconds, 2 * Int64(lanes)), Self.recordsMsMax)
        }
    }
}

/// What came of one delivery.
struct DeliveryEnd: Sendable {
    let record: AttemptRecord
    let lateness: DeliveryLateness?
    /// The endpoint answered 410.
    let isGone: Bool
    /// What follows may not overtake it.
    let blocks: Bool
}

/// How late something was sent.
struct DeliveryLateness: Sendable {
    let milliseconds: Int64
    let isFirst: Bool
    /// The endpoint itself kept it waiting.
    let isHeld: Bool
}
