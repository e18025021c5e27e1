import Domain
import NIOCore
import Synchronization

/// Which connections may stand for each other: one name, one port, one vetted address, TLS by the
/// same authorities or none, on one event loop.
struct PoolKey: Hashable, Sendable {
    let isSecure: Bool
    let host: String
    let port: Int
    let address: IPAddress
    let trust: TLSContexts.Trust
    let loop: ObjectIdentifier
}

/// A connection as other threads see it; the handler itself is touched on its event loop only.
struct PooledConnection: Sendable {
    let id: Int
    let channel: any Channel
    let handler: NIOLoopBound<WebhookConnection>

    func perform(_ request: ByteBuffer, deadline: NIODeadline, isReused: Bool) async -> ExchangeResult {
        await withCheckedContinuation { continuation in
            let exchange = Exchange(
                request: request, deadline: deadline, isReused: isReused, continuation: continuation)
            if channel.eventLoop.inEventLoop {
                handler.value.start(exchange)
            } else {
                channel.eventLoop.execute { handler.value.start(exchange) }
            }
        }
    }
}

/// Idle connections by key, and all open ones so that they can be ended.
final class WebhookPool: Sendable {
    private struct State {
        var idle: [PoolKey: [PooledConnection]] = [:]
        var idleCount = 0
        var open: [Int: any Channel] = [:]
        var lastID = 0
        var isShut = false
    }

    private let limits: WebhookLimits
    private let state = Mutex(State())

    init(limits: WebhookLimits) { self.limits = limits }

    /// - Returns: nil after shutdown.
    func admit(_ channel: any Channel) -> Int? {
        state.withLock { state in
            guard !state.isShut else { return nil }
            state.lastID += 1
            state.open[state.lastID] = channel
            return state.lastID
        }
    }

    /// The connection that was used last: the others may then grow idle and go.
    func take(_ key: PoolKey) -> PooledConnection? {
        state.withLock { state in
            guard let connection = state.idle[key]?.popLast() else { return nil }
            if state.idle[key]?.isEmpty ?? true { state.idle[key] = nil }
            state.idleCount -= 1
            return connection
        }
    }

    /// - Returns: false when there are enough, and the caller closes it.
    func give(_ connection: PooledConnection, _ key: PoolKey) -> Bool {
        state.withLock { state in
            guard !state.isShut, state.idleCount < limits.idleTotalMax,
                state.idle[key]?.count ?? 0 < limits.idlePerKeyMax
            else { return false }
            state.idle[key, default: []].append(connection)
            state.idleCount += 1
            return true
        }
    }

    func forget(_ id: Int, _ key: PoolKey) {
        state.withLock { state in
            state.open[id] = nil
            guard let index = state.idle[key]?.firstIndex(where: { $0.id == id }) else { return }
            state.idle[key]?.remove(at: index)
            if state.idle[key]?.isEmpty ?? true { state.idle[key] = nil }
            state.idleCount -= 1
        }
    }

    var openCount: Int { state.withLock { $0.open.count } }

    func shutdown() async {
        let open = state.withLock { state in
            state.isShut = true
            return Array(state.open.values)
        }
        for channel in open {
            channel.close(promise: nil)
            do {
                try await channel.closeFuture.get()
            } catch {
                // It was closed with an error, and is closed all the same.
            }
        }
    }
}
