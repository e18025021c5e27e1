import Connectors
import Crypto
import Domain
import FoundationEssentials
import Storage

/// The last step of a link: connection, consent, accounts, first refresh and events commit together.
struct LinkFinisher {
    let core: Core
    let endpoints: WebhookEndpointService

    func finish(_ ending: LinkEnding, _ connector: any Connector) async throws -> LinkEnd {
        let (terms, access, environment) = (ending.terms, ending.access, ending.environment)
        if terms.run.repairs != nil { return try await LinkRepair(core: core).finish(ending) }
        let person = await person(terms, access, connector, ending.session, environment)
        try await core.sequence.fill()
        let now = environment.virtual(core.runtime.now())
        let end = try await core.database.write { tx -> LinkEnd in
            try LinkLock.take(institution: ending.session.institution, ending.scope, tx)
            guard try isLinkUsable(ending, tx) else {
                return .refused
            }
            let known = try known(terms, access, person, connector, ending.scope, tx)
            let repair = LinkRepair(core: core)
            let isStatement = connector.descriptor.access == .statement
            let join = StatementJoin(core: core)
            if isStatement, let same = try join.known(ending, tx) { return try join.commit(ending, to: same, tx) }
            switch try RelinkFinder(core: core).find(ending, customer: known?.id, tx) {
            case .merge(let connection) where isStatement: return try join.commit(ending, to: connection, tx)
            case .merge(let connection):
                let end = try repair.commit(ending, to: connection, .relink, tx)
                try count(terms, connector, of: connection.id, at: now, ending.scope, tx)
                return end
            case .refused(let error): return try repair.refuse(ending, error, tx)
            case .new: break
            }
            let id: ID<Connection> = core.runtime.newID()
            var ended = ending.session
            ended.status = .done
            ended.state = nil
            ended.connectionID = id
            guard try LinkSessionStore.advance(ended, from: ending.revision, ending.scope, tx) else {
                // A second answer that raced this one changes nothing.
                return try LinkSessionStore.find(ended.id, ending.scope, tx.db)?.status == .done ? .kept : .refused
            }
            try terms.run.linkID.map { _ = try WidgetLinkStore.use($0, at: core.runtime.now(), ending.scope, tx) }
            let customer = try known ?? create(access, person, now, ending.scope, tx)
            let connection = connection(ended, id, terms, access, customer, now)
            try ConnectionStore.create(connection, ending.scope, tx)
            try keep(access, terms, connection, ending.session, environment, now, tx)
            if isStatement { try join.begin(access, connection, at: now, ending.scope, tx) }
            try count(terms, connector, of: id, at: now, ending.scope, tx)
            let context = EventContext(
                environment: environment, connection: connection, customerName: customer.name, bvn: person?.bvn,
                startedAt: ending.session.createdAt, now: now, publicURL: core.settings.publicURL)
            try announce(access, ending.session, context, tx)
            try FirstIntervals(core: core).settle(
                connection, accounts: access.accounts.count, connector, context, tx)
            return .kept
        }
        core.wakes.refreshes.set()
        core.wakes.deliveries.set()
        return end
    }

    /// A link that may be used once fails the session that comes second.
    private func isLinkUsable(_ ending: LinkEnding, _ tx: Transaction) throws -> Bool {
        let (session, scope) = (ending.session, ending.scope)
        guard let link = ending.terms.run.linkID, try !WidgetLinkStore.isUsable(link, scope, tx) else { return true }
        let isDone = try LinkSessionStore.find(session.id, scope, tx.db)?.status == .done
        guard !isDone else { return true }
        let error = ConnectorError(.accessDenied, "This link was used already, or removed. Ask for a new one.")
        _ = try LinkRepair(core: core).refuse(ending, error, tx)
        return false
    }

    /// The bank counts what linking asked with the new access, so the day's budget begins with it.
    private func count(
        _ terms: LinkTerms, _ connector: any Connector, of id: ID<Connection>, at now: Instant, _ scope: Scope,
        _ tx: Transaction
    ) throws {
        guard asksPerson(terms, connector) else { return }
        var ledger = CallLedger(text: try CallStore.calls(id, scope, tx.db))
        ledger.add(.identity, at: now)
        try CallStore.set(ledger.text, id, scope, tx)
    }

    private func asksPerson(_ terms: LinkTerms, _ connector: any Connector) -> Bool {
        terms.products.contains(.identity) && connector.descriptor.capabilities.products.contains(.identity)
    }

    /// The bank's word on who this is, when the consent covers it; linking does not fail for want of it.
    private func person(
        _ terms: LinkTerms, _ access: LinkedAccess, _ connector: any Connector, _ session: LinkSession,
        _ environment: Domain.Environment
    ) async -> IdentityDetails? {
        guard asksPerson(terms, connector) else {
            return nil
        }
        do {
            let context = try await core.bankContext(
                environment, session.institution, connector: session.connector, correlationID: session.id,
                isUserPresent: true)
            return try await connector.identity(access.grant, context)
        } catch {
            return nil
        }
    }

    /// One customer a person: named by the caller, known by BVN, or known by the same login.
    private func known(
        _ terms: LinkTerms, _ access: LinkedAccess, _ person: IdentityDetails?, _ connector: any Connector,
        _ scope: Scope, _ tx: Transaction
    ) throws -> Customer? {
        if let text = terms.customerID {
            guard let id = ID<Customer>(text), let known = try CustomerStore.find(id, scope, tx.db) else {
                throw DomainError.notFound("customer")
            }
            return known
        }
        let bvnIndex = person?.bvn.map { core.vault.index($0, purpose: "bvn") }
        if let bvnIndex, let known = try CustomerStore.find(bvnIndex: bvnIndex, scope, tx.db) { return known }
        if let user = access.upstreamUserID,
            let earlier = try ConnectionStore.find(
                connector: connector.descriptor.id, upstreamUser: user, scope, tx.db
            ).first, let known = try CustomerStore.find(earlier.customerID, scope, tx.db)
        {
            return known
        }
        return nil
    }

