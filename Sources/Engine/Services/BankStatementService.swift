import Connectors
import Domain
import Storage

/// A bank's own statement of an account, as it was read.
public struct BankStatement: Sendable {
    public let account: String
    public let currency: Currency
    public let months: Int
    /// Newest first.
    public let rows: [FetchedTransaction]
    public let fetchedAt: Instant
}

/// Reads banks' own statements, and keeps nothing of them.
public struct BankStatementService: Sendable {
    private let core: Core
    public init(core: Core) { self.core = core }

    /// What the bank booked in an account in the last `months` (1 to 12): all of it, or an error.
    /// - Throws: `not_found`, `product_not_enabled`, `unsupported`, `not_ready`, `conflict`, `rate_limited`,
    ///   `unavailable`.
    public func read(
        account: String, months: Int, in environment: Domain.Environment
    ) async throws -> BankStatement {
        let caller = AccountCaller(core: core)
        let asked = try await caller.find(account, in: environment, "no statement of its own") { $0.offersStatement }
        do {
            let told = try await caller.ask(.statement, of: asked) { bank, grant, context throws(ConnectorError) in
                try await bank.statement(grant, account: asked.account.upstreamID, months: months, context)
            }
            return BankStatement(
                account: asked.account.id.hex, currency: asked.account.currency, months: months,
                rows: try FetchedRules.statement(told, currency: asked.account.currency),
                fetchedAt: environment.virtual(core.runtime.now()))
        } catch let error as ConnectorError {
            throw AccountCaller.refusal(error)
        }
    }
}
