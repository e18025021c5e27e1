/// A unit of the database while it is open: whatever is done in it is committed together, or not at all.
public protocol OpenUnit {}

/// Something that is done inside the unit of another change, so that both commit together.
public typealias UnitStep = @Sendable (any OpenUnit) throws -> Void

/// What the sandbox bank keeps. Everything else that it shows is computed from a seed.
///
/// Every method works inside one environment; an environment that does not exist throws `DomainError.notFound`.
public protocol SandboxBook: Sendable {
    /// The environment's time.
    func now(environmentID: Int64) async throws -> Instant

    /// - Throws: `DomainError.conflict` when a username is taken; then none of them is kept.
    /// - Parameter also: done first, in the same unit.
    func addCustomers(_ customers: [SandboxCustomer], environmentID: Int64, also: UnitStep?) async throws
    /// nil when the environment has no such customer.
    func customer(id: ID<SandboxCustomer>, environmentID: Int64) async throws -> SandboxCustomer?
    /// nil when the environment has no customer of that username.
    func customer(username: String, environmentID: Int64) async throws -> SandboxCustomer?
    /// One page, newest first, and how many there are. Pages count from 1.
    func customers(
        page: Int, limit: Int, environmentID: Int64
    ) async throws -> (rows: [SandboxCustomer], total: Int64)
    /// Those of `names` that a customer of the environment has already.
    func takenUsernames(_ names: [String], environmentID: Int64) async throws -> Set<String>

    /// All that is known of a user before a login: the customer of that name, if any, and the login's state.
    func door(_ user: SandboxUser) async throws -> SandboxDoor
    /// Makes the login's row when there is none, with the numbers of its accounts, and returns what is kept.
    func openLogin(_ user: SandboxUser, at now: Instant, accountNumbers: [String]) async throws -> SandboxLogin
    /// Counts a refused password (or answer); locks the login until `lockUntil` when the count reaches `max`.
    func countRefusal(
        _ user: SandboxUser, _ what: SandboxRefusal, max: Int, now: Instant, lockUntil: Instant
    ) async throws -> SandboxLogin
    /// Sets both counts back.
    func clearRefusals(_ user: SandboxUser) async throws
    /// Logins of that name, at any institution.
    func logins(username: String, environmentID: Int64) async throws -> [SandboxLogin]
    /// Logins that have an account of this number.
    func logins(accountNumber: String, environmentID: Int64) async throws -> [SandboxLogin]

    /// Keeps a new grant with its first tokens, which it holds as hashes.
    func addGrant(_ grant: SandboxGrant) async throws
    /// All that a data call needs, read at one moment; nil when there is no such grant.
    func visit(grantID: ID<SandboxGrant>, environmentID: Int64) async throws -> SandboxVisit?
    /// Stores a grant's new tokens, unless its generation has moved on.
    /// - Returns: false when it has.
    func replaceTokens(_ grant: SandboxGrant, ifGeneration generation: Int64) async throws -> Bool
    /// Ends a grant for good; its tokens are refused from then on.
    func endGrant(_ id: ID<SandboxGrant>, _ reason: SandboxGrant.End, environmentID: Int64) async throws
    /// The login's grants that live and asked for pushes.
    func subscribers(_ user: SandboxUser) async throws -> [SandboxGrant]

    /// Keeps a transaction that was posted by hand, beside those that are computed.
    /// - Parameter also: done first, in the same unit.
    func addPosting(_ posting: SandboxPosting, environmentID: Int64, also: UnitStep?) async throws
    /// What was posted by hand and which linkings there were: all of a login's history that is not computed.
    func history(_ user: SandboxUser) async throws -> SandboxHistory

