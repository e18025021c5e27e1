/// Whether a connection can be refreshed (`active`), waits for its person, or is over.
public enum ConnectionStatus: String, Sendable, CaseIterable {
    case active
    case needsUser = "needs_user"
    case expired, revoked, dead
}

/// What has to happen before a bank serves again.
public enum ErrorClass: Sendable, Equatable {
    /// Nothing goes on without the person.
    case userAction(UserAction)
    /// It is tried again by itself; nobody has to do anything.
    case retry
    /// Trying again does not help.
    case dead

    /// What the person does.
    public enum UserAction: String, Sendable, CaseIterable {
        /// Log in again, by a link to the same connection.
        case reauthenticate
        /// Something in the bank's own app or branch, such as unlocking the user.
        case atBank = "at_bank"
    }

    /// As replies and events name it.
    public var name: String {
        switch self {
        case .userAction: "user_action"
        case .retry: "retry"
        case .dead: "dead"
        }
    }

    /// nil unless the person must act.
    public var action: UserAction? {
        if case .userAction(let action) = self { action } else { nil }
    }
}

extension ConnectorError.Code {
    public var errorClass: ErrorClass {
        switch self {
        case .userLocked, .userActionRequired, .accountBlocked: .userAction(.atBank)
        case .accountNotFound, .invalidRequest, .unsupported: .dead
        case .paymentRequired, .clientMisconfigured: .retry
        default: recovery == .askUser ? .userAction(.reauthenticate) : .retry
        }
    }

    /// Whether another try with the same login brings the person nearer to being locked out.
    public var countsAtBank: Bool {
        switch self {
        case .invalidCredentials, .userLocked, .mfaRequired, .mfaFailed, .mfaExpired, .differentLogin: true
        default: false
        }
    }
}

/// Where a connection stands and why: what every outcome of a run makes of it.
///
/// Only the person's errors stop it. Whatever may go better by itself leaves it as it is, however often it fails.
public struct ConnectionState: Sendable, Equatable {
    /// Banks lock a login at the third wrong attempt or later; the second one is ours only when the bank asked for it.
    public static let triesAtBankMax: Int64 = 2
    /// A connection that needs its person is tried no sooner than this after the last try, doubled by each.
    public static let tryAgainMs: Int64 = 10 * 60_000
    public static let tryAgainMsMax: Int64 = Instant.dayMs

    public var status: ConnectionStatus
    /// What stopped it; nil while it is active, or where that is not known.
    public var code: ConnectorError.Code?
    /// Since when it is stopped.
    public var since: Instant?
    /// How often it failed since then, the first failure counted.
    public var tries: Int64
    public var triedAt: Instant?

    public init(
        status: ConnectionStatus, code: ConnectorError.Code? = nil, since: Instant? = nil, tries: Int64 = 0,
        triedAt: Instant? = nil
    ) {
        self.status = status
        self.code = code
        self.since = since
        self.tries = tries
        self.triedAt = triedAt
    }

    /// What happened to it.
    public enum Happening: Sendable, Equatable {
        case succeeded
        case failed(ConnectorError.Code)
        /// Its person logged in again.
        case repaired
        /// The day that the person agreed to is over.
        case consentEnded
    }

    /// What is told of a change; each is one event.
    public enum News: Sendable, Equatable { case reauthRequired, repaired, consentExpired }

    /// The state after what happened, and what is told of it.
    public func after(_ happening: Happening, at now: Instant) -> (state: ConnectionState, news: [News]) {
        switch happening {
        case .repaired:
            return (ConnectionState(status: .active), status == .active ? [] : [.repaired])
        case .succeeded:
            // Access that was withdrawn or ended is not got back by a bank that answers all the same.
            guard status == .active || status == .needsUser else { return (self, []) }
            return (ConnectionState(status: .active), status == .active ? [] : [.repaired])
        case .consentEnded:
            guard status == .active || status == .needsUser else { return (self, []) }
            let ended = ConnectionState(status: .expired, code: .consentExpired, since: now, tries: 1, triedAt: now)
            return (ended, status == .active ? [.consentExpired, .reauthRequired] : [.consentExpired])
        case .failed(let code):
            return failed(code, at: now)
        }
    }

    private func failed(_ code: ConnectorError.Code, at now: Instant) -> (state: ConnectionState, news: [News]) {
        guard status == .active || status == .needsUser else { return (self, []) }
        guard code.recovery == .askUser else {
            guard status == .needsUser else { return (self, []) }
            var next = self
            next.tries += 1
            next.triedAt = now
            return (next, [])
        }
        let isOver = code == .consentExpired || code == .consentRevoked
        let isNew = status == .active
        let next = ConnectionState(
            status: isOver ? .expired : .needsUser, code: code, since: isNew || isOver ? now : since ?? now,
            tries: isNew ? 1 : tries + 1, triedAt: now)
        let ended: [News] = code == .consentExpired ? [.consentExpired] : []
        return (next, ended + (isNew ? [.reauthRequired] : []))
    }

    // MARK: what is next

    /// What must happen before it is served again; nil while it is active.
    public var errorClass: ErrorClass? {
        switch status {
        case .active: nil
        case .needsUser: code?.errorClass ?? .userAction(.reauthenticate)
        case .expired: .userAction(.reauthenticate)
        case .revoked, .dead: .dead
        }
    }

    /// Whether a run may ask the bank.
    public enum Trial: Sendable, Equatable {
        case allowed
        case notBefore(Instant)
        case never
    }

    /// Who wants it tried.
    public enum Asker: Sendable { case bank, person }

    /// Whether a connection that needs its person may be tried all the same, in the hope that the bank serves it again.
    ///
    /// Consent that ended gives no right to ask. A login that the bank refused is tried once more only when the bank
    /// itself says that it has data, since each attempt counts towards a lock.
    public func trial(by asker: Asker, at now: Instant) -> Trial {
        switch status {
        case .active: return .allowed
        case .expired, .revoked, .dead: return .never
        case .needsUser: break
        }
        if code?.countsAtBank ?? true {
            guard asker == .bank, tries < Self.triesAtBankMax else { return .never }
        }
        guard let triedAt else { return .allowed }
        let wait = min(Self.tryAgainMs << min(max(tries - 1, 0), 10), Self.tryAgainMsMax)
        let earliest = triedAt + wait
        return asker == .bank || earliest <= now ? .allowed : .notBefore(earliest)
    }
}
