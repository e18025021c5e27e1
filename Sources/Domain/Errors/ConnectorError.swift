/// What a bank did not do. The message is safe for users; bodies and secrets are never carried.
public struct ConnectorError: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: Code
    public let message: String
    /// The bank's own code, when it gives one.
    public let upstreamCode: String?
    public let retryAfterSeconds: Int?
    /// What exactly was wrong with the answer, when that is known.
    public let fault: BankFault?
    /// Of `rate_limited`: the bank means this connection alone, as when its calls of the day are used up, and others
    /// may go on.
    public let isOfConnection: Bool

    public init(
        _ code: Code, _ message: String? = nil, upstreamCode: String? = nil, retryAfterSeconds: Int? = nil,
        fault: BankFault? = nil, isOfConnection: Bool = false
    ) {
        self.code = code
        self.fault = fault
        self.isOfConnection = isOfConnection
        self.message = message ?? code.message
        self.upstreamCode = upstreamCode
        self.retryAfterSeconds = retryAfterSeconds
    }

    public var description: String { "\(code.rawValue): \(message)" }

    /// What went wrong, as the raw text that events and replies carry.
    public enum Code: String, Sendable, CaseIterable {
        case invalidCredentials = "invalid_credentials"
        case userLocked = "user_locked"
        case mfaRequired = "mfa_required"
        case mfaFailed = "mfa_failed"
        case mfaExpired = "mfa_expired"
        case userActionRequired = "user_action_required"
        case accessDenied = "access_denied"
        case differentLogin = "different_login"
        case alreadyLinked = "already_linked"
        case mappingRefused = "mapping_refused"
        case reauthRequired = "reauth_required"
        case consentRevoked = "consent_revoked"
        case consentExpired = "consent_expired"
        case scopeMissing = "scope_missing"
        case accountNotFound = "account_not_found"
        case accountBlocked = "account_blocked"
        case rateLimited = "rate_limited"
        case providerUnavailable = "provider_unavailable"
        case dataIncomplete = "data_incomplete"
        case notReady = "not_ready"
        case paymentRequired = "payment_required"
        case clientMisconfigured = "client_misconfigured"
        case invalidRequest = "invalid_request"
        case unsupported
        case outcomeUnknown = "outcome_unknown"
        case protocolViolation = "protocol_violation"
    }

    /// What the engine does next.
    public enum Recovery: Sendable, Equatable {
        case retry
        case askUser
        case stop
    }

    public var recovery: Recovery { code.recovery }
}

extension ConnectorError.Code {
    public var recovery: ConnectorError.Recovery {
        switch self {
        case .invalidCredentials, .userLocked, .mfaRequired, .mfaFailed, .mfaExpired, .userActionRequired,
            .accessDenied, .differentLogin, .alreadyLinked, .mappingRefused, .reauthRequired, .consentRevoked,
            .consentExpired, .scopeMissing:
            .askUser
        case .rateLimited, .providerUnavailable, .dataIncomplete, .notReady, .outcomeUnknown, .protocolViolation:
            .retry
        case .accountNotFound, .accountBlocked, .paymentRequired, .clientMisconfigured, .invalidRequest, .unsupported:
            .stop
        }
    }

    public var message: String {
        switch self {
        case .invalidCredentials: "The bank refused the username or the password."
        case .userLocked: "The bank has locked this user. Unlock it at the bank, then link again."
        case .mfaRequired: "The bank asks for one more proof."
        case .mfaFailed: "The bank refused the code or the answer."
        case .mfaExpired: "The code is no longer valid."
        case .userActionRequired: "The user must first do something at the bank."
        case .accessDenied: "The user or the bank refused access."
        case .differentLogin: "This is another login than the one that was linked. Log in as the same person."
        case .alreadyLinked: "This account is linked already. There is nothing left to do."
        case .mappingRefused: "These are not the accounts that were linked before. Nothing was changed."
        case .reauthRequired: "The bank asks the user to log in again."
        case .consentRevoked: "The consent was withdrawn."
        case .consentExpired: "The consent has ended."
        case .scopeMissing: "The consent does not cover this data."
        case .accountNotFound: "The bank does not know this account."
        case .accountBlocked: "The bank has blocked this account."
        case .rateLimited: "The bank's limit of calls is reached."
        case .providerUnavailable: "The bank is not available."
        case .dataIncomplete: "The bank gave only a part of the data."
        case .notReady: "The bank is still preparing the data."
        case .paymentRequired: "The provider asks for payment."
        case .clientMisconfigured: "This server's access to the bank is not set up rightly."
        case .invalidRequest: "The bank did not accept the request."
        case .unsupported: "The bank does not offer this."
        case .outcomeUnknown: "The bank's answer was lost; the outcome is unknown."
        case .protocolViolation: "The bank's answer could not be understood."
        }
    }
}