    /// Keeps a scenario under its name, in place of an earlier one, and forgets what was counted for it.
    /// - Parameter also: done first, in the same unit.
    func putScenario(_ scenario: SandboxNamedScenario, environmentID: Int64, also: UnitStep?) async throws
    /// nil when the environment has no scenario of that name.
    func scenario(_ name: String, environmentID: Int64) async throws -> SandboxNamedScenario?
    /// Up to `limit` scenarios after a name, in order of their names.
    func scenarios(after name: String, limit: Int, environmentID: Int64) async throws -> [SandboxNamedScenario]
    /// - Parameter also: done afterwards in the same unit, when there was one.
    /// - Returns: false when there was none.
    func removeScenario(_ name: String, environmentID: Int64, also: UnitStep?) async throws -> Bool
    /// Counts one call and returns how many there were in this slot of time.
    /// - Parameters:
    ///   - scenario: the scenario that wants to know.
    ///   - counter: which of its counters.
    ///   - slot: a new slot begins from one.
    func countCall(_ user: SandboxUser, scenario: String, counter: String, slot: Int64) async throws -> Int64
}

/// A scenario of an environment, as its author wrote it.
public struct SandboxNamedScenario: Sendable, Equatable {
    /// A username, or `bank:` and an institution's slug for what every login there meets.
    public var name: String
    /// JSON.
    public var script: String
    /// In the environment's time.
    public var createdAt: Instant
    public init(name: String, script: String, createdAt: Instant) {
        self.name = name
        self.script = script
        self.createdAt = createdAt
    }

    /// The name of the scenario that an institution plays.
    public static func name(ofInstitution slug: String) -> String { "bank:" + slug }
}

/// The scenarios that a login meets: its own, and its institution's.
public struct SandboxScenarios: Sendable, Equatable {
    public var own: SandboxNamedScenario?
    public var institution: SandboxNamedScenario?
    public init(own: SandboxNamedScenario? = nil, institution: SandboxNamedScenario? = nil) {
        self.own = own
        self.institution = institution
    }
}

/// A login's key: one username at one institution of one environment.
public struct SandboxUser: Hashable, Sendable {
    public let environmentID: Int64
    /// Slug.
    public let institution: String
    public let username: String
    public init(environmentID: Int64, institution: String, username: String) {
        self.environmentID = environmentID
        self.institution = institution
        self.username = username
    }
}

/// A made-up person or company with a login at one institution. The password is test data and is stored as it is.
public struct SandboxCustomer: Sendable, Equatable {
    /// A person (`ind`) or a company (`corp`).
    public enum Kind: String, Sendable, CaseIterable { case ind, corp }
    /// How many transactions a day the made-up history has.
    public enum Volume: String, Sendable, CaseIterable { case low, medium, high }

    public var id: ID<SandboxCustomer>
    public var draft: SandboxDraft
    /// Slug; the draft names the bank as the caller wrote it.
    public var institution: String
    /// In the environment's time; 24 months before this day the history begins.
    public var createdAt: Instant

    public init(id: ID<SandboxCustomer>, draft: SandboxDraft, institution: String, createdAt: Instant) {
        self.id = id
        self.draft = draft
        self.institution = institution
        self.createdAt = createdAt
    }
}

/// What a sandbox customer is made from.
public struct SandboxDraft: Sendable, Equatable {
    public var accountCount: Int
    public var name: String
    /// Slug or id.
    public var bank: String
    public var username: String
    public var password: String
    public var kind: SandboxCustomer.Kind
    public var volume: SandboxCustomer.Volume
    /// How much of the identity is filled, in percent.
    public var identity: Int
    /// 2 (slow) to 5 (fast).
    public var internetSpeed: Int

    public init(
        name: String, bank: String, username: String, password: String, accountCount: Int = 1,
        kind: SandboxCustomer.Kind = .ind
    ) {
        self.accountCount = accountCount
        self.name = name
        self.bank = bank
        self.username = username
        self.password = password
        self.kind = kind
        volume = .medium
        identity = 100
        internetSpeed = 5
    }
}

/// What the bank refused of a person.
public enum SandboxRefusal: Sendable { case password, answer }

