import Crypto
import Domain
import FoundationEssentials
import Storage

/// The last step of a link that brings a connection back: the same connection gets the new grant, and every id stays.
struct LinkRepair {
    let core: Core

    /// What the new login may do with the connection.
    private enum Verdict {
        case same(Connection, [Account])
        case refused(ConnectorError)
    }

    /// - Returns: whether the new grant is kept; not when it is another person's, or the link was used up meanwhile.
    func finish(
        _ session: LinkSession, from revision: Int64, _ access: LinkedAccess, _ terms: LinkTerms,
        _ environment: Domain.Environment
    ) async throws -> Bool {
        try await core.sequence.fill()
        let now = environment.virtual(core.runtime.now())
        let scope = environment.scope
        let isKept = try await core.database.write { tx in
            switch try verdict(access, terms, scope, tx) {
            case .refused(let error):
                try end(session, from: revision, error, scope, tx)
                return false
            case .same(let connection, let accounts):
                var ended = session
                ended.status = .done
                ended.state = nil
                ended.connectionID = connection.id
                guard try LinkSessionStore.advance(ended, from: revision, scope, tx) else {
                    return try LinkSessionStore.find(session.id, scope, tx.db)?.status == .done
                }
                try terms.run.linkID.map { _ = try WidgetLinkStore.use($0, at: core.runtime.now(), scope, tx) }
                try apply(access, to: connection, accounts, session, environment, now, tx)
                return true
            }
        }
        core.wakes.refreshes.set()
        core.wakes.deliveries.set()
        return isKept
    }

    private func verdict(
        _ access: LinkedAccess, _ terms: LinkTerms, _ scope: Scope, _ tx: Transaction
    ) throws -> Verdict {
        let gone = ConnectorError(
            .accessDenied, "The account that this link was for was removed meanwhile. Link it anew.")
        guard let id = terms.run.repairs, let connection = try ConnectionStore.find(id, scope, tx.db),
            connection.canBeRepaired
        else { return .refused(gone) }
        let accounts = try AccountStore.list(id, scope, tx.db)
        guard isSame(connection, accounts, access) else { return .refused(ConnectorError(.differentLogin)) }
        if let link = terms.run.linkID, try !WidgetLinkStore.isUsable(link, scope, tx) {
            return .refused(ConnectorError(.accessDenied, "This link was used already. Ask for a new one."))
        }
        return .same(connection, accounts)
    }

    /// The bank's own word for the login decides where it gives one; and there must be an account that both have.
    private func isSame(_ connection: Connection, _ accounts: [Account], _ access: LinkedAccess) -> Bool {
        if let old = connection.upstreamUser, let new = access.upstreamUserID, old != new { return false }
        return accounts.contains { find($0, access.accounts) != nil }
    }

    private func find(_ account: Account, _ fetched: [FetchedAccount]) -> FetchedAccount? {
        fetched.first { $0.upstreamID == account.upstreamID }
            ?? fetched.first { other in
                guard let number = other.number, let known = account.numberIndex else { return false }
                return core.vault.index(number, purpose: "nuban") == known
            }
    }

    private func end(
        _ session: LinkSession, from revision: Int64, _ error: ConnectorError, _ scope: Scope, _ tx: Transaction
    ) throws {
        var failed = session
        failed.status = .failed
        failed.state = nil
        failed.step = StepCodec.json(.failed(error)).encoded
        _ = try LinkSessionStore.advance(failed, from: revision, scope, tx)
    }

    private func apply(
        _ access: LinkedAccess, to connection: Connection, _ accounts: [Account], _ session: LinkSession,
        _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws {
        let scope = environment.scope
        var repaired = connection
        repaired.status = .active
        repaired.consentExpiresAt = access.consentExpiresAt
        try ConnectionRepairs.repair(
            connection.id, upstreamUser: access.upstreamUserID, consentExpiresAt: access.consentExpiresAt, at: now,
            scope, tx)
        let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
        try ConnectionStore.setGrant(
            connection.id, sealed: try core.seal(access.grant.bytes, vaulting.context("grant"), tx), at: now, scope, tx)
        let closed = try ConnectionRepairs.closed(connection.id, scope, tx.db)
        let (ids, added) = try match(accounts, access, repaired, vaulting, now, scope, tx)
        if !added.isEmpty || accounts.contains(where: { closed.contains($0.id) && ids.contains($0.id.hex) }) {
            try ConnectionRepairs.fetchWhole(connection.id, scope, tx)
        }
        let consent = Consent(
            action: .renewed, text: session.consentText,
            textHash: Hex.encode(SHA256.hash(data: Data(session.consentText.utf8))), products: connection.products,
            accounts: ids, expiresAt: access.consentExpiresAt)
        try ConsentStore.append(id: core.runtime.newID(), connection: connection.id, consent, at: now, scope, tx)
        if let old = try RefreshStore.inFlight(connection.id, scope, tx.db), old.state == "running" {
            // What it says of the old grant says nothing of the new one.
            try RefreshStore.end(old.id, state: "failed", error: "repaired", at: now, scope, tx)
        }
        _ = try RefreshStore.request(
            connection.id, products: connection.products, cause: .demand, newID: core.sequence.take(), at: now, scope,
            tx)
        try ScheduleStore.bringForward(connection.id, due: now, laneDue: core.runtime.now(), scope, tx)
        let customer = try CustomerStore.find(connection.customerID, scope, tx.db)
        let context = EventContext(
            environment: environment, connection: repaired, customerName: customer?.name, bvn: nil,
            startedAt: session.createdAt, now: now, publicURL: core.settings.publicURL)
        let drafts = [Drafts.repaired(clientID: session.id, consentExpiresAt: access.consentExpiresAt)]
        try Outbox(core: core).emit(drafts + added, context, tx)
    }

    /// Known accounts keep their ids; what is new is made, and what the login does not cover any more is closed.
    /// - Returns: the ids that the login covers, and what to tell of new ones.
    private func match(
        _ accounts: [Account], _ access: LinkedAccess, _ connection: Connection, _ vaulting: AccountVault,
        _ now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> (ids: [String], added: [EventDraft]) {
        var ids: [String] = []
        var known: Set<String> = []
        for account in accounts {
            guard let fetched = find(account, access.accounts) else {
                try ConnectionRepairs.close(account.id, at: now, scope, tx)
                continue
            }
            known.insert(fetched.upstreamID)
            try ConnectionRepairs.open(account.id, upstreamID: fetched.upstreamID, at: now, scope, tx)
            ids.append(account.id.hex)
        }
        var added: [EventDraft] = []
        for fetched in access.accounts where !known.contains(fetched.upstreamID) {
            let account = try vaulting.account(fetched, connection, tx)
            try AccountStore.create(account, at: now, scope, tx)
            ids.append(account.id.hex)
            added.append(Drafts.account(account, number: fetched.number))
        }
        return (ids, added)
    }
}

extension LinkService {
    /// A link that brings a connection back is for its bank alone, and a page for the banks that it offers.
    func checkBank(_ slug: String?, _ session: LinkSession) throws {
        let run = try LinkTerms(json: session.request).run
        if run.repairs != nil, slug != session.institution {
            throw DomainError(.stepMismatch, "This link is for one bank. To link another one, begin a new link.")
        }
        if let slug, let banks = run.banks, !banks.contains(slug) {
            throw DomainError(
                .unknownInstitution, "This page does not offer that bank. Choose one of its list.",
                field: "institution")
        }
    }
}
