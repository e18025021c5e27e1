import Domain

/// A request with a good token: who asks, and what there is to see.
struct SandboxCaller {
    let persona: SandboxPersona
    let grant: SandboxGrant
    let history: SandboxHistory
    let now: Instant

    var accounts: [SandboxAccount] { persona.accounts.filter { grant.covers($0) } }
    var isSparse: Bool { persona.scenario == .sparse }

    func account(_ upstreamID: String) throws(SandboxProblem) -> SandboxAccount {
        guard let account = accounts.first(where: { $0.upstreamID == upstreamID }) else {
            throw SandboxProblem(404, "account_not_found", "There is no such account.").delayed(persona)
        }
        return account
    }
}

extension SandboxBank {
    /// Checks the access token of a data call.
    func enter(_ request: SandboxRequest) async throws -> SandboxCaller {
        guard let text = request.bearer, let token = SandboxToken(text, .access) else { throw SandboxProblem.noToken }
        let caller = try await visit(token, request)
        guard token.hash == caller.grant.accessHash else { throw SandboxProblem.noToken.delayed(caller.persona) }
        guard caller.now < caller.grant.accessExpiresAt else {
            throw SandboxProblem(401, "token_expired", "The access token has expired.").delayed(caller.persona)
        }
        return caller
    }

    /// The grant that a token names, if it lives.
    func visit(_ token: SandboxToken, _ request: SandboxRequest) async throws -> SandboxCaller {
        guard let kept = try await book.visit(grantID: token.grantID, environmentID: request.environmentID),
            kept.grant.user.institution == request.institution.slug,
            let persona = persona(
                kept.grant.user, request.institution, customer: kept.customer, login: kept.login, now: kept.now)
        else { throw SandboxProblem.ended }
        switch kept.grant.end {
        case .revoked:
            throw SandboxProblem(403, "consent_revoked", "The consent was withdrawn.").delayed(persona)
        case .reused, .died:
            throw SandboxProblem.ended.delayed(persona)
        case nil:
            break
        }
        if let ends = kept.grant.consentExpiresAt, ends <= kept.now {
            throw SandboxProblem(403, "consent_expired", "The consent has ended.").delayed(persona)
        }
        return SandboxCaller(persona: persona, grant: kept.grant, history: kept.history, now: kept.now)
    }

    /// `GET accounts`
    func accounts(_ caller: SandboxCaller) -> SandboxReply {
        SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            Self.write(caller.accounts, of: caller.persona, to: &out)
        }
    }

    static func write(_ accounts: [SandboxAccount], of persona: SandboxPersona, to out: inout JSONWriter) {
        let isSparse = persona.scenario == .sparse
        out.array("accounts") { out in
            for account in accounts {
                out.object { out in
                    out.member("id", account.upstreamID)
                    out.member("number", isSparse ? nil : account.number)
                    out.member("name", isSparse ? nil : account.product)
                    out.member("holder", isSparse ? nil : persona.name.uppercased())
                    out.member("type", isSparse ? nil : account.type)
                    out.member("currency", "NGN")
                    out.member("active", true)
                }
            }
        }
    }

    /// `GET accounts/<id>/balance`
    func balance(_ caller: SandboxCaller, _ account: SandboxAccount) -> SandboxReply {
        let balance = statement(account, caller.persona, caller.history, at: caller.now).balance
        return SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            out.decimal("ledger", caller.isSparse ? nil : balance.ledgerMinor)
            out.decimal("available", caller.isSparse ? nil : balance.availableMinor)
            out.member("currency", "NGN")
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
        let statement = statement(account, caller.persona, caller.history, at: caller.now)
        var entries = statement.entries(in: window, after: after, limit: limit + 1)
        let hasMore = entries.count > limit
        if hasMore { entries.removeLast() }
        let next = hasMore ? entries.last.map { SandboxCursor(account.upstreamID, window, $0.key).text } : nil
        return SandboxReply(200, delayMs: caller.persona.delayMs) { out in
            out.array("transactions") { out in
                for entry in entries { Self.write(entry, isSparse: caller.isSparse, to: &out) }
            }
            out.member("next_cursor", next)
        }
    }

    private func day(_ name: String, _ request: SandboxRequest) throws(SandboxProblem) -> LocalDate? {
        guard let text = request.query[name] else { return nil }
        guard let day = LocalDate(text) else {
            throw SandboxProblem(400, "bad_request", "`\(name)` is not a day like 2026-01-31.")
        }
        return day
    }

    static func write(_ entry: SandboxEntry, isSparse: Bool, to out: inout JSONWriter) {
        out.object { out in
            out.member("id", isSparse ? nil : entry.id)
            out.member("status", entry.status.rawValue)
            out.decimal("amount", entry.amountMinor)
            out.member("currency", "NGN")
            out.member("booked_on", entry.day.iso)
            out.member("occurred_at", isSparse ? nil : entry.instant)
            out.member("narration", entry.text.narration)
            out.member("counterparty", isSparse ? nil : entry.text.counterparty)
            out.member("reference", isSparse ? nil : entry.text.reference)
            out.member("channel", isSparse ? nil : entry.text.channel)
            out.member("branch", isSparse ? nil : entry.text.branch)
            out.member("code", isSparse ? nil : entry.text.code)
            out.decimal("running_balance", isSparse ? nil : entry.runningMinor)
        }
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

/// The place after which a page goes on, bound to its list.
struct SandboxCursor {
    let account: String
    let window: DayWindow
    let key: SandboxEntryKey

    init(_ account: String, _ window: DayWindow, _ key: SandboxEntryKey) {
        self.account = account
        self.window = window
        self.key = key
    }

    var text: String {
        let fields = [account, window.from.iso, window.to.iso, String(key.ms), String(key.sequence), key.id]
        return Hex.encode(fields.joined(separator: " ").utf8)
    }

    init?(_ text: String) {
        guard let bytes = Hex.decode(text) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6, let from = LocalDate(fields[1]), let to = LocalDate(fields[2]),
            let ms = Int64(fields[3]), let sequence = Int(fields[4])
        else { return nil }
        self.init(fields[0], DayWindow(from: from, to: to), SandboxEntryKey(ms: ms, sequence: sequence, id: fields[5]))
    }
}
