import Connectors
import Domain
import Storage

/// An income profile as it is shown.
public struct IncomeView: Sendable {
    public let id: String
    public let account: String
    public let connection: String
    /// `processing`, `ready` or `failed`: of the one that was asked for last.
    public let state: String
    public let months: Int?
    public let error: String?
    public let askedAt: Instant?
    /// When the income that is shown came.
    public let madeAt: Instant?
    /// A JSON object; nil while none has come.
    public let income: [UInt8]?

    public var isProcessing: Bool { state == IncomeProfile.State.processing.rawValue }
}

/// Income profiles: asks banks for them, takes those that they push, and reads the last one of each account.
public struct IncomeService: Sendable {
    /// A profile that is being made is not asked for again before so long.
    static let patienceMs: Int64 = 10 * 60_000

    let core: Core
    public init(core: Core) { self.core = core }

    /// Asks the bank of an account. What the bank says of the profile, good or bad, is kept and told; while the bank is
    /// away or busy nothing changes.
    /// - Parameter months: 1 to 12; nil for all that the bank has.
    /// - Throws: `not_found`, `product_not_enabled`, `unsupported`, `not_ready`, `conflict`, `rate_limited`,
    ///   `unavailable`.
    public func ask(
        account: String, months: Int?, in environment: Domain.Environment, once: Once<IncomeView>? = nil
    ) async throws -> IncomeView {
        let caller = AccountCaller(core: core)
        let asked = try await caller.find(account, in: environment, "no income of an account") { $0.offersIncome }
        let now = environment.virtual(core.runtime.now())
        let known = try await stored(asked.account.id, environment)
        if let known, known.state == .processing, let before = known.askedAt, now - before < Self.patienceMs {
            return try await core.change(once) { tx in try view(known, environment, tx.db) }
        }
        let payloads = RawPayloads()
        let answer: IncomeAnswer?
        var failure: ConnectorError?
        do {
            answer = try await caller.ask(.income, of: asked, payloads) { bank, grant, context throws(ConnectorError) in
                try await bank.income(grant, account: asked.account.upstreamID, months: months, context)
            }
        } catch let error as ConnectorError {
            guard error.isOfIncome else { throw AccountCaller.refusal(error) }
            (answer, failure) = (nil, error)
        }
        try await core.sequence.fill()
        let keeper = IncomeKeeper(
            core: core, account: asked.account, connection: asked.connection, environment: environment,
            ask: IncomeKeeper.Ask(months: months, at: now, known: known))
        let refused = failure
        let shown = try await core.change(once) { tx in
            let profile =
                switch answer {
                case .processing?: try keeper.wait(tx)
                case .ready(let details)?: try keeper.keep(.made(details), tx)
                case nil: try keeper.keep(.failed(refused ?? ConnectorError(.dataIncomplete)), tx)
                }
            try PayloadKeeper(core: core).keep(payloads.all, of: asked.connection.id, environment.scope, tx)
            guard let profile else { throw DomainError.notFound("account") }
            return try view(profile, environment, tx.db)
        }
        core.wakes.deliveries.set()
        return shown
    }

    /// The last one of an account.
    /// - Throws: `not_found` for an unknown account, and while none was asked for; `unsupported` when its bank's
    ///   connector has none.
    public func find(account text: String, in environment: Domain.Environment) async throws -> IncomeView {
        let scope = environment.scope
        let found = try await core.database.read { db -> (connector: String, view: IncomeView?)? in
            guard let id = ID<Account>(text), let account = try AccountStore.find(id, scope, db),
                let connection = try ConnectionStore.find(account.connectionID, scope, db)
            else { return nil }
            let profile = try IncomeStore.find(id, scope, db)
            return (connection.connector, try profile.map { try view($0, environment, db) })
        }
        guard let found else { throw DomainError.notFound("account") }
        if let view = found.view { return view }
        guard core.connectors.connector(id: found.connector)?.descriptor.capabilities.offersIncome == true else {
            throw DomainError(
                .unsupported, "What reaches this bank (`\(found.connector)`) has no income of an account.")
        }
        throw DomainError(.notFound, "No income of this account was asked for yet: `POST` to this path asks the bank.")
    }

    /// Takes what a bank pushed.
    /// - Returns: of how many of the connections it says something new.
    func arrive(
        _ outcome: IncomeOutcome, of upstream: String, _ places: [(Connection, Domain.Environment)]
    ) async throws -> Int {
        var count = 0
        for (connection, environment) in places where connection.canBeRepaired {
            try await core.sequence.fill()
            let isNew = try await core.database.write { [core] tx in
                let accounts = try AccountStore.list(connection.id, environment.scope, tx.db)
                guard let account = accounts.first(where: { $0.upstreamID == upstream }) else { return false }
                let keeper = IncomeKeeper(
                    core: core, account: account, connection: connection, environment: environment, ask: nil)
                return try keeper.keep(outcome, tx) != nil
            }
            if isNew { count += 1 }
        }
        if count > 0 { core.wakes.deliveries.set() }
        return count
    }

    private func stored(_ account: ID<Account>, _ environment: Domain.Environment) async throws -> IncomeProfile? {
        try await core.database.read { try IncomeStore.find(account, environment.scope, $0) }
    }

