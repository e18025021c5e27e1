import Connectors
import Domain
import Logging
import ServiceLifecycle
import Storage

/// What a person does in a session, worked on once however often it comes.
extension LinkService {
    /// Work that never came back is given up after this: longer than all that a bank is waited for.
    static let claimMs: Int64 = 40_000
    /// How long one waits for the same answer's earlier request.
    static let joinMs: Int64 = 25_000
    /// What is told to a page while an answer is being worked on.
    static let workingPollMs: Int64 = 1_000
    /// How often a session is read again, so that what other nodes do is seen.
    static let rereadMs: Int64 = 1_000
    private static let reasonLengthMax = 200
    /// What a person does in one session; a page that does more is guessing.
    static let movesMax: Int64 = 30

    /// - Parameter revision: the step that the answer is for; an answer to an earlier one changes nothing.
    public func answer(
        sessionID: String, in scope: Scope, answer: StepAnswer, revision: Int64?
    ) async throws -> LinkView {
        try await perform(.answer(answer), sessionID: sessionID, in: scope, revision: revision)
    }

    /// Does what the person wants once. The same move twice joins; any other waits for its turn by being told `busy`.
    public func perform(
        _ move: LinkMove, sessionID: String, in scope: Scope, revision: Int64?
    ) async throws -> LinkView {
        let environment = try await core.environment(scope)
        // Before the session is read: one whose work ended in between would ring for nobody.
        let listener = bells.listen(sessionID)
        defer { if let listener { bells.forget(listener) } }
        var session = try await get(sessionID, scope)
        let meant = revision ?? session.revision
        guard isMeant(session, move, meant) else { return try await shown(session, environment).with(.past) }
        try check(session, environment)
        guard session.revision <= Self.movesMax else {
            throw DomainError(.rateLimited, "This session was answered too often. Begin a new one.")
        }
        if case .back = move { return try await back(session, environment) }
        guard let listener else {
            throw DomainError(.unavailable, "Too many sessions are being answered at once. Try again.")
        }
        let index = answerIndex(move, session)
        let end = core.runtime.now() + Self.joinMs
        var hasJoined = false
        while true {
            try Task.checkCancellation()
            if isWorking(session) {
                guard session.answerIndex == index else { return try await shown(session, environment).with(.busy) }
                hasJoined = true
                let now = core.runtime.now()
                guard now < end, !Task.isShuttingDownGracefully else {
                    return try await shown(session, environment).with(.joined)
                }
                await listener.bell.wait(until: min(end, now + Self.rereadMs), core.runtime)
            } else {
                if hasJoined, let problem = try LinkProblem(json: session.problem) { throw unavailable(problem) }
                let job = try await job(move, session, environment)
                if let view = try await run(job, session, index, environment) { return view.with(.taken) }
            }
            session = try await get(sessionID, scope)
            guard isMeant(session, move, meant) else {
                return try await shown(session, environment).with(hasJoined ? .joined : .past)
            }
        }
    }

    /// A link that failed takes no answers, but can be begun again.
    private func isMeant(_ session: LinkSession, _ move: LinkMove, _ revision: Int64) -> Bool {
        guard session.isOpen, session.revision == revision else { return false }
        if case .answer = move { return session.status == .active || isWorking(session) }
        return true
    }

    /// The same answer to the same step has the same index; nobody can tell the answer from it.
    private func answerIndex(_ move: LinkMove, _ session: LinkSession) -> String {
        var text = "\(session.id)\n\(session.revision)\n"
        switch move {
        case .answer(let answer):
            let fields = answer.fields.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
            let parts: [JSONValue] = [
                .array(fields.map(JSONValue.string)), .array(answer.accounts.map(JSONValue.string)),
                answer.access.map { .string(Hex.encode($0.bytes)) } ?? .bool(answer.cameBack),
            ]
            text += JSONValue.array(parts).encoded
        case .choose(let name): text += "choose \(name)"
        case .retry: text += "retry"
        case .back: text += "back"
        }
        return core.vault.index(text, purpose: "link_answer")
    }

    /// The person went away. An ended session stays as it ended.
    public func abandon(
        sessionID: String, in scope: Scope, reason: String? = nil, once: Once<Void>? = nil
    ) async throws -> LinkView {
        let environment = try await core.environment(scope)
        if let reason, reason.count > Self.reasonLengthMax {
            throw DomainError.invalid("reason", "may have at most \(Self.reasonLengthMax) characters.")
        }
        while true {
            var session = try await get(sessionID, scope)
            guard session.status == .active || isWorking(session) else { return try await shown(session, environment) }
            let revision = session.revision
            let left = session
            session.status = .abandoned
            session.state = nil
            session.reason = reason
            session.revision += 1
            let ended = session
            // When the bank's answer came first, the session is read and ended again.
            let isEnded = try await core.changeIfThere(once) {
                try LinkSessionStore.advance(ended, from: revision, scope, $0)
            }
            if isEnded {
                bells.ring(sessionID)
                try await giveBack(left, environment)
            }
        }
    }

