import Domain
import Synchronization

/// Rings for owners that keep a lane though nothing is left in it: what is committed next into it needs no claim.
final class LaneBells: Sendable {
    private struct Seat {
        var rings: UInt64 = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var cancelled: Set<Int> = []
    }
    private struct State {
        var seats: [Int64: Seat] = [:]
        var number = 0
    }
    private let state = Mutex(State())

    func attend(_ lane: Int64) { state.withLock { $0.seats[lane] = Seat() } }

    /// Whoever waits still goes on.
    func leave(_ lane: Int64) {
        let seat = state.withLock { $0.seats.removeValue(forKey: lane) }
        for waiter in seat?.waiters.values ?? [:].values { waiter.resume() }
    }

    /// How often it has rung.
    func rings(_ lane: Int64) -> UInt64 { state.withLock { $0.seats[lane]?.rings ?? 0 } }

    /// Something was committed into these lanes.
    func ring(_ lanes: some Sequence<Int64>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            var woken: [CheckedContinuation<Void, Never>] = []
            for lane in lanes where state.seats[lane] != nil {
                state.seats[lane]?.rings &+= 1
                woken += state.seats[lane].map { Array($0.waiters.values) } ?? []
                state.seats[lane]?.waiters = [:]
            }
            return woken
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Something was committed, perhaps into any of them.
    func ringAll() { ring(state.withLock { Array($0.seats.keys) }) }

    /// Returns when it has rung since `rings`, at the deadline, or when the task is cancelled.
    func wait(_ lane: Int64, after rings: UInt64, until deadline: Instant, _ runtime: any Runtime) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForRing(lane, after: rings) }
            group.addTask {
                do { try await runtime.sleep(until: deadline) } catch { return }
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForRing(_ lane: Int64, after rings: UInt64) async {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    guard let seat = state.seats[lane], seat.rings == rings, !seat.cancelled.contains(number) else {
                        state.seats[lane]?.cancelled.remove(number)
                        return true
                    }
                    state.seats[lane]?.waiters[number] = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                let waiter = state.seats[lane]?.waiters.removeValue(forKey: number)
                if waiter == nil { state.seats[lane]?.cancelled.insert(number) }
                return waiter
            }
            waiter?.resume()
        }
    }
}