    private func view(
        _ profile: IncomeProfile, _ environment: Domain.Environment, _ db: any SQLConnection
    ) throws -> IncomeView {
        let vaulting = AccountVault(core: core, scope: environment.scope, connectionID: profile.connectionID.hex)
        return IncomeView(
            id: profile.id, account: profile.accountID.hex, connection: profile.connectionID.hex,
            state: profile.state.rawValue, months: profile.months, error: profile.error, askedAt: profile.askedAt,
            madeAt: profile.madeAt,
            income: try profile.sealed.map { try core.vault.open($0, vaulting.context(IncomeKeeper.purpose), on: db) })
    }
}

/// Keeps what became of an account's income profile, with the event that tells of it, in one transaction.
struct IncomeKeeper: Sendable {
    static let purpose = "income"

    /// Somebody waits for it.
    struct Ask: Sendable {
        let months: Int?
        let at: Instant
        /// What there was before the bank was asked.
        let known: IncomeProfile?
    }

    let core: Core
    let account: Account
    let connection: Connection
    let environment: Domain.Environment
    /// nil for what the bank tells of its own accord.
    let ask: Ask?

    private var scope: Scope { environment.scope }
    private var now: Instant { environment.virtual(core.runtime.now()) }

    /// The bank makes it now. A push that was faster than the bank's answer is not forgotten.
    func wait(_ tx: Transaction) throws -> IncomeProfile? {
        guard var profile = try begin(tx) else { return nil }
        let isOther = profile.digest != ask?.known?.digest || profile.madeAt != ask?.known?.madeAt
        let cameMeanwhile = profile.state == .ready && isOther
        if !cameMeanwhile { profile.state = .processing }
        profile.error = nil
        try IncomeStore.put(profile, scope, tx)
        return profile
    }

    /// - Returns: nil when it says nothing new to anyone who asked, or the connection is gone.
    func keep(_ outcome: IncomeOutcome, _ tx: Transaction) throws -> IncomeProfile? {
        guard var profile = try begin(tx) else { return nil }
        let isAwaited = ask != nil || profile.state == .processing
        switch checked(outcome) {
        case .made(let details):
            let plain = Self.bytes(details)
            let digest = core.vault.index(String(decoding: plain, as: UTF8.self), purpose: "income_digest")
            guard isAwaited || profile.digest != digest else { return nil }
            let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
            profile.sealed = try core.seal(plain, vaulting.context(Self.purpose), tx)
            profile.digest = digest
            profile.madeAt = now
            (profile.state, profile.error) = (.ready, nil)
            try finish(profile, Drafts.income(profile, plain), tx)
        case .failed(let error):
            guard isAwaited else { return nil }
            (profile.state, profile.error) = (.failed, error.code.rawValue)
            try finish(profile, Drafts.incomeFailed(profile, error), tx)
        }
        return profile
    }

    private func finish(_ profile: IncomeProfile, _ draft: EventDraft, _ tx: Transaction) throws {
        try IncomeStore.put(profile, scope, tx)
        let context = EventContext(
            environment: environment, connection: connection,
            customerName: try CustomerStore.find(connection.customerID, scope, tx.db)?.name, bvn: nil,
            startedAt: profile.askedAt ?? now, now: now, publicURL: core.settings.publicURL)
        try Outbox(core: core).emit([draft], context, tx)
    }

    /// The account's profile as it stands, or a first one. What was kept under another connection's key is let go.
    private func begin(_ tx: Transaction) throws -> IncomeProfile? {
        // The row stays locked until the commit: one push that two nodes take at once is told once.
        _ = try ConnectionStore.takeSequence(connection.id, count: 0, scope, tx)
        guard let current = try ConnectionStore.find(connection.id, scope, tx.db), current.canBeRepaired else {
            return nil
        }
        let id: ID<IncomeDetails> = core.runtime.newID()
        var profile =
            try IncomeStore.find(account.id, scope, tx.db)
            ?? IncomeProfile(id: id.hex, accountID: account.id, connectionID: connection.id, state: .failed)
        if profile.connectionID != connection.id {
            profile.connectionID = connection.id
            (profile.sealed, profile.digest, profile.madeAt) = (nil, nil, nil)
        }
        if let ask { (profile.months, profile.askedAt) = (ask.months, ask.at) }
        return profile
    }

    /// In the account's own currency, with amounts that an account can have.
    private func checked(_ outcome: IncomeOutcome) -> IncomeOutcome {
        guard case .made(var details) = outcome else { return outcome }
        let currency = details.currency ?? account.currency
        let fault: BankFault? =
            currency.code != account.currency.code ? .currencyChanged : details.isTakeable ? nil : .amountTooLarge
        if let fault { return .failed(ConnectorError(.protocolViolation, fault.meaning, fault: fault)) }
        details.currency = currency
        return .made(details)
    }

    private static func bytes(_ details: IncomeDetails) -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.object { details.write(&$0) }
        return writer.bytes
    }
}

extension ConnectorError {
    /// Whether it says that there is no income to be had of the account, rather than that the bank is away or busy.
    fileprivate var isOfIncome: Bool {
        switch code {
        case .rateLimited, .providerUnavailable, .notReady, .outcomeUnknown, .clientMisconfigured, .unsupported: false
        default: true
        }
    }
}
