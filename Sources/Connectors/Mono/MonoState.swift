import Domain

/// The proof of access: Mono's permanent id of one linked account. Its ids do not expire; unlinking ends them.
struct MonoAccess: Sendable, Equatable {
    let account: String
    let currency: Currency
    /// When the person was last at the bank for it.
    let loggedInAt: Instant

    var grant: Grant {
        let value: JSONValue = [
            "account": .string(account), "currency": .string(currency.code), "at": .integer(loggedInAt.ms),
        ]
        return Grant(bytes: Array(value.encoded.utf8))
    }

    init(account: String, currency: Currency = .ngn, loggedInAt: Instant) {
        self.account = account
        self.currency = currency
        self.loggedInAt = loggedInAt
    }

    init(_ grant: Grant) throws(ConnectorError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: grant.bytes) } catch { throw ConnectorError(.reauthRequired) }
        guard let account = value["account"]?.text, MonoTranslate.isID(account),
            let currency = value["currency"]?.text, case .integer(let at)? = value["at"]
        else { throw ConnectorError(.reauthRequired) }
        self.init(account: account, currency: Currency(code: currency), loggedInAt: Instant(ms: at))
    }
}

/// What a link carries from step to step.
struct MonoLinkState: Sendable, Equatable {
    /// Named to Mono, which tells it again with the account; so an account of another link is not taken for this one's.
    var reference: String
    /// Mono's page for the person.
    var url: String
    /// The account that is logged in again; nil for a new one.
    var renews: String?
    /// Known once the person was there.
    var account: String?
    /// Since when something is waited for.
    var waitsSince: Instant?

    var bytes: [UInt8] {
        var members: [String: JSONValue] = ["ref": .string(reference), "url": .string(url)]
        members["renews"] = renews.map(JSONValue.string)
        members["account"] = account.map(JSONValue.string)
        members["since"] = waitsSince.map { .integer($0.ms) }
        return Array(JSONValue.object(members).encoded.utf8)
    }

    init(reference: String, url: String, renews: String?) {
        self.reference = reference
        self.url = url
        self.renews = renews
    }

    init(_ bytes: [UInt8]) throws(ConnectorError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch { throw Self.damaged }
        guard let reference = value["ref"]?.text, let url = value["url"]?.text else { throw Self.damaged }
        self.init(reference: reference, url: url, renews: value["renews"]?.text)
        account = value["account"]?.text
        if case .integer(let ms)? = value["since"] { waitsSince = Instant(ms: ms) }
    }

    private static var damaged: ConnectorError { ConnectorError(.invalidRequest, upstreamCode: "link_state") }

    /// The person goes to Mono's page, or goes there again.
    var redirect: LinkProgress { LinkProgress(step: .redirect(url: url), state: bytes) }

    func waiting(_ reason: String, at now: Instant) -> LinkProgress {
        var state = self
        state.waitsSince = waitsSince ?? now
        return LinkProgress(step: .wait(reason: reason, pollAfterMs: 2000), state: state.bytes)
    }
}
