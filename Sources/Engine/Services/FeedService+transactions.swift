import Domain
import Storage

/// A page of changed transactions. Items are written, separated by commas.
public struct TransactionSync: Sendable {
    public var added: [UInt8] = []
    public var modified: [UInt8] = []
    /// Ids of transactions that are gone, with their accounts.
    public var removed: [(id: String, account: String)] = []
    public var next = ""
    /// Whether the batch has more pages.
    public var hasMore = false
    /// The reader's copy has missed changes; the pages that follow are the whole of it again.
    public var gap: FeedGap?
    /// How fresh the connections are of which something is shown, and the asked one: an array's elements.
    public var freshness: [UInt8] = []
    fileprivate var connections: Set<String> = []
}

extension FeedService {
    private static let feed = "transactions"
    /// Changes are read so many rows at a time; a row may hold thousands of ids.
    fileprivate static let rowsPerRead = 16
    private static let lastID = String(repeating: "g", count: 24)

    /// The next page of what changed in transactions; without a cursor, first all that there are, newest day first.
    ///
    /// Rows are shown as they are when the page is read, which is at least as new as the change; a later change of
    /// theirs is told again.
    /// - Parameter count: changes at most, 1 to `countMax`.
    /// - Throws: `not_found` for an account or connection that is not here, `invalid_field` for a wrong cursor.
    public func transactions(
        _ filter: FeedFilter, from start: FeedStart, count: Int, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> TransactionSync {
        let given: FeedCursor? =
            if case .cursor(let text) = start {
                try cursor(text, Self.feed, field: "cursor", filter, environment)
            } else {
                nil
            }
        let vault = core.vault
        let strangers = try await FeedStrangers.find(core.database)
        let (sync, cursor, facts) = try await core.database.read(snapshot: true) { db in
            let (owner, accounts) = try Self.owned(filter, environment.scope, db)
            let horizon = try FeedStore.horizon(db, strangers)
            let stage = given?.stage ?? Self.stage(start, horizon.place)
            let epoch = given?.epoch ?? horizon.epoch
            let names = RowNames(db, environment, vault, form.forms, TransactionColumn.keys)
            let reading = SyncReading(
                scope: environment.scope, db: db, accounts: accounts, count: count, form: form, names: names)
            let (sync, next) = try reading.page(stage, of: epoch, horizon)
            let shown = owner.map { [$0] } ?? sync.connections.sorted()
            let cursor = FeedCursor(filter: filter, stage: next, epoch: horizon.epoch)
            return (sync, cursor, try FreshnessReads.find(shown, environment.scope, db))
        }
        var told = sync
        told.next = text(cursor, Self.feed, environment)
        told.freshness = FreshnessService(core: core).write(facts, in: environment, form.forms)
        return told
    }

    fileprivate static func stage(_ start: FeedStart, _ horizon: FeedPlace) -> FeedCursor.Stage {
        start == .now
            ? .changes(after: horizon, skipped: 0, until: nil)
            : .history(day: DayPager.lastDay, id: lastID, from: horizon)
    }

    /// The connection and the accounts that are asked for; nil for all of the environment.
    private static func owned(
        _ filter: FeedFilter, _ scope: Scope, _ db: any SQLConnection
    ) throws -> (connection: String?, accounts: [String]?) {
        switch filter {
        case .all: return (nil, nil)
        case .account(let id):
            guard let found = try AccountReads.named(.id(id), scope, db).first else {
                throw DomainError.notFound("account")
            }
            return (found.connectionID, [id])
        case .connection(let id):
            guard try ConnectionReads.facts(id, scope, db) != nil else { throw DomainError.notFound("connection") }
            return (id, try AccountReads.named(.connection(id), scope, db).map(\.id))
        }
    }
}

/// One page, inside one snapshot of the database.
private struct SyncReading {
    let scope: Scope
    let db: any SQLConnection
    let accounts: [String]?
    let count: Int
    let form: ItemForm
    let names: RowNames

    typealias Read = (TransactionSync, FeedCursor.Stage)

