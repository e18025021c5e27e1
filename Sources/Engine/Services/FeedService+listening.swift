import Domain
import FoundationEssentials
import Storage

/// What `kubewa listen` begins with.
public struct Listener: Sendable {
    /// Signs what is forwarded; the same for every listener of the environment, so that handlers keep working.
    public let secret: String
    /// Where to go on in the feed of events.
    public let cursor: String
}

extension FeedService {
    /// The last events that a listener may have again.
    public static let lastMax = 100

    /// - Parameters:
    ///   - query: whose events of which types; its start and limit do not matter.
    ///   - last: so many of the last ones are before the listener yet, at most `lastMax`.
    /// - Throws: `not_found` for a connection that is not here.
    public func listener(
        _ query: EventQuery, last: Int, in environment: Domain.Environment
    ) async throws -> Listener {
        var query = query
        query.start = .now
        var cursor = try await events(query, in: environment).next
        if last > 0 { cursor = try await before(min(last, Self.lastMax), query, environment) ?? cursor }
        return Listener(secret: secret(of: environment), cursor: cursor)
    }

    /// The cursor that has the last of these events before it; nil where there are none.
    private func before(
        _ last: Int, _ query: EventQuery, _ environment: Domain.Environment
    ) async throws -> String? {
        let scope = environment.scope
        let owner = query.connection.map { $0 == EventQuery.none ? "" : $0 }
        let strangers = try await FeedStrangers.find(core.database)
        let found = try await core.database.read(snapshot: true) { db in
            let rows = try EventReads.latest(of: owner, limit: Self.scannedMax, scope, db, strangers)
            let first = rows.filter { query.wants($0.type) }.prefix(last).last
            return (first, try EventReads.horizon(db, strangers).epoch)
        }
        guard let first = found.0 else { return nil }
        let place =
            owner == nil
            ? FeedPlace(batch: first.place.batch, place: first.place.place - 1)
            : FeedPlace(batch: 0, place: first.sequence - 1)
        let filter = query.connection.map { FeedFilter.connection($0) } ?? .all
        let stage = FeedCursor.Stage.changes(after: place, skipped: 0, until: nil)
        return text(FeedCursor(filter: filter, stage: stage, epoch: found.1), Self.eventFeed, environment)
    }

    /// It is derived and kept nowhere; it signs nothing but what a holder of the secret key forwards to itself.
    private func secret(of environment: Domain.Environment) -> String {
        let key = Hex.decode(core.vault.index("\(environment.id)", purpose: "listen_secret")) ?? []
        return "whsec_" + Data(key).base64EncodedString()
    }
}
