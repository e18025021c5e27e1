import Connectors
import Domain
import Logging
import Storage

/// One account whose bank is asked.
struct AskedAccount: Sendable {
    let account: Account
    let connection: Connection
    let environment: Domain.Environment
    let connector: any Connector
    let grant: Grant
}

/// Asks a bank about one account while somebody waits: within the bank's limits and the connection's calls of the day,
/// and with what the answer says of the access noted.
struct AccountCaller {
    private static let blockedMs: Int64 = 60_000

    let core: Core

    /// The account, if its bank can be asked for what is meant.
    /// - Parameters:
    ///   - what: for the message, as "no income".
    ///   - isOffered: whether the bank's connector has it.
    /// - Throws: `not_found`, `product_not_enabled` without consent to transactions, `unsupported`, and `conflict` when
    ///   only the person can bring the connection back.
    func find(
        _ text: String, in environment: Domain.Environment, _ what: String, _ isOffered: (Capabilities) -> Bool
    ) async throws -> AskedAccount {
        let scope = environment.scope
        let found = try await core.database.read { db -> (Account, Connection, [UInt8]?)? in
            guard let id = ID<Account>(text), let account = try AccountStore.find(id, scope, db),
                let connection = try ConnectionStore.find(account.connectionID, scope, db)
            else { return nil }
            return (account, connection, try ConnectionStore.grant(connection.id, scope, db))
        }
        guard let (account, connection, sealed) = found else { throw DomainError.notFound("account") }
        // Both are made of the account's transactions.
        guard connection.products.contains(.transactions) else {
            throw DomainError(
                .productNotEnabled, "This connection was linked without `transactions`. Link it again with it.")
        }
        guard let connector = core.connectors.connector(id: connection.connector),
            isOffered(connector.descriptor.capabilities)
        else {
            throw DomainError(.unsupported, "What reaches this bank (`\(connection.connector)`) has \(what).")
        }
        try connection.requireServed(at: environment.virtual(core.runtime.now()))
        let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
        guard let sealed else { throw DomainError(.conflict, "This connection has no access. Link it again.") }
        let grant = try await core.database.read {
            Grant(bytes: try core.vault.open(sealed, vaulting.context("grant"), on: $0))
        }
        return AskedAccount(
            account: account, connection: connection, environment: environment, connector: connector, grant: grant)
    }

    /// Makes one call.
    /// - Throws: `DomainError` when the bank may not be asked now; `ConnectorError` when it did not answer well.
    func ask<Value: Sendable>(
        _ operation: BankOperation, of asked: AskedAccount, _ payloads: RawPayloads? = nil,
        _ call: (any Connector, Grant, ConnectorContext) async throws(ConnectorError) -> Value
    ) async throws -> Value {
        let institution = asked.connection.institution
        let context = try await enter(operation, asked, payloads)
        let result: Result<Value, ConnectorError>
        do {
            result = .success(try await call(asked.connector, asked.grant, context))
        } catch {
            result = .failure(error)
        }
        let error: ConnectorError? = if case .failure(let error) = result { error } else { nil }
        try await core.gate.leave(institution, asked.environment, error, core)
        if let error { try await note(error, operation, asked) }
        return try result.get()
    }

    private func enter(
        _ operation: BankOperation, _ asked: AskedAccount, _ payloads: RawPayloads?
    ) async throws -> ConnectorContext {
        let environment = asked.environment
        let institution = asked.connection.institution
        do {
            try await core.gate.enter(institution, environment, isUserPresent: true, core)
        } catch let wait as RefreshDeferred {
            switch BankMachine.Reason(rawValue: wait.reason) {
            case .breaker, .maintenance:
                throw DomainError(.unavailable, ConnectorError.Code.providerUnavailable.message)
            default: throw DomainError.busy(until: wait.until, now: now(asked))
            }
        }
        do {
            var context = try await core.bankContext(
                environment, institution, connector: asked.connection.connector,
                correlationID: "\(operation.rawValue)-\(asked.account.id)", isUserPresent: true)
            context.payloads = payloads
            try await reserve(operation, asked)
            return context
        } catch {
            core.gate.withdraw(institution, environment, core)
            throw error
        }
    }

