import Domain

extension SandboxBank {
    /// `POST login {username, password, push?: {url, secret}}`
    func login(_ request: SandboxRequest) async throws -> SandboxReply {
        let body = try request.json()
        guard let name = body["username"]?.text, !name.isEmpty else { throw SandboxProblem.missing("username") }
        guard let password = body["password"]?.text else { throw SandboxProblem.missing("password") }
        let user = request.user(name)
        var door = try await book.door(user)
        let carried = try await carried(password, by: user, &door)
        guard var known = try persona(user, request.institution, door) else { throw Self.refused(attemptsLeft: nil) }
        let show = try await enter(&known, door)
        let login =
            if let login = door.login { login } else {
                try await book.openLogin(user, at: door.now, accountNumbers: known.accounts.map(\.number))
            }
        try refuseLocked(known, login, door.now)
        guard carried != nil || password == known.password else {
            throw try await countRefusal(known, .password, door.now)
        }
        if login.refusedPasswords > 0 || login.lockedUntil != nil { try await book.clearRefusals(user) }
        if let kind = known.script?.challenge { return challenge(kind, known, show, door.now) }
        return try await link(known, show, accounts: [], push: body["push"], now: door.now)
    }

    /// What the scripts say of a login or an answer.
    private func enter(_ known: inout SandboxPersona, _ door: SandboxDoor) async throws -> SandboxShow {
        let call = SandboxMoment(operation: .login, now: door.now, start: known.start, seed: known.seed)
        let conduct = try await conduct(call, known, door.scenarios)
        known.delayMs += conduct.latencyMs
        if let problem = conduct.problem { throw problem.delayed(known) }
        return conduct.show
    }

    /// `POST answer {challenge, otp | answer | accounts, push?}`
    func answerChallenge(_ request: SandboxRequest) async throws -> SandboxReply {
        let body = try request.json()
        guard let text = body["challenge"]?.text, let challenge = SandboxChallenge(text, challengeKey),
            challenge.user == request.user(challenge.user.username)
        else { throw SandboxProblem(400, "bad_request", "`challenge` is not one of this bank.") }
        let door = try await book.door(challenge.user)
        guard let login = door.login, var known = try persona(challenge.user, request.institution, door) else {
            throw Self.refused(attemptsLeft: nil)
        }
        let show = try await enter(&known, door)
        try refuseLocked(known, login, door.now)
        guard door.now < challenge.expiresAt else {
            throw SandboxProblem(410, "challenge_expired", "This took too long; log in again.").delayed(known)
        }
        var accounts: [String] = []
        switch challenge.kind {
        case .otp:
            guard body["otp"]?.text == SandboxScenario.otpCode else {
                throw try await countRefusal(known, .answer, door.now)
            }
        case .question:
            let answer = body["answer"]?.text.map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard answer == SandboxScenario.answerText.lowercased() else {
                throw try await countRefusal(known, .answer, door.now)
            }
        case .accounts:
            accounts = try chosen(body, known, door.now)
        }
        if login.refusedAnswers > 0 { try await book.clearRefusals(challenge.user) }
        return try await link(known, show, accounts: accounts, push: body["push"], now: door.now)
    }

    private func chosen(
        _ body: JSONValue, _ known: SandboxPersona, _ now: Instant
    ) throws(SandboxProblem) -> [String] {
        let wanted = Set((body["accounts"]?.elements ?? []).compactMap(\.text))
        let found = known.shown(known.accounts, at: now).map(\.upstreamID).filter(wanted.contains)
        guard !found.isEmpty, found.count == wanted.count else {
            throw SandboxProblem(422, "choice_refused", "Choose at least one of the accounts that were shown.")
                .delayed(known)
        }
        return found
    }

    private static func refused(attemptsLeft: Int?) -> SandboxProblem {
        SandboxProblem(
            401, "invalid_credentials", "The username or the password is wrong.", attemptsLeft: attemptsLeft)
    }

    private static let locked = SandboxProblem(423, "user_locked", "This user is locked. Ask the bank to unlock it.")

    private func refuseLocked(
        _ known: SandboxPersona, _ login: SandboxLogin, _ now: Instant
    ) throws(SandboxProblem) {
        if let until = login.lockedUntil, now < until { throw Self.locked.delayed(known) }
    }

    private func countRefusal(
        _ known: SandboxPersona, _ what: SandboxRefusal, _ now: Instant
    ) async throws -> SandboxProblem {
        let max = what == .password ? Self.passwordsMax : Self.answersMax
        let login = try await book.countRefusal(known.user, what, max: max, now: now, lockUntil: now + Self.lockMs)
        if login.lockedUntil != nil { return Self.locked.delayed(known) }
        if what == .password { return Self.refused(attemptsLeft: max - login.refusedPasswords).delayed(known) }
        return SandboxProblem(
            422, "answer_refused", "This answer is wrong.", attemptsLeft: max - login.refusedAnswers
        ).delayed(known)
    }

