import Domain
import Storage

/// Whether an account's transactions are all that its balances speak of, as it is shown.
public struct CompletenessView: Sendable {
    /// A time in which something is missing, or was.
    public struct Gap: Sendable {
        public let from: LocalDate
        public let to: LocalDate
        public let minor: Int64
        public let basis: String
        /// `open` or `closed`.
        public let state: String
        public let foundAt: Instant
        public let reportedAt: Instant?
        public let closedAt: Instant?
    }

    public let account: String
    public let currency: String
    /// `complete`, `gap`, or `unknown` where the bank tells nothing that it could be known by.
    public let state: String
    /// `running`, `balance` or `none`.
    public let basis: String
    /// The day up to which nothing is missing; nil before the first run.
    public let completeThrough: LocalDate?
    public let checkedAt: Instant?
    /// The newest first.
    public let gaps: [Gap]
}

/// Tells what is known of the completeness of accounts.
public struct CompletenessService: Sendable {
    private static let gapsMax = 100
    private let core: Core
    public init(core: Core) { self.core = core }

    /// - Throws: `not_found` when the environment has no such account.
    public func find(account id: String, in environment: Domain.Environment) async throws -> CompletenessView {
        let scope = environment.scope
        let found = try await core.database.read { db -> CompletenessView? in
            guard let id = ID<Account>(id), let account = try AccountStore.find(id, scope, db) else { return nil }
            let check = try CompletenessStore.check(id, scope, db)
            let syncedTo = try ScheduleStore.find(account.connectionID, scope, db)?.syncedTo
            // What is only suspected is being fetched again.
            let gaps = try CompletenessStore.gaps(id, limit: Self.gapsMax, scope, db)
                .filter { $0.kept.state != .suspected }
            let open = gaps.filter { $0.kept.state == .open }
            let before = open.map { $0.kept.gap.window.from.adding(days: -1) }.min()
            return CompletenessView(
                account: id.hex, currency: account.currency.code,
                state: check == nil ? "unknown" : open.isEmpty ? "complete" : "gap",
                basis: check?.basis.rawValue ?? Completeness.Basis.none.rawValue,
                completeThrough: syncedTo.map { min($0, before ?? $0) }, checkedAt: check?.checkedAt,
                gaps: gaps.map(Self.shown))
        }
        guard let found else { throw DomainError.notFound("account") }
        return found
    }

    private static func shown(_ row: GapRow) -> CompletenessView.Gap {
        CompletenessView.Gap(
            from: row.kept.gap.window.from, to: row.kept.gap.window.to, minor: row.kept.gap.minor, basis: row.basis,
            state: row.kept.state.rawValue, foundAt: row.foundAt, reportedAt: row.reportedAt, closedAt: row.closedAt)
    }
}