    /// Leaves the bank, also in the middle of its work: what comes of that is withdrawn.
    private func back(_ session: LinkSession, _ environment: Domain.Environment) async throws -> LinkView {
        let scope = environment.scope
        try checkBank(nil, session)
        if try step(session) == .selectInstitution { return try await shown(session, environment).with(.taken) }
        var next = session
        next.status = .active
        next.state = nil
        next.institution = ""
        next.connector = ""
        next.step = StepCodec.json(.selectInstitution).encoded
        next.consentText = consentText(nil, try LinkTerms(json: session.request), environment)
        next.revision += 1
        let kept = next
        let isFirst = try await core.database.write {
            try LinkSessionStore.advance(kept, from: session.revision, scope, $0)
        }
        bells.ring(session.id)
        return try await shown(try await get(session.id, scope), environment).with(isFirst ? .taken : .past)
    }
}

/// Asking a bank on behalf of a session.
struct LinkJob {
    typealias Call =
        @Sendable (any Connector, [UInt8], ConnectorContext) async throws(ConnectorError) -> LinkProgress
    /// The session as it is while the bank is asked.
    var target: LinkSession
    let connector: any Connector
    /// Whether the connector is given what it said last.
    let goesOn: Bool
    /// Of an attempt that begins, at a connector that sends people elsewhere.
    var reference: String?
    let call: Call
}

extension LinkService {
    private func job(
        _ move: LinkMove, _ session: LinkSession, _ environment: Domain.Environment
    ) async throws -> LinkJob {
        switch move {
        case .answer(let answer):
            switch try step(session) {
            case .selectInstitution: throw DomainError.missing("institution")
            case .wait where !answer.cameBack && answer.access == nil: return try poll(session)
            case .confirmAccounts: return try confirm(answer, session, environment)
            default: break
            }
            return LinkJob(
                target: session, connector: try connector(of: session), goesOn: true
            ) { connector, state, context throws(ConnectorError) in
                try await connector.continueLink(state, answer, context)
            }
        case .choose(let name): return try await fresh(session, name, environment)
        case .retry, .back:
            guard !session.institution.isEmpty else {
                throw DomainError(.stepMismatch, "No bank is chosen yet. Answer with an `institution`.")
            }
            return try await fresh(session, session.institution, environment)
        }
    }

    /// The person's word on the accounts; the bank is asked only to take its access back.
    private func confirm(
        _ answer: StepAnswer, _ session: LinkSession, _ environment: Domain.Environment
    ) throws -> LinkJob {
        let says = answer.fields["confirm"]
        guard says == "yes" || says == "no" else {
            throw DomainError.invalid("fields.confirm", "must be `yes` or `no`.")
        }
        let needed = NeededAccess(core: core, environment: environment)
        return LinkJob(
            target: session, connector: try connector(of: session), goesOn: true
        ) { connector, state, context throws(ConnectorError) in
            let access = try KeptAccess.access(state)
            if says == "yes" { return LinkProgress(step: .done, state: [], linked: access) }
            if await !needed.includes(access, of: session) { try await connector.revoke(access.grant, context) }
            return LinkProgress(step: .failed(ConnectorError(.mappingRefused)), state: [])
        }
    }

    /// Begins at a bank with the terms that the session has.
    private func fresh(
        _ session: LinkSession, _ name: String, _ environment: Domain.Environment
    ) async throws -> LinkJob {
        let (institution, connector) = try institution(name, environment)
        try checkBank(institution.slug, session)
        let terms = try LinkTerms(json: session.request)
        var target = session
        target.institution = institution.slug
        target.connector = connector.descriptor.id
        target.consentText = consentText(institution, terms, environment)
        let request = try await linkRequest(terms, connector, environment)
        let isConfirming = try isConfirming(session)
        let needed = NeededAccess(core: core, environment: environment)
        return LinkJob(target: target, connector: connector, goesOn: isConfirming, reference: request.reference) {
            connector, state, context throws(ConnectorError) in
            if isConfirming {
                // The person goes back before saying yes: the access of the first login is not needed any more.
                do throws(ConnectorError) {
                    let access = try KeptAccess.access(state)
                    if await !needed.includes(access, of: session) { try await connector.revoke(access.grant, context) }
                } catch {
                    // A bank that cannot be told now ends the access with its own time.
                }
            }
            return try await connector.beginLink(request, context)
        }
    }

    /// Whether the session holds access that waits for the person's word.
    private func isConfirming(_ session: LinkSession) throws -> Bool {
        guard session.status == .active, session.state != nil, case .confirmAccounts = try step(session) else {
            return false
        }
        return true
    }

    /// Gives access back that nobody said yes to.
    private func giveBack(_ session: LinkSession, _ environment: Domain.Environment) async throws {
        guard try isConfirming(session), let sealed = session.state else { return }
        let state = try await core.database.read { try core.vault.open(sealed, sealing(environment.scope), on: $0) }
        let job = LinkJob(target: session, connector: try connector(of: session), goesOn: true) {
            _, _, _ throws(ConnectorError) in throw ConnectorError(.unsupported)
        }
        await withdraw(try KeptAccess.access(state), job, environment)
    }

