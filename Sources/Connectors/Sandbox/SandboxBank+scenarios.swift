import Domain
import Synchronization

/// Scripts that were read before, by their text. Bounded.
final class SandboxScripts: Sendable {
    static let keptMax = 1000
    private let known = Mutex<[String: SandboxScript]>([:])

    func read(_ text: String) throws -> SandboxScript {
        if let script = known.withLock({ $0[text] }) { return script }
        let script = try SandboxScript(parsing: Array(text.utf8))
        known.withLock { known in
            if known.count >= Self.keptMax { known.removeAll() }
            known[text] = script
        }
        return script
    }
}

extension SandboxBank {
    // MARK: playing

    /// What the scripts of a login and of its institution make of a call. Calls are counted where a rule asks for it.
    func conduct(
        _ call: SandboxMoment, _ known: SandboxPersona, _ scenarios: SandboxScenarios
    ) async throws -> SandboxConduct {
        var conduct = SandboxConduct()
        var call = call
        if let named = scenarios.institution {
            let everyone = SandboxUser(
                environmentID: known.user.environmentID, institution: known.user.institution, username: "")
            call.start = named.createdAt
            try await play(try scripts.read(named.script), named.name, everyone, call, &conduct)
        }
        if let script = known.script, conduct.problem == nil {
            call.start = known.start
            try await play(script, known.user.username, known.user, call, &conduct)
        }
        return conduct
    }

    private func play(
        _ script: SandboxScript, _ name: String, _ user: SandboxUser, _ call: SandboxMoment,
        _ conduct: inout SandboxConduct
    ) async throws {
        for (index, rule) in script.rules.enumerated() where rule.holds(call, index) {
            if let times = rule.times {
                let count = try await book.countCall(user, scenario: name, counter: "times \(index)", slot: 0)
                guard count <= times else { continue }
            }
            conduct.latencyMs += rule.latencyMs
            conduct.show.take(rule.show)
            if let limit = rule.limit {
                let local = call.now.ms + Int64(LocalDate.lagosOffsetMinutes) * 60_000
                let slot = local / limit.span.ms
                let count = try await book.countCall(user, scenario: name, counter: "limit \(index)", slot: slot)
                if count > limit.calls {
                    let wait = ((slot + 1) * limit.span.ms - local + 999) / 1000
                    conduct.problem = SandboxRefused(code: .rateLimited, retryAfterSeconds: Int(wait)).problem
                }
            }
            if let refusal = rule.refusal { conduct.problem = conduct.problem ?? refusal.problem }
            conduct.access = conduct.access ?? rule.access
            if conduct.problem != nil || conduct.access != nil { return }
        }
    }

    /// How the institution does by its scenario; nil where none says anything.
    func scriptedHealth(_ request: SandboxRequest) async throws -> InstitutionHealth? {
        let name = SandboxNamedScenario.name(ofInstitution: request.institution.slug)
        guard let named = try await book.scenario(name, environmentID: request.environmentID) else { return nil }
        let now = try await book.now(environmentID: request.environmentID)
        let rules = try scripts.read(named.script).rules.filter { $0.isNow(now, named.createdAt) }
        let failing = rules.filter { $0.refusal != nil && $0.times == nil }
        if failing.contains(where: { $0.operations.isEmpty && $0.chance == 100 }) { return .down }
        return failing.isEmpty ? nil : .degraded
    }

    // MARK: naming

    static let usernameMax = 64

