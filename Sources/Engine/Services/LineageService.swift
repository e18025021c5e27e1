import Domain
import Storage

/// Why a transaction is what it is.
public struct LineageView: Sendable {
    public let transaction: ID<FetchedTransaction>
    public let account: ID<Account>
    public let status: TransactionStatus
    /// The transaction that it became part of by the API.
    public let mergedInto: ID<FetchedTransaction>?
    /// How its bank's ids behaved so far.
    public let trust: IdTrust
    /// Oldest first.
    public let entries: [LineageEntry]
}

/// What a merge or a split came to.
public struct LineageRuling: Sendable {
    public let transaction: ID<FetchedTransaction>
    /// The one that was taken in, or is apart from now on.
    public let other: ID<FetchedTransaction>
    public let lineage: ID<LineageEntry>
}

/// Tells how transactions came to be what they are, and lets a person overrule it. What is ruled is remembered: no
/// refresh decides it again.
public struct LineageService: Sendable {
    private static let banksMax = 1000

    private let core: Core
    public init(core: Core) { self.core = core }

    /// A transaction that was taken back, or became part of another, still has its lineage.
    public func find(_ id: String, in environment: Domain.Environment) async throws -> LineageView {
        let scope = environment.scope
        let found = try await core.database.read { db -> LineageView? in
            guard let id = ID<FetchedTransaction>(id), let found = try TransactionStore.find(id, scope, db),
                let account = try AccountStore.find(found.account, scope, db),
                let connection = try ConnectionStore.find(account.connectionID, scope, db)
            else { return nil }
            let entries = try LineageStore.list(id, scope, db)
            return LineageView(
                transaction: id, account: account.id, status: found.row.fetched.status,
                mergedInto: entries.last { $0.kind == .absorbed && $0.undoneAt == nil }?.other,
                trust: try LineageStore.trust(
                    connector: connection.connector, institution: account.institution, scope, db),
                entries: entries)
        }
        guard let found else { throw DomainError.notFound("transaction") }
        return found
    }

    /// How the ids of every bank behaved that this environment compared rows of.
    public func trusts(
        in environment: Domain.Environment
    ) async throws -> [(connector: String, institution: String, trust: IdTrust)] {
        try await core.database.read { try LineageStore.trusts(limit: Self.banksMax, environment.scope, $0) }
    }

    /// Two transactions of an account become one, which keeps the id `id`. It shows the one that is booked; of two
    /// booked ones the later.
    /// - Throws: `not_found`, `invalid_field` for a transaction of another account, `conflict` for one that is part of
    ///   another already.
    public func merge(
        _ id: String, with other: String, in environment: Domain.Environment, once: Once<LineageRuling>? = nil
    ) async throws -> LineageRuling {
        guard let otherID = ID<FetchedTransaction>(other) else { throw DomainError.notFound("transaction") }
        return try await change(id, in: environment, once) { desk, tx in
            guard let absorbed = try TransactionStore.find(otherID, desk.scope, tx.db) else {
                throw DomainError.notFound("transaction")
            }
            guard absorbed.row.id != desk.row.id, absorbed.account == desk.account.id else {
                throw DomainError.invalid("with", "must be another transaction of the same account.")
            }
            try desk.requireWhole(tx)
            try LineageDesk(desk, row: absorbed.row).requireWhole(tx)
            return try desk.merge(absorbed.row, tx)
        }
    }

    /// Takes out what was matched or merged in wrongly: the transaction is what it was before, and the rest is one of
    /// its own: a new one, or the one that was merged in, with the id it had.
    /// - Parameter lineage: the entry to undo; the last one when nil.
    /// - Throws: `not_found`, and `conflict` when nothing was merged in.
    public func split(
        _ id: String, lineage: String?, in environment: Domain.Environment, once: Once<LineageRuling>? = nil
    ) async throws -> LineageRuling {
        try await change(id, in: environment, once) { desk, tx in
            try desk.requireWhole(tx)
            let entries = try LineageStore.list(desk.row.id, desk.scope, tx.db)
            let open = entries.filter {
                ($0.kind == .matched || $0.kind == .merged) && $0.undoneAt == nil
            }
            let entry = lineage == nil ? open.last : open.first { $0.id.hex == lineage?.lowercased() }
            guard let entry else {
                throw DomainError(
                    .conflict, "Nothing that can be taken out was merged into this transaction. See its lineage.")
            }
            let later = open.drop { $0.id != entry.id }.map(\.id)
            return try desk.split(entry, undoing: Array(later), tx)
        }
    }

