import Connectors
import Crypto
import Domain
import FoundationEssentials
import Storage

/// The last step of a link to a connection that is there already: the same connection gets the new grant, and every
/// id stays. Where it is not certain which account is which, the person is asked before anything is written.
struct LinkRepair {
    let core: Core

    /// Why the connection is linked again.
    enum Purpose { case repair, relink }

    /// For a link that was made for one connection.
    func finish(_ ending: LinkEnding) async throws -> LinkEnd {
        try await core.sequence.fill()
        let end = try await core.database.write { tx in
            let known = try ending.terms.run.repairs.flatMap { try ConnectionStore.find($0, ending.scope, tx.db) }
            guard let known, known.canBeRepaired else {
                let gone = ConnectorError(
                    .accessDenied, "The account that this link was for was removed meanwhile. Link it anew.")
                return try refuse(ending, gone, tx)
            }
            if core.connectors.connector(id: ending.session.connector)?.descriptor.access == .statement {
                return try StatementJoin(core: core).commit(ending, to: known, tx)
            }
            return try commit(ending, to: known, .repair, tx)
        }
        core.wakes.refreshes.set()
        core.wakes.deliveries.set()
        return end
    }

    /// In the transaction of the session's end.
    func commit(
        _ ending: LinkEnding, to connection: Connection, _ purpose: Purpose, _ tx: Transaction
    ) throws -> LinkEnd {
        let scope = ending.scope
        let plan = try AccountPlan(core: core, connection, ending.access, scope, tx)
        guard purpose == .relink || isSame(connection, plan, ending.access) else {
            return try refuse(ending, ConnectorError(.differentLogin), tx)
        }
        if let link = ending.terms.run.linkID, try !WidgetLinkStore.isUsable(link, scope, tx) {
            return try refuse(
                ending, ConnectorError(.accessDenied, "This link was used already. Ask for a new one."), tx)
        }
        // What changed since the person looked is shown again.
        if !plan.isCertain, ending.shown != plan.pairs { return try ask(ending, plan, tx) }
        var ended = ending.session
        ended.status = .done
        ended.state = nil
        ended.connectionID = connection.id
        guard try LinkSessionStore.advance(ended, from: ending.revision, scope, tx) else {
            // A second answer that raced this one changes nothing.
            return try LinkSessionStore.find(ended.id, scope, tx.db)?.status == .done ? .kept : .refused
        }
        try ending.terms.run.linkID.map { _ = try WidgetLinkStore.use($0, at: core.runtime.now(), scope, tx) }
        try apply(ending, plan, to: connection, purpose, tx)
        return .kept
    }

    /// The bank's own word for the login decides where it gives one. An account that both have proves it as well; what
    /// only looks like one does not.
    private func isSame(_ connection: Connection, _ plan: AccountPlan, _ access: LinkedAccess) -> Bool {
        if let old = connection.upstreamUser, let new = access.upstreamUserID {
            if old == new { return plan.hasPair }
            let capabilities = core.connectors.connector(id: connection.connector)?.descriptor.capabilities
            guard capabilities?.hasLastingLogins == false else { return false }
        }
        return plan.hasCertainPair
    }

    func refuse(_ ending: LinkEnding, _ error: ConnectorError, _ tx: Transaction) throws -> LinkEnd {
        var failed = ending.session
        failed.status = .failed
        failed.state = nil
        failed.step = StepCodec.json(.failed(error)).encoded
        if try LinkSessionStore.advance(failed, from: ending.revision, ending.scope, tx) {
            try LinkFailureNotice(core: core).tell(.failed(error), failed, ending.environment, tx)
        }
        return .refused
    }

    private func ask(_ ending: LinkEnding, _ plan: AccountPlan, _ tx: Transaction) throws -> LinkEnd {
        var asking = ending.session
        asking.status = .active
        asking.step = StepCodec.json(.confirmAccounts(plan.pairs)).encoded
        asking.state = try core.seal(KeptAccess.bytes(ending.access), LinkService.sealing(ending.scope), tx)
        guard try LinkSessionStore.advance(asking, from: ending.revision, ending.scope, tx) else { return .refused }
        return .asked
    }

    // MARK: writing

