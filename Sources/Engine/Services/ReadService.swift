import Connectors
import Domain
import Storage

/// Everything that is read back: one `Database.read` a page, from row to JSON.
///
/// What an item looks like is the caller's: Okra's wire and the native API bring their own templates. An id that is
/// malformed, unknown or another's finds nothing, and the three cannot be told apart.
public struct ReadService: Sendable {
    let core: Core
    public init(core: Core) { self.core = core }

    /// Bytes that an item of a list mostly has.
    static let itemBytes = 1536

    // MARK: transactions

    /// One page of transactions, newest first. A bank is named by its slug or its id.
    public func transactions(
        _ filter: TransactionQuery, _ page: PageRequest, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> Listing {
        switch filter {
        case .all: try await direct(.all, page, environment, form)
        case .account(let id): try await direct(.account(id), page, environment, form)
        case .customer(let id): try await direct(.customer(id), page, environment, form)
        case .bank(let name):
            try await direct(.institution(ReadService.slug(name)), page, environment, form)
        case .record(let id): try await merged(.connection(id), page, environment, form)
        case .number(let number):
            try await merged(.number(index: core.vault.index(number, purpose: "nuban")), page, environment, form)
        case .amount(let range): try await amounts(range, page, environment, form)
        }
    }

    private func direct(
        _ filter: TransactionFilter, _ page: PageRequest, _ environment: Domain.Environment, _ form: ItemForm
    ) async throws -> Listing {
        let read = reading(page, environment, form, TransactionColumn.keys) { db, write in
            try TransactionReads.list(filter, page, environment.scope, db, write)
        }
        guard core.pages.isOn, let list = filter.list else {
            let listing = try await core.database.read(read)
            return fresh(listing, listing.facts, environment, form)
        }
        let key = PageCache.Key(environmentID: environment.id, list: list, page: page, form: form)
        let kept = core.pages.find(key)
        let shown = kept?.value.connections ?? []
        switch try await core.database.read(list, environment.scope, unless: kept, freshnessOf: shown, read) {
        case .unchanged(let listing, let facts):
            return fresh(listing, facts, environment, form)
        case .read(let listing, let revision):
            var bare = listing
            bare.facts = []
            if let revision { core.pages.keep(Kept(bare, at: revision), key, form) }
            return fresh(listing, listing.facts, environment, form)
        }
    }

    private func amounts(
        _ range: ClosedRange<Int64>, _ page: PageRequest, _ environment: Domain.Environment, _ form: ItemForm
    ) async throws -> Listing {
        try await listing(page, environment, form, TransactionColumn.keys) { db, write in
            try TransactionReads.amount(range, page, environment.scope, db, write)
        }
    }

    private func merged(
        _ accounts: AccountFilter, _ page: PageRequest, _ environment: Domain.Environment, _ form: ItemForm
    ) async throws -> Listing {
        let vault = core.vault
        let listing = try await core.database.read { db in
            let ids = try AccountReads.named(accounts, environment.scope, db).map(\.id)
            let names = RowNames(db, environment, vault, form.forms, TransactionColumn.keys)
            let (total, items) = try TransactionReads.merged(ids, page, environment.scope, db) { row in
                let out = PageBuffer(capacity: Self.itemBytes)
                try form.template.write(row, out, names.write)
                names.note(row)
                return out.bytes()
            }
            return Listing(
                info: PageInfo(total: total, of: page), items: Array(items.joined(separator: [UInt8(ascii: ",")])),
                connections: names.shown,
                facts: try FreshnessReads.find(names.shown ?? [], environment.scope, db))
        }
        return fresh(listing, listing.facts, environment, form)
    }

    /// One transaction as JSON; nil when the environment has none of that id.
    public func transaction(
        _ id: String, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> [UInt8]? {
        try await one(environment, form, TransactionColumn.keys) { db, write in
            try TransactionReads.one(id, environment.scope, db, write) ? 1 : 0
        }
    }

    // MARK: other nouns

    /// One page of accounts.
    public func accounts(
        _ query: AccountQuery, _ page: PageRequest, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> Listing {
        let filter = filter(query)
        return try await listing(page, environment, form, AccountColumn.keys) { db, write in
            try AccountReads.list(filter, page, environment.scope, db, write)
        }
    }

    /// The first account that the query finds, as JSON; nil when it finds none.
    public func account(
        _ query: AccountQuery, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> [UInt8]? {
        let filter = filter(query)
        return try await one(environment, form, AccountColumn.keys) { db, write in
            try AccountReads.list(filter, PageRequest(limit: 1), environment.scope, db, write)
        }
    }

    private func filter(_ query: AccountQuery) -> AccountFilter {
        switch query {
        case .all: .all
        case .id(let id): .id(id)
        case .balance(let id): .balanceID(id)
        case .customer(let id): .customer(id)
        case .record(let id): .connection(id)
        case .bank(let name): .institution(ReadService.slug(name))
        case .name(let name): .name(name)
        case .ledger(let minor): .ledger(minor: minor)
        case .available(let minor): .available(minor: minor)
        }
    }

    /// Connections: Okra's records, and their auths.
    public func records(
        _ query: RecordQuery, _ page: PageRequest, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> Listing {
        let filter: ConnectionFilter =
            switch query {
            case .all: .all
            case .id(let id): .id(id)
            case .auth(let id): .authID(id)
            case .customer(let id): .customer(id)
            case .bank(let name): .institution(ReadService.slug(name))
            }
        return try await listing(page, environment, form, ConnectionColumn.keys) { db, write in
            try ConnectionReads.list(filter, page, environment.scope, db, write)
        }
    }

    /// One page of customers; a BVN is looked up by its keyed index.
    public func customers(
        _ query: CustomerQuery, _ page: PageRequest, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> Listing {
        let filter: CustomerFilter =
            switch query {
            case .all: .all
            case .id(let id): .id(id)
            case .name(let name): .name(name)
            case .bvn(let bvn): .bvn(index: core.vault.index(bvn, purpose: "bvn"))
            }
        return try await listing(page, environment, form, CustomerColumn.keys) { db, write in
            try CustomerReads.list(filter, page, environment.scope, db, write)
        }
    }

    /// One page of identities; BVNs and account numbers are looked up by their keyed indexes.
    public func identities(
        _ query: IdentityQuery, _ page: PageRequest, in environment: Domain.Environment, as form: ItemForm
    ) async throws -> Listing {
        let filter: IdentityFilter
        switch query {
        case .all: filter = .all
        case .id(let id): filter = .id(id)
        case .customer(let id): filter = .customer(id)
        case .record(let id): filter = .connection(id)
        case .bvn(let bvn): filter = .bvn(index: core.vault.index(bvn, purpose: "bvn"))
        case .number(let number):
            let index = core.vault.index(number, purpose: "nuban")
            let accounts = try await core.database.read {
                try AccountReads.named(.number(index: index), environment.scope, $0)
            }
            filter = .connection(accounts.last?.connectionID ?? "")
        }
        return try await listing(page, environment, form, IdentityColumn.keys) { db, write in
            try IdentityReads.list(filter, page, environment.scope, db, write)
        }
    }

    /// How a connection stands; nil when there is none.
    public func connection(_ id: String, in environment: Domain.Environment) async throws -> ConnectionFacts? {
        try await core.database.read { try ConnectionReads.facts(id, environment.scope, $0) }
    }

    /// The connection of an account.
    public func connectionID(ofAccount id: String, in environment: Domain.Environment) async throws -> String? {
        try await core.database.read {
            try AccountReads.named(.id(id), environment.scope, $0).first?.connectionID
        }
    }

    // MARK: parts

    private typealias Write = (borrowing Row) throws -> Void

    private func listing(
        _ page: PageRequest, _ environment: Domain.Environment, _ form: ItemForm, _ keys: RowKeys,
        _ read: @escaping @Sendable (any SQLConnection, Write) throws -> Int64
    ) async throws -> Listing {
        let listing = try await core.database.read(reading(page, environment, form, keys, read))
        return fresh(listing, listing.facts, environment, form)
    }

    private func reading(
        _ page: PageRequest, _ environment: Domain.Environment, _ form: ItemForm, _ keys: RowKeys,
        _ read: @escaping @Sendable (any SQLConnection, Write) throws -> Int64
    ) -> @Sendable (any SQLConnection) throws -> Listing {
        let vault = core.vault
        return { db in
            let out = PageBuffer(capacity: Self.itemBytes * min(page.limit, PageRequest.limitDefault))
            let names = RowNames(db, environment, vault, form.forms, keys)
            let total = try read(db) { row in
                try form.template.write(row, out, names.write)
                names.note(row)
            }
            let info = PageInfo(total: total, of: page)
            // One row that an id found stands on the first page.
            let isShown = page.skip < total
            let shown = isShown ? names.shown : names.shown.map { _ in [] }
            return Listing(
                info: info, items: isShown ? out.bytes() : [], connections: shown,
                facts: try FreshnessReads.find(shown ?? [], environment.scope, db))
        }
    }

    private func one(
        _ environment: Domain.Environment, _ form: ItemForm, _ keys: RowKeys,
        _ read: @escaping @Sendable (any SQLConnection, Write) throws -> Int64
    ) async throws -> [UInt8]? {
        try await listing(PageRequest(limit: 1), environment, form, keys, read).only
    }

    /// A message for what the database could not do, if it is that; nothing else of it is shown.
    public static func unavailability(_ error: any Error) -> String? {
        guard let error = error as? StorageError else { return nil }
        switch error.code {
        case .uniqueViolation, .foreignKey, .check, .other: return nil
        default: return error.description
        }
    }

    // MARK: institutions

    /// What can be linked in an environment of this kind, by name.
    public func institutions(_ kind: EnvironmentKind) -> [Institution] {
        let served = core.connectors.institutions(in: kind)
        return InstitutionCatalog.all.filter { served.contains($0.slug) }
    }

    /// By slug, another slug it is known under, or id.
    public func findInstitution(_ name: String) -> Institution? { InstitutionCatalog.find(slugOrID: name) }

    /// A slug that no list has finds nothing.
    static func slug(_ name: String) -> String { InstitutionCatalog.find(slugOrID: name)?.slug ?? name }

    static func institution(_ slug: String) -> Institution {
        InstitutionCatalog.find(slug) ?? Institution(slug: slug, id: ID(trusted: ""), name: slug)
    }
}

/// Whose transactions are asked for. Banks are named by slug or id.
public enum TransactionQuery: Sendable {
    case all
    case account(String)
    case customer(String)
    case bank(String)
    case record(String)
    case number(String)
    /// Minor units, money out negative.
    case amount(ClosedRange<Int64>)
}

/// Whose accounts are asked for.
public enum AccountQuery: Sendable {
    case all
    case id(String)
    case balance(String)
    case customer(String)
    case record(String)
    case bank(String)
    case name(String)
    case ledger(Int64)
    case available(Int64)
}

/// Whose connections are asked for.
public enum RecordQuery: Sendable {
    case all
    case id(String)
    case auth(String)
    case customer(String)
    case bank(String)
}

/// Which customers are asked for.
public enum CustomerQuery: Sendable {
    case all
    case id(String)
    case name(String)
    case bvn(String)
}

/// Which identities are asked for.
public enum IdentityQuery: Sendable {
    case all
    case id(String)
    case customer(String)
    case record(String)
    case bvn(String)
    case number(String)
}
