import Domain
import Synchronization
import TestKit

/// A customer's server: keeps what it was told, and refuses some of it while things go wrong.
final class SimulatedShop: WebhookTransport {
    struct Told: Hashable {
        var connection: String
        var sequence: Int64
        var id: String
    }
    private struct State {
        var random: SplitMix
        var refusals = 20
        var told: [Told: [UInt8]] = [:]
        var problems: [String] = []
    }
    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(random: SplitMix(seed: seed ^ 0x5409))) }

    func send(_ request: WebhookRequest) async -> WebhookOutcome {
        state.withLock { state in
            if Int.random(in: 0..<100, using: &state.random) < state.refusals {
                return Bool.random(using: &state.random)
                    ? WebhookOutcome(status: 503) : WebhookOutcome(status: nil, error: .timedOut)
            }
            do {
                let body = try JSONValue(parsing: request.body)
                guard case .integer(let sequence)? = body["sequence"], let id = body["event_id"]?.text else {
                    state.problems.append("an event has no sequence: \(body.encoded)")
                    return WebhookOutcome(status: 200)
                }
                let connection = body["data"]?["record"]?.text ?? ""
                let told = Told(connection: connection, sequence: sequence, id: id)
                if let before = state.told[told], before != request.body {
                    state.problems.append("event \(id) says something else the second time")
                }
                state.told[told] = request.body
            } catch {
                state.problems.append("a webhook is no JSON: \(error)")
            }
            return WebhookOutcome(status: 200)
        }
    }

    /// Takes everything from now on.
    func calmDown() { state.withLock { $0.refusals = 0 } }

    var told: Set<Told> { state.withLock { Set($0.told.keys) } }
    var problems: [String] { state.withLock { $0.problems } }
}