    /// Takes the call from the connection's budget of the day, in the database before the call is made.
    private func reserve(_ operation: BankOperation, _ asked: AskedAccount) async throws {
        let budget = core.gate.budget(asked.connection.institution, asked.environment, core)
        guard budget.isLimited else { return }
        let now = now(asked)
        let denied = try await change(asked) { budget.take(operation, &$0, at: now, isUserPresent: true) }
        guard let denied else { return }
        core.gate.tally.waited(.budget)
        throw DomainError.busy(until: denied, now: now)
    }

    private func change<Value: Sendable>(
        _ asked: AskedAccount, _ body: @escaping @Sendable (inout CallLedger) -> Value
    ) async throws -> Value {
        let id = asked.connection.id
        let scope = asked.environment.scope
        return try await core.database.write { tx in
            // The row stays this transaction's, so that no call of a run is forgotten.
            try CallStore.hold(id, scope, tx)
            var ledger = CallLedger(text: try CallStore.calls(id, scope, tx.db))
            let value = body(&ledger)
            try CallStore.set(ledger.text, id, scope, tx)
            return value
        }
    }

    // MARK: what an answer says of the access

    private func note(_ error: ConnectorError, _ operation: BankOperation, _ asked: AskedAccount) async throws {
        let now = now(asked)
        if error.code == .rateLimited { try await wait(error, operation, asked, now) }
        if error.isTokenExpired {
            // A run exchanges it: two exchanges of one token at once may end the access.
            let refreshes = RefreshService(core: core)
            _ = try await refreshes.enqueue(
                asked.connection.id, products: [.balance], cause: .push, asked.environment.scope)
            core.wakes.refreshes.set()
            throw DomainError(.notReady, "The access at the bank is being renewed. Ask again in a moment.")
        }
        guard error.recovery == .askUser else { return }
        try await core.sequence.fill()
        let isStopped = try await core.database.write { [core] tx in
            try stop(asked.connection.id, because: error, core, asked.environment, now, tx)
        }
        if isStopped { core.wakes.deliveries.set() }
    }

    /// The bank said when to come back: everybody waits, or the connection when the bank means it alone.
    private func wait(
        _ error: ConnectorError, _ operation: BankOperation, _ asked: AskedAccount, _ now: Instant
    ) async throws {
        let pause = error.retryAfterSeconds.map { max(1, Int64($0)) * 1000 }
        guard error.isOfConnection else {
            let until = now + min(pause ?? Self.blockedMs, BankGate.blockedMsMax)
            if pause != nil {
                try await core.gate.block(asked.connection.institution, asked.environment, until: until, core)
            }
            throw DomainError.busy(until: until, now: now)
        }
        let until = now + min(pause ?? BankGate.blockedMsMax, Instant.dayMs)
        let budget = core.gate.budget(asked.connection.institution, asked.environment, core)
        if budget.isLimited { _ = try await change(asked) { budget.exhaust(operation, &$0, until: until, at: now) } }
        throw DomainError.busy(until: until, now: now)
    }

    private func now(_ asked: AskedAccount) -> Instant { asked.environment.virtual(core.runtime.now()) }

    /// What a bank did not do, for whoever asked by the API.
    static func refusal(_ error: ConnectorError) -> DomainError {
        switch error.code {
        case .notReady: DomainError(.notReady, error.message)
        case .unsupported: DomainError(.unsupported, error.message)
        case .accountNotFound, .accountBlocked: DomainError(.conflict, error.message)
        default:
            error.recovery == .askUser
                ? DomainError(.conflict, "\(error.message) The user must log in at the bank again.")
                : DomainError(.unavailable, error.message)
        }
    }
}
