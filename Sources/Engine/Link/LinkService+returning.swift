import Connectors
import Domain
import Logging
import Storage

/// What a person sees who comes back from a bank's own page.
public struct LinkReturn: Sendable {
    public let view: LinkView
    /// Of the environment: who asked for the link.
    public let business: String
    /// The bank's name; nil when none is chosen any more.
    public let bank: String?
}

/// People who were sent to a bank's own page and come back: in time, late, twice, or not at all.
extension LinkService {
    static let returnFieldsMax = 20
    static let returnFieldBytesMax = 2048

    /// Where one attempt's person comes back to; the reference is the right to bring this attempt its answer.
    func returnURL(_ reference: String) -> String { "\(core.settings.publicURL)/link/return/\(reference)" }

    /// What a link at one bank is begun with; each attempt has a reference of its own.
    func linkRequest(
        _ terms: LinkTerms, _ connector: any Connector, _ environment: Domain.Environment
    ) async throws -> LinkRequest {
        let descriptor = connector.descriptor
        var request = LinkRequest(
            products: terms.products.products, historyMonths: terms.historyMonths,
            pushURL: "\(core.settings.publicURL)/upstream/\(descriptor.id)", business: environment.businessName,
            isForBusiness: terms.loginType == "corp")
        guard descriptor.capabilities.redirects else { return request }
        let reference = Hex.encode(core.runtime.randomBytes(16))
        request.reference = reference
        request.returnURL = returnURL(reference)
        request.renews = try await grant(of: terms.run.repairs, connector: descriptor.id, environment.scope)
        return request
    }

    /// The access that a connection has at this connector; nil when there is none to renew.
    private func grant(of id: ID<Connection>?, connector: String, _ scope: Scope) async throws -> Grant? {
        guard let id else { return nil }
        return try await core.database.read { [core] db in
            guard let connection = try ConnectionStore.find(id, scope, db), connection.connector == connector else {
                return nil
            }
            return try AccountVault(core: core, scope: scope, connectionID: id.hex).grant(db)
        }
    }

    private func index(_ reference: String) -> String { core.vault.index(reference, purpose: "link_return") }

    /// In the transaction that keeps the attempt's first step.
    func keep(
        _ reference: String?, of session: LinkSession, _ scope: Scope, _ tx: Transaction
    ) throws {
        guard let reference else { return }
        try LinkReturnStore.create(
            session: session.id, revision: session.revision, referenceIndex: index(reference), scope, tx)
    }

    /// Brings a session what the bank's page gave the browser. What comes twice, late, or for an attempt that was left
    /// changes nothing; the view shows how the session stands.
    ///
    /// - Parameter fields: the query of the address that the browser came back to.
    /// - Throws: `link_unknown` for a reference that was never given out, `invalid_field` for too much or too long a
    ///   query, `unavailable` while the bank cannot be asked (the same return may come again).
    public func comeBack(_ reference: String, fields: [String: String]) async throws -> LinkReturn {
        let isTooLong = fields.contains { max($0.key.utf8.count, $0.value.utf8.count) > Self.returnFieldBytesMax }
        guard fields.count <= Self.returnFieldsMax, !isTooLong else {
            throw DomainError.invalid("fields", "has at most \(Self.returnFieldsMax) short texts.")
        }
        let found = try await core.database.read { [index = index(reference)] in
            try LinkReturnStore.find(referenceIndex: index, $0)
        }
        guard let found else {
            throw DomainError(
                .linkUnknown, "This way back belongs to no link here. Go to where you began, and begin again.")
        }
        let environment = try await core.environment(Scope(environmentID: found.environmentID))
        let session = try await get(found.sessionID, environment.scope)
        let answer = StepAnswer(fields: fields, cameBack: true)
        let view: LinkView
        if found.isLatest, try waitsForReturn(session, environment) {
            view = try await perform(
                .answer(answer), sessionID: session.id, in: environment.scope, revision: session.revision)
        } else {
            view = try await shown(session, environment).with(.past)
        }
        let bank = view.institution.flatMap { InstitutionCatalog.find($0)?.name }
        return LinkReturn(view: view, business: environment.businessName, bank: bank)
    }

    /// A push of the bank: somebody linked on its page. Goes on with the session as if the person had come back; access
    /// that no session waits for is given back.
    ///
    /// - Parameter isKnown: a connection lives by this access.
    /// - Returns: 1 when a session was moved.
    /// - Throws: `unavailable` while something else is done with the session, or the bank cannot be asked: what it will
    ///   come to is not known, so the bank shall push again.
    func arrive(
        _ reference: String, _ grant: Grant, isKnown: Bool, _ connector: String
    ) async throws -> Int {
        let found = try await core.database.read { [index = index(reference)] in
            try LinkReturnStore.find(referenceIndex: index, $0)
        }
        // Another system's link, which shares the operator's account at the aggregator.
        guard let found else { return 0 }
        let environment = try await core.environment(Scope(environmentID: found.environmentID))
        let session = try await get(found.sessionID, environment.scope)
        if found.isLatest, try waitsForReturn(session, environment) {
            guard !isWorking(session) else { throw Self.laterPush }
            let answer = StepAnswer(access: grant)
            let view = try await perform(
                .answer(answer), sessionID: session.id, in: environment.scope, revision: session.revision)
            // The person's own return came first; whether it brought the same access is seen when it is done.
            guard view.outcome == .taken || view.outcome == .joined else { throw Self.laterPush }
            return 1
        }
        // It is linked.
        guard !isKnown, session.status != .done else { return 0 }
        guard !isWorking(session) else { throw Self.laterPush }
        try await giveBack(grant, session, connector, environment)
        return 0
    }

    private static var laterPush: DomainError {
        DomainError(.unavailable, "This link is being worked on. Push it again in a while.")
    }

    /// At the bank's page, or after it.
    private func waitsForReturn(_ session: LinkSession, _ environment: Domain.Environment) throws -> Bool {
        guard session.status == .active, environment.virtual(core.runtime.now()) < session.expiresAt else {
            return false
        }
        switch try step(session) {
        case .redirect, .wait: return true
        default: return false
        }
    }

    private func giveBack(
        _ grant: Grant, _ session: LinkSession, _ id: String, _ environment: Domain.Environment
    ) async throws {
        guard let connector = core.connectors.connector(id: id) else { return }
        do throws(ConnectorError) {
            let context = try await core.bankContext(
                environment, session.institution, connector: id, correlationID: session.id)
            try await connector.revoke(grant, context)
        } catch {
            core.logger.warning(
                "access that no link waits for was not withdrawn",
                metadata: ["connector": "\(id)", "error": "\(error)"])
        }
    }
}
