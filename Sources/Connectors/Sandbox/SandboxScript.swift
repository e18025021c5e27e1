import Domain

/// How the sandbox bank plays one login, or one institution: what it asks, what it shows, and what goes wrong when.
///
/// A script is data. The same script, seed and moments of the environment's time give the same answers.
/// docs/connectors/sandbox.md describes its JSON form.
public struct SandboxScript: Sendable, Equatable {
    /// What is asked after the password.
    enum Challenge: String, Sendable, CaseIterable { case otp, question, accounts }

    static let rulesMax = 50
    static let rowsMax = 50
    static let bytesMax = 64 << 10

    /// Other seeds give other people, other transactions and other chances; nil takes what the bank and the name give.
    var seed: UInt64?
    /// The person or company; nil makes one up.
    var holder: String?
    var password = SandboxScript.password
    var challenge: Challenge?
    var accountCount = 2
    var kind = SandboxCustomer.Kind.ind
    var volume = SandboxCustomer.Volume.medium
    /// How much of the identity is filled, in percent.
    var identityPercent = 100
    /// The consent ends so long after linking; nil is never.
    var consentMs: Int64?
    /// How long an access token lives.
    var accessMs = SandboxBank.accessMs
    /// Rows that each linking brings, beside the computed ones.
    var rows: [SandboxScriptedRow] = []
    var rules: [SandboxRule] = []

    static let password = "pass"

    init() {}
}

/// A row that appears after each linking, and what becomes of it.
struct SandboxScriptedRow: Sendable, Equatable {
    /// After linking.
    var afterMs: Int64 = 0
    /// Position of the account.
    var account = 0
    var amountMinor: Int64
    var narration: String
    var isPending = false
    /// A pending row is booked so long after it appeared, with another id.
    var postsAfterMs: Int64?
    var postsAmountMinor: Int64?
    var postsNarration: String?
    /// A row is gone so long after it appeared.
    var vanishesAfterMs: Int64?
}

/// What a rule can be about. `login` is the password and every answer after it.
enum SandboxOperation: String, Sendable, CaseIterable {
    case login, token, accounts, balance, transactions, identity, income, statement
}

/// When something is so, and what.
struct SandboxRule: Sendable, Equatable {
    /// A moment of the environment's time, or one counted from the login's first use.
    enum Moment: Sendable, Equatable {
        case after(ms: Int64)
        case at(Instant)

        func instant(from start: Instant) -> Instant {
            switch self {
            case .after(let ms): start + ms
            case .at(let instant): instant
            }
        }
    }

    /// So many calls in each span of time; the bank refuses the others.
    struct Limit: Sendable, Equatable {
        enum Span: String, Sendable, CaseIterable {
            case second, minute, hour, day
            var ms: Int64 {
                switch self {
                case .second: 1000
                case .minute: 60_000
                case .hour: 3_600_000
                case .day: Instant.dayMs
                }
            }
        }
        var calls: Int64
        var span: Span
    }

    /// What happens to access that was given before the rule's time began.
    enum Access: String, Sendable, CaseIterable { case ended, revoked }

    // When.
    /// Empty means all.
    var operations: Set<SandboxOperation> = []
    /// Position of the account; nil means all.
    var account: Int?
    var from: Moment?
    var until: Moment?
    /// Minutes after midnight in Lagos, from and up to; the end may be the next day's.
    var daily: DailyWindow?
    /// 0 is Monday; empty means all.
    var weekdays: Set<Int> = []
    /// Percent of the calls.
    var chance = 100
    /// The first so many calls only.
    var times: Int64?

    // What.
    var latencyMs: Int64 = 0
    var refusal: SandboxRefused?
    var limit: Limit?
    var access: Access?
    var show = SandboxShow()

    struct DailyWindow: Sendable, Equatable {
        var from: Int
        var to: Int

        func contains(_ minute: Int) -> Bool {
            from <= to ? (from..<to).contains(minute) : minute >= from || minute < to
        }
    }
}

