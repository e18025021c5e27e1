import Crypto
import Domain

/// Linking: Mono's page is opened for the person, who comes back with a code; the code is exchanged for the account's
/// lasting id. A push brings the id as well, for people who do not come back.
extension MonoConnector {
    /// Mono's first fetch is waited for this long, so that the account has its number and name.
    private static let fetchWaitMs: Int64 = 20_000
    /// A return that brought no code waits this long for Mono's push.
    private static let pushWaitMs: Int64 = 5 * 60_000
    /// Trouble after the login is waited out for so long; then the person is told of it.
    private static let troubleWaitMs: Int64 = 60_000
    private static let fetching = "Mono is fetching the account from the bank."

    public func beginLink(
        _ request: LinkRequest, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        guard descriptor.institutions.contains(context.institution) else { throw ConnectorError(.unsupported) }
        guard let returnURL = request.returnURL, let reference = request.reference else {
            throw ConnectorError(.invalidRequest, upstreamCode: "no_return_url")
        }
        if let old = request.renews {
            let account = try MonoAccess(old).account
            do {
                return try await renewal(account, reference, returnURL, context)
            } catch {
                // The account was unlinked at Mono: it is linked anew, and known by its number.
                guard error.code == .consentRevoked else { throw error }
            }
        }
        var body: [String: JSONValue] = [
            "customer": [
                "name": .string(Self.name(request)), "email": .string(Self.email(reference, returnURL)),
            ],
            "scope": "auth", "meta": ["ref": .string(reference)], "redirect_url": .string(returnURL),
        ]
        body["institution"] = try await chosen(request, context)
        return try await begun(.object(body), MonoLinkState(reference: reference, url: "", renews: nil), context)
    }

    private func renewal(
        _ account: String, _ reference: String, _ returnURL: String, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        let body: JSONValue = [
            "scope": "reauth", "account": .string(account), "meta": ["ref": .string(reference)],
            "redirect_url": .string(returnURL),
        ]
        return try await begun(body, MonoLinkState(reference: reference, url: "", renews: account), context)
    }

    private func begun(
        _ body: JSONValue, _ state: MonoLinkState, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        let answer = try await client.send(
            .init(method: "POST", path: "/v2/accounts/initiate", body: body), context)
        guard let url = try MonoTranslate.text(try MonoTranslate.data(answer.value), "mono_url"),
            Self.isPage(url, context)
        else { throw MonoTranslate.badRow }
        var state = state
        state.url = url
        return state.redirect
    }

