import Domain
import Logging
import Storage

/// Whether access that is about to be given back is access that a connection lives by. A bank that renews a login in
/// place gives the very same access again, and taking that back would end the connection.
struct NeededAccess {
    let core: Core
    let environment: Domain.Environment

    /// Of access that a session was given.
    ///
    /// When it cannot be known, it counts as needed: access too much ends by itself, access too little ends a
    /// connection.
    func includes(_ access: LinkedAccess, of session: LinkSession) async -> Bool {
        await isNeeded(session.institution) {
            let repairs = try LinkTerms(json: session.request).run.repairs
            return try await core.database.read { db in
                if try isLivedBy(access.upstreamUserID, session.connector, db) { return true }
                guard let repairs, let known = try ConnectionStore.find(repairs, environment.scope, db),
                    known.canBeRepaired, known.connector == session.connector
                else { return false }
                let vaulting = AccountVault(core: core, scope: environment.scope, connectionID: repairs.hex)
                return try vaulting.grant(db) == access.grant
            }
        }
    }

    /// Of the access of a connection that is being removed: whether another one lives by the same login.
    func includes(accessOf removed: Connection) async -> Bool {
        await isNeeded(removed.institution) {
            try await core.database.read { try isLivedBy(removed.upstreamUser, removed.connector, $0) }
        }
    }

    private func isLivedBy(_ user: String?, _ connector: String, _ db: any SQLConnection) throws -> Bool {
        guard let user else { return false }
        return try LinkReturnStore.isLivedBy(connector: connector, upstreamUser: user, environment.kind, db)
    }

    private func isNeeded(_ institution: String, _ answer: () async throws -> Bool) async -> Bool {
        do {
            return try await answer()
        } catch {
            core.logger.warning(
                "it is not known whether access is still needed; it is left",
                metadata: ["institution": "\(institution)", "error": "\(type(of: error))"])
            return true
        }
    }
}
