import Connectors
import Domain
import Logging
import Storage

/// A connector whose calls for a person who links keep to the bank's limits like every other. A person is told that the
/// bank is busy or away, and tries again. Taking access back is never refused.
struct GuardedConnector: Connector {
    let inner: any Connector
    let core: Core

    var descriptor: ConnectorDescriptor { inner.descriptor }

    func beginLink(_ request: LinkRequest, _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        try await ask(context) { () async throws(ConnectorError) in try await inner.beginLink(request, context) }
    }

    func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        try await ask(context) { () async throws(ConnectorError) in
            try await inner.continueLink(state, answer, context)
        }
    }

    func poll(_ state: [UInt8], _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        try await ask(context) { () async throws(ConnectorError) in try await inner.poll(state, context) }
    }

    func refreshAuth(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> Grant {
        try await ask(context) { () async throws(ConnectorError) in try await inner.refreshAuth(grant, context) }
    }

    func revoke(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) {
        try await inner.revoke(grant, context)
    }

    func listAccounts(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> [FetchedAccount] {
        try await ask(context) { () async throws(ConnectorError) in try await inner.listAccounts(grant, context) }
    }

    func balance(
        _ grant: Grant, account: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchedBalance {
        try await ask(context) { () async throws(ConnectorError) in
            try await inner.balance(grant, account: account, context)
        }
    }

    func transactions(
        _ grant: Grant, account: String, window: DayWindow, cursor: String?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> FetchPage {
        try await ask(context) { () async throws(ConnectorError) in
            try await inner.transactions(grant, account: account, window: window, cursor: cursor, context)
        }
    }

    func identity(_ grant: Grant, _ context: ConnectorContext) async throws(ConnectorError) -> IdentityDetails? {
        try await ask(context) { () async throws(ConnectorError) in try await inner.identity(grant, context) }
    }

    func income(
        _ grant: Grant, account: String, months: Int?, _ context: ConnectorContext
    ) async throws(ConnectorError) -> IncomeAnswer {
        try await ask(context) { () async throws(ConnectorError) in
            try await inner.income(grant, account: account, months: months, context)
        }
    }

    func statement(
        _ grant: Grant, account: String, months: Int, _ context: ConnectorContext
    ) async throws(ConnectorError) -> [FetchedTransaction] {
        try await ask(context) { () async throws(ConnectorError) in
            try await inner.statement(grant, account: account, months: months, context)
        }
    }

    func handleUpstreamWebhook(
        headers: [(name: String, value: String)], body: [UInt8], settings: ConnectorSettings
    ) throws(ConnectorError) -> [UpstreamEvent] {
        try inner.handleUpstreamWebhook(headers: headers, body: body, settings: settings)
    }

    func health(institution: String, _ context: ConnectorContext) async -> InstitutionHealth {
        await inner.health(institution: institution, context)
    }

    func troubled(_ context: ConnectorContext) async -> [String: InstitutionHealth] { await inner.troubled(context) }

    private func ask<Value: Sendable>(
        _ context: ConnectorContext, _ call: () async throws(ConnectorError) -> Value
    ) async throws(ConnectorError) -> Value {
        // Files are read on this server; no bank is kept waiting or spared.
        if inner.descriptor.access == .statement { return try await call() }
        let environment = try await enter(context)
        let result: Result<Value, ConnectorError>
        do {
            result = .success(try await call())
        } catch {
            result = .failure(error)
        }
        let error: ConnectorError? = if case .failure(let error) = result { error } else { nil }
        do {
            try await core.gate.leave(context.institution, environment, error, core)
            if let error, error.code == .rateLimited, !error.isOfConnection, let seconds = error.retryAfterSeconds {
                let pause = min(Int64(max(1, seconds)) * 1000, BankGate.blockedMsMax)
                try await core.gate.block(
                    context.institution, environment, until: environment.virtual(core.runtime.now()) + pause, core)
            }
        } catch {
            // What the bank answered counts, also when nothing could be noted of it.
            core.logger.warning("a call to a bank was not noted", metadata: ["error": "\(error)"])
        }
        return try result.get()
    }

    private func enter(_ context: ConnectorContext) async throws(ConnectorError) -> Domain.Environment {
        do {
            let environment = try await core.database.read { try TenantStore.environment(context.environmentID, $0) }
            guard let environment else { throw ConnectorError(.clientMisconfigured) }
            try await core.gate.enter(context.institution, environment, isUserPresent: true, core)
            return environment
        } catch let wait as RefreshDeferred {
            let seconds = Int(max(1, (wait.until - context.now + 999) / 1000))
            switch BankMachine.Reason(rawValue: wait.reason) {
            case .breaker, .maintenance: throw ConnectorError(.providerUnavailable, retryAfterSeconds: seconds)
            default: throw ConnectorError(.rateLimited, retryAfterSeconds: seconds)
            }
        } catch let error as ConnectorError {
            throw error
        } catch {
            throw ConnectorError(.providerUnavailable)
        }
    }
}