/// An error that a rule makes the bank answer.
struct SandboxRefused: Sendable, Equatable {
    enum Code: String, Sendable, CaseIterable {
        case invalidCredentials = "invalid_credentials"
        case userLocked = "user_locked"
        case answerRefused = "answer_refused"
        case unavailable
        case bankError = "bank_error"
        case rateLimited = "rate_limited"
        case reauthRequired = "reauth_required"
        case consentRevoked = "consent_revoked"
        case consentExpired = "consent_expired"
        case tokenExpired = "token_expired"
        case accountNotFound = "account_not_found"
        case accountBlocked = "account_blocked"
        case actionRequired = "user_action_required"
        case dataIncomplete = "data_incomplete"
        case notReady = "not_ready"

        var status: Int {
            switch self {
            case .invalidCredentials, .reauthRequired, .tokenExpired: 401
            case .consentRevoked, .consentExpired, .accountBlocked, .actionRequired: 403
            case .accountNotFound: 404
            case .answerRefused: 422
            case .userLocked: 423
            case .rateLimited: 429
            case .bankError: 500
            case .unavailable, .dataIncomplete, .notReady: 503
            }
        }

        var message: String {
            switch self {
            case .invalidCredentials: "The username or the password is wrong."
            case .userLocked: "This user is locked. Ask the bank to unlock it."
            case .answerRefused: "This answer is wrong."
            case .unavailable: "The bank is closed for maintenance."
            case .bankError: "The bank has an error of its own."
            case .rateLimited: "These are too many calls."
            case .reauthRequired: "This access has ended; log in again."
            case .consentRevoked: "The consent was withdrawn."
            case .consentExpired: "The consent has ended."
            case .tokenExpired: "The access token has expired."
            case .accountNotFound: "There is no such account."
            case .accountBlocked: "This account is blocked."
            case .actionRequired: "The user must first do something at the bank."
            case .dataIncomplete: "Only a part of the data is there."
            case .notReady: "The data is being prepared."
            }
        }
    }

    var code: Code
    var retryAfterSeconds: Int?

    var problem: SandboxProblem {
        var problem = SandboxProblem(code.status, code.rawValue, code.message)
        problem.retryAfterSeconds = retryAfterSeconds
        if code == .invalidCredentials { problem.attemptsLeft = SandboxBank.passwordsMax - 1 }
        return problem
    }
}

/// How data looks while a rule holds. Of two rules that hold at once the later one decides.
struct SandboxShow: Sendable, Equatable {
    enum IDs: String, Sendable, CaseIterable {
        case stable, missing, repeated, positional
        case newEachCall = "new_each_call"
        case newEachDay = "new_each_day"
    }
    enum Paging: String, Sendable, CaseIterable { case endless, stuck, overlapping, shuffled, huge }
    enum Lie: String, Sendable, CaseIterable {
        case futureDate = "future_date"
        case fiveDecimals = "five_decimals"
        case otherCurrency = "other_currency"
    }
    enum Body: String, Sendable, CaseIterable { case html, empty, half, array }
    enum AccountState: String, Sendable, CaseIterable {
        case gone, inactive, doubled
        case newID = "new_id"
    }
    /// Members that can be left out.
    enum Member: String, Sendable, CaseIterable {
        case number, name, holder, type, balance, id, counterparty, reference, channel, branch, code
        case occurredAt = "occurred_at"
        case runningBalance = "running_balance"
        case consentEnd = "consent_end"
    }
    /// A share of the rows comes so much later than it happened, with its old date.
    struct Late: Sendable, Equatable {
        var percent: Int
        var ms: Int64
    }

    var ids: IDs?
    /// Rows are pending so long, then booked with another id.
    var pendingMs: Int64?
    var late: Late?
    /// Percent of the rows that the bank does not show.
    var hiddenPercent: Int?
    var omitted: Set<Member>?
    var paging: Paging?
    var lie: Lie?
    var body: Body?
    var account: AccountState?
    /// What an account is called instead.
    var rename: String?

    func omits(_ member: Member) -> Bool { omitted?.contains(member) ?? false }

    mutating func take(_ later: SandboxShow) {
        ids = later.ids ?? ids
        pendingMs = later.pendingMs ?? pendingMs
        late = later.late ?? late
        hiddenPercent = later.hiddenPercent ?? hiddenPercent
        omitted = later.omitted ?? omitted
        paging = later.paging ?? paging
        lie = later.lie ?? lie
        body = later.body ?? body
        account = later.account ?? account
        rename = later.rename ?? rename
    }
}
