/// Usernames that play a script at every institution. They win over created customers, and their password is `pass`.
public enum SandboxScenario: String, Sendable, CaseIterable {
    case success, otp, question, accounts
    case wrongPassword = "wrong_password"
    case locked
    case bankDown = "bank_down"
    case slow
    case diesOnRefresh = "dies_on_refresh"
    case consentExpires = "consent_expires"
    case pending, removed, sparse

    public static let password = "pass"
    public static let otpCode = "0000"
    public static let questionText = "In which city were you born?"
    /// Case and spaces around it do not matter.
    public static let answerText = "Lagos"

    static let slowMs: Int64 = 3_000
    static let consentDays: Int64 = 7
    static let postsAfterDays: Int64 = 2
    static let vanishesAfterDays: Int64 = 1

    /// What it plays, in one sentence.
    public var summary: String {
        switch self {
        case .success: "Links at once; two accounts."
        case .otp: "Asks for a one-time password: \(Self.otpCode)."
        case .question: "Asks a security question; the answer is \(Self.answerText)."
        case .accounts: "Asks which of three accounts to share."
        case .wrongPassword: "Every password is refused."
        case .locked: "The user is locked at the bank."
        case .bankDown: "The bank answers 503."
        case .slow: "Every answer takes three seconds."
        case .diesOnRefresh: "Links and fetches once; a minute later the bank asks for a new login."
        case .consentExpires: "The consent ends \(Self.consentDays) days after linking."
        case .pending: "A pending row posts two days later with another id and amount."
        case .removed: "A pending row vanishes after one day."
        case .sparse: "Every member that may be null is null."
        }
    }

    var accountCount: Int { self == .accounts ? 3 : 2 }

    /// How long an access token lives, in the environment's time.
    var accessMs: Int64 { self == .diesOnRefresh ? 60_000 : SandboxBank.accessMs }
}