    private func change(
        _ id: String, in environment: Domain.Environment, _ once: Once<LineageRuling>?,
        _ body: @escaping @Sendable (LineageDesk, Transaction) throws -> LineageRuling
    ) async throws -> LineageRuling {
        guard let id = ID<FetchedTransaction>(id) else { throw DomainError.notFound("transaction") }
        try await core.sequence.fill()
        let now = try await core.environment(environment.scope).virtual(core.runtime.now())
        let ruling = try await core.change(once) { tx in
            try body(try LineageDesk.open(id, core: core, environment, now, tx), tx)
        }
        core.wakes.deliveries.set()
        return ruling
    }
}

/// One transaction on the desk of somebody who rules about it, with its lane held.
struct LineageDesk {
    let core: Core
    let environment: Domain.Environment
    let connection: Connection
    let account: Account
    let row: StoredTransaction
    let now: Instant
    var scope: Scope { environment.scope }

    static func open(
        _ id: ID<FetchedTransaction>, core: Core, _ environment: Domain.Environment, _ now: Instant, _ tx: Transaction
    ) throws -> LineageDesk {
        let scope = environment.scope
        guard let account = try TransactionStore.find(id, scope, tx.db)?.account,
            let account = try AccountStore.find(account, scope, tx.db),
            let connection = try ConnectionStore.find(account.connectionID, scope, tx.db)
        else { throw DomainError.notFound("transaction") }
        try LineageStore.lockLane(of: connection.id, scope, tx)
        // What a refresh committed meanwhile counts.
        guard let row = try TransactionStore.find(id, scope, tx.db)?.row else {
            throw DomainError.notFound("transaction")
        }
        return LineageDesk(
            core: core, environment: environment, connection: connection, account: account, row: row, now: now)
    }

    init(_ desk: LineageDesk, row: StoredTransaction) {
        self.init(
            core: desk.core, environment: desk.environment, connection: desk.connection, account: desk.account,
            row: row, now: desk.now)
    }

    private init(
        core: Core, environment: Domain.Environment, connection: Connection, account: Account, row: StoredTransaction,
        now: Instant
    ) {
        self.core = core
        self.environment = environment
        self.connection = connection
        self.account = account
        self.row = row
        self.now = now
    }

    func requireWhole(_ tx: Transaction) throws {
        let entries = try LineageStore.list(row.id, scope, tx.db)
        guard let part = entries.last(where: { $0.kind == .absorbed && $0.undoneAt == nil }) else { return }
        throw DomainError(
            .conflict,
            "The transaction \(row.id) is part of \(part.other?.hex ?? "another one"). Name that one, or split it.")
    }

    // MARK: merge

    func merge(_ absorbed: StoredTransaction, _ tx: Transaction) throws -> LineageRuling {
        let (mine, theirs) = (row.fetched, absorbed.fetched)
        var result = ReconcileResult()
        var gone = absorbed
        gone.fetched.upstreamID = nil
        if theirs.status == .removed {
            result.renamed = [.init(id: absorbed.id, before: theirs, after: gone.fetched)]
        } else {
            result.removed = [gone]
        }
        let shown = MergeRule.showsOther(row, absorbed) ? theirs : mine
        if shown != mine { result.modified = [.init(id: row.id, before: mine, after: shown)] }
        _ = try store(result, tx)
        let entry = LineageEntry(
            id: core.runtime.newID(), transaction: row.id, kind: .merged, match: Match(.ruling, 100),
            other: absorbed.id, upstreamBefore: mine.upstreamID, upstreamAfter: shown.upstreamID, before: mine,
            otherBefore: theirs, at: now)
        let mirror = LineageEntry(
            id: core.runtime.newID(), transaction: absorbed.id, kind: .absorbed, match: Match(.ruling, 100),
            other: row.id, upstreamBefore: theirs.upstreamID, before: theirs, at: now)
        LineageStore.append([entry, mirror], of: account.id, scope, tx)
        try remember(
            [Ruling(.same, row.id, RowPrint(mine)), Ruling(.same, row.id, RowPrint(theirs))], absorbed.id, tx)
        try tell(true, (row.id, shown), (absorbed.id, nil), entry.id, tx)
        return LineageRuling(transaction: row.id, other: absorbed.id, lineage: entry.id)
    }

