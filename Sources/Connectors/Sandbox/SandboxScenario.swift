import Domain

/// Usernames that play a script of ours at every institution. They win over created customers and over scenarios of
/// the same name, and their password is `pass`.
public enum SandboxScenario: String, Sendable, CaseIterable {
    case success, otp, question, accounts
    case wrongPassword = "wrong_password"
    case locked
    case bankDown = "bank_down"
    case slow
    case diesOnRefresh = "dies_on_refresh"
    case consentExpires = "consent_expires"
    case pending, removed, sparse

    public static let otpCode = "0000"
    public static let questionText = "In which city were you born?"
    /// Case and spaces around it do not matter.
    public static let answerText = "Lagos"

    /// The script in the language of docs/connectors/sandbox.md, to read and to begin from.
    public var json: String {
        switch self {
        case .success: #"{"about": "Links at once; two accounts."}"#
        case .otp: #"{"about": "Asks for a one-time password: 0000.", "challenge": "otp"}"#
        case .question: #"{"about": "Asks a security question; the answer is Lagos.", "challenge": "question"}"#
        case .accounts:
            #"{"about": "Asks which of three accounts to share.", "challenge": "accounts", "accounts": 3}"#
        case .wrongPassword:
            """
            {"about": "Every password is refused.", "rules": [{"on": ["login"], "error": "invalid_credentials"}]}
            """
        case .locked:
            #"{"about": "The user is locked at the bank.", "rules": [{"on": ["login"], "error": "user_locked"}]}"#
        case .bankDown:
            #"{"about": "The bank answers 503.", "rules": [{"error": "unavailable", "retry_after": "60s"}]}"#
        case .slow: #"{"about": "Every answer takes three seconds.", "rules": [{"latency": "3s"}]}"#
        case .diesOnRefresh:
            """
            {"about": "Links and fetches once; a minute later the bank asks for a new login.", "access_token": "60s",
             "rules": [{"on": ["token"], "access": "ended"}]}
            """
        case .consentExpires: #"{"about": "The consent ends 7 days after linking.", "consent": "7d"}"#
        case .pending:
            """
            {"about": "A pending row posts two days later with another id and amount.", "rows": [
             {"amount_minor": -1250000, "narration": "POS AUTH @ GRAND SQUARE ABUJA NG", "pending": true,
              "posts_after": "2d", "posts_amount_minor": -1312050,
              "posts_narration": "POS PUR @ GRAND SQUARE ABUJA NG"}]}
            """
        case .removed:
            """
            {"about": "A pending row vanishes after one day.", "rows": [
             {"amount_minor": -800000, "narration": "POS AUTH @ MOBIL FILLING STN YABA NG", "pending": true,
              "vanishes_after": "1d"}]}
            """
        case .sparse:
            """
            {"about": "Every member that may be null is null.", "identity": 0, "rules": [{"omit": [
             "number", "name", "holder", "type", "balance", "id", "counterparty", "reference", "channel", "branch",
             "code", "occurred_at", "running_balance", "consent_end"]}]}
            """
        }
    }

    var script: SandboxScript { Self.scripts[self] ?? SandboxScript() }

    private static let scripts: [SandboxScenario: SandboxScript] = {
        var scripts: [SandboxScenario: SandboxScript] = [:]
        for scenario in allCases {
            do {
                scripts[scenario] = try SandboxScript(parsing: Array(scenario.json.utf8))
            } catch {
                preconditionFailure("the scenario \(scenario.rawValue): \(error)")
            }
        }
        return scripts
    }()
}