    private func connector(of session: LinkSession) throws -> any Connector {
        guard let connector = core.connectors.connector(id: session.connector) else {
            throw DomainError(.unavailable, "This server cannot reach the bank of this session any more. Begin anew.")
        }
        return GuardedConnector(inner: connector, core: core)
    }

    func poll(_ session: LinkSession) throws -> LinkJob {
        LinkJob(
            target: session, connector: try connector(of: session), goesOn: true
        ) { connector, state, context throws(ConnectorError) in
            try await connector.poll(state, context)
        }
    }

    /// - Returns: nil when another answer came first.
    func run(
        _ job: LinkJob, _ session: LinkSession, _ index: String?, _ environment: Domain.Environment
    ) async throws -> LinkView? {
        let scope = environment.scope
        let now = core.runtime.now()
        let until = now + Self.claimMs
        let state = try await core.database.write { tx -> [UInt8]? in
            let isMine = try LinkSessionStore.claim(
                session, answerIndex: index, now: now, until: until, scope, tx)
            guard isMine else { return nil }
            guard job.goesOn, let state = session.state else { return [] }
            return try core.vault.open(state, sealing(scope), on: tx.db)
        }
        guard let state else { return nil }
        bells.ring(session.id)
        defer { bells.ring(session.id) }
        do {
            try await advance(job, try await ask(job, state, environment), environment)
        } catch {
            let problem = problem(error)
            try await core.database.write {
                try LinkSessionStore.unclaim(session, until: until, problem: problem.json, scope, $0)
            }
            if error is ConnectorError { throw unavailable(problem) }
            throw error
        }
        return try await shown(try await get(session.id, scope), environment)
    }

    /// What is over is a step; what may go better later is thrown.
    private func ask(
        _ job: LinkJob, _ state: [UInt8], _ environment: Domain.Environment
    ) async throws(ConnectorError) -> LinkProgress {
        do {
            return try await job.call(job.connector, state, context(job.target, environment))
        } catch {
            guard error.recovery == .retry else { return LinkProgress(step: .failed(error), state: []) }
            throw error
        }
    }

    private func problem(_ error: any Error) -> LinkProblem {
        if let error = error as? ConnectorError {
            return LinkProblem(code: error.code.rawValue, message: error.message)
        }
        if let error = error as? DomainError { return LinkProblem(code: error.code.name, message: error.message) }
        return LinkProblem(code: ErrorCode.unexpected.name, message: "Something went wrong on this server.")
    }

    private func unavailable(_ problem: LinkProblem) -> DomainError {
        DomainError(.unavailable, "\(problem.message) The step is unchanged; answer it again in a while.")
    }

    private func advance(
        _ job: LinkJob, _ progress: LinkProgress, _ environment: Domain.Environment
    ) async throws {
        let scope = environment.scope
        let revision = job.target.revision
        var next = job.target
        next.status = .active
        next.step = StepCodec.kept(progress.step).encoded
        if try !isSameWait(job.target, progress.step) { next.revision += 1 }
        if let access = progress.linked, progress.step == .done {
            var shown: [Step.AccountPair]?
            if case .confirmAccounts(let pairs) = try step(job.target) { shown = pairs }
            let ending = LinkEnding(
                session: next, revision: revision, access: access, terms: try LinkTerms(json: next.request),
                environment: environment, shown: shown)
            if try await finisher.finish(ending, job.connector) == .refused {
                await withdraw(access, job, environment)
            }
            return
        }
        if case .failed = progress.step { next.status = .failed }
        let kept = next
        try await core.sequence.fill()
        _ = try await core.database.write { tx in
            var kept = kept
            kept.state = kept.status == .active ? try core.seal(progress.state, sealing(scope), tx) : nil
            guard try LinkSessionStore.advance(kept, from: revision, scope, tx) else { return false }
            try keep(job.reference, of: kept, scope, tx)
            try LinkFailureNotice(core: core).tell(progress.step, kept, environment, tx)
            return true
        }
        if kept.status == .failed { core.wakes.deliveries.set() }
    }

    /// While the bank only says `wait`, the step stays what it was.
    private func isSameWait(_ session: LinkSession, _ progressed: Step) throws -> Bool {
        guard case .wait = progressed else { return false }
        return try step(session) == progressed
    }

    /// The person left while the bank gave access: nobody may keep it, unless a connection lives by it.
    private func withdraw(_ access: LinkedAccess, _ job: LinkJob, _ environment: Domain.Environment) async {
        let needed = NeededAccess(core: core, environment: environment)
        guard await !needed.includes(access, of: job.target) else { return }
        do {
            try await job.connector.revoke(access.grant, context(job.target, environment))
        } catch {
            core.logger.warning(
                "access of an ended link session was not withdrawn",
                metadata: ["institution": "\(job.target.institution)", "error": "\(error)"])
        }
    }
}
