import Domain

/// A transaction to be posted now.
public struct SandboxOrder: Sendable, Equatable {
    /// Slug or id; needed only where the username or the number is known at several institutions.
    public var institution: String?
    /// This or `accountNumber`; a username alone means its first account.
    public var username: String?
    public var accountNumber: String?
    /// + is money into the account.
    public var amountMinor: Int64
    public var narration: String
    public var channel: String

    public init(
        institution: String? = nil, username: String? = nil, accountNumber: String? = nil, amountMinor: Int64,
        narration: String, channel: String = "nip"
    ) {
        self.institution = institution
        self.username = username
        self.accountNumber = accountNumber
        self.amountMinor = amountMinor
        self.narration = narration
        self.channel = channel
    }
}

/// What was posted, and whom the bank tells.
public struct SandboxPosted: Sendable {
    /// The bank's id of the row.
    public var transactionID: String
    public var user: SandboxUser
    public var accountNumber: String
    public var amountMinor: Int64
    public var postedAt: Instant
    /// What is in the account now.
    public var balanceMinor: Int64
    /// To be sent by the host, each once.
    public var pushes: [SandboxPush]
}

/// A signed `POST` to whoever asked for pushes.
public struct SandboxPush: Sendable {
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public var request: HTTPRequestData {
        HTTPRequestData(method: "POST", url: url, headers: headers, body: body)
    }
}

extension SandboxBank {
    static let narrationMax = 100
    static let channelMax = 20
    static let amountMaxMinor: Int64 = 1_000_000_000_000

    /// Posts a transaction at this moment of the environment's time.
    /// - Parameter also: what commits together with it.
    /// - Throws: `DomainError` that says what is wrong with the order.
    public func post(
        _ order: SandboxOrder, environmentID: Int64, also: (@Sendable (SandboxPosted) -> UnitStep)? = nil
    ) async throws -> SandboxPosted {
        try check(order)
        let now = try await book.now(environmentID: environmentID)
        let (known, login) = try await owner(order, environmentID, now)
        _ = try await book.openLogin(known.user, at: now, accountNumbers: known.accounts.map(\.number))
        guard let account = known.accounts.first(where: { order.accountNumber ?? $0.number == $0.number }) else {
            throw DomainError.invalid("account", "is not an account of this user.")
        }
        // The scenario's history begins with the login, which may be this moment.
        let history = login == nil ? SandboxHistory() : try await book.history(known.user)
        let balance = statement(account, known, history, at: now).balance
        let (after, overflow) = balance.ledgerMinor.addingReportingOverflow(order.amountMinor)
        guard !overflow, order.amountMinor > 0 || balance.availableMinor + order.amountMinor >= 0 else {
            let there = Money.decimal(minor: balance.availableMinor, scale: 2)
            throw DomainError.invalid("amount_minor", "is more than the account holds; \(there) is available.")
        }
        let posting = SandboxPosting(
            id: runtime.newID(), accountNumber: account.number, institution: known.user.institution,
            amountMinor: order.amountMinor, narration: order.narration, channel: order.channel, postedAt: now)
        let posted = SandboxPosted(
            transactionID: SandboxStatement.posted(posting).id, user: known.user, accountNumber: account.number,
            amountMinor: order.amountMinor, postedAt: now, balanceMinor: after,
            pushes: try await pushes(known, account, now))
        try await book.addPosting(posting, environmentID: environmentID, also: also?(posted))
        return posted
    }

    private func check(_ order: SandboxOrder) throws(DomainError) {
        guard order.amountMinor != 0, order.amountMinor.magnitude <= Self.amountMaxMinor.magnitude else {
            throw .invalid("amount_minor", "must not be 0, and at most 10,000,000,000.00 either way.")
        }
        guard !order.narration.isEmpty, order.narration.utf8.count <= Self.narrationMax else {
            throw .invalid("narration", "must have 1 to \(Self.narrationMax) characters.")
        }
        guard !order.channel.isEmpty, order.channel.utf8.count <= Self.channelMax else {
            throw .invalid("channel", "must have 1 to \(Self.channelMax) characters, such as nip, pos, ussd or atm.")
        }
        guard order.username != nil || order.accountNumber != nil else { throw .missing("username") }
    }

    /// The one login that an order means.
    private func owner(
        _ order: SandboxOrder, _ environmentID: Int64, _ now: Instant
    ) async throws -> (SandboxPersona, SandboxLogin?) {
        let institution = try institution(order)
        var users: Set<SandboxUser> = []
        if let number = order.accountNumber {
            users = Set(try await book.logins(accountNumber: number, environmentID: environmentID).map(\.user))
            if let name = order.username { users = users.filter { $0.username == name } }
        } else if let name = order.username {
            users = Set(try await book.logins(username: name, environmentID: environmentID).map(\.user))
            if let customer = try await book.customer(username: name, environmentID: environmentID) {
                users.insert(
                    SandboxUser(environmentID: environmentID, institution: customer.institution, username: name))
            }
            let own = try await book.scenario(name, environmentID: environmentID)
            if let institution, own != nil || SandboxScenario(rawValue: name) != nil {
                users.insert(SandboxUser(environmentID: environmentID, institution: institution.slug, username: name))
            }
        }
        if let institution { users = users.filter { $0.institution == institution.slug } }
        guard let user = users.first else {
            throw DomainError.notFound(
                "sandbox \(order.accountNumber == nil ? "user" : "account that was linked once")")
        }
        guard users.count == 1 else {
            throw DomainError.invalid("institution", "is needed: this is known at several institutions.")
        }
        let door = try await book.door(user)
        guard let institution = InstitutionCatalog.find(user.institution),
            let known = try persona(user, institution, door)
        else { throw DomainError.notFound("sandbox user") }
        return (known, door.login)
    }

    private func institution(_ order: SandboxOrder) throws(DomainError) -> Institution? {
        guard let name = order.institution else { return nil }
        guard let found = InstitutionCatalog.find(slugOrID: name) else {
            throw DomainError(.unknownInstitution, "`institution` is not an institution here.", field: "institution")
        }
        return found
    }

    private func pushes(
        _ known: SandboxPersona, _ account: SandboxAccount, _ now: Instant
    ) async throws -> [SandboxPush] {
        var urls: Set<String> = []
        var pushes: [SandboxPush] = []
        for grant in try await book.subscribers(known.user) where grant.covers(account) {
            if let ends = grant.consentExpiresAt, ends <= now { continue }
            guard let url = grant.pushURL, let secret = grant.pushSecret, urls.insert(url).inserted else { continue }
            var out = JSONWriter()
            out.object { out in
                out.member("event", "transactions.posted")
                out.member("environment", known.user.environmentID)
                out.member("user", known.upstreamUserID)
                out.member("account", account.upstreamID)
                out.member("sent_at", now)
            }
            let headers = [
                (name: "Content-Type", value: "application/json"),
                (name: SandboxSignature.header, value: SandboxSignature.sign(out.bytes, secret: secret)),
            ]
            pushes.append(SandboxPush(url: url, headers: headers, body: out.bytes))
        }
        return pushes
    }
}