    /// People are only sent to pages under TLS, unless the operator's own address for Mono has none.
    private static func isPage(_ url: String, _ context: ConnectorContext) -> Bool {
        guard url.utf8.count <= 2048, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return false }
        return url.hasPrefix("https://")
            || url.hasPrefix("http://") && MonoClient.baseURL(context.settings).hasPrefix("http://")
    }

    /// Mono wants a name, shown to the operator alone; the person's own comes from the bank.
    private static func name(_ request: LinkRequest) -> String {
        let business = request.business.prefix(80)
        return business.isEmpty ? "Customer" : "Customer of \(business)"
    }

    /// Mono takes people with one address for one person: each link has an address of its own. Addresses are shown and
    /// written to; the reference is the right to bring a return, and cannot be found from what stands here.
    private static func email(_ reference: String, _ returnURL: String) -> String {
        let name = Hex.encode(SHA256.hash(data: Array("customer of \(reference)".utf8)).prefix(16))
        let host = returnURL.split(separator: "/", maxSplits: 3).dropFirst().first?.split(separator: ":").first ?? ""
        let isName = host.contains(".") && host.contains { $0.isLetter }
        return "\(name)@\(isName ? String(host) : "links.kubewa.example")"
    }

    /// The bank that the person chose here, so that Mono's page does not ask again; nil where Mono's list lacks it.
    private func chosen(
        _ request: LinkRequest, _ context: ConnectorContext
    ) async throws(ConnectorError) -> JSONValue? {
        guard let institution = InstitutionCatalog.find(context.institution) else { return nil }
        let found = try await institutions(context).filter { $0.isSame(as: institution) && !$0.methods.isEmpty }
        guard let bank = found.first(where: { $0.isForBusiness == request.isForBusiness }) ?? found.first,
            let first = bank.methods.first
        else { return nil }
        let wanted = context.settings["auth_method"]
        return ["id": .string(bank.id), "auth_method": .string(bank.methods.first { $0 == wanted } ?? first)]
    }

    // MARK: coming back

    public func continueLink(
        _ state: [UInt8], _ answer: StepAnswer, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        var state = try MonoLinkState(state)
        if let access = answer.access {
            state.account = try MonoAccess(access).account
            return try await arrived(state, context)
        }
        // A second return of the same person: the code is spent.
        if state.account != nil { return try await arrived(state, context) }
        if let code = answer.fields["code"], !code.isEmpty {
            guard code.utf8.count <= 256 else { return Self.refused(.mfaExpired, state) }
            do {
                state.account = try await exchange(code, context)
            } catch {
                switch error.code {
                case .invalidRequest, .consentRevoked: return Self.refused(.mfaExpired, state)
                default: throw error
                }
            }
            return try await arrived(state, context)
        }
        let word = (answer.fields["status"] ?? answer.fields["reason"] ?? "").lowercased()
        if ["cancelled", "canceled", "closed", "failed", "error", "denied"].contains(word) {
            let error = ConnectorError(.accessDenied, "The login at the bank was not finished. Nothing was linked.")
            return LinkProgress(step: .failed(error), state: state.bytes)
        }
        guard answer.cameBack else { return state.redirect }
        if state.renews != nil {
            state.account = state.renews
            return try await arrived(state, context)
        }
        return state.waiting("Mono confirms the login.", at: context.now)
    }

    private func exchange(_ code: String, _ context: ConnectorContext) async throws(ConnectorError) -> String {
        let body: JSONValue = ["code": .string(code)]
        let answer = try await client.send(.init(method: "POST", path: "/v2/accounts/auth", body: body), context)
        return try MonoTranslate.exchanged(answer.value)
    }

    private static func refused(_ code: ConnectorError.Code, _ state: MonoLinkState) -> LinkProgress {
        let error = ConnectorError(
            code, "This login was used already, or is too old. Begin again.", upstreamCode: "code_refused")
        return LinkProgress(step: .failed(error), state: state.bytes)
    }

    /// The code is spent: what goes wrong from here on is waited for, and asked again.
    private func arrived(
        _ state: MonoLinkState, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        do {
            return try await finished(state, context)
        } catch {
            guard error.recovery == .retry else { throw error }
            return state.waiting(Self.fetching, at: context.now)
        }
    }

    public func poll(_ state: [UInt8], _ context: ConnectorContext) async throws(ConnectorError) -> LinkProgress {
        let state = try MonoLinkState(state)
        if state.account != nil {
            let isNew = context.now - (state.waitsSince ?? context.now) < Self.troubleWaitMs
            return isNew ? try await arrived(state, context) : try await finished(state, context)
        }
        if let since = state.waitsSince, context.now - since > Self.pushWaitMs {
            let error = ConnectorError(.accessDenied, "Mono has not confirmed this login. Begin again.")
            return LinkProgress(step: .failed(error), state: state.bytes)
        }
        return state.waiting("Mono confirms the login.", at: context.now)
    }

    private func finished(
        _ state: MonoLinkState, _ context: ConnectorContext
    ) async throws(ConnectorError) -> LinkProgress {
        guard let account = state.account else { throw ConnectorError(.invalidRequest) }
        if let renews = state.renews, renews != account {
            return LinkProgress(step: .failed(ConnectorError(.differentLogin)), state: state.bytes)
        }
        let details = try await details(account, context)
        // Another link's account must not be taken, whoever brings its code.
        if state.renews == nil, let told = details.reference, told != state.reference {
            let error = ConnectorError(.accessDenied, "This login belongs to another link. Begin again.")
            return LinkProgress(step: .failed(error), state: state.bytes)
        }
        let since = state.waitsSince ?? context.now
        let isFetching = details.status == .processing && context.now - since < Self.fetchWaitMs
        if isFetching || details.account.number == nil && details.status == .processing {
            return state.waiting(Self.fetching, at: context.now)
        }
        let access = MonoAccess(account: account, currency: details.account.currency, loggedInAt: context.now)
        if let other = otherBank(details, context) {
            // A renewed account is one that a connection lives by.
            if state.renews == nil { try await revoke(access.grant, context) }
            return LinkProgress(step: .failed(other), state: state.bytes)
        }
        let linked = LinkedAccess(grant: access.grant, accounts: [details.account], upstreamUserID: account)
        return LinkProgress(step: .done, state: state.bytes, linked: linked)
    }

    /// Mono's page lets a person choose another bank than here; its data must not stand under this one's name.
    private func otherBank(_ details: MonoDetails, _ context: ConnectorContext) -> ConnectorError? {
        guard let code = details.bankCode, let chosen = InstitutionCatalog.find(context.institution) else { return nil }
        guard code != chosen.cbnCode, code != chosen.nipCode,
            InstitutionCatalog.all.contains(where: { $0.cbnCode == code || $0.nipCode == code })
        else { return nil }
        let name = details.bankName.map { " at \($0)" } ?? ""
        return ConnectorError(
            .accessDenied, "You logged in\(name), but chose \(chosen.name). Choose the bank that you want to link.")
    }
}
