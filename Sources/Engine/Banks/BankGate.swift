import Connectors
import Domain
import Logging
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

/// A run that must wait is put off without counting as a failure. `until` is the environment's time.
struct RefreshDeferred: Error {
    let until: Instant
    let reason: String

    init(until: Instant, reason: String) {
        self.until = until
        self.reason = reason
    }

    init(until: Instant, _ reason: BankMachine.Reason) { self.init(until: until, reason: reason.rawValue) }
}

/// Decides whether a bank may be asked now, and learns from how it answered.
///
/// Each node decides with a machine of its own; what the nodes must share (caps, what a bank said, what operators set)
/// is in the database and looked at every other second. Times are the environment's, in production the machine's.
final class BankGate: Sendable {
    /// What the database holds is looked at so often while a bank is in use.
    static let freshMs: Int64 = 2000
    /// Health changes no faster than this.
    static let healthMs: Int64 = 60_000
    /// A share of the calls at once is taken for so long; calls begin only while there is time for them to end.
    static let shareMs: Int64 = 45_000
    static let callMs: Int64 = 30_000
    /// A node that wants a share counts as waiting for so long.
    static let waitMs: Int64 = 5000
    /// A bank's own word is believed for so long; then it is asked again.
    static let blockedMsMax: Int64 = 3_600_000

    struct Bank {
        var machine = BankMachine()
        var facts = BankFacts()
        /// Machine time; nil before the first look.
        var lookedAt: Instant?
        var isLooking = false
        var judgedAt: Instant?
    }

    private let banks = Mutex<[BankKey: Bank]>([:])
    /// The budgets that operators set, for banks that this node does not ask itself.
    private let budgets = Mutex<[EnvironmentKind: [String: CallBudget]]>([:])
    let tally = BankTally()

    init() {}

    func with<Value>(_ key: BankKey, _ body: (inout Bank) throws -> Value) rethrows -> Value {
        try banks.withLock { banks in try body(&banks[key, default: Bank()]) }
    }

    /// Every bank that this process has asked, for its metrics.
    var known: [(key: BankKey, machine: BankMachine)] {
        banks.withLock { $0.map { ($0.key, $0.value.machine) } }
    }

    /// How many runs of a lane may start now.
    func permits(
        _ institution: String, _ environment: Domain.Environment, _ core: Core
    ) async throws -> BankPermits {
        let key = BankKey(institution, environment)
        try await look(key, core)
        let found = with(key) { $0.machine.permits(at: environment.virtual(core.runtime.now())) }
        return BankPermits(count: found.count, until: found.until)
    }

    /// The budget of each connection at a bank: what the operator set, else what its connector states.
    func budget(_ institution: String, _ environment: Domain.Environment, _ core: Core) -> CallBudget {
        let bank = banks.withLock { $0[BankKey(institution, environment)] }
        let isKnown = bank?.lookedAt != nil
        let set =
            isKnown
            ? bank?.facts.setting.budget : budgets.withLock { $0[environment.kind]?[institution] }
        return set ?? capabilities(institution, environment.kind, core)?.budget ?? CallBudget()
    }

    /// Reads the budgets that operators set; each node does so now and then.
    func readBudgets(_ core: Core) async throws {
        let found = try await core.database.read { db in
            try EnvironmentKind.allCases.map { ($0, try BankStore.settings($0, db).compactMapValues(\.budget)) }
        }
        budgets.withLock { known in for (kind, each) in found { known[kind] = each } }
    }

    /// What a connector can do at a bank, with the budget that holds there.
    func capabilities(
        of connector: any Connector, _ institution: String, _ environment: Domain.Environment, _ core: Core
    ) -> Capabilities {
        var found = connector.descriptor.capabilities
        found.budget = budget(institution, environment, core)
        return found
    }

    /// As `capabilities`, by what the database holds: for nodes that do not ask the bank themselves.
    static func capabilities(
        of connector: any Connector, _ institution: String, _ environment: Domain.Environment, _ db: any SQLConnection
    ) throws -> Capabilities {
        var found = connector.descriptor.capabilities
        if let set = try BankStore.setting(of: institution, environment.kind, db).budget { found.budget = set }
        return found
    }

    private func capabilities(_ institution: String, _ kind: EnvironmentKind, _ core: Core) -> Capabilities? {
        core.connectors.connector(for: institution, in: kind)?.descriptor.capabilities
    }

    // MARK: one call

    /// Begins a call; `leave` must follow.
    /// - Parameter isUserPresent: a person waits for it.
    /// - Throws: `RefreshDeferred` when the bank may not be asked now.
    func enter(
        _ institution: String, _ environment: Domain.Environment, isUserPresent: Bool, _ core: Core
    ) async throws {
        let key = BankKey(institution, environment)
        try await look(key, core)
        // Calls and a share may both be wanting; another node or task may have been faster.
        for _ in 0..<4 {
            let now = environment.virtual(core.runtime.now())
            switch with(key, { $0.machine.admit(isUserPresent: isUserPresent, at: now) }) {
            case .go: return
            case .wait(let until, let reason):
                tally.waited(reason)
                throw RefreshDeferred(until: until, reason)
            case .needsCalls: try await leaseCalls(key, isUserPresent, at: now, core)
            case .needsShare: try await leaseShare(key, at: now, core)
            }
        }
        tally.waited(.rate)
        throw RefreshDeferred(until: environment.virtual(core.runtime.now()) + 1000, .rate)
    }

