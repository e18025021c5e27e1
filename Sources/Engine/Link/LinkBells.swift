import Domain
import Synchronization

/// Rings for those who wait for a session of this process to change. Other nodes are seen by reading again.
final class LinkBells: Sendable {
    /// More than these do not wait; they get the session as it is.
    static let listenersMax = 2048

    struct Listener: Sendable {
        fileprivate let session: String
        fileprivate let number: UInt64
        let bell = Signal()
    }
    private struct State {
        var next: UInt64 = 0
        var count = 0
        var bells: [String: [UInt64: Signal]] = [:]
    }
    private let state = Mutex(State())

    /// nil when too many listen already. Whoever gets one gives it back by `forget`.
    func listen(_ session: String) -> Listener? {
        state.withLock { state in
            guard state.count < Self.listenersMax else { return nil }
            state.next += 1
            state.count += 1
            let listener = Listener(session: session, number: state.next)
            state.bells[session, default: [:]][listener.number] = listener.bell
            return listener
        }
    }

    func forget(_ listener: Listener) {
        state.withLock { state in
            guard state.bells[listener.session]?.removeValue(forKey: listener.number) != nil else { return }
            state.count -= 1
            if state.bells[listener.session]?.isEmpty == true { state.bells[listener.session] = nil }
        }
    }

    func ring(_ session: String) {
        let bells = state.withLock { $0.bells[session].map { Array($0.values) } ?? [] }
        for bell in bells { bell.set() }
    }

    /// How many listen.
    var count: Int { state.withLock { $0.count } }
}
