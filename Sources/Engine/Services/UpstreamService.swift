import Connectors
import Domain
import Logging
import Storage

/// Takes what banks push: news of a login starts a refresh at once, a login that ended asks its person, and a link
/// whose person was at the bank's own page goes on.
public struct UpstreamService: Sendable {
    private let core: Core
    private let refreshes: RefreshService
    private let links: LinkService

    public init(core: Core, refreshes: RefreshService, links: LinkService) {
        self.core = core
        self.refreshes = refreshes
        self.links = links
    }

    /// - Returns: how many connections and links were moved by it.
    /// - Throws: `not_found` for an unknown connector, `unknown_key` when the bank's signature is wrong.
    public func receive(
        connector id: String, headers: [(name: String, value: String)], body: [UInt8]
    ) async throws -> Int {
        guard let connector = core.connectors.connector(id: id) else { throw DomainError.notFound("connector") }
        let push: Push
        do throws(ConnectorError) {
            push = try await read(connector, headers, body)
        } catch {
            core.counters.count(error.code == .accessDenied ? .refused : .unreadable)
            // What was sent is kept nowhere: it may hold account numbers, and secrets of somebody else.
            core.logger.notice(
                "a push was not accepted", metadata: ["connector": "\(id)", "code": "\(error.code.rawValue)"])
            switch error.code {
            case .accessDenied: throw DomainError(.unknownKey, "This push was not accepted: \(error.message)")
            case .providerUnavailable: throw DomainError(.unavailable, "This push cannot be taken now. Send it again.")
            default: throw DomainError(.invalidJSON, "This push was not accepted: \(error.message)")
            }
        }
        core.counters.count(.accepted)
        var count = 0
        for event in push.events { count += try await handle(event, push, id) }
        if count > 0 { core.wakes.refreshes.set() }
        return count
    }

    private struct Push {
        var events: [UpstreamEvent]
        /// Of the environments that it may be about: those whose secret it carries.
        var kinds: [EnvironmentKind]
    }

    /// A push names no kind of environment: the secret that it carries tells.
    private func read(
        _ connector: any Connector, _ headers: [(name: String, value: String)], _ body: [UInt8]
    ) async throws(ConnectorError) -> Push {
        var push: Push?
        var refusal = ConnectorError(.accessDenied)
        for kind in [EnvironmentKind.production, .sandbox] where connector.descriptor.environments.contains(kind) {
            let settings = try await core.settings(of: connector.descriptor.id, "", kind)
            do {
                let events = try connector.handleUpstreamWebhook(headers: headers, body: body, settings: settings)
                push = Push(events: events, kinds: (push?.kinds ?? []) + [kind])
            } catch {
                guard error.code == .accessDenied else { throw error }
                refusal = error
            }
        }
        guard let push else { throw refusal }
        return push
    }

    private func handle(_ event: UpstreamEvent, _ push: Push, _ connector: String) async throws -> Int {
        switch event {
        case .dataReady(let environmentID, let user):
            return try await refresh(try await logins(user, environmentID, push, connector), isEnd: false)
        case .accessEnded(let environmentID, let user):
            return try await refresh(try await logins(user, environmentID, push, connector), isEnd: true)
        case .loginNeeded(let environmentID, let user):
            return try await askForLogin(try await logins(user, environmentID, push, connector))
        case .income(let environmentID, let user, let account, let outcome):
            let places = try await logins(user, environmentID, push, connector).map { ($0.connection, $0.environment) }
            return try await IncomeService(core: core).arrive(outcome, of: account, places)
        case .linked(let reference, let user, let grant):
            let known = try await logins(user, nil, push, connector)
            return try await links.arrive(
                reference, grant, isKnown: known.contains { $0.connection.canBeRepaired }, connector)
        }
    }

    // MARK: connections

    private struct Login {
        let connection: Connection
        let environment: Domain.Environment
    }

    /// The connections of a login, in the environment that the bank names, or in all that the push may be about.
    private func logins(
        _ user: String, _ environmentID: Int64?, _ push: Push, _ connector: String
    ) async throws -> [Login] {
        if let environmentID {
            let scope = Scope(environmentID: environmentID)
            let environment = try await core.environment(scope)
            return try await core.database.read {
                try ConnectionStore.find(connector: connector, upstreamUser: user, scope, $0)
            }.map { Login(connection: $0, environment: environment) }
        }
        let found = try await core.database.read { db in
            try push.kinds.flatMap {
                try LinkReturnStore.connections(connector: connector, upstreamUser: user, $0, db)
            }
        }
        var logins: [Login] = []
        for place in found {
            let scope = Scope(environmentID: place.environmentID)
            guard let connection = try await core.database.read({ try ConnectionStore.find(place.id, scope, $0) })
            else { continue }
            logins.append(Login(connection: connection, environment: try await core.environment(scope)))
        }
        return logins
    }

    private func refresh(_ logins: [Login], isEnd: Bool) async throws -> Int {
        var count = 0
        for login in logins {
            let connection = login.connection
            // The bank's word that it has data is also a sign that it serves a connection again that needed its person.
            let now = login.environment.virtual(core.runtime.now())
            guard connection.state.trial(by: .bank, at: now) == .allowed else { continue }
            if isEnd, connection.status != .active { continue }
            let products = connection.products.products.intersection([.balance, .transactions])
            guard !products.isEmpty else { continue }
            _ = try await refreshes.enqueue(connection.id, products: products, cause: .push, login.environment.scope)
            count += 1
        }
        return count
    }

    /// The bank's own word that nothing goes on without the person: no call is spent on hearing it again.
    private func askForLogin(_ logins: [Login]) async throws -> Int {
        var count = 0
        for login in logins where login.connection.status == .active {
            try await core.sequence.fill()
            let now = login.environment.virtual(core.runtime.now())
            let isAsked = try await core.database.write { [core] tx in
                try stop(login.connection.id, because: .init(.reauthRequired), core, login.environment, now, tx)
            }
            if isAsked { count += 1 }
        }
        if count > 0 { core.wakes.deliveries.set() }
        return count
    }
}

/// In one transaction with what is told of it: the connection waits for its person, and the run in flight ends.
func stop(
    _ id: ID<Connection>, because error: ConnectorError, _ core: Core, _ environment: Domain.Environment,
    _ now: Instant, _ tx: Transaction
) throws -> Bool {
    let scope = environment.scope
    guard var connection = try ConnectionStore.find(id, scope, tx.db), connection.status == .active else {
        return false
    }
    let (state, news) = connection.state.after(.failed(error.code), at: now)
    try ConnectionStore.recordFailure(id, state: state, error: error.code.rawValue, at: now, scope, tx)
    if let refresh = try RefreshStore.inFlight(id, scope, tx.db) {
        try RefreshStore.end(refresh.id, state: "failed", error: error.code.rawValue, at: now, scope, tx)
    }
    connection.take(state)
    try ConsentTeller(core: core).tell(news, error, connection, environment, now, tx)
    let isOver = state.status == .expired
    if isOver {
        let ending: Consent.Action = error.code == .consentRevoked ? .revoked : .expired
        try ConsentStore.end(id, as: ending, newID: core.runtime.newID(), at: now, scope, tx)
    }
    if var schedule = try ScheduleStore.find(id, scope, tx.db) {
        if isOver { schedule.consentDue = nil }
        try ScheduleStore.reschedule(id, schedule, due: Rescheduler.resting(schedule), scope, tx)
    }
    return true
}
