import Connectors
import Crypto
import Domain
import FoundationEssentials
import Storage

/// The last step of a link by a statement, for a connection that is there already: the statement is taken over into it,
/// and whatever access it has stays as it is.
struct StatementJoin {
    let core: Core

    /// Where the file of a link that names no connection is claimed: by its customer, or by its bank.
    static func place(_ terms: LinkTerms, _ institution: String) -> String {
        terms.customerID.map { "customer:\($0)" } ?? "bank:\(institution)"
    }

    /// The upload by which a session was linked.
    static func upload(_ access: LinkedAccess) throws(ConnectorError) -> ID<StatementUpload> {
        guard let id = ID<StatementUpload>(try StatementGrant(access.grant).book) else {
            throw ConnectorError(.protocolViolation)
        }
        return id
    }

    /// The connection that has taken over the very same file, for the same person.
    func known(_ ending: LinkEnding, _ tx: Transaction) throws -> Connection? {
        guard let upload = try StatementStore.find(try Self.upload(ending.access), ending.scope, tx.db) else {
            return nil
        }
        let place = Self.place(ending.terms, ending.session.institution)
        let known = try StatementStore.claim(upload, place: place, ending.scope, tx)
        return try known.flatMap { try ConnectionStore.find($0, ending.scope, tx.db) }.flatMap {
            $0.canBeRepaired ? $0 : nil
        }
    }

    /// In the transaction of the session's end.
    func commit(_ ending: LinkEnding, to connection: Connection, _ tx: Transaction) throws -> LinkEnd {
        let scope = ending.scope
        let now = ending.environment.virtual(core.runtime.now())
        let repair = LinkRepair(core: core)
        let id = try Self.upload(ending.access)
        guard let upload = try StatementStore.find(id, scope, tx.db) else {
            let gone = ConnectorError(.accessDenied, "The file is not kept any more. Upload it again.")
            return try repair.refuse(ending, gone, tx)
        }
        let isKnown = try StatementStore.claim(upload, place: "connection:\(connection.id)", scope, tx) != nil
        let isOwn = try accounts(ending.access.accounts, connection, scope, tx) != nil
        guard isKnown || isOwn else {
            return try repair.refuse(
                ending,
                ConnectorError(
                    .differentLogin,
                    "This statement is of another account than the one that was linked. Choose that account's file."),
                tx)
        }
        if let link = ending.terms.run.linkID, try !WidgetLinkStore.isUsable(link, scope, tx) {
            return try repair.refuse(
                ending, ConnectorError(.accessDenied, "This link was used already. Ask for a new one."), tx)
        }
        var ended = ending.session
        ended.status = .done
        ended.state = nil
        ended.connectionID = connection.id
        guard try LinkSessionStore.advance(ended, from: ending.revision, scope, tx) else {
            return try LinkSessionStore.find(ended.id, scope, tx.db)?.status == .done ? .kept : .refused
        }
        try ending.terms.run.linkID.map { _ = try WidgetLinkStore.use($0, at: core.runtime.now(), scope, tx) }
        if isKnown {
            // Nothing of it is new: what was read is dropped, and the link ends where the file is.
            try StatementStore.discard(id, scope, tx)
        } else {
            try take(id, ending.access.accounts, connection, at: now, scope, tx)
        }
        try tell(ending, connection, now, tx)
        return .kept
    }

    private func tell(_ ending: LinkEnding, _ connection: Connection, _ now: Instant, _ tx: Transaction) throws {
        let scope = ending.scope
        let name = try CustomerStore.find(connection.customerID, scope, tx.db)?.name
        let context = EventContext(
            environment: ending.environment, connection: connection, customerName: name, bvn: nil,
            startedAt: ending.session.createdAt, now: now, publicURL: core.settings.publicURL)
        let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
        var drafts = [Drafts.auth(clientID: ending.session.id, isMerged: true)]
        for account in try AccountStore.list(connection.id, scope, tx.db) {
            drafts.append(Drafts.account(account, number: try vaulting.number(account, tx.db)))
        }
        try Outbox(core: core).emit(drafts, context, tx)
    }

    /// The stored account of each account of the file; nil when one is another's.
    private func accounts(
        _ fetched: [FetchedAccount], _ connection: Connection, _ scope: Scope, _ tx: Transaction
    ) throws -> [String: ID<Account>]? {
        let known = try AccountStore.list(connection.id, scope, tx.db)
        var found: [String: ID<Account>] = [:]
        for account in fetched {
            let index = account.number.map { core.vault.index($0, purpose: "nuban") }
            let own =
                index.map { index in known.first { $0.numberIndex == index && $0.currency == account.currency } }
                ?? (known.count == 1 && fetched.count == 1 ? known[0] : nil)
            guard let own else { return nil }
            found[account.upstreamID] = own.id
        }
        return found
    }

    /// Makes a confirmed upload the connection's, and asks for the run that takes its rows over.
    func take(
        _ upload: ID<StatementUpload>, _ fetched: [FetchedAccount], _ connection: Connection, at now: Instant,
        _ scope: Scope, _ tx: Transaction
    ) throws {
        guard let accounts = try accounts(fetched, connection, scope, tx) else {
            throw DomainError(
                .statement("other_account"),
                "This statement is of another account than the connection's. Link that account by itself.",
                field: "file")
        }
        try StatementStore.attach(upload, to: connection.id, accounts: accounts, at: now, scope, tx)
        // A bank is not asked for what a file brings.
        let asked: Set<Product> = core.isFedByStatements(connection) ? [.balance, .transactions] : [.transactions]
        let products = connection.products.products.intersection(asked)
        let (_, isJoined) = try RefreshStore.request(
            connection.id, products: ProductSet(products), cause: .demand, newID: core.sequence.take(), at: now, scope,
            tx)
        if !isJoined { try ConnectionStore.setRunning(connection.id, true, scope, tx) }
        try ScheduleStore.bringForward(connection.id, due: now, laneDue: core.runtime.now(), scope, tx)
    }

    /// The first upload of a connection that was made by it, in the same transaction.
    func begin(_ access: LinkedAccess, _ connection: Connection, at now: Instant, _ scope: Scope, _ tx: Transaction)
        throws
    {
        let id = try Self.upload(access)
        guard let upload = try StatementStore.find(id, scope, tx.db) else { return }
        _ = try StatementStore.claim(upload, place: "connection:\(connection.id)", scope, tx)
        let accounts = try AccountStore.list(connection.id, scope, tx.db)
        try StatementStore.attach(
            id, to: connection.id,
            accounts: Dictionary(accounts.map { ($0.upstreamID, $0.id) }) { first, _ in first }, at: now, scope, tx)
    }
}
