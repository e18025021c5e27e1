import Connectors
import Domain
import Storage
import Synchronization

/// A bank as its limits count: in production one for all environments, in a sandbox each environment's own.
struct BankKey: Hashable, Sendable {
    let kind: EnvironmentKind
    /// 0 in production.
    let environmentID: Int64
    let institution: String

    init(_ institution: String, _ environment: Domain.Environment) {
        kind = environment.kind
        environmentID = environment.kind == .production ? 0 : environment.id
        self.institution = institution
    }
}

/// How many runs may start at a bank now. With none, `until` (the environment's time) is when to look again.
struct BankPermits: Sendable, Equatable {
    var count: Int
    var until: Instant?
}

/// Decides whether a bank may be asked now, and learns from how it answered.
///
/// Times are the environment's, which in production are the machine's.
final class BankGate: Sendable {
    struct Bank {
        var machine = BankMachine()
    }

    let banks = Mutex<[BankKey: Bank]>([:])

    init() {}

    /// How many runs of a lane may start now.
    func permits(
        _ institution: String, _ environment: Domain.Environment, _ core: Core
    ) async throws -> BankPermits {
        let key = BankKey(institution, environment)
        let now = environment.virtual(core.runtime.now())
        let found = banks.withLock { $0[key]?.machine.permits(at: now) }
        return BankPermits(count: found?.count ?? BankMachine.runsMax, until: found?.until)
    }

    /// The budget of each connection at a bank, as its connector states it or the operator sets it.
    func budget(_ institution: String, _ kind: EnvironmentKind, _ core: Core) -> CallBudget {
        core.connectors.connector(for: institution, in: kind)?.descriptor.capabilities.budget ?? CallBudget()
    }
}

/// A run that must wait is put off without counting as a failure. `until` is the environment's time.
struct RefreshDeferred: Error {
    let until: Instant
    let reason: String
}