    private func create(
        _ access: LinkedAccess, _ person: IdentityDetails?, _ now: Instant, _ scope: Scope, _ tx: Transaction
    ) throws -> Customer {
        let bvnIndex = person?.bvn.map { core.vault.index($0, purpose: "bvn") }
        let name = person?.fullName ?? access.accounts.lazy.compactMap(\.holderName).first
        let made = Customer(id: core.runtime.newID(), name: name)
        try CustomerStore.create(made, bvnIndex: bvnIndex, at: now, scope, tx)
        return made
    }

    private func connection(
        _ session: LinkSession, _ id: ID<Connection>, _ terms: LinkTerms, _ access: LinkedAccess,
        _ customer: Customer, _ now: Instant
    ) -> Connection {
        Connection(
            id: id, authID: core.runtime.newID(), customerID: customer.id, appID: session.appID,
            institution: session.institution, connector: session.connector, upstreamUser: access.upstreamUserID,
            status: .active, products: terms.products, loginType: terms.loginType, historyMonths: terms.historyMonths,
            callbackURL: terms.callbackURL, refreshWebhookURL: terms.setting.webhookURL,
            options: terms.options.encoded, meta: terms.meta.encoded, consentExpiresAt: access.consentExpiresAt,
            createdAt: now)
    }

    private func keep(
        _ access: LinkedAccess, _ terms: LinkTerms, _ connection: Connection, _ session: LinkSession,
        _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws {
        let scope = environment.scope
        let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
        let sealed = try core.seal(access.grant.bytes, vaulting.context("grant"), tx)
        try ConnectionStore.setGrant(connection.id, sealed: sealed, at: now, scope, tx)
        var ids: [String] = []
        for fetched in access.accounts {
            let account = try vaulting.account(fetched, connection, tx)
            try AccountStore.create(account, at: now, scope, tx)
            ids.append(account.id.hex)
        }
        let consent = Consent(
            action: .granted, text: session.consentText,
            textHash: Hex.encode(SHA256.hash(data: Data(session.consentText.utf8))), products: terms.products,
            accounts: ids, expiresAt: access.consentExpiresAt)
        try ConsentStore.append(id: core.runtime.newID(), connection: connection.id, consent, at: now, scope, tx)
        for url in [terms.callbackURL, terms.setting.webhookURL] {
            if let url { try endpoints.ensureConnectionEndpoint(url, scope, at: core.runtime.now(), tx) }
        }
        // Nobody can be asked by the clock for what people upload.
        let isFed = core.isFedByStatements(connection)
        let setting = isFed ? RefreshSetting.onDemand : terms.setting
        let lane = try LaneStore.findOrCreate(
            .refresh, subject: connection.institution, scope, newID: core.sequence.take, tx)
        try ScheduleStore.create(
            connection.id, laneID: lane, setting: setting, due: now, scope, tx)
        try ConnectionRepairs.setConsent(
            connection.id, due: ConsentNotices.next(of: access.consentExpiresAt, after: now), scope, tx)
        _ = try RefreshStore.request(
            connection.id, products: terms.products, cause: .link, newID: core.sequence.take(), at: now, scope, tx)
        LaneStore.touch(lane, due: core.runtime.now(), tx)
    }

    private func announce(
        _ access: LinkedAccess, _ session: LinkSession, _ context: EventContext, _ tx: Transaction
    ) throws {
        var drafts = [Drafts.auth(clientID: session.id)]
        let accounts = try AccountStore.list(context.connection.id, context.environment.scope, tx.db)
        for account in accounts {
            let number = access.accounts.first { $0.upstreamID == account.upstreamID }?.number
            drafts.append(Drafts.account(account, number: number))
        }
        try Outbox(core: core).emit(drafts, context, tx)
    }
}

/// Seals and opens what belongs to one connection.
struct AccountVault {
    let core: Core
    let scope: Scope
    let connectionID: String

    func context(_ purpose: String) -> SealContext {
        SealContext(environmentID: scope.environmentID, connectionID: connectionID, purpose: purpose)
    }

    func account(_ fetched: FetchedAccount, _ connection: Connection, _ tx: Transaction) throws -> Account {
        let sealed = try fetched.number.map {
            try core.seal(Array($0.utf8), context("account_number"), tx)
        }
        return Account(
            id: core.runtime.newID(), balanceID: core.runtime.newID(), connectionID: connection.id,
            customerID: connection.customerID, institution: connection.institution, upstreamID: fetched.upstreamID,
            numberSealed: sealed,
            numberIndex: fetched.number.map {
                core.vault.index($0, purpose: "nuban")
            },
            mask: fetched.number.map { String($0.suffix(4)) }, name: fetched.name, type: fetched.type,
            currency: fetched.currency)
    }

    /// nil when the connection has none.
    func grant(_ db: any SQLConnection) throws -> Grant? {
        try ConnectionStore.grant(ID(trusted: connectionID), scope, db).map {
            Grant(bytes: try core.vault.open($0, context("grant"), on: db))
        }
    }

    func number(_ account: Account, _ db: any SQLConnection) throws -> String? {
        try account.numberSealed.map {
            String(decoding: try core.vault.open($0, context("account_number"), on: db), as: UTF8.self)
        }
    }
}