    /// Keeps a scenario under a username, or for an institution under `bank:` and its slug.
    /// - Parameter also: what commits together with it.
    /// - Throws: `DomainError` that names the place in the script, or says what is wrong with the name.
    public func setScenario(
        _ name: String, _ script: JSONValue, environmentID: Int64,
        also: (@Sendable (SandboxNamedScenario) -> UnitStep)? = nil
    ) async throws -> SandboxNamedScenario {
        try check(name)
        _ = try SandboxScript(script)
        let isOfLogin = !Set(script.members?.keys.map { $0 } ?? []).isSubset(of: ["about", "rules"])
        if name.hasPrefix(Self.institutionPrefix), isOfLogin {
            throw DomainError.invalid("rules", "are all that an institution's scenario can have, beside `about`.")
        }
        let text = script.encoded
        guard text.utf8.count <= SandboxScript.bytesMax else {
            throw DomainError.invalid("scenario", "must have at most \(SandboxScript.bytesMax >> 10) KiB.")
        }
        let scenario = SandboxNamedScenario(
            name: name, script: text, createdAt: try await book.now(environmentID: environmentID))
        try await book.putScenario(scenario, environmentID: environmentID, also: also?(scenario))
        return scenario
    }

    /// One scenario of the environment, or one of ours.
    /// - Throws: `DomainError.notFound`.
    public func scenario(_ name: String, environmentID: Int64) async throws -> SandboxNamedScenario {
        if let found = try await book.scenario(name, environmentID: environmentID) { return found }
        guard let ours = SandboxScenario(rawValue: name) else { throw DomainError.notFound("sandbox scenario") }
        return SandboxNamedScenario(name: name, script: ours.json, createdAt: Instant(ms: 0))
    }

    /// Scenarios of the environment after a name, in order of their names.
    public func scenarios(
        after name: String, limit: Int, environmentID: Int64
    ) async throws -> [SandboxNamedScenario] {
        try await book.scenarios(after: name, limit: limit, environmentID: environmentID)
    }

    /// - Parameter also: what commits together with it.
    /// - Throws: `DomainError.notFound` when there was none.
    public func removeScenario(_ name: String, environmentID: Int64, also: UnitStep? = nil) async throws {
        guard try await book.removeScenario(name, environmentID: environmentID, also: also) else {
            throw DomainError.notFound("sandbox scenario")
        }
    }

    private static let institutionPrefix = "bank:"

    private func check(_ name: String) throws(DomainError) {
        let isPlain = name.unicodeScalars.allSatisfy { $0.value > 32 && $0.value != 127 && $0 != "/" }
        guard !name.isEmpty, name.count <= Self.usernameMax, isPlain else {
            throw .invalid("name", "must have 1 to \(Self.usernameMax) characters without spaces and slashes.")
        }
        guard SandboxScenario(rawValue: name) == nil else {
            throw .invalid("name", "is one of the scenarios that every sandbox has. Choose another.")
        }
        guard name.hasPrefix(Self.institutionPrefix) else { return }
        guard InstitutionCatalog.find(String(name.dropFirst(Self.institutionPrefix.count))) != nil else {
            throw DomainError(
                .unknownInstitution, "`name` is no institution's slug after bank:. See the list of banks.",
                field: "name")
        }
    }

    /// A password that is a script is kept as the username's own scenario; the same one again changes nothing.
    /// - Returns: the script when the password was one.
    func carried(
        _ password: String, by user: SandboxUser, _ door: inout SandboxDoor
    ) async throws -> SandboxScript? {
        guard password.hasPrefix("{"), SandboxScenario(rawValue: user.username) == nil else { return nil }
        do {
            guard door.customer == nil else {
                throw DomainError.invalid("username", "is a customer's. Choose another for a scenario.")
            }
            let value: JSONValue
            do { value = try JSONValue(parsing: Array(password.utf8)) } catch {
                throw DomainError.invalid("password", "begins like a scenario and is no JSON.")
            }
            if door.scenarios.own?.script != value.encoded {
                guard !user.username.hasPrefix(Self.institutionPrefix) else {
                    throw DomainError.invalid("username", "is the name of an institution's scenario.")
                }
                door.scenarios.own = try await setScenario(
                    user.username, value, environmentID: user.environmentID)
            }
            return try door.scenarios.own.map { try scripts.read($0.script) }
        } catch let error as DomainError where error.code != .notFound {
            throw SandboxProblem(422, "bad_scenario", error.message)
        }
    }
}