    private func challenge(
        _ kind: SandboxScript.Challenge, _ known: SandboxPersona, _ show: SandboxShow, _ now: Instant
    ) -> SandboxReply {
        let challenge = SandboxChallenge(kind: kind, user: known.user, expiresAt: now + SandboxChallenge.lifeMs)
        return SandboxReply(200, delayMs: known.delayMs) { out in
            out.member("state", "challenge")
            out.member("kind", kind.rawValue)
            out.member("challenge", challenge.signed(challengeKey))
            switch kind {
            case .otp:
                out.member("prompt", "Enter the one-time password that was sent to your phone.")
                out.member("attempts_left", Self.answersMax)
            case .question:
                out.member("prompt", SandboxScenario.questionText)
                out.member("attempts_left", Self.answersMax)
            case .accounts:
                out.member("prompt", "Which accounts do you want to share?")
                Self.write(known.shown(known.accounts, at: now), of: known, show, to: &out)
            }
        }
    }

    private func link(
        _ known: SandboxPersona, _ show: SandboxShow, accounts: [String], push: JSONValue?, now: Instant
    ) async throws -> SandboxReply {
        let ends = known.script?.consentMs.map { now + $0 }
        var grant = SandboxGrant(
            id: runtime.newID(), user: known.user, accounts: accounts, linkedAt: now, consentExpiresAt: ends)
        grant.pushURL = push?["url"]?.text
        grant.pushSecret = push?["secret"]?.text
        let tokens = renew(&grant, known, now)
        try await book.addGrant(grant)
        return tokenReply(grant, known, show, tokens, now)
    }

    /// Gives the grant its next generation of tokens.
    private func renew(
        _ grant: inout SandboxGrant, _ known: SandboxPersona, _ now: Instant
    ) -> (access: SandboxToken, refresh: SandboxToken) {
        grant.generation += 1
        let access = SandboxToken.make(.access, grant, runtime)
        let refresh = SandboxToken.make(.refresh, grant, runtime)
        grant.accessHash = access.hash
        grant.refreshHash = refresh.hash
        grant.accessExpiresAt = now + (known.script?.accessMs ?? Self.accessMs)
        return (access, refresh)
    }

    private func tokenReply(
        _ grant: SandboxGrant, _ known: SandboxPersona, _ show: SandboxShow,
        _ tokens: (access: SandboxToken, refresh: SandboxToken), _ now: Instant
    ) -> SandboxReply {
        SandboxReply(200, delayMs: known.delayMs) { out in
            out.member("state", "linked")
            out.member("user", known.upstreamUserID)
            out.member("access_token", tokens.access.text)
            out.member("refresh_token", tokens.refresh.text)
            out.member("expires_at", grant.accessExpiresAt)
            if !show.omits(.consentEnd) { out.member("consent_expires_at", grant.consentExpiresAt) }
            let accounts = known.accounts.filter { grant.covers($0) }
            Self.write(known.shown(accounts, at: now), of: known, show, to: &out)
        }
    }

    // MARK: tokens

    /// `POST token {refresh_token}`: a new pair. The token before stays good until its successor is used, so a
    /// lost reply costs nothing; an older one shows that somebody else has it, and ends the grant.
    func refreshToken(_ request: SandboxRequest) async throws -> SandboxReply {
        guard let text = try request.json()["refresh_token"]?.text else {
            throw SandboxProblem.missing("refresh_token")
        }
        guard let token = SandboxToken(text, .refresh) else { throw SandboxProblem.ended }
        var visit = try await visit(token, request)
        try await play(.token, request, &visit)
        var grant = visit.grant
        let generation = grant.generation
        if token.hash == grant.refreshHash {
            grant.previousHash = grant.refreshHash
        } else if token.hash != grant.previousHash {
            try await book.endGrant(grant.id, .reused, environmentID: request.environmentID)
            throw SandboxProblem.ended.delayed(visit.persona)
        }
        let tokens = renew(&grant, visit.persona, visit.now)
        guard try await book.replaceTokens(grant, ifGeneration: generation) else {
            throw SandboxProblem(409, "try_again", "Another request renewed this access at the same moment.")
                .delayed(visit.persona)
        }
        return tokenReply(grant, visit.persona, visit.show, tokens, visit.now)
    }

    /// `POST revoke {refresh_token}`. Access that has ended is revoked already.
    func revoke(_ request: SandboxRequest) async throws -> SandboxReply {
        guard let text = try request.json()["refresh_token"]?.text else {
            throw SandboxProblem.missing("refresh_token")
        }
        guard let token = SandboxToken(text, .refresh),
            let kept = try await book.visit(grantID: token.grantID, environmentID: request.environmentID),
            [kept.grant.refreshHash, kept.grant.previousHash].contains(token.hash)
        else { throw SandboxProblem.ended }
        try await book.endGrant(token.grantID, .revoked, environmentID: request.environmentID)
        return SandboxReply(200) { $0.member("state", "revoked") }
    }
}

extension SandboxGrant {
    func covers(_ account: SandboxAccount) -> Bool {
        accounts.isEmpty || accounts.contains(account.upstreamID) || accounts.contains(account.otherID)
    }
}
