import Domain
import Storage

/// What became of the transactions that somebody names.
public struct TransactionLookup: Sendable {
    /// Those that are there, in the order in which they were named, separated by commas.
    public var items: [UInt8] = []
    /// The ids of those that are not: the bank dropped them, they became part of others, or their record was removed.
    public var gone: [String] = []
    /// How fresh their connections are: an array's elements.
    public var freshness: [UInt8] = []
}

extension FeedService {
    /// The transactions that an event tells of, as they are now.
    /// - Parameter text: the id of an event, or of a part of one.
    /// - Throws: `not_found` for an event that is not here, `invalid_field` for one of anything else.
    public func lookup(
        event text: String, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> TransactionLookup {
        guard let wanted = EventID.parts(text) else {
            throw DomainError.invalid("event_id", "must be the `event_id` of an event, like `evt_…`.")
        }
        let event = try await core.database.read { try EventReads.place(of: wanted.id, environment.scope, $0) }
        guard let event else { throw DomainError.notFound("event") }
        guard EventCatalog.find(event.type)?.leadsTo == .transactions else {
            throw DomainError.invalid("event_id", "is of `\(event.type)`, which tells of no transactions.")
        }
        let parts = try EventParts(event.thin)
        if wanted.part > Int64(parts.count) { throw DomainError.notFound("event") }
        let ids = wanted.part == 0 ? parts.rows : [parts.rows[Int(wanted.part) - 1]]
        return try await lookup(ids, days: parts.days, in: environment, as: form)
    }

    /// Transactions by their ids, as they are now.
    /// - Parameter days: ISO days in which they are looked for first.
    public func lookup(
        _ ids: [String], days: (from: String, to: String)? = nil, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> TransactionLookup {
        let vault = core.vault
        let (lookup, facts) = try await core.database.read(snapshot: true) { db in
            let names = RowNames(db, environment, vault, form.forms, TransactionColumn.keys)
            var items: [String: [UInt8]] = [:]
            var connections: Set<String> = []
            try TransactionReads.these(ids, days: days, environment.scope, db) { row in
                let out = PageBuffer(capacity: ReadService.itemBytes)
                try form.template.write(row, out, names.write)
                items[row.text(0)] = out.bytes()
                connections.insert(row.text(1))
            }
            var lookup = TransactionLookup()
            lookup.items = Array(ids.compactMap { items[$0] }.joined(separator: [UInt8(ascii: ",")]))
            lookup.gone = ids.filter { items[$0] == nil }
            return (lookup, try FreshnessReads.find(connections.sorted(), environment.scope, db))
        }
        var told = lookup
        told.freshness = FreshnessService(core: core).write(facts, in: environment, form.forms)
        return told
    }
}
