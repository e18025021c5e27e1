import Domain
import Logging
import Storage

/// Whether access that a session is about to give back is access that a connection lives by. A bank that renews a login
/// in place gives the very same access again, and taking that back would end the connection.
struct NeededAccess {
    let core: Core
    let session: LinkSession
    let environment: Domain.Environment

    /// When it cannot be known, it counts as needed: access too much ends by itself, access too little ends a
    /// connection.
    func includes(_ access: LinkedAccess) async -> Bool {
        do {
            let repairs = try LinkTerms(json: session.request).run.repairs
            return try await core.database.read { db in
                if let user = access.upstreamUserID,
                    try LinkReturnStore.isLivedBy(
                        connector: session.connector, upstreamUser: user, environment.kind, db)
                {
                    return true
                }
                guard let repairs, let known = try ConnectionStore.find(repairs, environment.scope, db),
                    known.canBeRepaired, known.connector == session.connector
                else { return false }
                let vaulting = AccountVault(core: core, scope: environment.scope, connectionID: repairs.hex)
                return try vaulting.grant(db) == access.grant
            }
        } catch {
            core.logger.warning(
                "it is not known whether access is still needed; it is left",
                metadata: ["institution": "\(session.institution)", "error": "\(type(of: error))"])
            return true
        }
    }
}
