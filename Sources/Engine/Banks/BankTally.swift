import Domain
import Synchronization

/// What was asked of banks since this process started.
final class BankTally: Sendable {
    private struct Counts {
        var calls: [String: [String: Int]] = [:]
        var waits: [BankMachine.Reason: Int] = [:]
    }
    private let counts = Mutex(Counts())

    func called(_ key: BankKey, _ error: ConnectorError?) {
        counts.withLock { $0.calls[key.institution, default: [:]][error?.code.rawValue ?? "ok", default: 0] += 1 }
    }

    func waited(_ reason: BankMachine.Reason) { counts.withLock { $0.waits[reason, default: 0] += 1 } }

    /// Calls by institution and how they ended.
    var calls: [(institution: String, outcome: String, count: Int)] {
        counts.withLock { $0.calls }
            .flatMap { bank in bank.value.map { (bank.key, $0.key, $0.value) } }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    }

    /// Runs that were put off, by why.
    var waits: [BankMachine.Reason: Int] { counts.withLock { $0.waits } }
}