/// A login's state.
public struct SandboxLogin: Sendable, Equatable {
    public var user: SandboxUser
    /// The first time that somebody logged in.
    public var openedAt: Instant
    public var refusedPasswords: Int
    public var refusedAnswers: Int
    public var lockedUntil: Instant?
    public init(
        user: SandboxUser, openedAt: Instant, refusedPasswords: Int = 0, refusedAnswers: Int = 0,
        lockedUntil: Instant? = nil
    ) {
        self.user = user
        self.openedAt = openedAt
        self.refusedPasswords = refusedPasswords
        self.refusedAnswers = refusedAnswers
        self.lockedUntil = lockedUntil
    }
}

/// Access that the bank gave to one linking.
public struct SandboxGrant: Sendable, Equatable {
    /// Why it ended: by the customer, because a spent refresh token came back, or because its scenario lets it die.
    public enum End: String, Sendable { case revoked, reused, died }

    public var id: ID<SandboxGrant>
    public var user: SandboxUser
    /// The chosen accounts' upstream ids; empty means all.
    public var accounts: [String]
    public var accessHash: String
    public var accessExpiresAt: Instant
    public var refreshHash: String
    /// The refresh token before; it works until its successor is used.
    public var previousHash: String?
    public var generation: Int64
    public var linkedAt: Instant
    public var consentExpiresAt: Instant?
    public var end: End?
    public var pushURL: String?
    public var pushSecret: String?

    public init(
        id: ID<SandboxGrant>, user: SandboxUser, accounts: [String], linkedAt: Instant, consentExpiresAt: Instant?
    ) {
        self.id = id
        self.user = user
        self.accounts = accounts
        accessHash = ""
        accessExpiresAt = linkedAt
        refreshHash = ""
        generation = 0
        self.linkedAt = linkedAt
        self.consentExpiresAt = consentExpiresAt
    }
}

/// A transaction that was posted by hand.
public struct SandboxPosting: Sendable, Equatable {
    public var id: ID<SandboxPosting>
    public var accountNumber: String
    /// Slug; the same number may be another account elsewhere.
    public var institution: String
    public var amountMinor: Int64
    public var narration: String
    public var channel: String
    public var postedAt: Instant
    public init(
        id: ID<SandboxPosting>, accountNumber: String, institution: String, amountMinor: Int64, narration: String,
        channel: String, postedAt: Instant
    ) {
        self.id = id
        self.accountNumber = accountNumber
        self.institution = institution
        self.amountMinor = amountMinor
        self.narration = narration
        self.channel = channel
        self.postedAt = postedAt
    }
}

/// What happened at a login beyond the computed rows.
public struct SandboxHistory: Sendable, Equatable {
    public var postings: [SandboxPosting]
    /// When access was given, oldest first.
    public var linkedAt: [Instant]
    public init(postings: [SandboxPosting] = [], linkedAt: [Instant] = []) {
        self.postings = postings
        self.linkedAt = linkedAt
    }
}

/// What is known of a user before a login.
public struct SandboxDoor: Sendable {
    public var now: Instant
    public var customer: SandboxCustomer?
    public var login: SandboxLogin?
    public var scenarios: SandboxScenarios
    public init(
        now: Instant, customer: SandboxCustomer?, login: SandboxLogin?, scenarios: SandboxScenarios = .init()
    ) {
        self.now = now
        self.customer = customer
        self.login = login
        self.scenarios = scenarios
    }
}

/// What is known to a data call.
public struct SandboxVisit: Sendable {
    public var now: Instant
    public var grant: SandboxGrant
    public var customer: SandboxCustomer?
    public var login: SandboxLogin
    public var history: SandboxHistory
    public var scenarios: SandboxScenarios
    public init(
        now: Instant, grant: SandboxGrant, customer: SandboxCustomer?, login: SandboxLogin, history: SandboxHistory,
        scenarios: SandboxScenarios = .init()
    ) {
        self.now = now
        self.grant = grant
        self.customer = customer
        self.login = login
        self.history = history
        self.scenarios = scenarios
    }
}
