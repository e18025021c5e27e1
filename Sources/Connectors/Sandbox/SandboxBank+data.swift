import Domain

/// A request with a good token: who asks, and what there is to see.
struct SandboxCaller {
    var persona: SandboxPersona
    let grant: SandboxGrant
    let history: SandboxHistory
    let scenarios: SandboxScenarios
    let now: Instant
    /// What the bank lists of those that the grant covers.
    let accounts: [SandboxAccount]
    var show = SandboxShow()

    func account(_ upstreamID: String) throws(SandboxProblem) -> SandboxAccount {
        guard let account = accounts.first(where: { $0.upstreamID == upstreamID }) else {
            throw SandboxProblem(404, "account_not_found", "There is no such account.").delayed(persona)
        }
        return account
    }
}

extension SandboxBank {
    /// Checks the access token of a data call, then what the scripts say of it.
    func enter(
        _ request: SandboxRequest, _ operation: SandboxOperation, account: String? = nil
    ) async throws -> SandboxCaller {
        guard let text = request.bearer, let token = SandboxToken(text, .access) else { throw SandboxProblem.noToken }
        var caller = try await visit(token, request)
        guard token.hash == caller.grant.accessHash else { throw SandboxProblem.noToken.delayed(caller.persona) }
        guard caller.now < caller.grant.accessExpiresAt else {
            throw SandboxProblem(401, "token_expired", "The access token has expired.").delayed(caller.persona)
        }
        try await play(operation, request, account: account, &caller)
        return caller
    }

    /// - Throws: what a rule makes the bank answer instead.
    func play(
        _ operation: SandboxOperation, _ request: SandboxRequest, account: String? = nil, _ caller: inout SandboxCaller
    ) async throws {
        let call = SandboxMoment(
            operation: operation, account: caller.accounts.first { $0.upstreamID == account }?.position,
            now: caller.now, start: caller.persona.start, linkedAt: caller.grant.linkedAt,
            detail: request.query["cursor"] ?? "", seed: caller.persona.seed)
        let conduct = try await conduct(call, caller.persona, caller.scenarios)
        caller.persona.delayMs += conduct.latencyMs
        caller.show = conduct.show
        if let problem = conduct.problem { throw problem.delayed(caller.persona) }
        switch conduct.access {
        case nil: return
        case .ended:
            try await book.endGrant(caller.grant.id, .died, environmentID: request.environmentID)
            throw SandboxProblem.ended.delayed(caller.persona)
        case .revoked:
            try await book.endGrant(caller.grant.id, .revoked, environmentID: request.environmentID)
            throw SandboxProblem.withdrawn.delayed(caller.persona)
        }
    }

    /// The grant that a token names, if it lives.
    func visit(_ token: SandboxToken, _ request: SandboxRequest) async throws -> SandboxCaller {
        guard let kept = try await book.visit(grantID: token.grantID, environmentID: request.environmentID),
            kept.grant.user.institution == request.institution.slug,
            let persona = try persona(
                kept.grant.user, request.institution, kept.scenarios, customer: kept.customer, login: kept.login,
                now: kept.now)
        else { throw SandboxProblem.ended }
        switch kept.grant.end {
        case .revoked:
            throw SandboxProblem.withdrawn.delayed(persona)
        case .reused, .died:
            throw SandboxProblem.ended.delayed(persona)
        case nil:
            break
        }
        if let ends = kept.grant.consentExpiresAt, ends <= kept.now {
            throw SandboxProblem(403, "consent_expired", "The consent has ended.").delayed(persona)
        }
        let accounts = persona.accounts.filter { kept.grant.covers($0) }
        return SandboxCaller(
            persona: persona, grant: kept.grant, history: kept.history, scenarios: kept.scenarios, now: kept.now,
            accounts: persona.shown(accounts, at: kept.now))
    }

    /// `GET accounts`
    func accounts(_ caller: SandboxCaller) -> SandboxReply {
        SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            Self.write(caller.accounts, of: caller.persona, caller.show, to: &out)
        }
    }

    static func write(
        _ accounts: [SandboxAccount], of persona: SandboxPersona, _ show: SandboxShow, to out: inout JSONWriter
    ) {
        out.array("accounts") { out in
            for account in accounts {
                out.object { out in
                    out.member("id", account.upstreamID)
                    out.member("number", show.omits(.number) ? nil : account.number)
                    out.member("name", show.omits(.name) ? nil : account.product)
                    out.member("holder", show.omits(.holder) ? nil : persona.name.uppercased())
                    out.member("type", show.omits(.type) ? nil : account.type)
                    out.member("currency", "NGN")
                    out.member("active", account.isActive)
                }
            }
        }
    }

    /// `GET accounts/<id>/balance`
    func balance(_ caller: SandboxCaller, _ account: SandboxAccount) -> SandboxReply {
        let balance = statement(account, caller.persona, caller.history, at: caller.now, caller.show).balance
        let isOmitted = caller.show.omits(.balance)
        return SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            out.decimal("ledger", isOmitted ? nil : balance.ledgerMinor)
            out.decimal("available", isOmitted ? nil : balance.availableMinor)
            out.member("currency", caller.show.lie == .otherCurrency ? "GHS" : "NGN")
            out.member("as_of", caller.now)
        }
    }

    /// `GET accounts/<id>/transactions?from=&to=&cursor=&limit=`: days included, newest first.
    func transactions(
        _ caller: SandboxCaller, _ account: SandboxAccount, _ request: SandboxRequest
    ) throws(SandboxProblem) -> SandboxReply {
        let today = caller.now.day()
        let window = DayWindow(
            from: try day("from", request) ?? account.ledger.epoch, to: try day("to", request) ?? today)
        guard window.from <= window.to else {
            throw SandboxProblem(400, "bad_request", "`from` is after `to`.").delayed(caller.persona)
        }
        let limit = request.query["limit"].map { Int($0) ?? 0 } ?? Self.pageRows
        guard (1...Self.pageRowsMax).contains(limit) else {
            throw SandboxProblem(400, "bad_request", "`limit` is 1 to \(Self.pageRowsMax).").delayed(caller.persona)
        }
        var after: SandboxEntryKey?
        if let text = request.query["cursor"] {
            guard let cursor = SandboxCursor(text), cursor.window == window, cursor.account == account.upstreamID else {
                throw SandboxProblem(400, "bad_cursor", "`cursor` does not belong to this list.").delayed(
                    caller.persona)
            }
            after = cursor.key
        }
        let statement = statement(account, caller.persona, caller.history, at: caller.now, caller.show)
        var entries = statement.entries(in: window, after: after, limit: limit + 1)
        let hasMore = entries.count > limit
        if hasMore { entries.removeLast() }
        let page = SandboxPage(
            account: account.upstreamID, window: window, after: request.query["cursor"], entries: entries,
            hasMore: hasMore, now: caller.now, show: caller.show)
        return SandboxReply(200, delayMs: caller.persona.delayMs) { out in page.write(&out) }
    }

    private func day(_ name: String, _ request: SandboxRequest) throws(SandboxProblem) -> LocalDate? {
        guard let text = request.query[name] else { return nil }
        guard let day = LocalDate(text) else {
            throw SandboxProblem(400, "bad_request", "`\(name)` is not a day like 2026-01-31.")
        }
        return day
    }

    /// `GET identity`
    func identity(_ caller: SandboxCaller) -> SandboxReply {
        SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            out.object("identity") { out in
                for member in SandboxIdentity.members(of: caller.persona) {
                    out.key(member.name)
                    out.value(member.value)
                }
            }
        }
    }
}
