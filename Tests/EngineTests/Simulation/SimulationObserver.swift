import Connectors
import Domain
import TestKit

@testable import Engine

/// Sees at the bank itself what is in a login's accounts, by an access of its own.
final class SimulationObserver {
    private let world: World
    private let connector: SandboxConnector
    private var grants: [String: Grant] = [:]

    init(_ world: World) {
        self.world = world
        connector = SandboxConnector(
            transport: SandboxBankTransport(world.bank), baseURL: "http://sandbox.bank", pushSecret: "none")
    }

    private func context(_ login: SimulationPlan.Login) async throws -> ConnectorContext {
        let environment = try await world.core.environment(world.scope)
        return ConnectorContext(
            environmentID: environment.id, institution: login.institution, now: world.virtualNow(environment),
            correlationID: "observer")
    }

    func enter(_ login: SimulationPlan.Login) async throws {
        let context = try await context(login)
        let begun = try await connector.beginLink(LinkRequest(products: Set(Product.allCases)), context)
        let answer = StepAnswer(fields: ["username": login.username, "password": "pass"])
        grants[login.username] = try await connector.continueLink(begun.state, answer, context).linked?.grant
    }

    struct Truth {
        var accounts: [FetchedAccount]
        /// By the bank's ids of the accounts.
        var balances: [String: Int64] = [:]
        var rows: [String: [FetchedTransaction]] = [:]
        /// From this day on.
        var from: LocalDate
        /// Rows of the bank that are younger may not have been fetched yet.
        var now: Instant
    }

    func truth(_ login: SimulationPlan.Login) async throws -> Truth {
        let context = try await context(login)
        guard let entered = grants[login.username] else { throw SimulationError("no access to \(login.username)") }
        let grant = try await connector.refreshAuth(entered, context)
        let today = context.now.day()
        var truth = Truth(
            accounts: try await connector.listAccounts(grant, context), from: today.adding(days: -45), now: context.now)
        for account in truth.accounts {
            let balance = try await connector.balance(grant, account: account.upstreamID, context)
            truth.balances[account.upstreamID] = balance.ledger?.minor
            var cursor: String?
            repeat {
                let page = try await connector.transactions(
                    grant, account: account.upstreamID, window: DayWindow(from: truth.from, to: today),
                    cursor: cursor, context)
                truth.rows[account.upstreamID, default: []] += page.rows
                cursor = page.nextCursor
            } while cursor != nil
        }
        return truth
    }
}
