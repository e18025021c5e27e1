import Domain
import Storage

/// Tells of a consent that is about to end, and ends what it allowed when it is over.
struct ConsentTeller {
    let core: Core

    /// Tells what is due, once, and sets the next moment. The schedule is for the caller to write.
    func tell(
        _ connection: inout Connection, _ schedule: inout Schedule, _ environment: Domain.Environment, _ now: Instant,
        _ tx: Transaction
    ) throws {
        let isLive = connection.status == .active || connection.status == .needsUser
        let (notice, next) = ConsentNotices.told(
            due: schedule.consentDue, end: isLive ? connection.consentExpiresAt : nil, at: now)
        schedule.consentDue = next
        guard let notice else { return }
        switch notice {
        case .expiring(let daysLeft):
            let links = ReauthLinks(core)
            let link = try links.create(connection, environment.scope, tx)
            let draft = Drafts.consentExpiring(
                daysLeft: daysLeft, at: connection.consentExpiresAt, url: links.url(link), until: link.expiresAt)
            try Outbox(core: core).emit([draft], try context(connection, environment, now, tx), tx)
        case .expired:
            try end(&connection, environment, now, tx)
        }
    }

    private func end(
        _ connection: inout Connection, _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws {
        let scope = environment.scope
        let (state, news) = connection.state.after(.consentEnded, at: now)
        if let refresh = try RefreshStore.inFlight(connection.id, scope, tx.db) {
            try RefreshStore.end(
                refresh.id, state: "failed", error: ConnectorError.Code.consentExpired.rawValue, at: now, scope, tx)
        }
        try ConnectionStore.recordFailure(
            connection.id, state: state, error: ConnectorError.Code.consentExpired.rawValue, at: now, scope, tx)
        try ConsentStore.end(connection.id, as: .expired, newID: core.runtime.newID(), at: now, scope, tx)
        connection.take(state)
        try tell(news, ConnectorError(.consentExpired), connection, environment, now, tx)
    }

    /// Tells what a change of state brings, with one link for all of it.
    func tell(
        _ news: [ConnectionState.News], _ error: ConnectorError, _ connection: Connection,
        _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws {
        guard !news.isEmpty else { return }
        let needsLink = news != [.repaired]
        let link = needsLink ? try ReauthLinks(core).create(connection, environment.scope, tx) : nil
        let drafts = news.map { draft($0, error, connection, link) }
        try Outbox(core: core).emit(drafts, try context(connection, environment, now, tx), tx)
    }

    private func draft(
        _ news: ConnectionState.News, _ error: ConnectorError, _ connection: Connection, _ link: WidgetLink?
    ) -> EventDraft {
        let url = link.map(ReauthLinks(core).url)
        return switch news {
        case .repaired: Drafts.healed(consentExpiresAt: connection.consentExpiresAt)
        case .reauthRequired: Drafts.reauthRequired(error, url: url ?? "", until: link?.expiresAt)
        case .consentExpired:
            Drafts.consentExpired(at: connection.consentExpiresAt, url: url, until: link?.expiresAt)
        }
    }

    private func context(
        _ connection: Connection, _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws -> EventContext {
        let name = try CustomerStore.find(connection.customerID, environment.scope, tx.db)?.name
        return EventContext(
            environment: environment, connection: connection, customerName: name, bvn: nil, startedAt: now, now: now,
            publicURL: core.settings.publicURL)
    }
}

extension Connection {
    /// Becomes what a change of its state made of it.
    mutating func take(_ state: ConnectionState) {
        status = state.status
        stateCode = state.code
        stateSince = state.since
        stateTries = state.tries
        stateTriedAt = state.triedAt
    }
}
