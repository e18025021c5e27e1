import Domain
import Storage

/// Which account of a connection becomes which one of a new login.
struct AccountPlan {
    let core: Core
    let scope: Scope
    private let accounts: [Account]
    private let fetched: [FetchedAccount]
    private let closed: Set<ID<Account>>
    private let matches: [AccountMapping.Match]

    init(
        core: Core, _ connection: Connection, _ access: LinkedAccess, _ scope: Scope, _ tx: Transaction
    ) throws {
        self.core = core
        self.scope = scope
        accounts = try AccountStore.list(connection.id, scope, tx.db)
        let closed = try ConnectionRepairs.closed(connection.id, scope, tx.db)
        self.closed = closed
        fetched = access.accounts
        let known = accounts.map {
            AccountMapping.Known(
                id: $0.id.hex, upstreamID: $0.upstreamID, numberIndex: $0.numberIndex, mask: $0.mask, name: $0.name,
                type: $0.type, currency: $0.currency, isClosed: closed.contains($0.id))
        }
        matches = AccountMapping.matches(
            known: known, fetched: fetched,
            numberIndexes: fetched.map { $0.number.map { core.vault.index($0, purpose: "nuban") } })
    }

    var isCertain: Bool { matches.allSatisfy(\.isCertain) }
    var hasPair: Bool { matches.contains { $0.rule != nil } }
    var hasCertainPair: Bool { matches.contains { $0.rule?.isCertain == true } }

    /// As the person is shown it, questions first; accounts that were left out before and stay so are not.
    var pairs: [Step.AccountPair] {
        (matches.filter { !$0.isCertain } + matches.filter(\.isCertain)).compactMap { match in
            if let known = match.known, match.fetched == nil, closed.contains(accounts[known].id) { return nil }
            let before = match.known.map { known in
                let account = accounts[known]
                return Step.AccountChoice(
                    upstreamID: account.id.hex, name: account.name ?? "Account", mask: account.mask ?? "",
                    type: account.type)
            }
            let after = match.fetched.map { place in
                let account = fetched[place]
                return Step.AccountChoice(
                    upstreamID: "", name: account.name ?? "Account",
                    mask: account.number.map { String($0.suffix(4)) } ?? "", type: account.type)
            }
            return Step.AccountPair(before: before, after: after, rule: match.rule)
        }
    }

    /// Known accounts keep their ids; what is new is made, and what the login does not cover any more is closed.
    /// - Returns: the ids that the login covers, and what to tell of new ones.
    func write(
        _ connection: Connection, _ vaulting: AccountVault, _ now: Instant, _ tx: Transaction
    ) throws -> (ids: [String], added: [EventDraft]) {
        var ids: [String] = []
        var added: [EventDraft] = []
        var isBack = false
        for match in matches {
            guard let place = match.known else { continue }
            let account = accounts[place]
            guard let new = match.fetched.map({ fetched[$0] }) else {
                try ConnectionRepairs.close(account.id, at: now, scope, tx)
                continue
            }
            isBack = isBack || closed.contains(account.id)
            ids.append(account.id.hex)
            // Two accounts whose bank ids were swapped must not have one id for a moment.
            if account.upstreamID != new.upstreamID {
                try ConnectionRepairs.release(account.id, scope, tx)
            }
        }
        for match in matches {
            guard let place = match.fetched else { continue }
            let new = fetched[place]
            if let known = match.known {
                try open(accounts[known], new, connection, vaulting, now, tx)
            } else {
                let account = try vaulting.account(new, connection, tx)
                try AccountStore.create(account, at: now, scope, tx)
                ids.append(account.id.hex)
                added.append(Drafts.account(account, number: new.number))
            }
        }
        if isBack || !added.isEmpty { try ConnectionRepairs.fetchWhole(connection.id, scope, tx) }
        return (ids, added)
    }

    private func open(
        _ account: Account, _ new: FetchedAccount, _ connection: Connection, _ vaulting: AccountVault, _ now: Instant,
        _ tx: Transaction
    ) throws {
        try ConnectionRepairs.open(account.id, upstreamID: new.upstreamID, at: now, scope, tx)
        guard let number = new.number, core.vault.index(number, purpose: "nuban") != account.numberIndex else { return }
        let renumbered = try vaulting.account(new, connection, tx)
        try ConnectionRepairs.renumber(
            account.id, sealed: renumbered.numberSealed, index: renumbered.numberIndex, mask: renumbered.mask, scope,
            tx)
    }

    /// What is told of the accounts that the connection had and that the login covers.
    func told(_ vaulting: AccountVault, _ tx: Transaction) throws -> [EventDraft] {
        try matches.compactMap { match in
            guard let known = match.known, match.fetched != nil,
                let account = try AccountStore.find(accounts[known].id, scope, tx.db)
            else { return nil }
            return Drafts.account(account, number: try vaulting.number(account, tx.db))
        }
    }
}