    /// Ends a call that `enter` began.
    /// - Parameter error: nil when the bank answered well.
    func leave(
        _ institution: String, _ environment: Domain.Environment, _ error: ConnectorError?, _ core: Core
    ) async throws {
        let key = BankKey(institution, environment)
        let now = environment.virtual(core.runtime.now())
        let isGood = error.map { $0.code.isAnswer } ?? true
        tally.called(key, error)
        let change = with(key) { bank -> InstitutionHealth? in
            bank.machine.ended(isGood: isGood, at: now)
            let health = bank.machine.judge(at: now)
            guard health != bank.machine.health, bank.judgedAt.map({ now - $0 >= Self.freshMs }) ?? true else {
                return nil
            }
            bank.judgedAt = now
            return health
        }
        if let change { try await HealthNotice(core: core).change(key, to: change, at: now) }
    }

    /// Ends a call that was not made after all.
    func withdraw(_ institution: String, _ environment: Domain.Environment, _ core: Core) {
        let now = environment.virtual(core.runtime.now())
        with(BankKey(institution, environment)) { $0.machine.ended(isGood: nil, at: now) }
    }

    /// The bank said that it may not be asked before an instant, by anyone.
    func block(_ institution: String, _ environment: Domain.Environment, until: Instant, _ core: Core) async throws {
        let key = BankKey(institution, environment)
        with(key) { $0.machine.blockedUntil = max($0.machine.blockedUntil ?? until, until) }
        try await core.database.write {
            try BankStore.block(key.institution, environment: key.environmentID, until: until, $0)
        }
    }

    // MARK: what nodes share

    /// Looks at what the database holds of the bank when the last look was too long ago.
    func look(_ key: BankKey, _ core: Core) async throws {
        let machineNow = core.runtime.now()
        let isMine = with(key) { bank in
            // Before the first look everyone looks: no call is made past a cap that is not known yet.
            guard let last = bank.lookedAt else { return true }
            guard !bank.isLooking, machineNow - last >= Self.freshMs else { return false }
            bank.isLooking = true
            return true
        }
        guard isMine else { return }
        defer { with(key) { $0.isLooking = false } }
        let facts = try await core.database.read {
            try BankStore.facts(key.institution, key.kind, environment: key.environmentID, $0)
        }
        let stated = capabilities(key.institution, key.kind, core)?.limits ?? BankLimits()
        with(key) { bank in
            bank.facts = facts
            bank.lookedAt = machineNow
            bank.machine.limits = BankLimits(
                rate: facts.setting.rate ?? stated.rate, concurrency: facts.setting.concurrency ?? stated.concurrency)
            bank.machine.maintenance = facts.maintenance
            bank.machine.health = facts.health
            if let until = facts.blockedUntil { bank.machine.blockedUntil = until }
        }
    }

    private func leaseCalls(
        _ key: BankKey, _ isUserPresent: Bool, at now: Instant, _ core: Core
    ) async throws {
        guard let cap = with(key, { $0.machine.limits.rate }) else { return }
        let lease = try await core.database.write { tx in
            try BankStore.leaseCalls(
                of: key.institution, environment: key.environmentID, cap, isUserPresent: isUserPresent, at: now, tx)
        }
        with(key) { $0.machine.leased(lease, isUserPresent: isUserPresent, at: now) }
    }

    private func leaseShare(_ key: BankKey, at now: Instant, _ core: Core) async throws {
        let (cap, inFlight) = with(key) { ($0.machine.limits.concurrency, $0.machine.inFlight) }
        guard let cap else { return }
        let share = try await core.database.write { tx in
            try BankStore.leaseShare(
                of: key.institution, environment: key.environmentID, node: core.nodeID, cap: cap, inFlight: inFlight,
                times: (now, now + Self.shareMs, now + Self.waitMs), tx)
        }
        let until = share > 0 ? now + (Self.shareMs - Self.callMs) : now + 1000
        with(key) { $0.machine.shared(RateLease(count: share, until: until)) }
    }
}

extension ConnectorError.Code {
    /// Whether the bank answered, with whatever answer; nil when the code says nothing of that.
    var isAnswer: Bool? {
        switch self {
        case .providerUnavailable, .outcomeUnknown, .protocolViolation: false
        case .rateLimited, .notReady, .clientMisconfigured, .unsupported: nil
        default: true
        }
    }
}

extension Core {
    /// Gives back what this node held of banks' calls at once; another node need not wait for the end of its lease.
    public func giveBackShares() async {
        do {
            try await database.write { [nodeID] in try BankStore.dropShares(node: nodeID, $0) }
        } catch {
            logger.debug("shares end with their lease", metadata: ["error": "\(error)"])
        }
    }
}
