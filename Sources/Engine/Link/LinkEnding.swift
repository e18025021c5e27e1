import Domain
import Storage

/// How the last step of a link ended.
enum LinkEnd: Sendable {
    /// The new grant is kept.
    case kept
    /// It is not: the login was another one's, or the link was used up meanwhile.
    case refused
    /// The person is asked first; the grant waits with the session.
    case asked
}

/// A session whose bank has given access, and what there is to know for ending it.
struct LinkEnding: Sendable {
    let session: LinkSession
    /// The revision that the session still has in the database.
    let revision: Int64
    let access: LinkedAccess
    let terms: LinkTerms
    let environment: Domain.Environment
    /// What the person has said yes to; nil when nothing was shown yet.
    let shown: [Step.AccountPair]?
    var scope: Scope { environment.scope }
}

/// Which connection an ordinary link is for: a new one, or one that is there already.
struct RelinkFinder {
    private static let candidatesMax = 10
    let core: Core

    enum Finding {
        case new
        /// The connection that gets the new grant.
        case merge(Connection)
        case refused(ConnectorError)
    }

    /// - Parameter customer: whose link it is, where that is known before anything is written.
    func find(
        _ ending: LinkEnding, customer: ID<Customer>?, _ tx: Transaction
    ) throws -> Finding {
        let indexes = Set(ending.access.accounts.compactMap(\.number).map { core.vault.index($0, purpose: "nuban") })
        if let wanted = ending.terms.run.reauthNumber {
            guard indexes.contains(wanted) else { return .refused(ConnectorError(.differentLogin)) }
            let known = try candidates([wanted], ending, tx).first { isSameLogin($0, ending.access) }
            return known.map { .merge($0) } ?? .new
        }
        let app = try AppStore.find(ending.session.appID, ending.scope, tx.db)
        let policy = app?.relink ?? .merge
        guard policy != .allow, let customer else { return .new }
        let known = try candidates(indexes, ending, tx).first { $0.customerID == customer }
        guard let known else { return .new }
        return policy == .reject ? .refused(ConnectorError(.alreadyLinked)) : .merge(known)
    }

    private func isSameLogin(_ connection: Connection, _ access: LinkedAccess) -> Bool {
        guard let old = connection.upstreamUser, let new = access.upstreamUserID else { return true }
        return old == new
    }

    /// Connections at the same bank that have one of the numbers: the one with the most of them first, then the oldest.
    private func candidates(
        _ indexes: Set<String>, _ ending: LinkEnding, _ tx: Transaction
    ) throws -> [Connection] {
        var counts: [String: Int] = [:]
        for index in indexes {
            for account in try AccountReads.named(.number(index: index), ending.scope, tx.db)
            where account.institution == ending.session.institution {
                counts[account.connectionID, default: 0] += 1
            }
        }
        let ids = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        return try ids.prefix(Self.candidatesMax).compactMap {
            try ConnectionStore.find(ID(trusted: $0), ending.scope, tx.db)
        }.filter(\.canBeRepaired)
    }
}