    // MARK: split

    func split(
        _ entry: LineageEntry, undoing: [ID<LineageEntry>], _ tx: Transaction
    ) throws -> LineageRuling {
        let current = row.fetched
        var mine = entry.before ?? current
        // Where only the bank's id had changed, the rest of the row stayed.
        if entry.before == nil { mine.upstreamID = entry.upstreamBefore }
        var theirs = current
        if entry.kind == .merged, let before = entry.before, let other = entry.otherBefore, let id = entry.other {
            let tookOther = MergeRule.showsOther(
                StoredTransaction(id: row.id, fetched: before), StoredTransaction(id: id, fetched: other))
            if !tookOther { (mine, theirs) = (current, other) }
        }
        var result = ReconcileResult()
        if mine != current { result.modified = [.init(id: row.id, before: current, after: mine)] }
        let other = try bringBack(theirs, entry, &result, tx)
        let added = try store(result, tx)
        guard let otherID = other ?? added.first else { throw DomainError.notFound("transaction") }
        try LineageStore.undo(undoing, of: row.id, at: now, scope, tx)
        let mark = LineageEntry(
            id: core.runtime.newID(), transaction: row.id, kind: .split, match: Match(.ruling, 100), other: otherID,
            upstreamBefore: current.upstreamID, upstreamAfter: mine.upstreamID, before: current, at: now)
        let mirror = LineageEntry(
            id: core.runtime.newID(), transaction: otherID, kind: .separated, match: Match(.ruling, 100),
            other: row.id, upstreamAfter: theirs.upstreamID, at: now)
        LineageStore.append([mark, mirror], of: account.id, scope, tx)
        try remember(
            [Ruling(.apart, row.id, RowPrint(theirs)), Ruling(.apart, otherID, RowPrint(mine))], otherID, tx)
        try tell(false, (row.id, mine), (otherID, theirs), mark.id, tx)
        return LineageRuling(transaction: row.id, other: otherID, lineage: mark.id)
    }

    /// What was merged in by the API comes back under its id; what a refresh matched gets a new one.
    private func bringBack(
        _ facts: FetchedTransaction, _ entry: LineageEntry, _ result: inout ReconcileResult, _ tx: Transaction
    ) throws -> ID<FetchedTransaction>? {
        guard entry.kind == .merged, let id = entry.other,
            let kept = try TransactionStore.find(id, scope, tx.db)
        else {
            result.added = [facts]
            return nil
        }
        result.modified.append(.init(id: id, before: kept.row.fetched, after: facts))
        let absorbed = try LineageStore.list(id, scope, tx.db).filter { $0.kind == .absorbed && $0.other == row.id }
        try LineageStore.undo(absorbed.map(\.id), of: id, at: now, scope, tx)
        return id
    }

    // MARK: both

    private func store(_ result: ReconcileResult, _ tx: Transaction) throws -> [ID<FetchedTransaction>] {
        try TransactionStore.apply(
            result, to: account, newID: { core.runtime.newID() }, at: now, scope, tx)
    }

    private func remember(_ rulings: [Ruling], _ other: ID<FetchedTransaction>, _ tx: Transaction) throws {
        try LineageStore.rule(
            rulings.map { (core.runtime.newID(), $0) }, between: (row.id, other), of: account.id, at: now, scope, tx)
    }

    private func tell(
        _ isMerge: Bool, _ transaction: (ID<FetchedTransaction>, FetchedTransaction),
        _ other: (ID<FetchedTransaction>, FetchedTransaction?), _ lineage: ID<LineageEntry>, _ tx: Transaction
    ) throws {
        let vaulting = AccountVault(core: core, scope: scope, connectionID: connection.id.hex)
        let context = EventContext(
            environment: environment, connection: connection,
            customerName: try CustomerStore.find(connection.customerID, scope, tx.db)?.name, bvn: nil, startedAt: now,
            now: now, publicURL: core.settings.publicURL)
        let draft = Drafts.ruled(
            Drafts.PairRuling(
                account: account, number: try vaulting.number(account, tx.db), isMerge: isMerge,
                transaction: transaction, other: other, lineage: lineage))
        try Outbox(core: core).emit([draft], context, tx)
    }
}
