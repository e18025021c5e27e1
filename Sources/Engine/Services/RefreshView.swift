import Domain
import ServiceLifecycle
import Storage

/// A run that was asked for, joined or looked up, as it is shown.
public struct RefreshTicket: Sendable {
    public let refreshID: Int64
    public let connectionID: String
    /// Whether a run was in flight already.
    public let isJoined: Bool
    /// `queued`, `running`, `done` or `failed`.
    public let state: String
    public let causes: [String]
    public let products: [String]
    public let requestedAt: Instant
    public let startedAt: Instant?
    public let endedAt: Instant?
    /// The code of what ended it.
    public let error: String?
    public let added: Int64
    public let modified: Int64
    public let removed: Int64
    public let stepsDone: Int
    public let stepsPlanned: Int
    /// Products that could not be fetched of some account, with the code of the error.
    public let missed: [(product: String, code: String)]
    /// Why the run stands still and until when; nil while it goes on.
    public var waiting: (reason: String, until: Instant)?
    /// When the same may be asked for again; nil when it may now.
    public var nextAllowedAt: Instant?
    /// What it did so far, oldest first; empty where runs are listed.
    public var steps: [StepTrace] = []

    public var isOver: Bool { state == "done" || state == "failed" }

    init(_ refresh: Refresh, isJoined: Bool) {
        refreshID = refresh.id
        connectionID = refresh.connectionID.hex
        self.isJoined = isJoined
        state = refresh.state
        causes = refresh.causes.map(\.rawValue).sorted()
        products = refresh.products.names
        requestedAt = refresh.requestedAt
        startedAt = refresh.startedAt
        endedAt = refresh.endedAt
        error = refresh.error
        added = refresh.added
        modified = refresh.modified
        removed = refresh.removed
        stepsDone = refresh.stepsDone
        stepsPlanned = refresh.steps.count
        missed = refresh.missed.map { (product: $0.key.rawValue, code: $0.value) }.sorted { $0.product < $1.product }
    }
}

/// How runs are read and waited for.
extension RefreshService {
    private static let stepsMax = 500
    private static let rereadMs: Int64 = 1_000
    private static let deadlineMarginSeconds: Int64 = 3

    /// - Throws: `DomainError.notFound` when the environment has no such refresh.
    public func find(scope: Scope, id: Int64) async throws -> RefreshTicket {
        let environment = try await core.environment(scope)
        let now = environment.virtual(core.runtime.now())
        let cooldownMs = cooldownMs(environment)
        let found = try await core.database.read { db -> RefreshTicket? in
            guard let refresh = try RefreshStore.find(id, scope, db) else { return nil }
            var ticket = RefreshTicket(refresh, isJoined: false)
            ticket.steps = try StepStore.list(id, limit: Self.stepsMax, scope, db)
            guard let schedule = try ScheduleStore.find(refresh.connectionID, scope, db) else { return ticket }
            if ticket.isOver {
                ticket.nextAllowedAt = RefreshCooldown.nextAllowed(
                    okAt: schedule.okAt(refresh.products.products), now: now, cooldownMs: cooldownMs)
            } else if let due = try RefreshNotes.due(refresh.connectionID, scope, db), due > now {
                ticket.waiting = (reason: refresh.waiting ?? "retry", until: due)
            }
            return ticket
        }
        guard let found else { throw DomainError.notFound("refresh") }
        return found
    }

    /// Returns when the run is over, or after so many seconds, as it is then.
    public func watch(scope: Scope, id: Int64, seconds: Int64) async throws -> RefreshTicket {
        var ticket = try await find(scope: scope, id: id)
        guard !ticket.isOver, let listener = core.refreshBells.listen(ticket.connectionID) else { return ticket }
        defer { core.refreshBells.forget(listener) }
        // One that ended before anybody listened rang for nobody.
        ticket = try await find(scope: scope, id: id)
        // The reply is to come before the server's deadline.
        let seconds = min(seconds, max(0, core.settings.deadlineSeconds - Self.deadlineMarginSeconds))
        let end = core.runtime.now() + seconds * 1000
        return try await withGracefulShutdownHandler {
            while !ticket.isOver, core.runtime.now() < end, !Task.isShuttingDownGracefully, !Task.isCancelled {
                await listener.bell.wait(until: min(end, core.runtime.now() + Self.rereadMs), core.runtime)
                ticket = try await find(scope: scope, id: id)
            }
            return ticket
        } onGracefulShutdown: {
            listener.bell.set()
        }
    }

    /// A connection's runs, the newest first, without their steps.
    /// - Parameter id: only older runs than this one.
    /// - Throws: `DomainError.notFound` when the environment has no such connection.
    public func list(
        in environment: Domain.Environment, connectionID: String, before id: Int64?, limit: Int
    ) async throws -> [RefreshTicket] {
        let scope = environment.scope
        let found = try await core.database.read { db -> [RefreshTicket]? in
            guard let connection = ID<Connection>(connectionID),
                try ConnectionStore.find(connection, scope, db) != nil
            else { return nil }
            return try RefreshStore.list(connection, before: id ?? Int64.max, limit: limit, scope, db)
                .map { RefreshTicket($0, isJoined: false) }
        }
        guard let found else { throw DomainError.notFound("connection") }
        return found
    }

    /// Only production waits: the sandbox's bank costs nothing, and tests ask it often.
    func cooldownMs(_ environment: Domain.Environment) -> Int64 {
        environment.kind == .production ? core.settings.refreshCooldownSeconds * 1000 : 0
    }
}

extension Schedule {
    /// When each of the products was last fetched well; identity is never asked for alone.
    func okAt(_ products: Set<Product>) -> [Instant?] {
        var instants: [Instant?] = []
        if products.contains(.balance) { instants.append(balanceSeen.okAt) }
        if products.contains(.transactions) { instants.append(transactionsSeen.okAt) }
        return instants
    }
}
