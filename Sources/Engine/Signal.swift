import Domain
import Synchronization

/// A bell that one loop listens to. Ringing while nobody listens is remembered once.
public final class Signal: Sendable {
    private struct State {
        var isSet = false
        var rings: UInt64 = 0
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())
    private let announce: @Sendable () -> Void

    /// - Parameter announce: tells other nodes.
    init(announce: @escaping @Sendable () -> Void = {}) { self.announce = announce }

    /// Something was committed that the loops of every node look for.
    public func set() {
        ring()
        announce()
    }

    /// How often it has rung, for those who listen beside the one loop.
    var rings: UInt64 { state.withLock { $0.rings } }

    /// Rings on this node alone.
    func ring() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.waiter = nil }
            state.rings &+= 1
            if state.waiter == nil { state.isSet = true }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when the bell rings, at the deadline, or when the task is cancelled.
    func wait(until deadline: Instant, _ runtime: any Runtime) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForSet() }
            group.addTask {
                do { try await runtime.sleep(until: deadline) } catch { return }
            }
            await group.next()
            group.cancelAll()
        }
    }

    func waitForSet() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}

/// Calls the loops after a commit, so that nothing waits for a poll: those of this node directly, those of others by
/// `WakeRelay`.
public struct Wakes: Sendable {
    public let deliveries: Signal
    public let refreshes: Signal
    public let clocks: Signal
    /// Rings for everyone who waits for events: whoever commits one wakes the deliveries.
    let feeds: LinkBells
    /// Rings for the owner of a delivery lane into which something was committed.
    let lanes = LaneBells()
    /// Counts the changes of where deliveries go and of what waits for them: what was read before is read again.
    let targets: Changes
    static let feed = "events"
    let outgoing = Outgoing()

    /// Counts what was changed, here and on other nodes.
    final class Changes: Sendable {
        private let sum = Atomic<Int>(0)
        private let tell: @Sendable () -> Void

        init(_ tell: @escaping @Sendable () -> Void) { self.tell = tell }

        var count: Int { sum.load(ordering: .relaxed) }

        /// Something was committed here.
        func set() {
            hear()
            tell()
        }

        /// Something was committed elsewhere.
        func hear() { sum.wrappingAdd(1, ordering: .relaxed) }
    }

    /// What other nodes are to be told.
    final class Outgoing: Sendable {
        let bell = Signal()
        private let channels = Mutex<Set<String>>([])

        func add(_ channel: String) {
            if channels.withLock({ $0.insert(channel).inserted }) { bell.ring() }
        }

        func take() -> Set<String> {
            channels.withLock { channels in
                defer { channels = [] }
                return channels
            }
        }
    }

    private enum Channel {
        static let deliveries = "kubewa_deliveries"
        static let refreshes = "kubewa_refreshes"
        static let clocks = "kubewa_clocks"
        static let targets = "kubewa_targets"
    }
    static let channels = [Channel.deliveries, Channel.refreshes, Channel.clocks, Channel.targets]

    init() {
        let outgoing = outgoing
        let feeds = LinkBells()
        self.feeds = feeds
        deliveries = Signal {
            feeds.ring(Self.feed)
            outgoing.add(Channel.deliveries)
        }
        refreshes = Signal { outgoing.add(Channel.refreshes) }
        clocks = Signal { outgoing.add(Channel.clocks) }
        targets = Changes { outgoing.add(Channel.targets) }
    }

    /// Another node told.
    func hear(_ channels: Set<String>) {
        if channels.contains(Channel.targets) { targets.hear() }
        if channels.contains(Channel.deliveries) {
            feeds.ring(Self.feed)
            lanes.ringAll()
            deliveries.ring()
        }
        if channels.contains(Channel.refreshes) { refreshes.ring() }
        if channels.contains(Channel.clocks) { clocks.ring() }
    }
}
