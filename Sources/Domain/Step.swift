/// What a person must do next while linking. Every kind can be answered later, also after a restart.
public enum Step: Sendable, Equatable {
    /// The person chooses a bank first; no connector ever gives this step.
    case selectInstitution
    case form(Form)
    case selectAccounts([AccountChoice])
    /// The person says whether these accounts are the ones that were linked before; no connector gives this step.
    case confirmAccounts([AccountPair])
    /// Nothing to answer; ask again after a while.
    case wait(reason: String, pollAfterMs: Int64)
    /// The person goes to the bank's own page and comes back.
    case redirect(url: String)
    /// The person hands over a file; the answer's field `upload` names what was read of it.
    case upload(Upload)
    /// The person looks at what was read of the file, and says whether it is taken over.
    case confirmStatement(StatementPreview)
    case done
    case failed(ConnectorError)

    /// Fields that the person fills in.
    public struct Form: Sendable, Equatable {
        public var name: String
        public var prompt: String
        public var fields: [Field]
        public var attemptsLeft: Int?
        /// Why the same form is asked again.
        public var problem: String?
        public init(
            name: String, prompt: String, fields: [Field], attemptsLeft: Int? = nil, problem: String? = nil
        ) {
            self.name = name
            self.prompt = prompt
            self.fields = fields
            self.attemptsLeft = attemptsLeft
            self.problem = problem
        }
    }

    /// One field of a form; its answer comes back under `key`.
    public struct Field: Sendable, Equatable {
        /// How it is shown and filled in.
        public enum Kind: String, Sendable { case text, secret, otp, select, number }
        public var key: String
        public var kind: Kind
        public var label: String
        public var choices: [String]
        public init(key: String, kind: Kind, label: String, choices: [String] = []) {
            self.key = key
            self.kind = kind
            self.label = label
            self.choices = choices
        }
    }

    /// A file that the person hands over.
    public struct Upload: Sendable, Equatable {
        public var prompt: String
        public var bytesMax: Int
        /// Ends of file names that are usual, such as `.csv`; the file's content decides.
        public var accept: [String]
        /// Why it is asked again.
        public var problem: String?
        public init(prompt: String, bytesMax: Int, accept: [String], problem: String? = nil) {
            self.prompt = prompt
            self.bytesMax = bytesMax
            self.accept = accept
            self.problem = problem
        }
    }

    /// An account that the person may share.
    public struct AccountChoice: Sendable, Equatable {
        public var upstreamID: String
        public var name: String
        /// Last four digits.
        public var mask: String
        public var type: String?
        public init(upstreamID: String, name: String, mask: String, type: String?) {
            self.upstreamID = upstreamID
            self.name = name
            self.mask = mask
            self.type = type
        }
    }

    /// An account as it was linked and as the new login has it.
    public struct AccountPair: Sendable, Equatable {
        /// nil for an account that comes with the new login.
        public var before: AccountChoice?
        /// nil for an account that the new login leaves out.
        public var after: AccountChoice?
        /// Why they are held for one; nil when one of them is missing.
        public var rule: AccountMapping.Rule?
        public init(before: AccountChoice?, after: AccountChoice?, rule: AccountMapping.Rule?) {
            self.before = before
            self.after = after
            self.rule = rule
        }
    }
}

/// The person's answer to a step. Values are secrets: never logged, never stored.
public struct StepAnswer: Sendable, Equatable {
    public var fields: [String: String]
    /// Upstream ids of the chosen accounts.
    public var accounts: [String]
    /// The person came back from the bank's own page; `fields` is what that page gave along.
    public var cameBack: Bool
    /// What the bank itself pushed of a login on its page. Nobody but the engine sets it.
    public var access: Grant?
    public init(
        fields: [String: String] = [:], accounts: [String] = [], cameBack: Bool = false, access: Grant? = nil
    ) {
        self.fields = fields
        self.accounts = accounts
        self.cameBack = cameBack
        self.access = access
    }
}

/// How the answered connector goes on.
public struct LinkProgress: Sendable, Equatable {
    public var step: Step
    /// Opaque to all but the connector; sealed at rest, at most 64 KiB.
    public var state: [UInt8]
    /// Set with `.done`.
    public var linked: LinkedAccess?
    public init(step: Step, state: [UInt8], linked: LinkedAccess? = nil) {
        self.step = step
        self.state = state
        self.linked = linked
    }
}

/// What linking gave.
public struct LinkedAccess: Sendable, Equatable {
    public var grant: Grant
    public var accounts: [FetchedAccount]
    /// The bank's own key of this login, by which its pushes are matched.
    public var upstreamUserID: String?
    public var consentExpiresAt: Instant?
    public init(grant: Grant, accounts: [FetchedAccount], upstreamUserID: String?, consentExpiresAt: Instant? = nil) {
        self.grant = grant
        self.accounts = accounts
        self.upstreamUserID = upstreamUserID
        self.consentExpiresAt = consentExpiresAt
    }
}
