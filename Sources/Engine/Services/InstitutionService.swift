import Connectors
import Domain
import Storage

/// What an operator set of a bank, what its connector states, and what holds it back now.
public struct InstitutionLimits: Sendable, Equatable {
    public let institution: Institution
    /// What is in force: the operator's, else the connector's.
    public let rate: RateCap?
    public let concurrency: Int?
    /// Of each connection in a rolling day.
    public let budget: CallBudget
    /// Whether the operator set any of it.
    public let isSet: Bool
    /// The bank's own word for when it may be asked again.
    public let blockedUntil: Instant?
}

/// A planned time in which a bank is not asked.
public struct PlannedMaintenance: Sendable, Equatable {
    public let id: Int64
    public let institution: Institution
    public let window: MaintenanceWindow
}

/// Banks as customers see them and as operators limit them.
public struct InstitutionService: Sendable {
    let core: Core

    public init(core: Core) { self.core = core }

    // MARK: for everyone

    /// The banks that can be linked, the best known first, with their health.
    /// - Parameters:
    ///   - environment: whose measured health is shown; a sandbox has its own.
    ///   - isMeasuredOnly: what banks say of themselves is left out, and they are not asked.
    public func list(
        _ kind: EnvironmentKind, of environment: Domain.Environment? = nil, isMeasuredOnly: Bool = false
    ) async -> [ListedInstitution] {
        await core.board.list(kind, of: environment, isMeasuredOnly: isMeasuredOnly, core)
    }

    /// - Parameter name: its id, or a slug it is known under.
    public func find(_ name: String, of environment: Domain.Environment) async throws -> ListedInstitution {
        guard let known = InstitutionCatalog.find(slugOrID: name),
            let served = core.connectors.serving(known, in: environment.kind)?.institution,
            let listed = await list(environment.kind, of: environment).first(where: { $0.institution == served })
        else { throw DomainError.notFound("institution") }
        return listed
    }

    /// What holds for a bank in an environment.
    public func limits(_ institution: Institution, _ environment: Domain.Environment) async throws -> InstitutionLimits
    {
        let key = BankKey(institution.slug, environment)
        let facts = try await core.database.read {
            try BankStore.facts(key.institution, key.kind, environment: key.environmentID, $0)
        }
        return limits(
            institution, environment.kind, facts.setting,
            blockedUntil: facts.blockedUntil.flatMap {
                $0 > environment.virtual(core.runtime.now()) ? $0 : nil
            })
    }

    private func limits(
        _ institution: Institution, _ kind: EnvironmentKind, _ setting: BankSetting, blockedUntil: Instant? = nil
    ) -> InstitutionLimits {
        let stated = core.connectors.connector(for: institution.slug, in: kind)?.descriptor.capabilities
        return InstitutionLimits(
            institution: institution, rate: setting.rate ?? stated?.limits.rate,
            concurrency: setting.concurrency ?? stated?.limits.concurrency,
            budget: setting.budget ?? stated?.budget ?? CallBudget(), isSet: setting != BankSetting(),
            blockedUntil: blockedUntil)
    }

    // MARK: for operators

    /// Banks that have a limit, of an operator or of their connector.
    public func limited(_ kind: EnvironmentKind) async throws -> [InstitutionLimits] {
        let set = try await core.database.read { try BankStore.settings(kind, $0) }
        let served = core.connectors.institutions(in: kind)
        return InstitutionCatalog.all.filter { served.contains($0.slug) || set[$0.slug] != nil }
            .map { limits($0, kind, set[$0.slug] ?? BankSetting()) }
            .filter { $0.isSet || $0.rate != nil || $0.concurrency != nil || $0.budget.isLimited }
    }

    /// Changes what is set of a bank; every node takes it up within some seconds.
    public func set(
        _ name: String, _ kind: EnvironmentKind, _ change: @escaping @Sendable (inout BankSetting) -> Void
    ) async throws -> InstitutionLimits {
        let institution = try known(name)
        let setting = try await core.database.write { tx in
            var setting = try BankStore.settings(kind, tx.db)[institution.slug] ?? BankSetting()
            change(&setting)
            try BankStore.set(setting, of: institution.slug, kind, tx)
            return setting
        }
        return limits(institution, kind, setting)
    }

    /// Plans maintenance of a bank.
    public func plan(
        _ window: MaintenanceWindow, of name: String, _ kind: EnvironmentKind
    ) async throws -> PlannedMaintenance {
        let institution = try known(name)
        guard window.endsAt > window.startsAt else {
            throw DomainError.invalid("--to", "must be later than --from.")
        }
        if let days = window.everyDays, window.endsAt - window.startsAt >= days * Instant.dayMs {
            throw DomainError.invalid("--every-days", "must be longer than the maintenance itself.")
        }
        try await core.sequence.fill()
        let id = try await core.database.write { tx in
            let id = try core.sequence.take()
            try BankStore.add(window, id: id, of: institution.slug, kind, tx)
            return id
        }
        return PlannedMaintenance(id: id, institution: institution, window: window)
    }

    /// What is planned, the earliest first.
    public func planned(_ kind: EnvironmentKind) async throws -> [PlannedMaintenance] {
        try await core.database.read { try BankStore.maintenance(kind, $0) }.compactMap { row in
            InstitutionCatalog.find(row.institution).map {
                PlannedMaintenance(id: row.id, institution: $0, window: row.window)
            }
        }
    }

    /// Takes a planned maintenance back, also one that is under way.
    public func cancel(_ id: Int64) async throws {
        guard try await core.database.write({ try BankStore.removeMaintenance(id, $0) }) else {
            throw DomainError.notFound("maintenance")
        }
    }

    private func known(_ name: String) throws -> Institution {
        guard let institution = InstitutionCatalog.find(slugOrID: name) else {
            throw DomainError(
                .unknownInstitution, "`\(name.prefix(60))` is not an institution known here. See `banks/list`.",
                field: "institution")
        }
        return institution
    }
}

extension Core {
    /// Calls to banks since this process started, by institution and how they ended.
    public var bankCalls: [(institution: String, outcome: String, count: Int)] { gate.tally.calls }

    /// Runs that were put off since this process started, by why.
    public var bankWaits: [Count] {
        let waits = gate.tally.waits
        return BankMachine.Reason.allCases.map { ($0.rawValue, waits[$0] ?? 0) }
    }

    /// Calls under way and the state of the breaker, by institution; sandboxes of one bank count together.
    public var banksNow: [(institution: String, inFlight: Int, breakers: [String: Int])] {
        var found: [String: (inFlight: Int, breakers: [String: Int])] = [:]
        for (key, machine) in gate.known {
            found[key.institution, default: (0, [:])].inFlight += machine.inFlight
            found[key.institution, default: (0, [:])].breakers[machine.breaker.stateName, default: 0] += 1
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value.inFlight, $0.value.breakers) }
    }
}
