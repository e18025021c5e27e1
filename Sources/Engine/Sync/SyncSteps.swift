import Crypto
import Domain
import FoundationEssentials
import Storage

/// What each kind of step writes, with the events that tell of it.
struct SyncSteps {
    let core: Core

    func context(_ run: Syncer.Run, _ now: Instant, bvn: String? = nil) -> EventContext {
        EventContext(
            environment: run.environment, connection: run.connection, customerName: run.customerName, bvn: bvn,
            startedAt: run.refresh.requestedAt, now: now, publicURL: core.settings.publicURL,
            refreshID: run.refresh.id, sealer: run.sealer)
    }

    /// Okra's method for what a run tells: by its cause, as its pull form is named.
    func method(_ product: Product, _ causes: Set<RefreshCause>) -> String {
        if product == .identity { return "IDENTITY" }
        if product == .accounts || product == .auth { return "ACCOUNTS" }
        let isBalance = product == .balance
        if causes.contains(.link) { return isBalance ? "BALANCE" : "TRANSACTIONS" }
        if causes.contains(.check) { return isBalance ? "CHECK_BALANCE" : "REFRESH_TRANSACTIONS" }
        if causes.contains(.demand) { return isBalance ? "BALANCE" : "REFRESH_TRANSACTIONS" }
        return isBalance ? "PERIODIC_BALANCE" : "PERIODIC_TRANSACTIONS"
    }

    func isAsked(_ causes: Set<RefreshCause>) -> Bool { !causes.isDisjoint(with: [.demand, .check, .link]) }

    func now(_ run: Syncer.Run) -> Instant { run.environment.virtual(core.runtime.now()) }

    /// Whether a balance says something else than the one that is kept.
    static func isChanged(_ fetched: FetchedBalance, _ stored: Account) -> Bool {
        stored.balanceAsOf == nil || stored.ledgerMinor != fetched.ledger?.minor
            || stored.availableMinor != fetched.available?.minor
    }

    func apply(
        _ fetched: FetchedBalance, to account: Account, _ run: Syncer.Run, _ tx: Transaction
    ) throws -> StepCounts {
        // The row is read again: the run's copy may be older than the last step of this run.
        try apply(fetched, stored: try AccountStore.find(account.id, run.scope, tx.db) ?? account, run, tx)
    }

    func apply(
        _ fetched: FetchedBalance, stored: Account, _ run: Syncer.Run, _ tx: Transaction
    ) throws -> StepCounts {
        let now = now(run)
        let isChanged = Self.isChanged(fetched, stored)
        try AccountStore.setBalance(
            stored.id, fetched, historyID: isChanged ? core.runtime.newID() : nil, at: now, run.scope, tx)
        guard isChanged || isAsked(run.refresh.causes) else { return StepCounts() }
        let draft = Drafts.balance(
            stored, number: run.numbers[stored.id], fetched, isChanged: isChanged,
            method: method(.balance, run.refresh.causes))
        try Outbox(core: core).emit([draft], context(run, now), tx)
        return StepCounts(modified: isChanged ? 1 : 0)
    }

    func apply(_ details: IdentityDetails, _ run: Syncer.Run, _ tx: Transaction) throws -> StepCounts {
        let now = now(run)
        let scope = run.scope
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let plain = Array(try encoder.encode(details))
        let digest = core.vault.index(String(decoding: plain, as: UTF8.self), purpose: "identity_digest")
        let stored = try IdentityStore.find(run.connection.id, scope, tx.db)
        guard stored?.digest != digest else { return StepCounts() }
        let id: ID<IdentityDetails> = core.runtime.newID()
        let text = stored?.id ?? id.hex
        let vaulting = AccountVault(core: core, scope: scope, connectionID: run.connection.id.hex)
        let bvnIndex = details.bvn.map { core.vault.index($0, purpose: "bvn") }
        try IdentityStore.put(
            id: text, connection: run.connection, bvnIndex: bvnIndex,
            sealed: try core.seal(plain, vaulting.context("identity"), tx), digest: digest, at: now, scope,
            tx)
        try rename(run.connection.customerID, details, bvnIndex, now, scope, tx)
        try Outbox(core: core).emit(
            [Drafts.identity(id: text, details)], context(run, now, bvn: details.bvn), tx)
        return StepCounts(added: stored == nil ? 1 : 0, modified: stored == nil ? 0 : 1)
    }

    private func rename(
        _ customer: ID<Customer>, _ details: IdentityDetails, _ bvnIndex: String?, _ now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        let owner = try bvnIndex.flatMap { try CustomerStore.find(bvnIndex: $0, scope, tx.db) }
        let isFree = owner == nil || owner?.id == customer
        try CustomerStore.update(
            customer, name: details.fullName, bvnIndex: isFree ? bvnIndex : nil, at: now, scope, tx)
    }
}