    private func apply(
        _ ending: LinkEnding, _ plan: AccountPlan, to connection: Connection, _ purpose: Purpose, _ tx: Transaction
    ) throws {
        let scope = ending.scope
        let access = ending.access
        let now = ending.environment.virtual(core.runtime.now())
        let (state, news) = connection.state.after(.repaired, at: now)
        var repaired = connection
        repaired.take(state)
        repaired.consentExpiresAt = access.consentExpiresAt
        // A bank that can be asked takes over what files have fed so far, with its whole history.
        let isTakenOver = connection.connector != ending.session.connector
        repaired.connector = ending.session.connector
        if isTakenOver { try ConnectionRepairs.fetchWhole(connection.id, scope, tx) }
        try ConnectionRepairs.repair(
            connection.id, connector: ending.session.connector, upstreamUser: access.upstreamUserID,
            consentExpiresAt: access.consentExpiresAt, at: now, scope, tx)
        try ConnectionRepairs.setConsent(
            connection.id, due: ConsentNotices.next(of: access.consentExpiresAt, after: now), scope, tx)
        if purpose == .relink { try takeTerms(ending, &repaired, tx) }
        let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
        try ConnectionStore.setGrant(
            connection.id, sealed: try core.seal(access.grant.bytes, vaulting.context("grant"), tx), at: now, scope, tx)
        let (ids, added) = try plan.write(repaired, vaulting, now, tx)
        try append(ending, purpose == .relink ? ending.terms.products : connection.products, ids, connection, now, tx)
        try refresh(repaired, purpose, now, scope, tx)
        let name = try CustomerStore.find(connection.customerID, scope, tx.db)?.name
        let context = EventContext(
            environment: ending.environment, connection: repaired, customerName: name, bvn: nil,
            startedAt: ending.session.createdAt, now: now, publicURL: core.settings.publicURL)
        let repair = Drafts.repaired(clientID: ending.session.id, consentExpiresAt: access.consentExpiresAt)
        guard purpose == .relink else {
            try Outbox(core: core).emit([repair] + added, context, tx)
            return
        }
        // Whoever waits for a link hears what every link says.
        let told = [Drafts.auth(clientID: ending.session.id, isMerged: true)] + (try plan.told(vaulting, tx)) + added
        try Outbox(core: core).emit((news.isEmpty ? [] : [repair]) + told, context, tx)
    }

    /// What an ordinary link asks for beyond what the connection has. Its rhythm is its own.
    private func takeTerms(_ ending: LinkEnding, _ connection: inout Connection, _ tx: Transaction) throws {
        let terms = ending.terms
        connection.products.products.formUnion(terms.products.products)
        connection.historyMonths = max(connection.historyMonths, terms.historyMonths)
        connection.callbackURL = terms.callbackURL ?? connection.callbackURL
        connection.refreshWebhookURL = terms.setting.webhookURL ?? connection.refreshWebhookURL
        if terms.options != [:] { connection.options = terms.options.encoded }
        if terms.meta != [:] { connection.meta = terms.meta.encoded }
        try ConnectionRepairs.setTerms(connection, terms.setting, ending.scope, tx)
        for url in [connection.callbackURL, connection.refreshWebhookURL] {
            guard let url else { continue }
            try WebhookEndpointService(core: core).ensureConnectionEndpoint(
                url, ending.scope, at: core.runtime.now(), tx)
        }
    }

    private func append(
        _ ending: LinkEnding, _ products: ProductSet, _ accounts: [String], _ connection: Connection, _ now: Instant,
        _ tx: Transaction
    ) throws {
        let text = ending.session.consentText
        let consent = Consent(
            action: .renewed, text: text, textHash: Hex.encode(SHA256.hash(data: Data(text.utf8))), products: products,
            accounts: accounts, expiresAt: ending.access.consentExpiresAt)
        try ConsentStore.append(
            id: core.runtime.newID(), connection: connection.id, consent, at: now, ending.scope, tx)
    }

    private func refresh(
        _ connection: Connection, _ purpose: Purpose, _ now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws {
        if let old = try RefreshStore.inFlight(connection.id, scope, tx.db), old.state == "running" {
            // What it says of the old grant says nothing of the new one.
            try RefreshStore.end(old.id, state: "failed", error: "repaired", at: now, scope, tx)
        }
        _ = try RefreshStore.request(
            connection.id, products: connection.products, cause: purpose == .relink ? .link : .demand,
            newID: core.sequence.take(), at: now, scope, tx)
        try ScheduleStore.bringForward(connection.id, due: now, laneDue: core.runtime.now(), scope, tx)
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