    func page(_ stage: FeedCursor.Stage, of epoch: Int64, _ horizon: FeedHorizon) throws -> Read {
        // In another life of the database nothing is where it was.
        guard epoch == horizon.epoch else { return again(.restored, horizon) }
        switch stage {
        case .history(let day, let id, let from):
            return try history(day, id, from, horizon.place)
        case .changes(let after, let skipped, let until):
            if let gap = try gap(after, horizon) { return again(gap, horizon) }
            // A batch that is begun goes as far as it did then; the first page of one sets its end.
            return try changes(after, skipped, until ?? max(after, horizon.place))
        }
    }

    private func again(_ gap: FeedGap, _ horizon: FeedHorizon) -> Read {
        var sync = TransactionSync()
        sync.gap = gap
        sync.hasMore = true
        return (sync, FeedService.stage(.beginning, horizon.place))
    }

    private func gap(_ after: FeedPlace, _ horizon: FeedHorizon) throws -> FeedGap? {
        if horizon.isPassed(by: after, of: horizon.epoch) { return .restored }
        guard let floor = try FeedStore.floor(scope, db), after < floor else { return nil }
        return .retention
    }

    private struct Item {
        let day: String
        let id: String
        let connection: String
        let json: [UInt8]
    }

    private func item(_ row: borrowing Row) throws -> Item {
        let out = PageBuffer(capacity: ReadService.itemBytes)
        try form.template.write(row, out, names.write)
        return Item(day: row.text(8), id: row.text(0), connection: row.text(1), json: out.bytes())
    }

    private func history(_ day: String, _ id: String, _ from: FeedPlace, _ horizon: FeedPlace) throws -> Read {
        var items: [Item] = []
        if let accounts {
            for account in accounts {
                try FeedStore.history(of: account, day: day, id: id, limit: count + 1, scope, db) {
                    items.append(try item($0))
                }
            }
            items.sort { ($0.day, $0.id) > ($1.day, $1.id) }
        } else {
            try FeedStore.history(of: nil, day: day, id: id, limit: count + 1, scope, db) {
                items.append(try item($0))
            }
        }
        var sync = TransactionSync()
        let page = items.prefix(count)
        sync.added = joined(page.map(\.json))
        sync.connections = Set(page.map(\.connection))
        if items.count > count, let last = page.last {
            sync.hasMore = true
            return (sync, .history(day: last.day, id: last.id, from: from))
        }
        let missed = try FeedStore.changes(of: accounts, after: from, until: max(from, horizon), limit: 1, scope, db)
        sync.hasMore = !missed.isEmpty
        return (sync, .changes(after: from, skipped: 0, until: nil))
    }

    private func changes(_ after: FeedPlace, _ skipped: Int, _ until: FeedPlace) throws -> Read {
        var page = FeedPage(after: after, skipped: skipped, room: count)
        var isWhole = false
        while page.room > 0, !isWhole {
            let rows = try FeedStore.changes(
                of: accounts, after: page.after, until: until, limit: FeedService.rowsPerRead, scope, db)
            for row in rows where page.room > 0 { page.take(row) }
            isWhole = rows.count < FeedService.rowsPerRead && page.room > 0
        }
        if !isWhole, page.skipped == 0 {
            isWhole = try FeedStore.changes(
                of: accounts, after: page.after, until: until, limit: 1, scope, db
            ).isEmpty
        }
        var sync = try told(page)
        sync.hasMore = !isWhole
        // What was looked through is passed, also where nothing of it was for this reader.
        return isWhole
            ? (sync, .changes(after: until, skipped: 0, until: nil))
            : (sync, .changes(after: page.after, skipped: page.skipped, until: until))
    }

    private func told(_ page: FeedPage) throws -> TransactionSync {
        var items: [String: Item] = [:]
        try FeedStore.rows(page.entries, scope, db) { row in items[row.text(0)] = try item(row) }
        var sync = TransactionSync()
        var added: [[UInt8]] = []
        var modified: [[UInt8]] = []
        for entry in page.entries {
            let found = items[entry.id]
            if let found { sync.connections.insert(found.connection) }
            switch FeedPage.told(entry, isThere: found != nil) {
            case .added: found.map { added.append($0.json) }
            case .modified: found.map { modified.append($0.json) }
            case .removed: sync.removed.append((entry.id, entry.account))
            case nil: break
            }
        }
        sync.added = joined(added)
        sync.modified = joined(modified)
        return sync
    }

    private func joined(_ items: [[UInt8]]) -> [UInt8] { Array(items.joined(separator: [UInt8(ascii: ",")])) }
}
