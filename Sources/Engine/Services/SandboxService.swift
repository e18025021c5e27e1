import Connectors
import Domain
import Logging
import Storage

/// Where a sandbox environment's clock stands.
public struct ClockView: Sendable {
    public let now: Instant
    /// Where an advance under way goes.
    public let target: Instant?
    /// Due moments that the advance under way, or the last one, has passed.
    public let runs: Int64
    public var isAdvancing: Bool { target != nil }
}

/// What only a sandbox has: made-up customers, transactions posted at will, and a clock that can be moved.
public struct SandboxService: Sendable {
    /// An advance may not go further at once.
    private static let advanceMsMax: Int64 = 400 * Instant.dayMs

    private let core: Core
    private let keys: KeyService
    private let bank: SandboxBank
    private let transport: any HTTPTransport
    public let customers: SandboxCustomers

    public init(core: Core, keys: KeyService, bank: SandboxBank, book: any SandboxBook, transport: any HTTPTransport) {
        self.core = core
        self.keys = keys
        self.bank = bank
        self.transport = transport
        customers = SandboxCustomers(book: book, runtime: core.runtime)
    }

    // MARK: transactions

    /// Posts a transaction at the bank now; the bank pushes it to every connection that covers the account.
    public func post(
        _ order: SandboxOrder, in environment: Domain.Environment, once: Once<SandboxPosted>? = nil
    ) async throws -> SandboxPosted {
        try requireSandbox(environment)
        let posted = try await bank.post(order, environmentID: environment.id, also: core.together(once))
        for push in posted.pushes {
            do throws(HTTPTransportError) {
                let reply = try await transport.send(push.request)
                if !(200..<300).contains(reply.status) {
                    core.logger.warning("push refused", metadata: ["status": "\(reply.status)"])
                }
            } catch {
                core.logger.warning("push failed", metadata: ["error": "\(error)"])
            }
        }
        return posted
    }

    // MARK: scenarios

    /// Keeps a scenario under a username, or for an institution under `bank:` and its slug, in place of an earlier one.
    /// - Throws: `DomainError` that names the place in the script.
    public func setScenario(
        _ name: String, _ script: JSONValue, in environment: Domain.Environment,
        once: Once<SandboxNamedScenario>? = nil
    ) async throws -> SandboxNamedScenario {
        try requireSandbox(environment)
        return try await bank.setScenario(name, script, environmentID: environment.id, also: core.together(once))
    }

    /// One scenario, the environment's or one that every sandbox has.
    public func scenario(_ name: String, in environment: Domain.Environment) async throws -> SandboxNamedScenario {
        try requireSandbox(environment)
        return try await bank.scenario(name, environmentID: environment.id)
    }

    /// The environment's scenarios by name, and the name after which the next page goes on.
    public func scenarios(
        after name: String?, limit: Int, in environment: Domain.Environment
    ) async throws -> (scenarios: [SandboxNamedScenario], next: String?) {
        try requireSandbox(environment)
        let found = try await bank.scenarios(
            after: name ?? "", limit: limit + 1, environmentID: environment.id)
        let page = Array(found.prefix(limit))
        return (page, found.count > limit ? page.last?.name : nil)
    }

    /// Logins of that name fall back to what they were without it.
    public func removeScenario(
        _ name: String, in environment: Domain.Environment, once: Once<Void>? = nil
    ) async throws {
        try requireSandbox(environment)
        try await bank.removeScenario(name, environmentID: environment.id, also: core.together(once)?(()))
    }

    func together<T: Sendable>(_ once: Once<T>?) -> (@Sendable (T) -> UnitStep)? { core.together(once) }

    // MARK: clock

    /// The environment's time and, while it is being moved, its target.
    public func clock(_ environment: Domain.Environment) async throws -> ClockView {
        let fresh = try await core.environment(environment.scope)
        let job = try await core.database.read { try ClockStore.job(environment.scope, $0) }
        return ClockView(
            now: fresh.virtual(core.runtime.now()),
            target: job.flatMap { $0.hasArrived ? nil : Instant(ms: $0.targetMs) }, runs: job?.runs ?? 0)
    }

    /// Moves the clock forward; everything that falls due on the way happens at its own date. Returns at once, or when
    /// `waitMs` have passed, or when the target is reached.
    public func advance(
        _ environment: Domain.Environment, byMs: Int64, waitMs: Int64 = 0, once: Once<ClockView>? = nil
    ) async throws -> ClockView {
        try requireSandbox(environment)
        guard byMs > 0, byMs <= Self.advanceMsMax else {
            throw DomainError.invalid("days", "must move the clock forward, by at most 400 days at once.")
        }
        let fresh = try await core.environment(environment.scope)
        let now = fresh.virtual(core.runtime.now())
        let target = now + byMs
        _ = try await core.change(once) { tx in
            try ClockStore.start(environment.scope, targetMs: target.ms, tx)
            return ClockView(now: now, target: target, runs: 0)
        }
        core.wakes.clocks.set()
        let view = try await settled(environment, until: core.runtime.now() + waitMs)
        keys.forget()
        return view
    }

    private func settled(_ environment: Domain.Environment, until deadline: Instant) async throws -> ClockView {
        var view = try await clock(environment)
        while view.isAdvancing, core.runtime.now() < deadline {
            try await core.runtime.sleep(until: min(deadline, core.runtime.now() + 50))
            view = try await clock(environment)
        }
        return view
    }

    /// - Throws: `DomainError` with `sandboxOnly` in a production environment.
    public func requireSandbox(_ environment: Domain.Environment) throws {
        guard environment.kind == .sandbox else {
            throw DomainError(.sandboxOnly, "This exists only in the sandbox. Use the sandbox's base URL and key.")
        }
    }
}
